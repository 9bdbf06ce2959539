"""DIMACS CNF as an Ising model whose energy counts violated clauses.

A clause is violated where all its literals are false, y_1 y_2 ... y_k = 1 with y = 1 - literal. For
k <= 2 that product is quadratic; for longer clauses it has floor((k - 1) / 2) auxiliary bits
(compiler.families.polynomial). A clause of three has one auxiliary spin and couplings
all of size 1/4. The auxiliary spins follow the variables in clause order; names count from 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.polynomial import Products
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format, plain, plain_suffix
from compiler.formats.ising.number_lines import MOST, number_lines, real, whole
from compiler.ir.goals import Formula


def from_clauses(
    variables: int, clauses: Sequence[Sequence[int]], *, weights: Sequence[float] | None = None, **facts: Any
) -> IsingModel:
    """The model whose energy, at the best auxiliary spins, is the weight of the violated clauses.

    clauses : literals v or -v for variables 1 to `variables`; repeats in a clause do not count, a
        clause with v and -v always holds, an empty one never
    weights : above 0, one a clause, None: 1 each; infinite of a clause that must hold, which weighs one
        more than all wishes together, so that none is worth it

    Raises NetlistError for a literal out of range, or without any variable or clause.
    """
    clauses = [list(clause) for clause in clauses]
    weigh = [1.0] * len(clauses) if weights is None else [float(w) for w in weights]
    if len(weigh) != len(clauses):
        raise NetlistError(f"formula: {len(weigh)} weights for {len(clauses)} clauses; give one each")
    top = np.inf
    if np.inf in weigh:
        top = 1.0 + sum(w for w in weigh if w < np.inf)
        weigh = [min(w, top) for w in weigh]
    if variables < 1 or not clauses:
        raise NetlistError(
            f"formula: has {variables} variables and {len(clauses)} clauses; give at least one each"
        )
    made = Products(variables)
    for clause, weight in zip(clauses, weigh, strict=True):
        if bad := [v for v in clause if not 1 <= abs(v) <= variables]:
            raise NetlistError(
                f"formula: clause {clause} has the literal {bad[0]}; variables are 1 to {variables}"
            )
        literals = list(dict.fromkeys(clause))
        if any(-v in literals for v in literals):
            continue
        # a bit is 1 where its literal is false
        made.add(weight, [(abs(v) - 1, -1.0 if v > 0 else 1.0) for v in literals])
    return made.model(
        goal=Formula.of(variables, clauses, None if weights is None else weigh, top),
        **{"vartype": "binary", "names": tuple(str(k + 1) for k in range(made.n)), **facts},
    )


def read_dimacs(path: str | os.PathLike) -> IsingModel:
    """The formula in a DIMACS .cnf or .wcnf file, gzipped or not; errors as parse_dimacs."""
    text = read_text(path)
    if plain_suffix(path) == ".wcnf" or _WEIGHTED.search(text):
        return parse_wcnf(text, name=str(path))
    return parse_dimacs(text, name=str(path))


def parse_wcnf(text: str, *, name: str = "text") -> IsingModel:
    """The weighted formula in the text of the MaxSAT evaluations, old or new.

    Old, with a header `p wcnf variables clauses [top]`: lines `weight literals 0`, of weight `top` and
    more the clauses that must hold. New (2022), without one: `h literals 0` must hold, the others
    begin with their weight. A weight of 0 says nothing and is left out.

    Raises FormatError, with the line, for what is malformed, and as parse_dimacs.
    """
    variables, promised, top = 0, -1, np.inf
    clauses: list[list[int]] = []
    weights: list[float] = []
    lines = 0
    for number, words in number_lines(text, ("c",)):
        where = f"{name}, line {number}"
        if words[0] == "p":
            if promised >= 0 or lines or len(words) not in (4, 5) or words[1] != "wcnf":
                raise FormatError(
                    f"{where}: the header is one line 'p wcnf variables clauses top', got "
                    f"{' '.join(words)[:40]!r}"
                )
            variables = whole(words[2], where, "the number of variables", 1)
            promised = whole(words[3], where, "the number of clauses", 1)
            top = real(words[4], where, "top") if len(words) == 5 else np.inf
            continue
        lines += 1
        if words[0] == "h" and promised < 0:
            weight = np.inf
        else:
            weight = real(words[0], where, "the weight")
            weight = np.inf if weight >= top else weight
            if weight < 0:
                raise FormatError(f"{where}: the weight is {words[0]}; it must be at least 0")
        clause = [_literal(word, where, variables if promised >= 0 else MOST) for word in words[1:]]
        if not clause or clause[-1] != 0 or 0 in clause[:-1]:
            raise FormatError(
                f"{where}: a clause is a line 'weight literals 0', got {' '.join(words)[:40]!r}"
            )
        if weight:
            clauses.append(clause[:-1])
            weights.append(weight)
    if promised >= 0 and lines != promised:
        raise FormatError(
            f"{name}: has {lines} clauses but its header promises {promised}; it is truncated or altered"
        )
    if promised < 0:
        variables = max((abs(v) for clause in clauses for v in clause), default=0)
    if not clauses:
        raise FormatError(f"{name}: has no clause with a weight")
    return from_clauses(variables, clauses, weights=weights, meta={"source": "wcnf"})


def _literal(word: str, where: str, variables: int) -> int:
    try:
        literal = int(word)
    except ValueError:
        raise FormatError(f"{where}: {word!r} is no literal; give whole numbers") from None
    if abs(literal) > variables:
        raise FormatError(f"{where}: names variable {abs(literal)}; there are 1 to {variables}")
    return literal


def parse_dimacs(text: str, *, name: str = "text") -> IsingModel:
    """The formula in DIMACS CNF text; a line with a lone % ends it, as in SATLIB's files.

    Raises FormatError, with the line, for a missing or malformed header, words that are no literals,
    variables above the header's number, and another number of clauses than it promises.
    """
    variables = promised = 0
    clauses: list[list[int]] = []
    clause: list[int] = []
    for number, words in number_lines(text, ("c",)):
        where = f"{name}, line {number}"
        if words[0] == "p":
            if variables or len(words) != 4 or words[1] != "cnf":
                raise FormatError(
                    f"{where}: the header is one line 'p cnf variables clauses', got {' '.join(words)[:40]!r}"
                )
            variables = whole(words[2], where, "the number of variables", 1)
            promised = whole(words[3], where, "the number of clauses", 1)
            continue
        if words == ["%"]:
            break
        if not variables:
            raise FormatError(f"{where}: comes before the header 'p cnf variables clauses'")
        for word in words:
            try:
                literal = int(word)
            except ValueError:
                raise FormatError(f"{where}: {word!r} is no literal; give whole numbers") from None
            if abs(literal) > variables:
                raise FormatError(f"{where}: names variable {abs(literal)}; the header has 1 to {variables}")
            if literal:
                clause.append(literal)
            else:
                clauses.append(clause)
                clause = []
    if not variables:
        raise FormatError(f"{name}: has no header 'p cnf variables clauses'")
    if clause:
        clauses.append(clause)  # the last 0 may be missing
    if len(clauses) != promised:
        raise FormatError(
            f"{name}: has {len(clauses)} clauses but its header promises {promised}; it is "
            "truncated or altered"
        )
    return from_clauses(variables, clauses, meta={"source": "dimacs"})


_WEIGHTED = re.compile(r"^\s*p\s+wcnf\b", re.MULTILINE)


def write_dimacs(model: IsingModel) -> str:
    """The formula that the model came from, clamped variables as clauses of one literal.

    Raises UnsupportedError for every other problem.
    """
    goal = model.problem.goal
    if not isinstance(goal, Formula):
        raise UnsupportedError(
            f"dimacs: the problem is {goal.kind}, which is no formula in clauses; choose --format bqm or coo"
        )
    if goal.weights is not None:
        raise UnsupportedError(
            "dimacs: the clauses have weights, which this text has not; choose --format bqm or coo"
        )
    clauses = goal.clauses
    if (held := model.problem.held) is not None:
        clauses += [[k * v] for k, v in enumerate(held[: goal.variables].tolist(), 1) if v]
    lines = [f"p cnf {goal.variables} {len(clauses)}"]
    lines += [" ".join(map(str, [*clause, 0])) for clause in clauses]
    return "\n".join(lines) + "\n"


FORMAT = Format(
    "dimacs",
    "DIMACS",
    (".cnf", ".wcnf"),
    re.compile(rb"(?:[ \t]*(?:c[^\n]*)?\n)*[ \t]*p[ \t]+w?cnf\b"),
    plain(read_dimacs),
    write_dimacs,
)
