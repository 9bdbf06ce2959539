"""Canonical text of a GateNetlist: parse_gates(dump_gates(n)) equals n. Grammar: docs/ir.md."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.errors import FormatError, NetlistError
from compiler.ir.circuit_text import CircuitParser, inputs_line, lines_after
from compiler.ir.gates import NONE, OP_NAMES, READS_A, READS_B, GateNetlist, named, verify_gates

HEAD = "gates 1"
NAMED = "gates 2"  # with a name, which the first kept in meta
OPS = {name: op for op, name in enumerate(OP_NAMES)}


def dump_gates(netlist: GateNetlist, *, limit: int | None = None) -> str:
    """Canonical text. With `limit`, at most that many gates, and of a row names, nets or numbers,
    are shown; a text that leaves some out says so and cannot be parsed."""
    return "\n".join(_lines(netlist, limit)) + "\n"


def _lines(netlist: GateNetlist, limit: int | None) -> Iterator[str]:
    n = netlist.n_inputs
    yield NAMED if netlist.name or "name" in netlist.meta else HEAD
    yield inputs_line(netlist, limit)
    yield f"gates {netlist.n_gates}"
    for k in range(netlist.n_gates if limit is None else min(limit, netlist.n_gates)):
        op = int(netlist.op[k])
        words = [str(n + k), "=", OP_NAMES[op]]
        words += [str(netlist.a[k])] if READS_A[op] else []
        words += [str(netlist.b[k])] if READS_B[op] else []
        yield "  " + " ".join(words)
    if limit is not None and netlist.n_gates > limit:
        yield f"  ... {netlist.n_gates - limit} gates not shown"
    yield from lines_after(netlist, limit)


def parse_gates(text: str, *, name: str = "text", check: bool = True) -> GateNetlist:
    """The netlist of a canonical text; `name` (a file name) begins every error.

    Raises FormatError naming the line; also for a netlist that breaks an invariant, unless
    `check` is False.
    """
    try:
        netlist = _GateParser(text, name).gates()
        if check:
            verify_gates(netlist)
    except (NetlistError, OverflowError) as error:
        raise FormatError(f"{name}: {error}") from None
    return netlist


class _GateParser(CircuitParser):
    """Reads line by line; each method reads one statement and its indented lines."""

    def gates(self) -> GateNetlist:
        head = self.next()
        if head not in (HEAD, NAMED):
            self.fail(f"expected {HEAD!r}, got {head!r}; is this a circuit's text?")
        inputs = self.inputs()
        op, a, b = self.columns(len(inputs))
        rest = self.after()
        if head == HEAD:
            rest |= named(rest)
        return GateNetlist(input_names=inputs, op=op, a=a, b=b, **rest)

    def columns(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        words = (self.next() or "").split()
        if len(words) != 2 or words[0] != "gates":
            self.fail("expected `gates COUNT`")
        count = self.integer(words[1])
        ops: list[int] = []
        first: list[int] = []
        second: list[int] = []
        while (line := self.next(indented=True)) is not None:
            if line.startswith("..."):
                self.fail("this text leaves gates out; dump it without a limit")
            net, _, rest = line.partition(" = ")
            words = rest.split()
            if not words or words[0] not in OPS:
                choices = ", ".join(OP_NAMES)
                self.fail(f"expected `NET = OP NETS` with an op of {choices}; got {line[:60]!r}")
            op = OPS[words[0]]
            if self.integer(net) != n + len(ops):
                self.fail(f"net {net} is out of order; net {n + len(ops)} comes next")
            nets = [self.integer(w) for w in words[1:]]
            if len(nets) != int(READS_A[op]) + int(READS_B[op]):
                self.fail(f"{words[0]} cannot read {len(nets)} net(s)")
            ops.append(op)
            first.append(nets[0] if READS_A[op] else NONE)
            second.append(nets[-1] if READS_B[op] else NONE)
        if len(ops) != count:
            self.fail(f"{len(ops)} gates are listed where {count} are announced")
        return (
            np.array(ops, dtype=np.uint8),
            np.array(first, dtype=np.int32),
            np.array(second, dtype=np.int32),
        )
