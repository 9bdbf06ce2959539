"""Standard cells: what a library's gates compute, how large they are, what a toggle costs.

A cell's table has the bit order of the IR's gate ids: input pattern `row`, the first input its
high bit, is bit 2^n - 1 - row. The table of a two-input cell is its gate id; an inverter's is 2,
a buffer's 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from hw_models.arcs import Timing
from hw_models.errors import HardwareError
from hw_models.flipflops import FlipFlop
from hw_models.frozen import Frozen
from hw_models.source import Quantity, Source

MAX_INPUTS = 6
BUFFER, INVERTER, NAND2 = 1, 2, 14
UNITS = {"area": "um2", "energy": "J", "leakage": "W", "delay": "s", "slope": "s/F", "capacitance": "F"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A combinational cell with one output, or one output of a cell that has several.

    inputs, output : pin names, the first the high bit of a row; table : see above
    macro : the cell's own name, where it has several outputs; `name` then is macro/output, and area,
        leakage and pins are the whole cell's, to be counted once (compiler.ir.cells)
    area : um2; energy : J per output toggle into the library's load, that load's C V^2 / 2 included
    leakage : W, mean over the input patterns as the library gives it
    delay : s, the slowest pin and edge into the library's load; slope : its growth, s/F
    capacitance : F, mean of the input pins
    timing : tables of every pin and edge, where a Liberty file gave them; `delay` stands for them in one
        figure
    A figure that is not known is None.

    Raises HardwareError for a table that the inputs do not fit or a negative figure.
    """

    name: str
    inputs: tuple[str, ...]
    table: int
    area: float
    energy: float | None = None
    leakage: float | None = None
    delay: float | None = None
    slope: float | None = None
    capacitance: float | None = None
    output: str = "Y"
    macro: str = ""
    timing: Timing | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.n_inputs <= MAX_INPUTS:
            raise HardwareError(
                f"cell {self.name}: a cell here has 1 to {MAX_INPUTS} inputs, got {self.n_inputs}"
            )
        if not 0 <= self.table < 1 << (1 << self.n_inputs):
            raise HardwareError(
                f"cell {self.name}: a table of {self.n_inputs} inputs is 0 to "
                f"{(1 << (1 << self.n_inputs)) - 1}, got {self.table}"
            )
        for name in UNITS:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise HardwareError(
                    f"cell {self.name}: {name} must be a finite number >= 0 {UNITS[name]}, got {value}"
                )

    @property
    def n_inputs(self) -> int:
        return len(self.inputs)

    def value(self, row: int) -> int:
        """Output for input pattern `row`."""
        return self.table >> ((1 << self.n_inputs) - 1 - row) & 1


@dataclass(frozen=True, eq=False)
class CellLibrary:
    """Cells of one library at one operating point.

    voltage : V; load : F on every output; slew : s at every input, both where figures hold
    stated : source of what the file gives as it stands (area, leakage); source : of what is derived
    checks : figures of other derivations, for comparison
    skipped : number of cells of the file that are left out, by reason
    flipflop : the smallest plain one, None where the library is not known to have one
    node : of manufacture, "45 nm"
    supplies : names of its cells' power pins
    """

    name: str
    summary: str
    voltage: Quantity
    load: Quantity
    slew: Quantity
    stated: Source
    source: Source
    cells: tuple[Cell, ...]
    checks: Mapping[str, Quantity] = field(default_factory=Frozen)
    skipped: Mapping[str, int] = field(default_factory=Frozen)
    node: str = "not stated"

    flipflop: FlipFlop | None = None
    supplies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for cell in self.cells:
            if cell.name in seen:
                raise HardwareError(f"library {self.name}: two cells are called {cell.name}")
            seen.add(cell.name)
        if not self.voltage.value > 0:
            raise HardwareError(f"library {self.name}: the voltage must be > 0 V, got {self.voltage.value}")

    def cell(self, name: str) -> Cell:
        """The cell of that name; HardwareError lists the choices if there is none."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise HardwareError(
            f"library {self.name} has no cell {name!r}; choose one of {', '.join(c.name for c in self.cells)}"
        )

    def smallest(self, table: int, n_inputs: int) -> Cell:
        """The smallest cell that computes the table, of equal ones the fastest.

        Raises HardwareError if there is none.
        """
        fitting = [c for c in self.cells if c.table == table and c.n_inputs == n_inputs and not c.macro]
        if not fitting:
            raise HardwareError(
                f"library {self.name} has no cell with {n_inputs} input(s) and table {table}; "
                "mapping needs at least an inverter (1, 2) and a NAND2 (2, 14)"
            )
        return min(fitting, key=lambda c: (c.area, math.inf if c.delay is None else c.delay, c.name))

    @cached_property
    def inverter(self) -> Cell:
        return self.smallest(INVERTER, 1)

    @property
    def has_nand2(self) -> bool:
        return any(c.table == NAND2 and c.n_inputs == 2 for c in self.cells)

    @cached_property
    def nand2(self) -> Cell:
        return self.smallest(NAND2, 2)

    @property
    def switching(self) -> float:
        """J/F: charging or discharging one farad at this voltage costs V^2 / 2 on average."""
        return self.voltage.value**2 / 2

    def figures(self) -> dict[str, Quantity]:
        """Every known figure by its name."""
        found = {"voltage": self.voltage, "load": self.load, "slew": self.slew}
        for cell in self.cells:
            for name, unit in UNITS.items():
                value = getattr(cell, name)
                if value is not None:
                    source = self.stated if name in ("area", "leakage") else self.source
                    found[f"{cell.name} {name}"] = Quantity(value, unit, source)
        if self.flipflop is not None:
            found |= self.flipflop.figures()
        return {**found, **self.checks}

    def with_values(self, values: Mapping[str, float]) -> CellLibrary:
        """The library with other values of some figures, see hw_models.source.with_values."""
        known = self.figures()
        cells = {cell.name: cell for cell in self.cells}
        changed: dict[str, Any] = {}
        held: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known or name in self.checks:
                raise HardwareError(
                    f"library {self.name} has no figure {name!r}; its figures are voltage, load, slew and "
                    "a cell's name with one of " + ", ".join(UNITS)
                )
            if name in ("voltage", "load", "slew"):
                changed[name] = Quantity(float(value), known[name].unit, known[name].source)
            else:
                cell, _, what = name.rpartition(" ")
                if self.flipflop is not None and cell == self.flipflop.name:
                    held[what] = float(value)
                    continue
                changes: dict[str, Any] = {what: float(value)}
                cells[cell] = replace(cells[cell], **changes)
        if self.flipflop is not None and held:
            changed["flipflop"] = replace(self.flipflop, **held)
        return replace(self, cells=tuple(cells[c.name] for c in self.cells), **changed)

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "cells": [c.name for c in self.cells],
            "skipped": dict(self.skipped),
            "figures": {k: f.describe() for k, f in self.figures().items()},
        }


def leave_out(libraries: Sequence[CellLibrary], patterns: Sequence[str]) -> tuple[CellLibrary, ...]:
    """The libraries without the cells that a pattern names ("XOR2_X1", "*_X4"); flip-flops among them.

    Raises HardwareError for a pattern that fits no cell of any library, and where no inverter is left.
    """
    for pattern in patterns:
        if not any(_fits(name, [pattern]) for library in libraries for name in _names(library)):
            raise HardwareError(
                f"--dont-use {pattern}: no cell of {', '.join(x.name for x in libraries)} is called that; "
                "`thermoc presets NAME` lists a preset's cells, and * stands for any letters"
            )
    return tuple(_without(library, patterns) for library in libraries) if patterns else tuple(libraries)


def _without(library: CellLibrary, patterns: Sequence[str]) -> CellLibrary:
    left = tuple(cell for cell in library.cells if not _fits(cell.macro or cell.name, patterns))
    flipflop = library.flipflop
    if flipflop is not None and _fits(flipflop.name, patterns):
        flipflop = None
    found = replace(library, cells=left, flipflop=flipflop)
    try:
        _ = found.inverter
    except HardwareError as error:
        raise HardwareError(f"--dont-use {' '.join(patterns)} leaves too little: {error}") from None
    return found


def _names(library: CellLibrary) -> list[str]:
    found = [cell.macro or cell.name for cell in library.cells]
    return found if library.flipflop is None else [*found, library.flipflop.name]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
