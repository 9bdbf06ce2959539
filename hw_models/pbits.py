"""Arrays of p-bits: what an update costs, term by term.

    E = updates (E_rng + E_clock + E_cycle) + inputs E_bias + 1/2 (wire length) c_wire V_signal^2 activity
        + cells P_static (time of the run)

plus states written and read (terms: arXiv 2510.23972; the wires' is C V^2 / 2). A source that gives one
figure for a whole update has it as E_cycle, and nothing in the other terms of an update.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections
from hw_models.source import Quantity, check_figures, figures_of


@dataclass(frozen=True, slots=True)
class PBitDevice:
    """An array of p-bits on a square grid.

    rng_energy : J per random bit; update_time : s until a p-bit's next bit is independent
    pitch : m between neighbouring cells
    bias_energy : J per coupling into a cell and update (its share of the summed input)
    clock_energy : J per cell and update
    cycle_energy : J per cell and update that is not told apart into these
    static_power : W per cell for as long as a run lasts
    wire_capacitance : F/m; signal_voltage : V that a state travels with
    write_energy : J per frozen cell whose state is loaded; read_energy : J per cell that is read out
    program_energy : J per cell whose couplings and bias are set, once for all runs with them
    imperfections : by what its couplings and biases differ from what is asked for
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {
            "rng_energy": "J",
            "update_time": "s",
            "pitch": "m",
            "bias_energy": "J",
            "clock_energy": "J",
            "cycle_energy": "J",
            "static_power": "W",
            "wire_capacitance": "F/m",
            "signal_voltage": "V",
            "write_energy": "J",
            "read_energy": "J",
            "program_energy": "J",
        }
    )

    name: str
    summary: str
    rng_energy: Quantity
    update_time: Quantity
    pitch: Quantity
    bias_energy: Quantity
    clock_energy: Quantity
    cycle_energy: Quantity
    static_power: Quantity
    wire_capacitance: Quantity
    signal_voltage: Quantity
    write_energy: Quantity
    read_energy: Quantity
    program_energy: Quantity
    imperfections: Imperfections = field(default_factory=Imperfections)

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def __post_init__(self) -> None:
        check_figures(self, ("update_time", "pitch"))
        if self.rng_energy.value + self.cycle_energy.value <= 0:
            raise HardwareError(
                f"device {self.name}: an update must cost something: rng_energy or cycle_energy must be > 0 J"
            )

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "figures": {
                k: f.describe() for k, f in {**self.figures(), **self.imperfections.law_figures()}.items()
            },
        }


@dataclass(frozen=True, slots=True)
class PBitEnergy:
    """J of a run, term by term."""

    rng: float
    bias: float
    clock: float
    neighbour: float
    cycle: float
    static: float
    write: float
    read: float

    @property
    def total(self) -> float:
        return float(sum(getattr(self, f.name) for f in fields(self)))

    def describe(self) -> dict[str, float]:
        terms = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**terms, "total": self.total}


def pbit_energy(
    device: PBitDevice,
    *,
    updates: float,
    inputs: float,
    wire: float,
    activity: float = 1.0,
    cell_seconds: float = 0.0,
    written: float = 0.0,
    read: float = 0.0,
) -> PBitEnergy:
    """Energy of a run.

    updates : updates of single p-bits; inputs : the sum over updates of the cell's couplings
    wire : the sum over updates of the length, in pitches, of the wires that carry the new state
    activity : share of updates that change the state and so charge the wires
    cell_seconds : cells, updated or not, times the seconds of the run
    written, read : cells loaded and read out

    Raises HardwareError for a count below 0 or an activity outside [0, 1].
    """
    counts = {"updates": updates, "inputs": inputs, "wire": wire, "cell_seconds": cell_seconds}
    counts |= {"written": written, "read": read}
    for name, count in counts.items():
        if not (math.isfinite(count) and count >= 0):
            raise HardwareError(f"p-bit energy: {name} must be a number >= 0, got {count}")
    if not 0 <= activity <= 1:
        raise HardwareError(f"p-bit energy: activity must be from 0 to 1, got {activity}")
    per_metre = 0.5 * device.wire_capacitance.value * device.signal_voltage.value**2
    return PBitEnergy(
        rng=updates * device.rng_energy.value,
        bias=inputs * device.bias_energy.value,
        clock=updates * device.clock_energy.value,
        neighbour=wire * device.pitch.value * per_metre * activity,
        cycle=updates * device.cycle_energy.value,
        static=cell_seconds * device.static_power.value,
        write=written * device.write_energy.value,
        read=read * device.read_energy.value,
    )
