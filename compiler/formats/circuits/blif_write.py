"""BLIF: one model of .names tables. The format's source: compiler.formats.circuits.blif."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.formats.circuits.names import name_nets, title
from compiler.ir.gates import NONE, READS_A, READS_B, GateNetlist
from compiler.ir.luts import LutNetlist

WIDTH = 78


def write_blif(netlist: GateNetlist | LutNetlist) -> str:
    """The netlist as BLIF, a table a gate or look-up table; UnsupportedError as name_nets."""
    named = name_nets(netlist, "BLIF", r"[^\s#=\\.][^\s#=\\]*")
    lines = [f".model {title(netlist)}"]
    lines += _wrapped(".inputs", netlist.input_names)
    lines += _wrapped(".outputs", netlist.output_names)
    tables = _luts(netlist) if isinstance(netlist, LutNetlist) else _gates(netlist)
    for name, (operands, cover) in zip(named.nets[netlist.n_inputs :], tables, strict=True):
        lines.append(" ".join([".names", *(named.nets[net] for net in operands), name]))
        lines += cover
    for name, source in named.copies:
        lines += [f".names {source} {name}", "1 1"]
    return "\n".join([*lines, ".end"]) + "\n"


def _gates(netlist: GateNetlist) -> Iterator[tuple[list[int], list[str]]]:
    """(operands, rows) of every gate."""
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for op, a, b in zip(*columns, strict=True):
        yield [a] * bool(READS_A[op]) + [b] * bool(READS_B[op]), COVERS[op]


def _luts(netlist: LutNetlist) -> Iterator[tuple[list[int], list[str]]]:
    """(operands, rows) of every table: of its ones, or of its zeros where those are fewer."""
    rows = zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True)
    for fanins, table in rows:
        operands = [net for net in fanins if net != NONE]
        size = 1 << len(operands)
        ones = table.bit_count()
        value = int(2 * ones <= size or ones == size)  # a table without rows is never 1
        cubes = [
            "".join(str(p >> k & 1) for k in range(len(operands)))
            for p in range(size)
            if table >> p & 1 == value
        ]
        yield operands, [f"{cube} {value}".lstrip() for cube in cubes]


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
