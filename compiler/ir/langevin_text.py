"""Canonical text of a LangevinNetlist: parse_langevin(dump_langevin(n)) equals n, with exact numbers.

Grammar and an example: docs/ir.md. Runs of equal values are written value*count, cell columns that
hold their default throughout are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import IntEnum
from typing import Any

import numpy as np

from compiler.errors import MALFORMED, FormatError, NetlistError
from compiler.ir.differences import first_difference, same_array
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    Group,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
    Role,
)
from compiler.ir.lowered import Lowered
from compiler.ir.problem_text import LOWERED, ProblemParser, lowered_lines, problem_lines
from compiler.ir.text_parts import TOKEN, meta_text, number_text, runs_text, spans_text, word_text
from compiler.ir.verify import verify_langevin
from compiler.ir.version1 import from_meta, is_old

HEAD = "langevin 1"
FULL = "langevin 2"  # with a problem or traces of passes, which the first kept in meta
CODES: dict[str, type[IntEnum]] = {"activation": Activation, "order": Order, "kind": CellKind, "role": Role}


def langevin_difference(a: LangevinNetlist, b: LangevinNetlist) -> str | None:
    """Name of the first thing in which two netlists differ, or None."""
    for f in fields(Cells):
        if not same_array(getattr(a.cells, f.name), getattr(b.cells, f.name)):
            return f"cells.{f.name}"
    if len(a.couplings) != len(b.couplings):
        return "couplings"
    for c, d in zip(a.couplings, b.couplings, strict=True):
        if c.kind != d.kind:
            return "couplings"
        for name in ("indptr", "indices", "weight", "tie"):
            if not same_array(getattr(c, name), getattr(d, name)):
                return f"couplings.{c.kind.name.lower()}.{name}"
    for name in ("kT", "mobility", "dt", "schedule", "groups"):
        if getattr(a, name) != getattr(b, name):
            return name
    for name, columns in (("encoder", ("shift", "scale")), ("readout", ("cells", "scale", "offset"))):
        one, other = getattr(a, name), getattr(b, name)
        if (one is None) != (other is None):
            return name
        for column in columns if one is not None else ():
            if not same_array(getattr(one, column), getattr(other, column)):
                return f"{name}.{column}"
    for name in ("phase", "window", "shown", "decision", "labels"):
        if a.readout is not None and getattr(a.readout, name) != getattr(b.readout, name):
            return f"readout.{name}"
    if not same_array(a.noise, b.noise):
        return "noise"
    if a.problem is not b.problem:
        if a.problem is None or b.problem is None:
            return "problem"
        if (found := first_difference(a.problem, b.problem)) is not None:
            return f"problem.{found}"
    if (found := first_difference(a.lowered, b.lowered)) is not None:
        return f"lowered.{found}"
    return None if meta_text(a.meta) == meta_text(b.meta) else "meta"


# --- dump ------------------------------------------------------------------------------------


def dump_langevin(netlist: LangevinNetlist, *, limit: int | None = None) -> str:
    """Canonical text. With `limit`, at most that many couplings of each group, and that many runs
    of values of each column, are shown; a text that leaves some out says so and cannot be parsed.
    """
    return "\n".join(_lines(netlist, limit)) + "\n"


def _lines(netlist: LangevinNetlist, limit: int | None) -> Iterator[str]:
    yield HEAD if is_old(netlist) else FULL
    for name in ("kT", "mobility", "dt"):
        yield f"{name} {number_text(getattr(netlist, name))}"
    yield f"cells {netlist.n_cells}"
    default = Cells.make(1)
    for f in fields(Cells):
        if f.name == "identity":
            continue
        column = getattr(netlist.cells, f.name)
        plain = np.full_like(column, getattr(default, f.name)[0])
        if not same_array(column, plain):  # bit for bit: -0.0 is no default
            yield f"  {f.name} {runs_text(column, CODES.get(f.name), limit=limit)}"
    if netlist.cells.identity is not None:
        yield " ".join(["  identity", *spans_text(netlist.cells.identity, limit)])
    for g in netlist.groups:
        yield f"group {word_text(g.name)} {g.start} {g.stop}"
    for c in netlist.couplings:
        yield f"couplings {c.kind.name.lower()} {c.weight.dtype.name} {len(c)}"
        if c.tie is not None:
            yield f"  parameters {runs_text(c.weight, limit=limit)}".rstrip()
        yield from _coupling_lines(c, limit)
    for p in netlist.schedule:
        yield _phase_line(p)
    if (e := netlist.encoder) is not None:
        yield "encoder"
        yield f"  shift {runs_text(e.shift, limit=limit)}"
        yield f"  scale {runs_text(e.scale, limit=limit)}"
    if (r := netlist.readout) is not None:
        yield f"readout {word_text(r.phase)}"
        yield f"  cells {' '.join(spans_text(r.cells))}"
        yield f"  window {number_text(r.window)}"
        yield f"  reads {'shown' if r.shown else 'state'}"
        yield f"  decision {r.decision}"
        if r.scale is not None:
            for line in r.scale:
                yield f"  scale {runs_text(line, limit=limit)}"
        if r.offset is not None:
            yield f"  offset {runs_text(r.offset)}"
        if r.labels:
            yield f"  labels {' '.join(word_text(v) for v in r.labels)}"
    if netlist.noise is not None:
        for line in netlist.noise[:limit]:
            yield f"noise {runs_text(line, limit=limit)}"
        if limit is not None and netlist.n_cells > limit:
            yield f"noise ...{netlist.n_cells - limit}"
    if netlist.problem is not None:
        yield from problem_lines(netlist.problem, limit)
    yield from lowered_lines(netlist.lowered, limit)
    if netlist.meta:
        yield f"meta {meta_text(netlist.meta)}"


def _coupling_lines(c: Couplings, limit: int | None) -> Iterator[str]:
    shown = len(c) if limit is None else min(limit, len(c))
    done = 0
    for i in np.flatnonzero(np.diff(c.indptr)):
        start, stop = int(c.indptr[i]), int(c.indptr[i + 1])
        stop = min(stop, shown)
        if start >= stop:
            break
        words = []
        # driving cells in runs of consecutive ids, each followed by its weights
        ids = c.indices[start:stop]
        at = start
        for span in spans_text(ids):
            first, _, last = span.partition("..")
            n = int(last or first) - int(first) + 1
            if c.tie is None:
                words.append(f"{span}: {runs_text(c.weight[at : at + n])}")
            else:
                words.append(f"{span}: " + " ".join(f"@{t}" for t in c.tie[at : at + n]))
            at += n
        yield f"  {i} <- " + "; ".join(words)
        done = stop
    if done < len(c):
        yield f"  ... {len(c) - done} couplings not shown"


def _phase_line(p: Phase) -> str:
    words = [f"phase {word_text(p.name)} {number_text(p.duration)}"]
    default = Phase("", 1.0)
    for name in ("input_scale", "stiffness", "nudge"):
        if getattr(p, name) != getattr(default, name):
            words.append(f"{name} {number_text(getattr(p, name))}")
    for name in ("coupling_scale", "kT"):
        if getattr(p, name) != getattr(default, name):
            start, end = getattr(p, name)
            words.append(f"{name} {number_text(start)} {number_text(end)}")
    if p.clamped:
        words.append("clamped " + " ".join(word_text(v) for v in p.clamped))
    return " ".join(words)


# --- parse -----------------------------------------------------------------------------------


def parse_langevin(text: str, *, name: str = "text", check: bool = True) -> LangevinNetlist:
    """The netlist of a canonical text; `name` (a file name) begins every error.

    Raises FormatError naming the line; also for a netlist that breaks an invariant, unless
    `check` is False.
    """
    parser = _Parser(text, name)
    try:
        netlist = parser.netlist()
        if check:
            verify_langevin(netlist)
    except NetlistError as error:
        raise FormatError(f"{name}: {error}") from None
    return netlist


class _Parser(ProblemParser):
    """Reads line by line; each method reads one statement and its indented lines."""

    def netlist(self) -> LangevinNetlist:
        head = self.next()
        if head not in (HEAD, FULL):
            self.fail(f"expected {HEAD!r}, got {head!r}; is this a netlist's text?")
        parts: dict[str, Any] = {n: self.scalar(n) for n in ("kT", "mobility", "dt")}
        parts["cells"] = self.cells()
        n = len(parts["cells"])
        groups, couplings, phases, noise = [], [], [], []
        done: dict[str, Any] = {}
        while (line := self.next()) is not None:
            statement, *words = TOKEN.findall(line)
            if statement == "group" and len(words) == 3:
                start, stop = self.integer(words[1]), self.integer(words[2])
                groups.append(Group(self.word(words[0]), start, stop))
            elif statement == "couplings" and len(words) == 3:
                couplings.append(self.couplings(words, n))
            elif statement == "phase" and len(words) >= 2:
                phases.append(self.phase(words))
            elif statement == "encoder" and not words and "encoder" not in parts:
                parts["encoder"] = self.encoder()
            elif statement == "readout" and len(words) == 1 and "readout" not in parts:
                parts["readout"] = self.readout(self.word(words[0]))
            elif statement == "noise":
                noise.append(self.runs(words, np.float64))
            elif statement == "problem" and len(words) == 1 and "problem" not in parts:
                parts["problem"] = self.problem(words[0])
            elif statement in LOWERED and statement not in done:
                done[statement] = self.lowered_statement(statement, words)
            elif statement == "meta" and "meta" not in parts:
                parts["meta"] = self.meta(line[len("meta") :])
            else:
                self.fail(f"cannot read the statement {line[:60]!r}")
        if self.at < len(self.lines):
            self.line_number = self.lines[self.at][0]
            self.fail(f"an indented line stands alone: {self.lines[self.at][1].strip()[:60]!r}")
        if noise:
            if len({row.size for row in noise}) > 1:
                self.fail("the rows of the noise matrix differ in length")
            parts["noise"] = np.array(noise)
        netlist = LangevinNetlist(
            couplings=tuple(couplings),
            schedule=tuple(phases),
            groups=tuple(groups),
            lowered=Lowered(**done),
            **parts,
        )
        return netlist if head == FULL else self.converted(netlist)

    def converted(self, netlist: LangevinNetlist) -> LangevinNetlist:
        """The netlist of an old text."""
        try:
            return from_meta(netlist)
        except MALFORMED as error:
            self.fail(f"meta has malformed notes ({type(error).__name__}: {error})")

    def cells(self) -> Cells:
        line = self.next()
        words = (line or "").split()
        if len(words) != 2 or words[0] != "cells":
            self.fail(f"expected `cells COUNT`, got {line!r}")
        n = self.integer(words[1])
        if not 0 <= n < 1 << 31:
            self.fail(f"{n} cells; the count must be 0 to 2^31 - 1")
        columns: dict[str, np.ndarray] = {}
        names = [f.name for f in fields(Cells)]
        while (line := self.next(indented=True)) is not None:
            name, *words = line.split()
            if name not in names or name in columns:
                self.fail(f"cell column {name!r} is unknown or given twice")
            codes = CODES.get(name)
            if name == "identity":
                column = self.ids(words)
            else:
                column = self.runs(words, np.int8 if codes else np.float64, codes)
            if column.shape != (n,):
                self.fail(f"cell column {name} has {column.size} values for {n} cells")
            columns[name] = column
        return Cells.make(n, **columns)

    def couplings(self, words: list[str], n: int) -> Couplings:
        kind, dtype, count = words
        if kind.upper() not in CouplingKind.__members__:
            choices = ", ".join(k.name.lower() for k in CouplingKind)
            self.fail(f"coupling kind {kind!r} is unknown; choices are {choices}")
        if dtype not in ("float32", "float64"):
            self.fail(f"weights must be float32 or float64, got {dtype!r}")
        rows: list[int] = []
        ids: list[int] = []
        values: list[np.ndarray] = []
        ties: list[int] = []
        parameters = None
        while (line := self.next(indented=True)) is not None:
            if line.startswith("parameters"):
                parameters = self.runs(line.split()[1:], dtype)
                continue
            if line.startswith("..."):
                self.fail("this text leaves couplings out; dump it without a limit")
            row, arrow, rest = line.partition(" <- ")
            if not arrow:
                self.fail(f"expected `CELL <- CELLS: WEIGHTS; ...`, got {line[:60]!r}")
            for part in rest.split("; "):
                span, _, weights = part.partition(": ")
                cells = self.span(span)
                if parameters is None:
                    run = self.runs(weights.split(), dtype)
                    values.append(run)
                    given = run.size
                else:
                    run = [self.integer(w.lstrip("@")) for w in weights.split()]
                    ties += run
                    given = len(run)
                if given != len(cells):
                    self.fail(f"{given} weights for {len(cells)} couplings in {part[:60]!r}")
                rows += [self.integer(row)] * len(cells)
                ids += cells
        if len(ids) != self.integer(count):
            self.fail(f"{len(ids)} {kind} couplings are listed where {count} are announced")
        weight = np.concatenate([np.zeros(0, dtype), *values]).astype(dtype)
        if parameters is not None:
            return Couplings.from_coo(CouplingKind[kind.upper()], n, rows, ids, parameters, tie=ties)
        return Couplings.from_coo(CouplingKind[kind.upper()], n, rows, ids, weight)

    def phase(self, words: list[str]) -> Phase:
        given: dict[str, Any] = {"name": self.word(words[0]), "duration": self.number(words[1])}
        rest = words[2:]
        while rest:
            key = rest.pop(0)
            if key in ("input_scale", "stiffness", "nudge") and rest:
                given[key] = self.number(rest.pop(0))
            elif key in ("coupling_scale", "kT") and len(rest) >= 2:
                given[key] = (self.number(rest.pop(0)), self.number(rest.pop(0)))
            elif key == "clamped" and rest:
                given[key] = tuple(self.word(w) for w in rest)
                rest = []
            else:
                self.fail(f"phase {given['name']!r}: cannot read {key!r}")
        return Phase(**given)

    def encoder(self) -> Encoder:
        given = {}
        while (line := self.next(indented=True)) is not None:
            name, *words = line.split()
            given[name] = self.runs(words, np.float64)
        if set(given) != {"shift", "scale"}:
            self.fail("an encoder needs one line `shift` and one line `scale`")
        return Encoder(**given)

    def readout(self, phase: str) -> ReadOut:
        given: dict[str, Any] = {"phase": phase}
        scale = []
        while (line := self.next(indented=True)) is not None:
            name, *words = TOKEN.findall(line)
            if name == "cells":
                given["cells"] = self.ids(words)
            elif name == "window" and len(words) == 1:
                given["window"] = self.number(words[0])
            elif name == "reads" and words in (["shown"], ["state"]):
                given["shown"] = words == ["shown"]
            elif name == "decision" and len(words) == 1:
                given["decision"] = words[0]
            elif name == "scale":
                scale.append(self.runs(words, np.float64))
            elif name == "offset":
                given["offset"] = self.runs(words, np.float64)
            elif name == "labels":
                given["labels"] = tuple(self.word(w) for w in words)
            else:
                self.fail(f"cannot read {line[:60]!r} of the read-out")
        if scale:
            if len({row.size for row in scale}) > 1:
                self.fail("the rows of the read-out's scale differ in length")
            given["scale"] = np.array(scale)
        if "cells" not in given:
            self.fail("a read-out needs a line `cells`")
        return ReadOut(**given)
