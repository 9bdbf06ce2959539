"""BLIF: one model of .names tables. The format's source: compiler.frontends.blif."""

from __future__ import annotations

from compiler.backends.names import name_nets, title
from compiler.ir.gates import READS_A, READS_B, GateNetlist

WIDTH = 78


def write_blif(netlist: GateNetlist) -> str:
    """The netlist as BLIF, a table a gate; UnsupportedError as name_nets."""
    named = name_nets(netlist, "BLIF", r"[^\s#=\\.][^\s#=\\]*")
    lines = [f".model {title(netlist)}"]
    lines += _wrapped(".inputs", netlist.input_names)
    lines += _wrapped(".outputs", netlist.output_names)
    n = netlist.n_inputs
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for k, (op, a, b) in enumerate(zip(*columns, strict=True)):
        operands = [named.nets[a]] * bool(READS_A[op]) + [named.nets[b]] * bool(READS_B[op])
        lines.append(" ".join([".names", *operands, named.nets[n + k]]))
        lines += COVERS[op]
    for name, source in named.copies:
        lines += [f".names {source} {name}", "1 1"]
    return "\n".join([*lines, ".end"]) + "\n"


def _wrapped(head: str, names: tuple[str, ...]) -> list[str]:
    lines, line = [], head
    for name in names:
        if len(line) + len(name) + 3 > WIDTH:
            lines.append(line + " \\")
            line = ""
        line += " " + name
    return [*lines, line]


def _cover(op: int) -> list[str]:
    """Rows of the gate's table; a gate of one operand has one column."""
    rows = [(x, y) for x in (0, 1) for y in (0, 1) if op >> (3 - 2 * x - y) & 1]
    if READS_A[op] and READS_B[op]:
        return [f"{x}{y} 1" for x, y in rows]
    if READS_A[op] or READS_B[op]:
        return [f"{rows[0][0] if READS_A[op] else rows[0][1]} 1"]
    return ["1"] if rows else []


COVERS = [_cover(op) for op in range(16)]
