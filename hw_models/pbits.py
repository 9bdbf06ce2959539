"""Arrays of p-bits: what an update costs, term by term.

    E = updates (E_rng + E_clock + E_cycle) + inputs E_bias + 1/2 (wire length) c_wire V_signal^2 activity
        + cells P_static (time of the run)

plus states written and read (terms: arXiv 2510.23972; the wires' is C V^2 / 2). A source that gives one
figure for a whole update has it as E_cycle, and nothing in the other terms of an update.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from hw_models.errors import HardwareError
from hw_models.published import ARRAY, ARRAY_CYCLE, ARRAY_READ, ARRAY_WRITE
from hw_models.registry import Registry
from hw_models.source import Quantity, Source, check_figures, figures_of


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
    """

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
            "figures": {k: f.describe() for k, f in self.figures().items()},
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


_CHAIN = "arXiv 2510.23972, as retold"
_WIRE = Source("memory", "about 0.2 fF per um of minimum-pitch on-chip wire")
_SIGNAL = Source("assumed", "about 4 kT/e at 300 K: enough to tell two levels apart")
_LATCH = Source("assumed", "one latch at 0.8 V")
_NONE = Source("derived", "the other terms of an update are told one by one")

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
    cycle_energy=Quantity(0.0, "J", _NONE),
    static_power=Quantity(
        1e-9 * 0.8, "W", Source("assumed", "1 nA a cell at 0.8 V: leakage and bias beside the random bit's")
    ),
    wire_capacitance=Quantity(2e-10, "F/m", _WIRE),
    signal_voltage=Quantity(0.1, "V", _SIGNAL),
    write_energy=Quantity(1e-15, "J", _LATCH),
    read_energy=Quantity(1e-15, "J", _LATCH),
    program_energy=Quantity(
        17 * 8 * 1e-15, "J", Source("assumed", "16 couplings and a bias of 8 bits, 1 fJ a latch")
    ),
)

_MAGNETIC = replace(
    _CMOS,
    name="pbit-magnetic",
    summary="low-barrier magnetic tunnel junctions on the same grid",
    rng_energy=Quantity(2e-15, "J", Source("memory", "low-barrier magnetic tunnel junction")),
    update_time=Quantity(10e-9, "s", Source("memory", "fluctuation time of low-barrier magnets")),
)

_IN_CYCLE = Source("second-hand", ARRAY, "within the whole cycle's energy")

_SAMPLING_UNIT = replace(
    _CMOS,
    name="pbit-sampling-unit",
    summary="pre-silicon p-bit array of degree 16 at 50 MHz: published energies of a whole cycle, per node",
    rng_energy=Quantity(0.0, "J", _IN_CYCLE),
    bias_energy=Quantity(0.0, "J", _IN_CYCLE),
    clock_energy=Quantity(0.0, "J", _IN_CYCLE),
    wire_capacitance=Quantity(0.0, "F/m", _IN_CYCLE),
    static_power=Quantity(0.0, "W", _IN_CYCLE),
    cycle_energy=ARRAY_CYCLE,
    update_time=Quantity(
        10e-9, "s", Source("derived", ARRAY, "20 ns a sweep (second-hand), taken as two colours")
    ),
    read_energy=ARRAY_READ,
    program_energy=ARRAY_WRITE,
)

PBITS = Registry("p-bit device", [(d.name, d) for d in (_CMOS, _MAGNETIC, _SAMPLING_UNIT)])
