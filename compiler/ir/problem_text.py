"""Canonical text of a netlist's problem and of what passes did to it. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from compiler.ir.goals import GOALS, Boltzmann, Circuit, Formula, Goal, Grid, Ising, MaxCut, Polynomial
from compiler.ir.lowered import Embedded, Logical, Lowered, Placement, Wells
from compiler.ir.problem import Problem
from compiler.ir.text_parts import TOKEN, Parser, number_text, runs_text, spans_text, word_text

SCALES = ("energy_scale", "length_scale")
LISTS = {Formula.kind: "clause", Polynomial.kind: "product"}  # lines of which a problem has many


# --- dump ----------------------------------------------------------------------------------------


def problem_lines(problem: Problem, limit: int | None) -> Iterator[str]:
    """The statement `problem`; with `limit`, at most so many words of every line."""

    def ids(name: str, values: np.ndarray) -> str:
        return " ".join([f"  {name}", *spans_text(values, limit)])

    goal = problem.goal
    yield f"problem {goal.kind}"
    yield f"  offset {number_text(problem.offset)}"
    yield f"  vartype {problem.vartype}"
    if problem.names:
        yield " ".join(["  names", *_few([word_text(name) for name in problem.names[:limit]], problem.names)])
    if problem.spin is not None:
        yield ids("spin", problem.spin)
    if problem.held is not None:
        yield f"  held {runs_text(problem.held, limit=limit)}".rstrip()
    if isinstance(goal, MaxCut):
        yield ids("row", goal.row)
        yield ids("col", goal.col)
        yield f"  weight {runs_text(goal.weight, limit=limit)}".rstrip()
    elif isinstance(goal, Formula):
        yield f"  variables {goal.variables}"
        if goal.weights is not None:
            yield f"  weights {runs_text(goal.weights, limit=limit)}".rstrip()
            if np.isfinite(goal.top):
                yield f"  top {number_text(goal.top)}"
        for clause in goal.clauses[:limit]:
            yield " ".join(["  clause", *map(str, clause)])
        if limit is not None and goal.n_clauses > limit:
            yield f"  clause ...{goal.n_clauses - limit}"
    elif isinstance(goal, Polynomial):
        yield f"  variables {goal.variables}"
        yield f"  weights {runs_text(goal.weights, limit=limit)}".rstrip()
        for product in goal.products[:limit]:
            yield " ".join(["  product", *map(str, product)])
        if limit is not None and goal.n_products > limit:
            yield f"  product ...{goal.n_products - limit}"
    elif isinstance(goal, Circuit):
        yield ids("inputs", goal.inputs)
        yield ids("outputs", goal.outputs)
        yield f"  gap {number_text(goal.gap)}"
    elif isinstance(goal, Boltzmann):
        yield f"  visible {goal.visible}"
        if goal.grid is not None:
            yield f"  grid {goal.grid.shape[0]} {goal.grid.shape[1]}"
            yield ids("place", goal.grid.place)


def lowered_lines(lowered: Lowered, limit: int | None) -> Iterator[str]:
    """The statements on what passes did; none where they did nothing."""

    def ids(name: str, values: np.ndarray) -> str:
        return " ".join([f"  {name}", *spans_text(values, limit)])

    if (model := lowered.logical) is not None:
        yield "logical"
        yield f"  h {runs_text(model.h, limit=limit)}".rstrip()
        yield ids("row", model.row)
        yield ids("col", model.col)
        yield f"  J {runs_text(model.J, limit=limit)}".rstrip()
    if (placement := lowered.placement) is not None:
        yield f"placement {word_text(placement.topology)}"
        yield ids("nodes", placement.nodes)
    if (embedded := lowered.embedded) is not None:
        yield f"embedded {number_text(embedded.strength)}"
        for chain in embedded.chains[:limit]:
            yield ids("chain", chain)
        if limit is not None and embedded.n_spins > limit:
            yield f"  chain ...{embedded.n_spins - limit}"
    if lowered.gauge is not None:
        yield f"gauge {runs_text(lowered.gauge, limit=limit)}"
    if (wells := lowered.wells) is not None:
        yield "wells"
        for f in fields(Wells):
            value = getattr(wells, f.name)
            yield f"  {f.name} {str(value).lower() if isinstance(value, bool) else number_text(value)}"
    for name in SCALES:
        if getattr(lowered, name) != 1.0:
            yield f"{name} {number_text(getattr(lowered, name))}"


def _few(words: list[str], of: tuple[str, ...]) -> list[str]:
    return words if len(words) == len(of) else [*words, f"...{len(of) - len(words)}"]


# --- parse ---------------------------------------------------------------------------------------


class ProblemParser(Parser):
    """The statements above; `lowered_statement` collects what passes did into a dict of fields."""

    def statements(self, what: str) -> Iterator[tuple[str, list[str]]]:
        """(name, words) of the indented lines of one statement."""
        while (line := self.next(indented=True)) is not None:
            name, *words = TOKEN.findall(line)
            yield name, words

    def given(self, what: str, **readers: Callable[[list[str]], Any]) -> dict[str, Any]:
        """The values of the indented lines, one of each name at most."""
        found: dict[str, Any] = {}
        for name, words in self.statements(what):
            if name not in readers or name in found:
                self.fail(f"{what}: {name!r} is unknown or given twice; known are {', '.join(readers)}")
            found[name] = readers[name](words)
        return found

    def one(self, words: list[str]) -> str:
        if len(words) != 1:
            self.fail(f"one word is expected, got {' '.join(words)[:60]!r}")
        return self.word(words[0])

    def real(self, words: list[str]) -> float:
        return self.number(self.one(words))

    def whole(self, words: list[str]) -> int:
        return self.integer(self.one(words))

    def reals(self, words: list[str]) -> np.ndarray:
        return np.asarray(self.runs(words, np.float64))

    def signs(self, words: list[str]) -> np.ndarray:
        return np.asarray(self.runs(words, np.int8))

    def problem(self, kind: str) -> Problem:
        if kind not in GOALS:
            self.fail(f"problem kind must be one of {', '.join(GOALS)}, got {kind!r}")
        lists: list[list[int]] = []
        found: dict[str, Any] = {}
        readers: dict[str, Callable[[list[str]], Any]] = {
            "offset": self.real,
            "vartype": self.one,
            "names": lambda words: tuple(self.word(w) for w in self.complete(words)),
            "spin": self.ids,
            "held": self.signs,
            **self._of_goal(kind),
        }
        for name, words in self.statements("problem"):
            if name == LISTS.get(kind):
                lists.append([self.integer(w) for w in self.complete(words)])
                continue
            if name not in readers or name in found:
                self.fail(f"problem: {name!r} is unknown or given twice; known are {', '.join(readers)}")
            found[name] = readers[name](words)
        missing = [name for name in ("offset", "vartype", *self._of_goal(kind)) if name not in found]
        if kind == Boltzmann.kind and "grid" not in found:
            missing = [name for name in missing if name not in ("grid", "place")]
        if kind == Formula.kind:
            missing = [name for name in missing if name not in ("weights", "top")]
        if missing:
            self.fail(f"a problem of kind {kind} needs a line `{missing[0]}`")
        facts = {n: found[n] for n in ("offset", "vartype", "names", "spin", "held") if n in found}
        return Problem(goal=_goal(kind, found, lists), **facts)

    def complete(self, words: list[str]) -> list[str]:
        if words and words[-1].startswith("..."):
            self.fail("this text leaves values out; dump it without a limit")
        return words

    def _of_goal(self, kind: str) -> dict[str, Callable[[list[str]], Any]]:
        readers: dict[str, dict[str, Callable[[list[str]], Any]]] = {
            Ising.kind: {},
            MaxCut.kind: {"row": self.ids, "col": self.ids, "weight": self.reals},
            Formula.kind: {"variables": self.whole, "weights": self.reals, "top": self.real},
            Polynomial.kind: {"variables": self.whole, "weights": self.reals},
            Circuit.kind: {"inputs": self.ids, "outputs": self.ids, "gap": self.real},
            Boltzmann.kind: {"visible": self.whole, "grid": self.ids, "place": self.ids},
        }
        return readers[kind]

    def lowered_statement(self, statement: str, words: list[str]) -> Any:
        """The value of the field of Lowered that the statement gives."""
        if statement == "logical":
            found = self.given("logical", h=self.reals, row=self.ids, col=self.ids, J=self.reals)
            return self.made(Logical, found)
        if statement == "placement":
            found = self.given("placement", nodes=self.ids)
            return self.made(Placement, {"topology": self.one(words), **found})
        if statement == "embedded":
            strength = self.real(words)
            chains = [self.ids(w) for _, w in self.statements("embedded")]
            ends = np.cumsum([0, *(c.size for c in chains)], dtype=np.int64)
            return Embedded(ends, np.concatenate([np.zeros(0, np.int32), *chains]), strength)
        if statement == "gauge":
            return self.signs(words)
        if statement == "wells":
            readers: dict[str, Any] = {f.name: self.real for f in fields(Wells)}
            readers["compensated"] = lambda words: self.one(words) == "true"
            return self.made(Wells, self.given("wells", **readers))
        return self.real(words)

    def made(self, cls: Any, found: dict[str, Any]) -> Any:
        missing = [f.name for f in fields(cls) if f.name not in found]
        if missing:
            self.fail(f"{cls.__name__.lower()} needs a line `{missing[0]}`")
        return cls(**found)


LOWERED = ("logical", "placement", "embedded", "gauge", "wells", *SCALES)


def _goal(kind: str, found: dict[str, Any], lists: list[list[int]]) -> Goal:
    if kind == MaxCut.kind:
        return MaxCut(found["row"], found["col"], found["weight"])
    if kind == Formula.kind:
        return Formula.of(found["variables"], lists, found.get("weights"), found.get("top", np.inf))
    if kind == Polynomial.kind:
        return Polynomial.of(found["variables"], lists, found["weights"])
    if kind == Circuit.kind:
        return Circuit(found["inputs"], found["outputs"], found["gap"])
    if kind == Boltzmann.kind:
        grid = None
        if "grid" in found:
            grid = Grid(found["place"], tuple(found["grid"].tolist()))
        return Boltzmann(found["visible"], grid)
    return Ising()
