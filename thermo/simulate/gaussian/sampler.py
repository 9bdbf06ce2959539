"""Trajectories of an Ornstein-Uhlenbeck process without any error of a time step."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hw_models.device import Device
from thermo.kernels.langevin import ou
from thermo.kernels.random import STREAM_NOISE
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.gaussian.system import LinearSystem, Process, linear_system
from thermo.simulate.gaussian.transition import transition
from thermo.simulate.langevin.factor import semidefinite_factor
from thermo.simulate.threads import limited_threads

MAX_BYTES = 4 << 30
TILES = 8  # tiles of trajectories that one thread steps side by side


@dataclass(frozen=True, slots=True, eq=False)
class _Modes:
    """Independent modes of a process in detailed balance: dy = (drive - rate y) dt + dW, x = back y
    and y = into x."""

    rate: np.ndarray
    drive: np.ndarray
    back: np.ndarray
    into: np.ndarray


def _modes(system: LinearSystem) -> _Modes | None:
    """The modes where A Q is symmetric and Q regular; None elsewhere.

    With Q = R R^T, R^-1 A R is symmetric then, and its eigenvectors are orthogonal: nothing is lost
    to their condition.
    """
    a, q = system.drift, system.diffusion
    flow = a @ q
    if np.abs(flow - flow.T).max(initial=0.0) > 1e-13 * np.abs(flow).max(initial=0.0):
        return None
    try:
        root = np.linalg.cholesky(q)
    except np.linalg.LinAlgError:
        return None
    if system.dim == 0 or np.linalg.cond(root) > 1e3:
        return None  # the general way keeps more digits
    whitened = np.linalg.solve(root, a @ root)
    rate, vector = np.linalg.eigh(0.5 * (whitened + whitened.T))
    into = np.linalg.solve(root.T, vector).T
    return _Modes(rate, into @ system.constant, root @ vector, into)


def _mode_tables(modes: _Modes, gaps: np.ndarray) -> tuple[np.ndarray, ...]:
    """back, and decay, shift and spread (m, n) of each gap; rates may be 0 or negative."""
    t = gaps[:, None]
    size = modes.rate * t
    safe = np.where(size == 0, 1.0, size)
    mean = np.where(size == 0, 1.0, -np.expm1(-safe) / safe) * t
    variance = np.where(size == 0, 1.0, -np.expm1(-2 * safe) / (2 * safe)) * t
    tables = (modes.back, np.exp(-size), mean * modes.drive, np.sqrt(variance))
    return tuple(np.ascontiguousarray(v, np.float32) for v in tables)


def _map_tables(system: LinearSystem, gaps: np.ndarray) -> tuple[np.ndarray, ...]:
    """[F, L] (m, n, 2 n) and g (m, n) of each gap."""
    d = system.dim
    maps, shifts = np.zeros((gaps.size, d, 2 * d), np.float32), np.zeros((gaps.size, d), np.float32)
    for k, gap in enumerate(gaps):
        step = transition(system, float(gap))
        maps[k, :, :d] = step.propagator
        maps[k, :, d:] = semidefinite_factor(step.covariance)
        shifts[k] = step.shift
    return maps, shifts


@dataclass(frozen=True, slots=True, eq=False)
class ExactSample:
    """times : (n_times,); states : (n_times, trajectories, d) float32"""

    times: np.ndarray
    states: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ExactSampler:
    """Transitions between given times, worked out once and drawn from as often as wanted.

    times : (n_times,); start : (d,) states at time 0; which : transition of each step
    tables : what the kernel wants; into : (d, d) states to modes, or None without modes
    """

    times: np.ndarray
    start: np.ndarray
    which: np.ndarray
    tables: tuple[np.ndarray, ...]
    into: np.ndarray | None

    def sample(
        self,
        trajectories: int = 1,
        *,
        seed: int = 0,
        first_trajectory: int = 0,
        x0: Any = None,
        threads: int | None = None,
        max_bytes: int = MAX_BYTES,
        progress: Progress | None = None,
    ) -> ExactSample:
        """As `sample_exact`."""
        if trajectories < 1:
            raise SimulationError(f"trajectories must be at least 1, got {trajectories}")
        for name, number in (("seed", seed), ("first_trajectory", first_trajectory)):
            if not 0 <= number < 2**64:
                raise SimulationError(f"{name} must be from 0 to 2^64 - 1, got {number}")
        t, d = self.times, self.start.size
        size = 4 * t.size * d * trajectories
        if size > max_bytes:
            raise SimulationError(
                f"the states would take {size} bytes, more than max_bytes = {max_bytes}: ask for "
                "fewer times, or split the trajectories with first_trajectory"
            )
        start = np.asarray(self.start if x0 is None else x0, np.float64)
        if start.shape not in ((d,), (trajectories, d)) or not np.isfinite(start).all():
            raise SimulationError(
                f"x0 must be finite and of shape ({d},) or ({trajectories}, {d}), got {start.shape}"
            )
        start = np.broadcast_to(start, (trajectories, d))
        states = np.empty((t.size, d, trajectories), np.float32)
        begins = int(t[0] == 0)
        if begins:
            states[0] = start.T
        progress = progress or NullProgress()
        lanes, skip = ou.LANES, first_trajectory % ou.LANES
        n_tiles = -(-(skip + trajectories) // lanes)
        store = np.arange(begins, t.size, dtype=np.int64)
        kernel = ou.run_tile if self.into is None else ou.run_modes

        def run(tile: int, count: int) -> None:
            """Run `count` consecutive tiles into `states`."""
            index = tile * lanes - skip + np.arange(count * lanes)
            live = np.flatnonzero((index >= 0) & (index < trajectories))
            first, last = int(live[0]), int(live[-1]) + 1
            x = start[np.clip(index, 0, trajectories - 1)].T
            x = x if self.into is None else self.into @ x
            x = x.reshape(d, count, lanes).swapaxes(0, 1)
            here = states[:, :, int(index[first]) : int(index[last - 1]) + 1]
            kernel(
                *self.tables,
                self.which,
                store,
                np.ascontiguousarray(x, np.float32),
                here,
                first,
                last,
                np.uint64(seed),
                np.uint64(first_trajectory - skip + tile * lanes),
                STREAM_NOISE,
            )

        with limited_threads(threads) as count, ThreadPoolExecutor(count) as pool:
            width = 1 if self.into is None else max(1, min(TILES, n_tiles // count))
            firsts = range(0, n_tiles, width)
            widths = [min(width, n_tiles - k) for k in firsts]
            progress.start(n_tiles, "exact transitions")
            try:
                for done, _ in zip(firsts, pool.map(run, firsts, widths), strict=True):
                    progress.update(min(done + width, n_tiles))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                progress.stop()
        return ExactSample(t, states.swapaxes(1, 2))


def exact_sampler(
    process: Process, times: Any, *, data: Any = None, phase: int = 0, device: Device | None = None
) -> ExactSampler:
    """The transitions of a quadratic netlist between `times`; see `sample_exact`."""
    system = linear_system(process, data=data, phase=phase, device=device)
    t = np.atleast_1d(np.asarray(times, np.float64))
    if t.ndim != 1 or t.size == 0 or not np.isfinite(t).all():
        raise SimulationError("times must be one or more finite numbers")
    if t[0] < 0 or (np.diff(t) <= 0).any():
        raise SimulationError("times must begin at 0 or later and increase")
    gaps = np.diff(t, prepend=0.0)[int(t[0] == 0) :]
    # gaps that differ by rounding alone are one transition
    digits = np.round(gaps / gaps.max(initial=1e-300), 12)
    _, head, which = np.unique(digits, return_index=True, return_inverse=True)
    with threadpool_limits(1, user_api="blas"):  # threads cost more than these small matrices
        modes = _modes(system)
        tables = _mode_tables(modes, gaps[head]) if modes else _map_tables(system, gaps[head])
    start = np.asarray(system.start, np.float64)
    return ExactSampler(t, start, which.astype(np.int64), tables, modes.into if modes else None)


def sample_exact(
    process: Process,
    times: Any,
    *,
    trajectories: int = 1,
    seed: int = 0,
    first_trajectory: int = 0,
    x0: Any = None,
    data: Any = None,
    phase: int = 0,
    device: Device | None = None,
    threads: int | None = None,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> ExactSample:
    """Trajectories of a quadratic netlist at `times`, without any error of a time step.

    A process in detailed balance (A Q symmetric: a symmetric A with Q = D I) runs mode by mode, any
    other by its transition matrices; `exact_sampler` keeps them for more than one call.

    times : (n_times,) increasing, >= 0, the start being at time 0; one exact transition from each
        to the next. At time 0 the start itself is returned
    seed, first_trajectory : the noise is a function of (seed, trajectory, step, state), the same
        for any number of threads and any split of the batch
    x0 : (d,) or (trajectories, d); default: the cells' own, 0 for a tuple
    device : of a netlist's couplings, as `linear_system`

    Raises as `transition`; SimulationError for times that fall or results above max_bytes.
    """
    return exact_sampler(process, times, data=data, phase=phase, device=device).sample(
        trajectories,
        seed=seed,
        first_trajectory=first_trajectory,
        x0=x0,
        threads=threads,
        max_bytes=max_bytes,
        progress=progress,
    )
