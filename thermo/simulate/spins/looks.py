"""When a run of p-bits is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.langevin import LangevinNetlist
from thermo.simulate.spins.clock import Slice
from thermo.simulate.spins.plan import SpinPhase


@dataclass(frozen=True, slots=True)
class Looks:
    """When to look: every so many sweeps of the phase, or so often in the time that it takes."""

    phase: int
    every: int | None
    times: int | None
    keep: bool
    most: int
    """States of each chain that are kept, where it is known before."""

    @staticmethod
    def of(phase: int, sweeps: int, every: int | None, times: int | None, keep: bool, timed: bool) -> Looks:
        if times is not None and not timed:
            every, times = max(1, sweeps // times), None
        most = times if timed and every is None else None if every is None or timed else sweeps // every
        return Looks(phase, every, times, keep, (most or 0) if keep else 0)

    def passed(self, part: Slice) -> bool:
        """Whether it is time to look after a slice of a timed run."""
        return self.times is not None and int(part.stop * self.times) > int(part.start * self.times)


def observed_phase(netlist: LangevinNetlist, plan: tuple[SpinPhase, ...]) -> int:
    """Number of the phase that is looked at."""
    names = [p.name for p in plan]
    return len(plan) - 1 if netlist.readout is None else names.index(netlist.readout.phase)
