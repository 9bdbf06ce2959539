"""What the cells of a library compute, for files that hold instances of them: Liberty files and presets."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compiler.errors import FormatError, UnsupportedError
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.errors import HardwareError
from hw_models.liberty import Group, function_pins, function_table, read_liberty

STATE = ("ff", "ff_bank", "latch", "latch_bank", "statetable")
MAX_PINS = 12


@dataclass(frozen=True, slots=True)
class CellFunction:
    """inputs : pins; outputs : of each (pins it reads, table), bit p of the table for the pattern with
    pin k in bit k of p; supplies : power pins; unfit : why it is no combinational cell
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, tuple[tuple[str, ...], int]]
    supplies: tuple[str, ...] = ()
    unfit: str = ""


@dataclass(frozen=True, slots=True)
class CellFunctions:
    """Cells by name. origin : the library, for messages"""

    origin: str
    cells: Mapping[str, CellFunction] = field(default_factory=dict)

    def find(self, name: str, where: str) -> CellFunction:
        """The cell; UnsupportedError, beginning with `where`, for one that is unknown or has state."""
        cell = self.cells.get(name)
        if cell is None:
            near = difflib.get_close_matches(name, self.cells, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise UnsupportedError(
                f"{where}: {name!r} is no module of this file and no cell of {self.origin}{hint}"
            )
        if cell.unfit:
            raise UnsupportedError(f"{where}: cell {name!r} of {self.origin} {cell.unfit}")
        return cell


def cell_functions(library: str | os.PathLike) -> CellFunctions:
    """The cells of a preset, by its name, or of a Liberty file.

    Raises FormatError for a file that cannot be read.
    """
    name = str(library)
    if name in CELL_LIBRARIES.names():
        return CellFunctions(name, _preset(name))
    if not Path(name).is_file():
        raise FormatError(
            f"{name}: is no Liberty file here and no library known; known are "
            + ", ".join(CELL_LIBRARIES.names())
        )
    try:
        group = read_liberty(name)
    except HardwareError as error:
        raise FormatError(str(error)) from None
    return CellFunctions(name, {c.arguments[0]: _cell(c) for c in group.children("cell") if c.arguments})


def _preset(name: str) -> dict[str, CellFunction]:
    found: dict[str, CellFunction] = {}
    for cell in CELL_LIBRARIES.get(name).cells:
        title = cell.macro or cell.name
        before = found[title].outputs if title in found else {}
        found[title] = CellFunction(
            cell.inputs, {**before, cell.output: (cell.inputs, _turned(cell.table, cell.n_inputs))}
        )
    return found


def _cell(group: Group) -> CellFunction:
    pins = [p for p in group.children("pin") if p.arguments]
    inputs = tuple(name for p in pins if p.get("direction") == "input" for name in p.arguments)
    supplies = tuple(p.arguments[0] for p in group.children("pg_pin") if p.arguments)
    if any(True for _ in group.children(*STATE)):
        return CellFunction(inputs, {}, supplies, "has state; a circuit here has none: cut it out")
    if len(inputs) > MAX_PINS:
        return CellFunction(inputs, {}, supplies, f"has more than {MAX_PINS} inputs")
    outputs: dict[str, tuple[tuple[str, ...], int]] = {}
    for pin in (p for p in pins if p.get("direction") == "output"):
        text = pin.get("function")
        if pin.get("three_state"):
            return CellFunction(inputs, {}, supplies, "has a third state")
        if text is None:
            continue
        try:
            read = function_pins(text)
            table = _turned(function_table(text, read), len(read))
        except ValueError as error:
            return CellFunction(inputs, {}, supplies, f"has the function {text!r}: {error}")
        if strange := [name for name in read if name not in inputs]:
            return CellFunction(inputs, {}, supplies, f"reads {strange[0]!r}, which is no input pin")
        outputs |= {name: (read, table) for name in pin.arguments}
    return CellFunction(inputs, outputs, supplies)


def _turned(table: int, n: int) -> int:
    """A table whose first pin is the high bit of a row, the first row its high bit, as Wires.table has it."""
    size = 1 << n
    found = 0
    for row in range(size):
        if table >> (size - 1 - row) & 1:
            found |= 1 << sum((row >> (n - 1 - k) & 1) << k for k in range(n))
    return found
