"""A run that ends at a time: how far its ramp has come follows the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.plan import SpinPhase

SLICES = 256  # readings of the clock in a run, about


@dataclass(frozen=True, slots=True)
class Slice:
    """`sweeps` sweeps of phase number `phase` while its ramps go from `start` to `stop`, `of` whole ones."""

    phase: int
    sweeps: int
    start: float
    stop: float
    of: float = 1.0

    @property
    def shares(self) -> np.ndarray:
        """(sweeps,) share of the phase's ramps of each sweep, at its middle."""
        one = (self.stop - self.start) / self.sweeps  # 1 in whole sweeps: cuts change no digit
        return (self.start + one * (np.arange(self.sweeps) + 0.5)) / self.of


def slices(plan: tuple[SpinPhase, ...], most: int) -> Iterator[Slice]:
    """A plan, sweep by sweep as it stands, in slices of at most `most` sweeps."""
    for number, phase in enumerate(plan):
        for at in range(0, phase.sweeps, most):
            some = min(most, phase.sweeps - at)
            yield Slice(number, some, at, at + some, phase.sweeps)


def replayed(record: Any, phases: int) -> list[Slice]:
    """The slices of a `Clock.record`; SimulationError for what is none of a plan of so many phases."""
    rows = np.asarray(record, dtype=np.float64)
    fits = rows.ndim == 2 and rows.shape[1] == 4 and rows.shape[0] > 0
    if not (fits and np.isfinite(rows).all() and (rows >= 0).all() and (rows[:, 1] >= 1).all()):
        raise SimulationError("clock must be the `clock` of a result that filled a time: (k, 4) numbers")
    if rows[:, 0].max() >= phases or (np.diff(rows[:, 0]) < 0).any():
        raise SimulationError(f"clock names other phases than the {phases} of this schedule")
    return [Slice(int(p), int(n), a, b) for p, n, a, b in rows.tolist()]


@dataclass(slots=True)
class Clock:
    """A plan stretched to `seconds`: each phase with sweeps has its share of the time, and one at least.

    taken : slices handed out so far; a run of the same slices is the same run
    """

    seconds: float
    taken: list[Slice] = field(default_factory=list)

    def record(self) -> np.ndarray:
        """(k, 4) float64 phase, sweeps, start and stop of the slices handed out."""
        return np.array([(s.phase, s.sweeps, s.start, s.stop) for s in self.taken], np.float64).reshape(-1, 4)

    def slices(self, plan: tuple[SpinPhase, ...]) -> Iterator[Slice]:
        """The next slice once the last one has been run, as long as the speed so far allows."""
        ends = np.cumsum([p.sweeps for p in plan]) / sum(p.sweeps for p in plan) * self.seconds
        begin = time.perf_counter()
        speed = 0.0  # sweeps a second
        for number, end in enumerate(ends.tolist()):
            if not plan[number].sweeps:
                continue
            length = end - (ends[number - 1] if number else 0.0)
            some, at = 1, 0.0
            while True:
                now = time.perf_counter()
                left = begin + end - now
                if at and left * speed < 0.5:
                    break
                if speed:
                    some = max(1, min(2 * some, int(speed * min(self.seconds / SLICES, left))))
                    stop = min(1.0, max(at, 1.0 - (left - some / speed) / length, 1e-12))
                else:
                    stop = 1e-12  # the first sweep tells the speed
                self.taken.append(Slice(number, some, at, stop))
                yield self.taken[-1]
                at, took = stop, time.perf_counter() - now
                speed = some / took if not speed else 0.5 * (speed + some / took)
