"""Canonical text of a LutNetlist: parse_luts(dump_luts(n)) equals n. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.errors import FormatError, NetlistError
from compiler.ir.circuit_text import CircuitParser, inputs_line, lines_after
from compiler.ir.gates import NONE
from compiler.ir.luts import WIDEST, LutNetlist, verify_luts

HEAD = "luts 1"


def dump_luts(netlist: LutNetlist, *, limit: int | None = None) -> str:
    """Canonical text. With `limit`, at most that many tables, and of a row names, nets or numbers,
    are shown; a text that leaves some out says so and cannot be parsed."""
    return "\n".join(_lines(netlist, limit)) + "\n"


def _lines(netlist: LutNetlist, limit: int | None) -> Iterator[str]:
    n, shown = netlist.n_inputs, slice(limit)
    yield HEAD
    yield inputs_line(netlist, limit)
    yield f"tables {netlist.n_luts} of {netlist.k}"
    rows = zip(netlist.fanins[shown].tolist(), netlist.table[shown].tolist(), strict=True)
    for k, (fanins, table) in enumerate(rows):
        nets = [str(net) for net in fanins if net != NONE]
        yield "  " + " ".join([str(n + k), "=", f"{table:#x}", *nets])
    if limit is not None and netlist.n_luts > limit:
        yield f"  ... {netlist.n_luts - limit} tables not shown"
    yield from lines_after(netlist, limit)


def parse_luts(text: str, *, name: str = "text", check: bool = True) -> LutNetlist:
    """The netlist of a canonical text; `name` (a file name) begins every error.

    Raises FormatError naming the line; also for a netlist that breaks an invariant, unless
    `check` is False.
    """
    try:
        netlist = _LutParser(text, name).luts()
        if check:
            verify_luts(netlist)
    except (NetlistError, OverflowError) as error:
        raise FormatError(f"{name}: {error}") from None
    return netlist


class _LutParser(CircuitParser):
    def luts(self) -> LutNetlist:
        if (head := self.next()) != HEAD:
            self.fail(f"expected {HEAD!r}, got {head!r}; is this the text of a circuit of tables?")
        inputs = self.inputs()
        k, fanins, table = self.columns(len(inputs))
        return LutNetlist(k=k, input_names=inputs, fanins=fanins, table=table, **self.after())

    def columns(self, n: int) -> tuple[int, np.ndarray, np.ndarray]:
        words = (self.next() or "").split()
        if len(words) != 4 or words[0] != "tables" or words[2] != "of":
            self.fail("expected `tables COUNT of OPERANDS`")
        count, k = self.integer(words[1]), self.integer(words[3])
        if not 1 <= k <= WIDEST:
            self.fail(f"tables have 1 to {WIDEST} operands at most, got {k}")
        rows: list[list[int]] = []
        tables: list[int] = []
        while (line := self.next(indented=True)) is not None:
            if line.startswith("..."):
                self.fail("this text leaves tables out; dump it without a limit")
            net, _, rest = line.partition(" = ")
            words = rest.split()
            if not words:
                self.fail(f"expected `NET = TABLE NETS`, got {line[:60]!r}")
            if self.integer(net) != n + len(rows):
                self.fail(f"net {net} is out of order; net {n + len(rows)} comes next")
            nets = [self.integer(w) for w in words[1:]]
            if len(nets) > k:
                self.fail(f"a table reads {len(nets)} nets; it can read {k}")
            rows.append(nets + [NONE] * (k - len(nets)))
            tables.append(self.bits(words[0]))
        if len(rows) != count:
            self.fail(f"{len(rows)} tables are listed where {count} are announced")
        return k, np.array(rows, dtype=np.int32).reshape(count, k), np.array(tables, dtype=np.uint64)
