"""From a Liberty file's tables to one figure a cell: area, energy, leakage, delay, capacitance.

One derivation for every library, so that they can be compared:

    load   = mean capacitance of the smallest NAND2's input pins (fan-out of one)
    slew   = what that NAND2 gives when it is given it, at that load: the fixed point of the mean of
             its rise_transition and fall_transition tables
    energy = mean over the input pins of the mean of rise_power and fall_power, plus load V^2 / 2
    delay  = largest of cell_rise and cell_fall over pins and conditions; slope = its growth with
             the load where it is read

Tables are read at (slew, load), linear between their points and beyond the ends. Where a pin has
tables for several conditions (`when`) and none without, their mean counts. What input pins draw
while the output rests is left out; so are ground pins' shares (related_pg_pin).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw_models.arcs import Arc, Table, Timing
from hw_models.cells import INVERTER, MAX_INPUTS, NAND2, Cell, CellLibrary
from hw_models.characterise_flipflops import smallest_flipflop
from hw_models.frozen import Frozen
from hw_models.liberty import Group, function_pins, function_table, read_liberty
from hw_models.liberty_tables import LibertyFile, open_library, read_leakage, read_number, read_table
from hw_models.source import Quantity, Source

DERIVATION = "read at one NAND2 input of load and a NAND2's own slew, see docs/formats.md#liberty"
_EDGES = {
    "positive_unate": ((0,), (1,)),
    "negative_unate": ((1,), (0,)),
    "non_unate": ((0, 1), (0, 1)),
}  # of an input, that make a falling and a rising edge of the output
_APART = ("dont_use", "is_isolation_cell", "is_level_shifter", "pad_cell", "always_on")  # no logic to map to
_SEQUENTIAL = ("ff", "ff_bank", "latch", "latch_bank", "statetable", "test_cell")


def load_library(*paths: str | os.PathLike) -> CellLibrary:
    """The combinational cells of a Liberty file (.lib, .lib.gz), by the derivation above.

    paths : several for a library that is split over files; the first gives its name
    A cell of several outputs is a Cell for each. Cells with state, a third state, more than MAX_INPUTS
    inputs or dont_use are skipped and counted. Raises LibertyError (file, line, rule) for a file that
    cannot be read, a library that has neither NAND2 nor inverter to take load and slew from, and for
    files that differ in voltage.
    """
    return characterise(*((read_liberty(path), str(path)) for path in paths))


def characterise(*parsed: tuple[Group, str]) -> CellLibrary:
    """`load_library` of parsed files, each with what it is called."""
    files = [open_library(group, where) for group, where in parsed]
    skipped: Counter[str] = Counter()
    parts: list[tuple[LibertyFile, _Part]] = []
    for file in files:
        if file.voltage != files[0].voltage:
            raise file.fail(
                file.group.line,
                f"nom_voltage is {file.voltage:g} V, that of {files[0].where} {files[0].voltage:g} V; give "
                "files of one corner",
            )
        for cell in file.group.children("cell"):
            reason = _unfit(cell)
            if reason:
                skipped[reason] += 1
            else:
                parts += [(file, part) for part in _parts(file, cell)]
    load, slew = _operating_point(files[0], parts, skipped)
    names = ", ".join(Path(where).name for _, where in parsed)
    source = Source("derived", names, DERIVATION)
    cells: dict[str, Cell] = {}
    for file, part in parts:
        if part.cell.name in cells:
            raise file.fail(part.line, f"cell {part.cell.name} is described twice")
        cells[part.cell.name] = _finish(file, part, load, slew)
    flipflops = [smallest_flipflop(f, load / f.charge, slew / f.time, source) for f in files]
    group, first = parsed[0]
    return CellLibrary(
        name=group.arguments[0] if group.arguments else Path(first).name,
        summary=f"{len(cells)} combinational cells of {names}",
        voltage=Quantity(files[0].voltage, "V", Source("code", Path(first).name, "nom_voltage")),
        load=Quantity(load, "F", source),
        slew=Quantity(slew, "s", source),
        stated=Source("code", names),
        source=source,
        cells=tuple(cells.values()),
        skipped=Frozen(dict(skipped)),
        flipflop=min((f for f in flipflops if f), key=lambda f: (f.area, f.name), default=None),
    )


# --- one cell --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A cell without the figures that depend on load and slew.

    pins : file's capacitance of each; edges : the same for a falling and a rising edge
    """

    cell: Cell
    line: int
    pins: dict[str, float]
    edges: dict[str, tuple[float, float]]
    output: Group
    powered: tuple[str, ...]


def _unfit(cell: Group) -> str:
    """Why a cell is skipped, or nothing."""
    pins = list(cell.children("pin"))
    outputs = [p for p in pins if p.get("direction") in ("output", "inout")]
    if any(True for _ in cell.children(*_SEQUENTIAL)) or cell.get("clock_gating_integrated_cell"):
        return "has state"
    for mark in _APART:
        if (cell.get(mark) or "").lower() == "true":
            return mark
    if cell.get("switch_cell_type") or any(True for _ in cell.children("retention_cell")):
        return "switches power"
    if cell.get("area") is None:
        return "no area"
    if any(True for _ in cell.children("bus", "bundle")):
        return "has buses"
    if not outputs:
        return "no output"
    if any(p.get("three_state") or p.get("direction") == "inout" for p in outputs):
        return "has a third state"
    if any(p.get("function") is None for p in outputs):
        return "no function"
    names = [name for p in pins if p.get("direction") == "input" for name in p.arguments]
    inputs = len(names)
    if not inputs:
        return "a constant"
    if any(set(_names(p.get("function") or "")) - set(names) for p in outputs):
        return "reads what is no input pin"
    return f"more than {MAX_INPUTS} inputs" if inputs > MAX_INPUTS else ""


def _names(function: str) -> tuple[str, ...]:
    """Pins that a function reads; none if it is malformed, which its reader tells."""
    try:
        return function_pins(function)
    except ValueError:
        return ()


def _parts(file: LibertyFile, group: Group) -> list[_Part]:
    """A part for each output."""
    outputs = [p for p in group.children("pin") if p.get("direction") == "output"]
    return [_part(file, group, output, len(outputs) > 1) for output in outputs]


def _part(file: LibertyFile, group: Group, output: Group, several: bool) -> _Part:
    name = group.arguments[0] if group.arguments else ""
    pin = output.arguments[0] if output.arguments else ""
    taken = [p for p in group.children("pin") if p.get("direction") == "input" and p.arguments]

    def farads(p: Group, name: str) -> float:
        default = file.group.get("default_input_pin_cap") or "0"
        return read_number(file, p.get(name) or p.get("capacitance") or default, p.line)

    pins = {pin: farads(p, "capacitance") for p in taken for pin in p.arguments}
    edges = {
        pin: (farads(p, "fall_capacitance"), farads(p, "rise_capacitance"))
        for p in taken
        for pin in p.arguments
    }
    text = output.get("function") or ""
    try:
        read = set(function_pins(text))
        inputs = tuple(pin for pin in pins if several or pin in read)
        table = function_table(text, tuple(pins) if read - set(pins) else inputs)
    except ValueError as error:
        raise file.fail(output.line, f"cell {name}: function {text!r} cannot be read: {error}") from None
    if not inputs:
        raise file.fail(output.line, f"cell {name}: function {text!r} reads no pin")
    area = group.get("area")
    if area is None:
        raise file.fail(group.line, f"cell {name} has no area")
    powered = tuple(
        p.arguments[0]
        for p in group.children("pg_pin")
        if p.arguments and p.get("pg_type") == "primary_power"
    )
    leakage = read_leakage(file, group, powered)
    known = [pins[pin] for pin in inputs]
    cell = Cell(
        f"{name}/{pin}" if several else name,
        inputs,
        table,
        read_number(file, area, group.line),
        leakage=leakage,
        capacitance=float(np.mean(known)) * file.charge,
        output=pin,
        macro=name if several else "",
    )
    return _Part(cell, group.line, pins, edges, output, powered)


def _by_pin(part: _Part, kind: str, tables: tuple[str, ...]) -> dict[str, list[list[Group]]]:
    """For every input pin the groups of one kind, each as its tables; see the rule on `when`."""
    found: dict[str, dict[bool, list[list[Group]]]] = {}
    for group in part.output.children(kind):
        supply = group.get("related_pg_pin")
        if supply is not None and part.powered and supply not in part.powered:
            continue
        chosen = [t for t in group.groups if t.name in tables]
        for pin in (group.get("related_pin") or "").split():
            if chosen and pin in part.cell.inputs:
                always = group.get("when") is None
                found.setdefault(pin, {}).setdefault(always, []).append(chosen)
    return {pin: kinds.get(True) or kinds[False] for pin, kinds in found.items()}


def _operating_point(
    first: LibertyFile, parts: list[tuple[LibertyFile, _Part]], skipped: Mapping[str, int]
) -> tuple[float, float]:
    """(load, slew), F and s. first : named where there is none; skipped : cells left out, by reason"""
    wanted = [(NAND2, 2), (INVERTER, 1)]
    for table, n in wanted:
        fitting = [
            (file, p)
            for file, p in parts
            if (p.cell.table, p.cell.n_inputs) == (table, n) and not p.cell.macro
        ]
        if fitting:
            file, part = min(fitting, key=lambda found: (found[1].cell.area, found[1].cell.name))
            break
    else:
        left_out = ", ".join(f"{n} {reason}" for reason, n in sorted(skipped.items()))
        raise first.fail(
            first.group.line,
            "no combinational cell is a NAND2 or an inverter, which load and slew are taken from"
            + (f"; left out: {left_out}" if left_out else ""),
        )
    load = float(np.mean([part.pins[pin] for pin in part.cell.inputs]))
    tables = [
        read_table(file, t)
        for groups in _by_pin(part, "timing", ("rise_transition", "fall_transition")).values()
        for group in groups
        for t in group
    ]
    if not tables:
        return load * file.charge, 0.0
    slew = float(np.mean([t.slews[0] for t in tables]))
    for _ in range(100):  # a contraction: a gate sharpens edges slower than its own
        slew = max(float(np.mean([t.at(slew, load) for t in tables])), 0.0)
    return load * file.charge, slew * file.time


def _finish(file: LibertyFile, part: _Part, farads: float, seconds: float) -> Cell:
    """The part's cell with its figures at that load and slew."""
    load, slew = farads / file.charge, seconds / file.time

    def mean(groups: Iterable[list[Group]], read: Callable[[Table], float]) -> float:
        return float(np.mean([np.mean([read(read_table(file, t)) for t in g]) for g in groups]))

    energy = None
    power = _by_pin(part, "internal_power", ("rise_power", "fall_power", "power"))
    if power:
        inner = np.mean([mean(groups, lambda t: t.at(slew, load)) for groups in power.values()])
        energy = max(float(inner) * file.energy + load * file.charge * file.voltage**2 / 2, 0.0)
    worst, slope = None, None
    for table in _delays(file, part):
        delay = table.at(slew, load)
        if worst is None or delay > worst:
            worst, slope = delay, table.growth(slew, load)
    return replace(
        part.cell,
        energy=energy,
        delay=None if worst is None else max(worst, 0.0) * file.time,
        slope=None if slope is None else max(slope, 0.0) * file.time / file.charge,
        timing=_timing(file, part),
    )


def _timing(file: LibertyFile, part: _Part) -> Timing | None:
    """Every arc of the output, under whatever condition; None unless every pin has one."""
    arcs: list[Arc] = []
    for group in part.output.children("timing"):
        if not (group.get("timing_type") or "combinational").startswith("combinational"):
            continue
        tables = {t.name: t for t in group.groups}
        for name in (group.get("related_pin") or "").split():
            if name not in part.cell.inputs:
                continue
            pin = part.cell.inputs.index(name)
            sense = group.get("timing_sense") or _sense(part.cell, pin)
            for after, word in enumerate(("fall", "rise")):
                delay, slew = tables.get(f"cell_{word}"), tables.get(f"{word}_transition")
                if delay is None or slew is None:
                    continue
                made = [read_table(file, t).scaled(file.time, file.charge, file.time) for t in (delay, slew)]
                arcs += [Arc(pin, (before, after), *made) for before in _EDGES[sense][after]]
    if {arc.pin for arc in arcs} != set(range(part.cell.n_inputs)):
        return None
    capacitance = np.array([part.edges[name] for name in part.cell.inputs]) * file.charge
    return Timing(tuple(arcs), capacitance)


def _sense(cell: Cell, pin: int) -> str:
    """Which way the output goes with a pin, by the function."""
    bit = 1 << (cell.n_inputs - 1 - pin)
    rises = {cell.value(row | bit) - cell.value(row) for row in range(1 << cell.n_inputs) if not row & bit}
    if 1 in rises and -1 in rises:
        return "non_unate"
    return "negative_unate" if -1 in rises else "positive_unate"


def _delays(file: LibertyFile, part: _Part) -> Iterator[Table]:
    for groups in _by_pin(part, "timing", ("cell_rise", "cell_fall")).values():
        for group in groups:
            yield from (read_table(file, t) for t in group)
