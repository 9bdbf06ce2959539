"""What the cells of a library compute, for files that hold instances: of Liberty, genlib and presets."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.equations import Algebra, evaluate
from compiler.formats.circuits.state import Holder, Pin, refuse_state
from compiler.ir.gates import AND, OR, XOR
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.errors import HardwareError
from hw_models.liberty import Group, function_pins, function_table, library_files, read_liberty

STATE = ("ff", "latch", "ff_bank", "latch_bank", "statetable")
FOLLOWING = {"ff": "next_state", "latch": "data_in"}
"""What the state becomes, by kind of cell."""
HOLDING, RESETS = {"ff": "clocked_on", "latch": "enable"}, {"clear": 0, "preset": 1}
"""What holds it, by kind of cell, and what the state becomes at once."""
MAX_PINS = 12
IDENTITY = 0b10
"""Table of what shows its one pin."""

Function = tuple[tuple[str, ...], int]
"""(pins it reads, table), bit p of the table for the pattern with pin k in bit k of p."""


@dataclass(frozen=True, slots=True)
class CellState:
    """names : of the state and of its complement in functions of outputs; following : what it becomes

    clock : at whose rise, or of a latch while it is 1; resets : (value, while this is 1)
    """

    names: tuple[str, str]
    following: Function
    clock: Function
    latch: bool = False
    resets: tuple[tuple[int, Function], ...] = ()

    def holder(self, pin: Callable[[Function], Pin | None]) -> Holder:
        """What holds it. pin : what a function's pins are connected to, None where one is open"""
        resets = ((value, pin(function)) for value, function in self.resets)
        return Holder(pin(self.clock), self.latch, tuple((v, p) for v, p in resets if p is not None))


@dataclass(frozen=True, slots=True)
class CellFunction:
    """inputs : pins; outputs : function of each; supplies : power pins; unfit : why none of a circuit
    state : of a flip-flop or latch; clock, enable, set and reset are no part of it
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, Function]
    supplies: tuple[str, ...] = ()
    unfit: str = ""
    state: CellState | None = None

    @property
    def showing(self) -> tuple[str, ...]:
        """Outputs that show the state itself."""
        own = None if self.state is None else ((self.state.names[0],), IDENTITY)
        return tuple(name for name, function in self.outputs.items() if function == own)


@dataclass(frozen=True, slots=True)
class CellFunctions:
    """Cells by name. origin : the library, for messages; cut : whether cells with state are taken"""

    origin: str
    cells: Mapping[str, CellFunction] = field(default_factory=dict)
    cut: bool = False

    def find(self, name: str, where: str) -> CellFunction:
        """The cell; UnsupportedError, beginning with `where`, for an unknown one and for state not cut."""
        cell = self.cells.get(name)
        if cell is None:
            near = difflib.get_close_matches(name, self.cells, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise UnsupportedError(
                f"{where}: {name!r} is no module of this file and no cell of {self.origin}{hint}"
            )
        if cell.unfit:
            raise UnsupportedError(f"{where}: cell {name!r} of {self.origin} {cell.unfit}")
        if cell.state is not None and not self.cut:
            raise refuse_state(where, f"cell {name!r} of {self.origin}")
        return cell


def cell_functions(library: str | os.PathLike, *, cut_latches: bool = False) -> CellFunctions:
    """The cells of a preset, by its name, or of a Liberty or genlib file, of several with + between them.

    Raises FormatError for a file that cannot be read.
    """
    name = str(library)
    if name in CELL_LIBRARIES.names():
        return CellFunctions(name, _preset(name), cut_latches)
    cells: dict[str, CellFunction] = {}
    for file in library_files(name):
        cells |= _file(file)
    return CellFunctions(name, cells, cut_latches)


def _file(name: str) -> dict[str, CellFunction]:
    if not Path(name).is_file():
        raise FormatError(
            f"{name}: is no Liberty file here and no library known; known are "
            + ", ".join(CELL_LIBRARIES.names())
        )
    if Path(name).suffix.lower() == ".genlib":
        return _genlib(name)
    try:
        group = read_liberty(name)
    except HardwareError as error:
        raise FormatError(str(error)) from None
    return {c.arguments[0]: _cell(c) for c in group.children("cell") if c.arguments}


_GATE = re.compile(
    r'\s*GATE\s+(?:"([^"\n]+)"|(\S+))\s+\S+\s+([^\s=;]+)\s*=([^;]*);|\s*PIN(?:\s+\S+){8}(?=\s|\Z)|\s*LATCH\b[^;]*;'
    r"(?:\s*(?:PIN|SEQ|CONTROL|CONSTRAINT)\b[^\n]*)*|\s+"
)


def _genlib(path: str) -> dict[str, CellFunction]:
    """Cells of SIS' genlib: GATE name area out=function; PIN lines."""
    text = re.sub(r"#[^\n]*", "", read_text(path).removeprefix("\ufeff"))
    found: dict[str, CellFunction] = {}
    at = 0
    while at < len(text):
        match = _GATE.match(text, at)
        line = text.count("\n", 0, at + len(text[at:]) - len(text[at:].lstrip())) + 1
        if match is None:
            raise FormatError(
                f"{path}, line {line}: cannot read {text[at:].split()[0][:40]!r}; expected GATE or PIN"
            )
        at = match.end()
        title = match[1] or match[2]
        if title:
            before = found[title].outputs if title in found else {}
            pins, table = _function(match[4], f"{path}, line {line}: gate {title!r}")
            inputs = tuple(dict.fromkeys((*(found[title].inputs if title in found else ()), *pins)))
            found[title] = CellFunction(inputs, {**before, match[3]: (pins, table)})
    return found


def _function(text: str, where: str) -> tuple[tuple[str, ...], int]:
    """(pins, table) of an expression."""
    names: list[str] = []

    def note(name: str) -> int:
        if name not in names:
            names.append(name)
        return 0

    try:
        evaluate(text, Algebra(note, lambda op, xs: 0, lambda x: 0, lambda value: 0))
        if len(names) > MAX_PINS:
            raise ValueError(f"it reads more than {MAX_PINS} pins")
        size = 1 << len(names)
        full = (1 << size) - 1
        columns = {name: sum(1 << p for p in range(size) if p >> k & 1) for k, name in enumerate(names)}
        steps = {AND: int.__and__, OR: int.__or__, XOR: int.__xor__}
        table = evaluate(
            text,
            Algebra(
                columns.__getitem__,
                lambda op, xs: reduce(steps[op], xs),
                lambda x: x ^ full,
                lambda v: full * v,
            ),
        )
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None
    return tuple(names), table


def _preset(name: str) -> dict[str, CellFunction]:
    """Its gates, and the flip-flop that registers are exported as."""
    found: dict[str, CellFunction] = {}
    library = CELL_LIBRARIES.get(name)
    supplies, flipflop = library.supplies, library.flipflop
    if flipflop is not None and flipflop.pins is not None:
        clock, data, out = flipflop.pins
        state = CellState(("IQ", "IQN"), ((data,), IDENTITY), ((clock,), IDENTITY))
        shown = "IQN" if flipflop.inverts else "IQ"
        outputs = {out: ((shown,), IDENTITY)}
        found[flipflop.name] = CellFunction((data, clock), outputs, supplies, state=state)
    for cell in library.cells:
        title = cell.macro or cell.name
        before = found[title].outputs if title in found else {}
        function = cell.inputs, _turned(cell.table, cell.n_inputs)
        found[title] = CellFunction(cell.inputs, {**before, cell.output: function}, supplies)
    return found


def _cell(group: Group) -> CellFunction:
    pins = [p for p in group.children("pin") if p.arguments]
    inputs = tuple(name for p in pins if p.get("direction") == "input" for name in p.arguments)
    supplies = tuple(p.arguments[0] for p in group.children("pg_pin") if p.arguments)
    if len(inputs) > MAX_PINS:
        return CellFunction(inputs, {}, supplies, f"has more than {MAX_PINS} inputs")
    try:
        state = _state(group, inputs)
        known = inputs if state is None else (*inputs, *state.names)
        outputs: dict[str, Function] = {}
        for pin in (p for p in pins if p.get("direction") == "output"):
            text = pin.get("function")
            if pin.get("three_state"):
                raise ValueError("has a third state")
            if text is not None:
                outputs |= dict.fromkeys(pin.arguments, _of_pins(text, known))
    except ValueError as error:
        return CellFunction(inputs, {}, supplies, str(error))
    return CellFunction(inputs, outputs, supplies, state=state)


def _state(group: Group, inputs: tuple[str, ...]) -> CellState | None:
    """Of a cell with one flip-flop or latch; ValueError for state of another kind."""
    found = list(group.children(*STATE))
    if not found:
        return None
    kind = found[0]
    text = kind.get(FOLLOWING[kind.name]) if len(found) == 1 and kind.name in FOLLOWING else None
    if text is None or len(kind.arguments) != 2:
        raise ValueError("has state, but not one flip-flop or latch whose next value is told: cut it out")
    first, second = kind.arguments
    clock = kind.get(HOLDING[kind.name])
    if clock is None:
        raise ValueError(f"has a {kind.name} without {HOLDING[kind.name]}: cut it out")
    resets = [(value, kind.get(name)) for name, value in RESETS.items()]
    return CellState(
        (first, second),
        _of_pins(text, (*inputs, first, second)),
        _of_pins(clock, inputs),
        kind.name == "latch",
        tuple((value, _of_pins(told, inputs)) for value, told in resets if told is not None),
    )


def _of_pins(text: str, known: tuple[str, ...]) -> Function:
    """A function of these pins; ValueError for another."""
    try:
        read = function_pins(text)
        table = _turned(function_table(text, read), len(read))
    except ValueError as error:
        raise ValueError(f"has the function {text!r}: {error}") from None
    if strange := [name for name in read if name not in known]:
        raise ValueError(f"reads {strange[0]!r}, which is no input pin")
    return read, table


def _turned(table: int, n: int) -> int:
    """A table whose first pin is the high bit of a row, the first row its high bit, as Wires.table has it."""
    size = 1 << n
    found = 0
    for row in range(size):
        if table >> (size - 1 - row) & 1:
            found |= 1 << sum((row >> (n - 1 - k) & 1) << k for k in range(n))
    return found
