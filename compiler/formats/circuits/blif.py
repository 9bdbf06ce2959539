"""BLIF (Berkeley Logic Interchange Format, 1992): models of .names tables, cells and cut latches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NoReturn

from compiler.circuits.assemble import Port
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.library_cells import CellFunctions, Function, cell_functions
from compiler.formats.circuits.names import name_nets, title
from compiler.formats.circuits.state import Holder, Pin, is_next, next_name, refuse_state, with_state
from compiler.formats.circuits.wires import Emit, Wires
from compiler.formats.format import Format
from compiler.formats.options import CIRCUIT, DEFAULTS, Options
from compiler.ir.facts import Facts
from compiler.ir.gates import NONE, READS_A, READS_B, GateNetlist
from compiler.ir.luts import LutNetlist
from compiler.passes.gates.lut_map import map_luts

_CUBE = re.compile(r"[01-]*\Z")
_TIMING = (
    ".area",
    ".delay",
    ".wire_load_slope",
    ".wire",
    ".input_arrival",
    ".default_input_arrival",
    ".output_required",
    ".default_output_required",
    ".input_drive",
    ".default_input_drive",
    ".output_load",
    ".default_output_load",
    ".max_input_load",
    ".default_max_input_load",
    ".cycle",
    ".clock_event",
    ".and_gate_delay",
)
_IGNORED = frozenset((*_TIMING, ".clock", ".cname", ".attr", ".param"))
MAX_LEVELS = 64  # of models in models
_INSIDE = "\0"  # tells a net inside an instance from one outside that is called like it


def read_blif(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a .blif or .blif.gz file; errors as parse_blif. options : top, library, cut_latches"""
    cells = None
    if options.library is not None:
        cells = cell_functions(options.library, cut_latches=options.cut_latches)
    return parse_blif(
        read_text(path), name=str(path), top=options.top, cells=cells, cut_latches=options.cut_latches
    )


@dataclass(frozen=True, slots=True)
class _Cover:
    """A .names table. value : where a cube matches"""

    operands: tuple[str, ...]
    output: str
    cubes: tuple[str, ...]
    value: int
    line: int


@dataclass(frozen=True, slots=True)
class _Instance:
    """kind : of a model, or of a cell; pins : net of each"""

    kind: str
    pins: dict[str, str]
    line: int
    cell: bool


@dataclass(slots=True)
class _Model:
    name: str
    line: int
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    items: list[_Cover | _Instance] = field(default_factory=list)
    # next, state, type and control, line
    latches: list[tuple[str, str, tuple[str, ...], int]] = field(default_factory=list)
    blackbox: bool = False


def parse_blif(
    text: str,
    *,
    name: str = "text",
    top: str | None = None,
    cells: CellFunctions | None = None,
    cut_latches: bool = False,
) -> GateNetlist:
    """The netlist of a BLIF text; covers of more than two inputs become trees of gates.

    The first model is the circuit, or that called `top`; others are put in its place (.subckt).
    cells : what .gate instances compute. Nets that nothing drives are 0, as in ABC, and meta["undriven"]
    tells their names.

    Raises FormatError, with `name` and line, for malformed text, UnsupportedError for latches, unless they
    are cut, unknown cells and statements that are no circuit's.
    """
    models = _Reader(name).models(text)
    if top is not None and top not in models:
        raise FormatError(f"{name}: has no model {top!r}; there are {', '.join(map(repr, models))}")
    chosen = models[top] if top is not None else next(iter(models.values()))
    return _Flat(name, models, cells, cut_latches).netlist(chosen)


def _fail(name: str, line: int, rule: str) -> NoReturn:
    raise FormatError(f"{name}, line {line}: {rule}")


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, words) of every logical line, comments and continuations resolved."""
    words: list[str] = []
    start = 0
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
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


class _Reader:
    """From text to models."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: dict[str, _Model] = {}
        self.model: _Model | None = None
        self.table: _Table | None = None
        self.skipping = False  # external don't-cares, to .end

    def models(self, text: str) -> dict[str, _Model]:
        for line, words in _statements(text):
            if words[0].startswith("."):
                self.close()
                if not self.skipping or words[0] in (".end", ".model"):
                    self.skipping = False
                    self.statement(line, words[0], words[1:])
            elif self.table is not None:
                self.table.row(line, words)
            elif not self.skipping:
                _fail(self.name, line, f"{' '.join(words)[:40]!r} belongs to no .names table")
        self.close()
        if not self.found:
            raise FormatError(f"{self.name}: holds no BLIF model")
        return self.found

    def close(self) -> None:
        if self.table is not None:
            self.here(self.table.line).items.append(self.table.cover())
        self.table = None

    def here(self, line: int) -> _Model:
        """The model at hand; a file may begin without .model."""
        if self.model is None:
            if self.found:
                _fail(self.name, line, "a statement after .end; .model begins another circuit")
            self.start("", line)
        assert self.model is not None
        return self.model

    def start(self, title: str, line: int) -> None:
        if title in self.found:
            _fail(self.name, line, f"model {title!r} is described at line {self.found[title].line} already")
        self.model = self.found[title] = _Model(title, line)

    def statement(self, line: int, head: str, rest: list[str]) -> None:
        if head == ".model":
            if self.model is not None and self.model.line == 0:
                _fail(self.name, line, ".model follows its statements")
            if len(rest) > 1:
                rule = f".model takes one name, and {' '.join(rest[1:])[:40]!r} follows {rest[0]!r}"
                _fail(self.name, line, f"{rule}; a statement begins on a line of its own")
            self.start(rest[0] if rest else "", line)
        elif head == ".end":
            self.model = None
        elif head in (".inputs", ".outputs"):
            model = self.here(line)
            side = model.inputs if head == ".inputs" else model.outputs
            side += [Port(word, line) for word in rest]
        elif head == ".names":
            if not rest:
                _fail(self.name, line, ".names needs at least the net it drives")
            self.table = _Table(self.name, line, rest)
        elif head == ".conn":
            if len(rest) != 2:
                _fail(self.name, line, ".conn takes two nets")
            self.here(line).items.append(_Cover((rest[0],), rest[1], ("1",), 1, line))
        elif head in (".subckt", ".gate"):
            self.here(line).items.append(self.instance(line, head, rest))
        elif head == ".latch":
            control = self.control(line, rest)
            self.here(line).latches.append((rest[0], rest[1], control, line))
        elif head == ".blackbox":
            self.here(line).blackbox = True
        elif head == ".exdc":
            self.skipping = True
        elif head not in _IGNORED:
            subject = f" ({' '.join(rest)[:60]})" if rest else ""
            raise UnsupportedError(
                f"{self.name}, line {line}: {head}{subject} is not supported; tables, models, cells and "
                "latches are: write the circuit with them"
            )

    def control(self, line: int, rest: list[str]) -> tuple[str, ...]:
        """Type and control of a latch, () if it has none; its first value is looked at and left out."""
        if len(rest) < 2:
            _fail(self.name, line, ".latch needs the net it reads and the net it drives")
        where = f".latch {rest[0]} {rest[1]}"
        if len(rest) > 5:
            rule = f"{' '.join(rest[5:])[:40]!r} follows the first value"
            _fail(self.name, line, f"{where}: {rule}; a statement begins on a line of its own")
        control = tuple(rest[2:4]) if len(rest) > 3 else ()
        if control and control[0] not in _TYPES:
            _fail(
                self.name, line, f"{where}: the type {control[0][:40]!r} must be one of {', '.join(_TYPES)}"
            )
        if bad := [value for value in rest[2 + len(control) : 5] if value not in ("0", "1", "2", "3")]:
            rule = f"the first value {bad[0][:40]!r} must be 0, 1, 2 (any) or 3 (unknown)"
            _fail(self.name, line, f"{where}: {rule}")
        return control

    def instance(self, line: int, head: str, rest: list[str]) -> _Instance:
        if not rest:
            _fail(self.name, line, f"{head} needs what it is an instance of")
        pins: dict[str, str] = {}
        for word in rest[1:]:
            pin, equal, net = word.partition("=")
            if not (pin and equal and net):
                _fail(self.name, line, f"{head} {rest[0]}: {word[:40]!r} is no PIN=NET")
            if pin in pins:
                _fail(self.name, line, f"{head} {rest[0]} connects {pin!r} twice")
            pins[pin] = net
        return _Instance(rest[0], pins, line, head == ".gate")


_HOLDERS = {"re": (False, 0), "fe": (False, 1), "ah": (True, 0), "al": (True, 1)}
"""Of a latch's type: whether it is a latch, and whether its control is complemented."""
_TYPES = (*_HOLDERS, "as")


class _Table:
    """One .names table while it is read."""

    def __init__(self, name: str, line: int, nets: list[str]) -> None:
        self.name, self.line = name, line
        self.operands, self.output = tuple(nets[:-1]), nets[-1]
        self.cubes: list[str] = []
        self.value: str | None = None

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

    def cover(self) -> _Cover:
        # no row: never 1
        return _Cover(self.operands, self.output, tuple(self.cubes), int(self.value or "1"), self.line)


class _Flat:
    """Models put together; names of inner nets begin with their instance."""

    def __init__(
        self, where: str, models: dict[str, _Model], cells: CellFunctions | None, cut_latches: bool
    ) -> None:
        self.where, self.models, self.cells, self.cut = where, models, cells, cut_latches
        self.wires = Wires(where)
        self.nets: dict[str, int] = {}
        self.read: set[int] = set()
        self.state: list[tuple[int, int, int]] = []  # next, state, line
        self.instances = 0

    def net(self, name: str) -> int:
        if name not in self.nets:
            self.nets[name] = self.wires.net(name.replace(_INSIDE, ""))
        return self.nets[name]

    def netlist(self, top: _Model) -> GateNetlist:
        wires = self.wires
        inputs = [(self.net(port.name), port.line) for port in top.inputs]
        outputs = [(self.net(port.name), port.line) for port in top.outputs]
        self.put(top, {port.name: port.name for port in (*top.inputs, *top.outputs)}, "", 0)
        for net, line in inputs:
            if net in wires.drivers:
                _fail(
                    self.where,
                    wires.drivers[net][1],
                    f"net {wires.names[net]!r} is driven here and at line {line}, where it is an input; "
                    "a net has one driver",
                )
        listed = {net for net, _ in outputs}
        for following, state, line in self.state:
            if state in wires.drivers:
                _fail(self.where, line, f"net {wires.names[state]!r} is driven here and as a state")
            inputs.append((state, line))
            if is_next(wires.names[following], wires.names[state]) and following not in listed:
                outputs.append((following, line))
                listed.add(following)
                continue
            shown = wires.net(next_name(wires.names[state], self.nets))
            wires.drive(shown, 2 * following, line)
            self.read.add(following)
            outputs.append((shown, line))
        given = {net for net, _ in inputs} | wires.states.keys()
        wanted = self.read | {net for net, _ in outputs}
        undriven = sorted(wanted - given - wires.drivers.keys(), key=lambda net: wires.names[net])
        for net in undriven:
            wires.drive(net, 0, 1)
        found = wires.netlist(inputs, outputs, top.name)
        if not undriven:
            return found
        return replace(found, meta=Facts({**found.meta, "undriven": [wires.names[net] for net in undriven]}))

    def put(self, model: _Model, names: dict[str, str], prefix: str, level: int) -> None:
        """Build a model. names : outside, of its ports"""
        if level > MAX_LEVELS:
            _fail(self.where, model.line, f"model {model.name!r} holds itself")
        if model.blackbox:
            raise UnsupportedError(
                f"{self.where}, line {model.line}: model {model.name!r} is a black box; describe what it "
                "computes"
            )

        def net(name: str) -> int:
            return self.net(names.get(name, prefix + name))

        for item in model.items:
            if isinstance(item, _Instance):
                self.instance(item, {pin: names.get(n, prefix + n) for pin, n in item.pins.items()}, level)
                continue
            operands = [net(name) for name in item.operands]
            self.read.update(operands)
            self.wires.drive(net(item.output), self.covered(item, operands), item.line)
        for following, state, control, line in model.latches:
            if not self.cut:
                raise refuse_state(f"{self.where}, line {line}", f"the latch {state!r}")
            if control and control[0] in _HOLDERS and control[1] != "NIL":
                (latch, turned), clock = _HOLDERS[control[0]], net(control[1])
                pin = Pin(2 * clock + turned, self.wires.names[clock])
                self.wires.holders.append(Holder(pin, latch))
            self.state.append((net(following), net(state), line))

    def covered(self, item: _Cover, operands: list[int]) -> int:
        if not operands:
            return int((len(item.cubes) > 0) == bool(item.value))
        self.wires.line = item.line
        if len(operands) == 1:  # a copy, so that it is known for one
            rows = (bool({bit, "-"} & set(item.cubes)) == bool(item.value) for bit in "01")
            return self.wires.table([2 * operands[0]], sum(row << p for p, row in enumerate(rows)))
        return self.wires.gate([2 * net for net in operands], _emit(item.cubes, item.value))

    def instance(self, item: _Instance, pins: dict[str, str], level: int) -> None:
        child = None if item.cell else self.models.get(item.kind)
        if child is None:
            self.gate(item, pins)
            return
        known = [port.name for port in (*child.inputs, *child.outputs)]
        if bad := [pin for pin in pins if pin not in known]:
            _fail(self.where, item.line, f"model {item.kind!r} has no port {bad[0]!r}")
        prefix = f"{item.kind}{self.instances}.{_INSIDE}"
        self.instances += 1
        for port in child.outputs:
            if port.name in {p.name for p in child.inputs} and port.name in pins:
                _fail(self.where, item.line, f"port {port.name!r} of {item.kind!r} is an input and an output")
        self.put(child, pins, prefix, level + 1)

    def gate(self, item: _Instance, pins: dict[str, str]) -> None:
        where = f"{self.where}, line {item.line}"
        if self.cells is None:
            what = "cell" if item.cell else "model of this file"
            raise UnsupportedError(
                f"{where}: {item.kind!r} is no {what} known; name the library that holds it: thermoc compile "
                "--library FILE.lib (or .genlib)"
            )
        cell = self.cells.find(item.kind, where)
        known = {*cell.inputs, *cell.outputs, *cell.supplies}
        if bad := [pin for pin in pins if pin not in known]:
            _fail(self.where, item.line, f"cell {item.kind!r} has no pin {bad[0]!r}")
        literals = {pin: 2 * self.net(net) for pin, net in pins.items() if pin in cell.inputs}
        driven = {pin: self.net(net) for pin, net in pins.items() if pin in cell.outputs}
        if cell.state is not None:
            own = next((driven.pop(pin) for pin in cell.showing if pin in driven), None)
            if own is None:
                own = self.wires.net(f"state{len(self.wires.states)}")
            literals |= dict(zip(cell.state.names, (2 * own, 2 * own + 1), strict=True))
            self.wires.state(own, self.function(item, literals, cell.state.following), item.line)
            self.wires.holders.append(cell.state.holder(partial(self.wires.pin, literals)))
        for name, net in driven.items():
            self.wires.drive(net, self.function(item, literals, cell.outputs[name]), item.line)

    def function(self, item: _Instance, literals: Mapping[str, int], function: Function) -> int:
        operands, table = function
        if missing := [pin for pin in operands if pin not in literals]:
            _fail(self.where, item.line, f"pin {missing[0]!r} of {item.kind!r} is open")
        read = [literals[pin] for pin in operands]
        self.read.update(literal >> 1 for literal in read)
        self.wires.line = item.line
        return self.wires.table(read, table)


def _emit(cubes: tuple[str, ...], value: int) -> Emit:
    def emit(builder: Builder, literals: list[int], flip: int) -> int:
        return builder.cover(cubes, [literal >> 1 for literal in literals], value ^ flip)

    return emit


WIDTH = 78


def write_blif(netlist: GateNetlist | LutNetlist, *, registers: bool = False) -> str:
    """The netlist as BLIF, a table a gate or look-up table; UnsupportedError as name_nets and with_registers.

    registers : inputs NAME with outputs NAME_next are latches, of an unknown first value
    """
    if isinstance(netlist, GateNetlist):
        netlist, (inputs, outputs, states) = with_state(netlist, registers)
    else:
        netlist, (inputs, outputs, states) = with_state(netlist, registers)
    named = name_nets(netlist, "BLIF", r"[^\s#=\\.][^\s#=\\]*")
    lines = [f".model {title(netlist)}"]
    lines += _wrapped(".inputs", inputs)
    lines += _wrapped(".outputs", outputs)
    lines += [f".latch {following} {state} 3" for state, following in states]
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


def _write(netlist: GateNetlist | LutNetlist, luts: int = 0, registers: bool = False) -> str:
    mapped = map_luts(netlist, luts) if luts and isinstance(netlist, GateNetlist) else netlist
    return write_blif(mapped, registers=registers)


FORMAT = Format(
    "blif",
    "BLIF",
    (".blif",),
    re.compile(rb"(?:\s|#[^\n]*\n)*\.(?:model|inputs|outputs|names)\s"),
    read_blif,
    _write,
    frozenset({"luts", "registers"}),
    frozenset(CIRCUIT),
)
