"""Arrays of p-bits: what an update costs, term by term.

    E = updates (E_rng + E_clock) + inputs E_bias + 1/2 (wire length) c_wire V_signal^2 activity

plus bits written and read (terms: arXiv 2510.23972; the wires' is C V^2 / 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from hw_models.errors import HardwareError
from hw_models.registry import Registry
from hw_models.source import Quantity, Source, check_figures, figures_of


@dataclass(frozen=True, slots=True)
class PBitDevice:
    """An array of p-bits on a square grid.

    rng_energy : J per random bit; update_time : s until a p-bit's next bit is independent
    pitch : m between neighbouring cells
    bias_energy : J per coupling into a cell and update (its share of the summed input)
    clock_energy : J per cell and update
    wire_capacitance : F/m; signal_voltage : V that a state travels with
    write_energy, read_energy : J per bit that is loaded or read out
    """

    name: str
    summary: str
    rng_energy: Quantity
    update_time: Quantity
    pitch: Quantity
    bias_energy: Quantity
    clock_energy: Quantity
    wire_capacitance: Quantity
    signal_voltage: Quantity
    write_energy: Quantity
    read_energy: Quantity

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def __post_init__(self) -> None:
        check_figures(self, ("rng_energy", "update_time", "pitch"))

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "figures": {k: f.describe() for k, f in self.figures().items()},
        }


@dataclass(frozen=True, slots=True)
class PBitEnergy:
    """J of a run, term by term."""

    rng: float
    bias: float
    clock: float
    neighbour: float
    write: float
    read: float

    @property
    def total(self) -> float:
        return self.rng + self.bias + self.clock + self.neighbour + self.write + self.read

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
    written: float = 0.0,
    read: float = 0.0,
) -> PBitEnergy:
    """Energy of a run.

    updates : updates of single p-bits; inputs : the sum over updates of the cell's couplings
    wire : the sum over updates of the length, in pitches, of the wires that carry the new state
    activity : share of updates that change the state and so charge the wires
    written, read : bits loaded and read out

    Raises HardwareError for a count below 0 or an activity outside [0, 1].
    """
    counts = {"updates": updates, "inputs": inputs, "wire": wire, "written": written, "read": read}
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
        write=written * device.write_energy.value,
        read=read * device.read_energy.value,
    )


_CHAIN = "arXiv 2510.23972, as retold"
_WIRE = Source("memory", "about 0.2 fF per um of minimum-pitch on-chip wire")
_SIGNAL = Source("assumed", "about 4 kT/e at 300 K: enough to tell two levels apart")
_UNIT = "pre-silicon sampling unit, energy model of its authors"

_CMOS = PBitDevice(
    name="pbit-cmos",
    summary="subthreshold CMOS p-bits on a 3 um grid, states sent at 0.1 V",
    rng_energy=Quantity(350e-18, "J", Source("second-hand", _CHAIN, "random bit")),
    update_time=Quantity(100e-9, "s", Source("second-hand", _CHAIN, "autocorrelation time")),
    pitch=Quantity(3e-6, "m", Source("second-hand", _CHAIN, "3 um x 3 um cell")),
    bias_energy=Quantity(
        0.5 * 1e-15 * 0.1**2, "J", Source("assumed", "1 fF of summing node a coupling at 0.1 V")
    ),
    clock_energy=Quantity(1e-15 * 0.8**2, "J", Source("assumed", "1 fF of gate and wire switched at 0.8 V")),
    wire_capacitance=Quantity(2e-10, "F/m", _WIRE),
    signal_voltage=Quantity(0.1, "V", _SIGNAL),
    write_energy=Quantity(1e-15, "J", Source("assumed", "one latch written at 0.8 V")),
    read_energy=Quantity(1e-15, "J", Source("assumed", "one latch read at 0.8 V")),
)

_MAGNETIC = replace(
    _CMOS,
    name="pbit-magnetic",
    summary="low-barrier magnetic tunnel junctions on the same grid",
    rng_energy=Quantity(2e-15, "J", Source("memory", "low-barrier magnetic tunnel junction")),
    update_time=Quantity(10e-9, "s", Source("memory", "fluctuation time of low-barrier magnets")),
)

_SAMPLING_UNIT = replace(
    _CMOS,
    name="pbit-sampling-unit",
    summary="the grid with energies published for a pre-silicon sampling unit",
    rng_energy=Quantity(7.09e-15, "J", Source("second-hand", _UNIT, "sample per bit")),
    write_energy=Quantity(153.6e-12, "J", Source("second-hand", _UNIT, "write per bit")),
    read_energy=Quantity(1.692e-12, "J", Source("second-hand", _UNIT, "read per bit")),
)

PBITS = Registry("p-bit device", [(d.name, d) for d in (_CMOS, _MAGNETIC, _SAMPLING_UNIT)])
