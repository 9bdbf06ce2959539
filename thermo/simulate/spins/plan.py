"""A netlist's schedule in whole sweeps of its p-bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.langevin import LangevinNetlist, Phase
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.plan import whole_steps


@dataclass(frozen=True, slots=True, eq=False)
class SpinPhase:
    """One phase: `sweeps` sweeps, the k-th at the middle of its share of the ramps.

    kT, scale : (start, end), linear, or kT geometric; frozen : (n,) bool, cells that keep their state
    """

    name: str
    sweeps: int
    kT: tuple[float, float]
    scale: tuple[float, float]
    frozen: np.ndarray
    geometric: bool = False

    def ramps(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """kT and scale at these shares (k,) of the phase, (k,) float64 each."""
        kT, scale = (a + (b - a) * shares for a, b in (self.kT, self.scale))
        if self.geometric:
            kT = self.kT[0] * (self.kT[1] / self.kT[0]) ** shares
        return kT, scale

    @property
    def ramped(self) -> bool:
        return self.kT[0] != self.kT[1] or self.scale[0] != self.scale[1]


def plan_spins(
    netlist: LangevinNetlist, *, kT: float | None = None, sweeps: int | None = None
) -> tuple[SpinPhase, ...]:
    """The phases of a netlist; a phase of duration d has d / dt sweeps.

    kT : one temperature in place of all others, in the model's unit of energy
    The phases' kT are in the netlist's unit, that of its couplings (`lowered.energy_scale`)
    sweeps : of the whole schedule: all phases are stretched alike, each keeping one sweep at least

    Raises SimulationError for a schedule that is empty or no whole number of sweeps, and for inputs
    that are scaled.
    """
    if not netlist.schedule:
        raise SimulationError("the netlist's schedule has no phase: there is nothing to run")
    if kT is not None and not (np.isfinite(kT) and kT >= 0):
        raise SimulationError(f"kT must be a finite number of at least 0, got {kT:g}")
    counts = [whole_steps(f"phase {p.name!r}: duration", p.duration, netlist.dt) for p in netlist.schedule]
    if sweeps is not None:
        counts = _stretched(counts, sweeps)
    if kT is not None:
        kT = kT * netlist.lowered.energy_scale
    return tuple(_phase(netlist, p, n, kT) for p, n in zip(netlist.schedule, counts, strict=True))


def _phase(netlist: LangevinNetlist, phase: Phase, sweeps: int, kT: float | None) -> SpinPhase:
    frozen = netlist.cells.frozen.copy()
    if frozen.any() and phase.input_scale != 1.0:
        raise SimulationError(
            f"phase {phase.name!r} scales its inputs by {phase.input_scale:g}; inputs of p-bits "
            "are +-1: set input_scale to 1"
        )
    for name in phase.clamped:
        group = netlist.group(name)
        frozen[group.start : group.stop] = True
    own = phase.kT if phase.kT is not None else (netlist.kT, netlist.kT)
    return SpinPhase(phase.name, sweeps, own if kT is None else (kT, kT), phase.coupling_scale, frozen)


def _stretched(counts: list[int], sweeps: int) -> list[int]:
    """Counts in about the same ratio with the sum `sweeps`."""
    if sweeps < len(counts):
        raise SimulationError(
            f"sweeps must be at least {len(counts)}, one for each phase of the schedule, got {sweeps}"
        )
    spare = sweeps - len(counts)
    ends = np.round(np.cumsum(counts) * (spare / sum(counts))).astype(np.int64)
    return [int(n) + 1 for n in np.diff(ends, prepend=0)]
