"""The smallest plain flip-flop of a Liberty file, by the rule of hw_models.characterise.

    clock_energy = rise_power + fall_power of the clock's pin
    energy       = mean of rise_power and fall_power of the data pin, plus those of all outputs by the
                   clock, plus load V^2 / 2 (a bit that changes moves the data pin once)
    delay        = largest of cell_rise and cell_fall of the outputs; setup : largest of its constraints

read at the library's slew and load; of supply pins only primary power counts. Plain: an `ff` group, one
clock, one data pin, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hw_models.flipflops import FlipFlop
from hw_models.liberty import Group
from hw_models.liberty_tables import LibertyFile, read_leakage, read_number, read_table
from hw_models.source import Source

_POWER, _DELAYS = ("rise_power", "fall_power", "power"), ("cell_rise", "cell_fall")
_CONSTRAINTS = ("rise_constraint", "fall_constraint")


def smallest_flipflop(file: LibertyFile, load: float, slew: float, source: Source) -> FlipFlop | None:
    """load, slew : in the file's units. None where the file has no plain flip-flop."""
    found = [f for cell in file.group.children("cell") if (f := _flipflop(file, cell, load, slew, source))]
    return min(found, key=lambda f: (f.area, f.name)) if found else None


def _flipflop(file: LibertyFile, cell: Group, load: float, slew: float, source: Source) -> FlipFlop | None:
    pins = {p.arguments[0]: p for p in cell.children("pin") if p.arguments}
    inputs = [name for name, p in pins.items() if p.get("direction") == "input"]
    outputs = [p for p in pins.values() if p.get("direction") == "output"]
    state = list(cell.children("ff"))
    if len(state) != 1 or len(inputs) != 2 or not outputs or any(True for _ in cell.children("test_cell")):
        return None
    clock = next((n for n in inputs if (state[0].get("clocked_on") or "").strip("() ") == n), None)
    if clock is None or cell.get("dont_use") == "true" or cell.get("area") is None:
        return None
    data = next(name for name in inputs if name != clock)
    output, inverts = _shown(state[0], outputs)
    powered = tuple(_powered(cell))

    def mean(groups: Iterable[Group]) -> float:
        """Mean of rise and fall of some internal_power groups, and over their conditions."""
        read = [
            np.mean([read_table(file, t).at(slew, load) for t in g.groups if t.name in _POWER])
            for g in groups
            if any(t.name in _POWER for t in g.groups)
            and (not powered or (g.get("related_pg_pin") or powered[0]) in powered)
        ]
        return float(np.mean(read)) if read else 0.0

    def largest(groups: Iterable[Group], names: tuple[str, ...], at: tuple[float, float]) -> float:
        return max(
            (read_table(file, t).at(*at) for g in groups for t in g.groups if t.name in names), default=0.0
        )

    def capacitance(name: str) -> float:
        return read_number(file, pins[name].get("capacitance") or "0", pins[name].line) * file.charge

    timed = (p.children("timing") for p in outputs)
    setups = (g for g in pins[data].children("timing") if (g.get("timing_type") or "").startswith("setup"))
    inner = mean(pins[data].children("internal_power"))
    inner += sum(mean(p.children("internal_power")) for p in outputs)
    return FlipFlop(
        name=cell.arguments[0],
        area=read_number(file, cell.get("area") or "0", cell.line),
        leakage=read_leakage(file, cell, powered) or 0.0,
        clock_energy=2 * mean(pins[clock].children("internal_power")) * file.energy,
        clock_capacitance=capacitance(clock),
        energy=inner * file.energy + load * file.charge * file.voltage**2 / 2,
        capacitance=capacitance(data),
        delay=max(largest(t, _DELAYS, (slew, load)) for t in timed) * file.time,
        setup=max(largest(setups, _CONSTRAINTS, (slew, slew)), 0.0) * file.time,
        source=source,
        pins=None if output is None else (clock, data, output),
        inverts=inverts,
    )


def _shown(state: Group, outputs: list[Group]) -> tuple[str | None, bool]:
    """The output that shows the bit, else one that shows its complement, and whether it is this."""
    for k, name in enumerate(state.arguments[:2]):
        for pin in outputs:
            if (pin.get("function") or "").strip("() ") == name:
                return pin.arguments[0], k == 1
    return None, False


def _powered(cell: Group) -> Iterator[str]:
    for pin in cell.children("pg_pin"):
        if pin.arguments and pin.get("pg_type") == "primary_power":
            yield pin.arguments[0]
