"""The machine that linear algebra is measured on, and the running of many copies of it.

    dx = -(A x - b) dt + N(0, 2 kT D dt),  D = I unless a noise matrix is given

Cells see their own state and what their couplings bring, one small step after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import ThermocError
from compiler.families.gaussian import GaussianModel, gaussian, lower_gaussian
from compiler.ir.langevin import LangevinNetlist, Phase
from thermo.progress import NullProgress, Progress
from thermo.simulate.langevin.run import simulate_langevin

STEP = 0.1  # dt times a bound of the fastest rate
SAVE = 0.5  # time between kept states, in the same units
BLOCK_BYTES = 1 << 26  # states kept at a time
GROUPS = 16  # independent values that an error is estimated from, at least


class LinearAlgebraError(ThermocError):
    """A matrix or an option that no measurement can be made with."""


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A linear machine and how it is run.

    machines : copies that run side by side, each with noise of its own (or one machine, run that
        often); options : of thermo.simulate.simulate (non_ideal, device_seed, threads, backend)
    """

    model: GaussianModel
    machines: int
    method: str
    dt: float
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """A bound of the fastest rate: the largest row sum of |A|."""
        return fastest_rate(self.model)

    def netlist(self, *phases: Phase) -> LangevinNetlist:
        """The machine with this schedule, every cell read at the end."""
        base = lower_gaussian(self.model, burn_in=1.0, duration=1.0, dt=self.dt)
        return base.with_(schedule=phases, readout=None)


def fastest_rate(model: GaussianModel) -> float:
    """The largest row sum of |A|, which no eigenvalue exceeds in magnitude."""
    return float(abs(model.A).sum(axis=1).max())


def make_machine(
    A: Any,
    b: Any,
    *,
    kT: float,
    noise: Any = None,
    machines: int,
    method: str,
    dt: float | None,
    seed: int,
    step: float = STEP,
    symmetric: bool,
    options: Mapping[str, Any],
) -> Machine:
    """Check a problem and make the machine for it.

    Raises LinearAlgebraError for a matrix that is not square, finite and, where asked for,
    symmetric with a diagonal above 0, or an option out of range.
    """
    model = gaussian(A, b, kT=kT, noise=noise)
    diagonal = model.A.diagonal()
    if not (diagonal > 0).any() and fastest_rate(model) == 0:
        raise LinearAlgebraError("A is 0: nothing relaxes; give a matrix")
    if symmetric and not model.symmetric:
        raise LinearAlgebraError(
            "A is not symmetric, so no energy belongs to it; this measurement needs a symmetric "
            "positive definite matrix (solve, exponential and lyapunov do not)"
        )
    if symmetric and not (diagonal > 0).all():
        i = int(np.argmax(~(diagonal > 0)))
        raise LinearAlgebraError(
            f"A({i}, {i}) is {diagonal[i]:g}; a positive definite matrix has a diagonal above 0"
        )
    if machines < 1:
        raise LinearAlgebraError(f"machines must be at least 1, got {machines}")
    if dt is not None and not (math.isfinite(dt) and dt > 0):
        raise LinearAlgebraError(f"dt must be a finite number > 0, got {dt}")
    rate = fastest_rate(model)
    if dt is not None and dt * rate > 2:
        raise LinearAlgebraError(
            f"dt = {dt:g} is above {2 / rate:g}, 2 / the largest row sum of |A|, where steps may "
            "grow in place of relaxing; choose a smaller one, or leave it out"
        )
    chosen = step / rate if dt is None else dt
    return Machine(model, machines, method, chosen, seed, options)


def check_time(name: str, value: float, least: float = 0.0) -> float:
    """`value` as a float; LinearAlgebraError unless it is finite and above `least`."""
    if not (math.isfinite(value) and value > least):
        raise LinearAlgebraError(f"{name} must be a finite time > {least:g}, got {value}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a recording took: times of one machine, and the mean heat of one machine (or None)."""

    burn_in: float
    time: float
    reads: int
    heat: float | None


def record(
    machine: Machine,
    take: Callable[[int, np.ndarray], None],
    *,
    time: float,
    burn_in: float,
    batches: int,
    every: int,
    least: int = 1,
    progress: Progress | None = None,
) -> Ran:
    """Run all copies and hand their states over, a block at a time.

    take(batch, states) : states (k, machines, n) float32, `every` steps apart; batches are
        consecutive stretches of equal length, each given in one or more blocks
    least : states a block must have at least

    Times are rounded up to whole blocks. A block goes on from where the one before ended, with
    noise of its own. Raises DivergenceError where a direction of A does not relax.
    """
    progress = progress or NullProgress()
    m, n, dt = machine.machines, machine.model.n, machine.dt
    states = max(1, math.ceil(time / (batches * every * dt)))  # of a batch
    room = max(least, 2, BLOCK_BYTES // (4 * n * m))
    parts = max(1, states // room)
    length = max(least, math.ceil(states / parts))
    seeds = np.random.SeedSequence(machine.seed).generate_state(2 + batches * parts, np.uint64)
    x: Any = None
    heats: list[float] = []
    before = math.ceil(burn_in / dt) * dt if burn_in > 0 else 0.0
    progress.start(1 + batches * parts, "measuring")
    try:
        if before:
            first = simulate_langevin(
                machine.netlist(Phase("burn-in", before)),
                runs=m,
                method=machine.method,
                seed=int(seeds[0]),
                keep_final=True,
                **machine.options,
            )
            x = first.final
            heats.append(np.nan if first.heat is None else float(first.heat.mean()))
        progress.update(1)
        netlist = machine.netlist(Phase("measure", length * every * dt))
        for k in range(batches * parts):
            done = simulate_langevin(
                netlist,
                runs=m,
                method=machine.method,
                seed=int(seeds[1 + k]),
                x0=x,
                trajectory_every=every,
                keep_final=True,
                **machine.options,
            )
            assert done.trajectory is not None
            x = done.final
            heats.append(np.nan if done.heat is None else float(done.heat.mean()))
            take(k // parts, done.trajectory[1:, 0])
            progress.update(2 + k)
    finally:
        progress.stop()
    reads = batches * parts * length
    heat = float(np.sum(heats))
    return Ran(before, reads * every * dt, reads, None if np.isnan(heat) else heat)


def batches_of(machines: int) -> int:
    """Stretches of time that tell whether the start is forgotten, and give enough groups."""
    return 2 * max(1, math.ceil(GROUPS / machines / 2))
