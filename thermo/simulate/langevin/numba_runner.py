"""The fast runner: numba kernels on tiles of trajectories, one thread a tile."""

from __future__ import annotations

import numpy as np

from compiler.ir.activations import activate_rows
from thermo.kernels.langevin import tile as kernel
from thermo.kernels.langevin.parts import Inertia, Kept, Looks, Schedule, Source, Whole
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.langevin.arguments import (
    Inputs,
    cells_of,
    drives_of,
    extras_of,
    input_product,
    is_dense,
    matrix_of,
    shared_of,
    wiring_of,
    within_reach,
)
from thermo.simulate.langevin.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.langevin.job import Job, Raw, empty_raw
from thermo.simulate.langevin.tiling import Divergence, Tile, over_tiles

HUGE_PAGE = 1 << 21  # bytes, on x86 and most ARM systems; elsewhere nothing is lost
BY_CELLS_FROM = 1 << 16  # cells from which one trajectory keeps every thread busy


def _two_states(n: int, lanes: int) -> np.ndarray:
    """(2, n, lanes) float32, uninitialised; in huge pages where it would fill one.

    A sparse row reads cells all over the state, and a small page is looked up anew for nearly each
    (10 % of the run time at 4096 cells). NumPy asks for huge pages from 4 MB on.
    """
    size = 2 * n * lanes
    if 4 * size < HUGE_PAGE:
        return np.empty((2, n, lanes), np.float32)
    room = np.empty(max(size + HUGE_PAGE // 4, HUGE_PAGE // 2), np.float32)
    start = -room.ctypes.data % HUGE_PAGE // 4
    return room[start : start + size].reshape(2, n, lanes)


def _whole(job: Job, factor: np.ndarray | None, lanes: int) -> Whole | None:
    """A scheme that wants the force of all cells at once, or None."""
    n, heun, lm = job.prepared.n, job.method == "heun", job.method == "leimkuhler-matthews"
    along, wiring = job.heat_method == "stratonovich", wiring_of(job)
    wanted = heun or lm or along or factor is not None or wiring is not None
    if job.prepared.mass is not None or not wanted:
        return None
    return Whole(
        normals=np.empty((n, lanes), np.float32),
        before=np.empty((n if along else 1, lanes), np.float32),
        heun=heun,
        corrector=np.empty((n if heun else 1, lanes), np.float32),
        last=np.empty((n, lanes), np.float32) if lm else None,
        factor=factor,
        along=along,
        wiring=wiring,
        shared=shared_of(job, lanes),
    )


def _inertia(job: Job, t: Tile) -> Inertia | None:
    """Masses, friction and velocities of underdamped cells, or None."""
    p = job.prepared
    if p.mass is None or p.friction is None or job.v0 is None:
        return None
    v = np.ascontiguousarray(t.columns(job.v0), np.float32)
    return Inertia(p.mass, p.friction, v, job.heat_method == "stratonovich")


def run_numba(job: Job) -> Raw:
    """Run a job; float32 states, the same bits for any number of threads and any split."""
    p, plan = job.prepared, job.plan
    couplings = (p.w, p.curved["gradient"], p.curved["sine"])
    # products with factors of the noise are dense, too: their width must not depend on the batch
    mixed = p.wiring is not None and isinstance(p.wiring.shared, np.ndarray)
    dense = mixed or p.factor is not None or any(is_dense(w) for w in couplings)
    if not dense and p.n >= BY_CELLS_FROM and can_run_by_cells(job):
        return run_by_cells(job)
    linear, gradient, sine = (matrix_of(w) for w in couplings)
    cells = cells_of(p)
    inputs = Inputs(*(input_product(w) for w in (p.w_in, p.curved["gradient_in"], p.curved["sine_in"])))

    def show(u: np.ndarray) -> np.ndarray:
        return within_reach(p, activate_rows(p.input_activation, u))

    factor = None if p.factor is None else np.ascontiguousarray(p.factor, np.float32)
    schedule = Schedule(
        p.mobility,
        plan.dt,
        plan.n_steps,
        plan.scale,
        plan.kT,
        plan.stiffness,
        plan.nudge,
        plan.drive,
        plan.held,
    )
    looks = Looks(
        p.read, p.read_as, plan.ends, plan.window, plan.saved, np.float32(job.bound), job.check_every
    )
    plain = job.linear and not job.inertial
    raw = empty_raw(job)

    def run_tile(tile: int, lanes: int) -> Divergence | None:
        """Run one tile into `raw`; the first divergence, if any."""
        t = Tile.open(job, tile, lanes)
        x, spare = _two_states(p.n, lanes)
        x[:] = t.columns(job.x0)
        whole, inertia = _whole(job, factor, lanes), _inertia(job, t)
        euler = True if whole is None and inertia is None else None
        kernel.run_tile(
            linear,
            cells,
            None if plain else extras_of(job, gradient, sine, inputs, t.index),
            euler,
            not linear.dense if euler and plain else None,
            whole,
            inertia,
            schedule,
            Source(np.uint64(job.seed), STREAM_NOISE, t.origin),
            drives_of(job, t.index, inputs.linear, show),
            x,
            spare,
            looks,
            Kept(t.out, t.trajectory, t.ledger, t.first, t.last, t.bad),
            job.heat_method == "potential",
        )
        return t.keep(raw, x, None if inertia is None else inertia.v)

    def width(threads: int) -> int:
        if dense:
            return kernel.dense_lanes(p.n)
        return kernel.sparse_lanes(p.n, job.n_trajectories, threads)

    return over_tiles(job, raw, width, run_tile)
