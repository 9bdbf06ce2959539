"""BLIF (Berkeley Logic Interchange Format, 1992): one combinational model of .names tables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NoReturn

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.names import name_nets, title
from compiler.formats.format import Format, plain
from compiler.ir.gates import NONE, READS_A, READS_B, GateNetlist
from compiler.ir.luts import LutNetlist
from compiler.passes.gates.lut_map import map_luts

_CUBE = re.compile(r"[01-]*\Z")
_IGNORED = (".end", ".default_input_arrival", ".default_output_required", ".area", ".delay")


def read_blif(path: str | os.PathLike) -> GateNetlist:
    """The netlist of a .blif or .blif.gz file; FormatError and UnsupportedError as parse_blif."""
    return parse_blif(read_text(path), name=str(path))


def parse_blif(text: str, *, name: str = "text") -> GateNetlist:
    """The netlist of a BLIF text; covers of more than two inputs become trees of gates.

    Raises FormatError, with `name` and line, for malformed text, UnsupportedError for latches,
    subcircuits, mapped gates and further models.
    """
    model = None
    inputs: list[Port] = []
    outputs: list[Port] = []
    tables: list[_Table] = []
    for line, words in _statements(text):
        head, rest = words[0], words[1:]
        if not head.startswith("."):
            if not tables or tables[-1].closed:
                _fail(name, line, f"{' '.join(words)[:40]!r} belongs to no .names table")
            tables[-1].row(line, words)
            continue
        if tables:
            tables[-1].closed = True
        if head == ".model":
            if model is not None or tables:
                raise UnsupportedError(
                    f"{name}, line {line}: a second .model {' '.join(rest)!r}; flatten the design "
                    "to one model"
                )
            model = rest[0] if rest else ""
        elif head == ".inputs":
            inputs += [Port(word, line) for word in rest]
        elif head == ".outputs":
            outputs += [Port(word, line) for word in rest]
        elif head == ".names":
            if not rest:
                _fail(name, line, ".names needs at least the net it drives")
            tables.append(_Table(name, line, rest))
        elif head not in _IGNORED:
            subject = f" ({' '.join(rest)[:60]})" if rest else ""
            raise UnsupportedError(
                f"{name}, line {line}: {head}{subject} is not supported; only combinational "
                ".names tables are: flatten and map the design, without latches"
            )
    if model is None and not inputs and not outputs and not tables:
        raise FormatError(f"{name}: holds no BLIF model")
    return assemble(name, inputs, outputs, [t.definition() for t in tables], model or "")


def _fail(name: str, line: int, rule: str) -> NoReturn:
    raise FormatError(f"{name}, line {line}: {rule}")


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, words) of every logical line, comments and continuations resolved."""
    words: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.partition("#")[0].rstrip()
        continued = line.endswith("\\")
        part = line.rstrip("\\").split()
        if part and not words:
            start = number
        words += part
        if words and not continued:
            yield start, words
            words = []
    if words:
        yield start, words


class _Table:
    """One .names table while it is read."""

    def __init__(self, name: str, line: int, nets: list[str]) -> None:
        self.name, self.line = name, line
        self.operands, self.output = tuple(nets[:-1]), nets[-1]
        self.cubes: list[str] = []
        self.value: str | None = None
        self.closed = False

    def row(self, line: int, words: list[str]) -> None:
        cube, value = (words[0], words[1]) if len(words) == 2 else ("", words[0])
        if (
            len(words) > 2
            or len(cube) != len(self.operands)
            or not _CUBE.match(cube)
            or value not in ("0", "1")
        ):
            _fail(
                self.name,
                line,
                f"row {' '.join(words)[:40]!r} of {self.output!r} must be "
                f"{len(self.operands)} characters 0, 1 or -, then 0 or 1",
            )
        if self.value not in (None, value):
            _fail(self.name, line, f"the table of {self.output!r} mixes rows for 1 and for 0; give one kind")
        self.value = value
        self.cubes.append(cube)

    def definition(self) -> Definition:
        cubes, value = tuple(self.cubes), int(self.value or "1")  # no row: never 1

        def emit(builder: Builder, nets: tuple[int, ...]) -> int:
            return builder.cover(cubes, nets, value)

        return Definition(self.output, self.line, self.operands, emit)


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


def _write(netlist: GateNetlist | LutNetlist, luts: int = 0) -> str:
    return write_blif(map_luts(netlist, luts) if luts and isinstance(netlist, GateNetlist) else netlist)


FORMAT = Format(
    "blif",
    "BLIF",
    (".blif",),
    re.compile(rb"(?:\s|#[^\n]*\n)*\.(?:model|inputs|outputs|names)\s"),
    plain(read_blif),
    _write,
    frozenset({"luts"}),
)
