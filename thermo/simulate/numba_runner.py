"""The fast runner: numba kernels on tiles of trajectories, one thread a tile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat

import numpy as np
from scipy import sparse

from thermo.kernels import langevin as kernel
from thermo.kernels.langevin_couplings import Extras, Matrix
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.activations import activate_rows
from thermo.simulate.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.job import COSTS, METHODS, Job, Raw, empty_raw
from thermo.simulate.threads import limited_threads

DENSE_FROM = 0.5  # share of couplings that exist from which a dense product is faster (measured)
DENSE_CELLS = 8192  # a dense matrix of more cells would not fit in cache or memory
HUGE_PAGE = 1 << 21  # bytes, on x86 and most ARM systems; elsewhere nothing is lost
BY_CELLS_FROM = 1 << 16  # cells from which one trajectory keeps every thread busy


def is_dense(matrix: sparse.csr_matrix) -> bool:
    """Whether couplings among dynamic cells are multiplied as a dense matrix."""
    n = matrix.shape[0]
    return n <= DENSE_CELLS and matrix.nnz >= DENSE_FROM * n * n


def _matrix(couplings: sparse.csr_matrix) -> Matrix:
    """Couplings among dynamic cells as the kernels want them."""
    w = couplings.astype(np.float32)
    dense = is_dense(couplings)
    full = np.ascontiguousarray(w.toarray()) if dense else np.zeros((1, 1), np.float32)
    return Matrix(dense, full, w.indptr.astype(np.int64), w.indices, w.data)


def _lanes_of(job: Job, tile: int, lanes: int) -> tuple[np.ndarray, int, int]:
    """Trajectory in every lane of a tile (lanes,), and the first and last + 1 live lane.

    Tiles begin at multiples of `lanes` in trajectory ids, so a trajectory has the same lane
    however the batch is split. Padding repeats the nearest trajectory.
    """
    index = tile * lanes - job.first % lanes + np.arange(lanes)
    live = np.flatnonzero((index >= 0) & (index < job.n_trajectories))
    return np.clip(index, 0, job.n_trajectories - 1), int(live[0]), int(live[-1]) + 1


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


Product = Callable[[np.ndarray], np.ndarray]


def _input_product(w_in: sparse.csr_matrix) -> Product | None:
    """A function from what inputs show (n_in, lanes) float32 to forces (n, lanes); None if 0."""
    if w_in.nnz == 0:
        return None
    w32 = w_in.astype(np.float32)
    if w_in.nnz < DENSE_FROM * w_in.shape[0] * w_in.shape[1]:
        return lambda u: w32 @ u
    dense = np.ascontiguousarray(w32.toarray())
    return lambda u: dense @ u


def _drives(job: Job, index: np.ndarray, product: Product | None, show: Product) -> np.ndarray:
    """(n_drives, n, lanes) float32 force of the inputs at each input scale, by show(u)."""
    scales = job.plan.input_scales
    if product is None:
        return np.zeros((scales.size, 1, index.size), np.float32)
    samples = np.ascontiguousarray(job.inputs[index // job.runs].T)
    shown = [show(scale * samples).astype(np.float32) for scale in scales]
    nothing = np.zeros((job.prepared.n, index.size), np.float32)
    return np.stack([product(u) if u.any() else nothing for u in shown])


@dataclass(frozen=True, slots=True, eq=False)
class _Inputs:
    """Products of the couplings from the inputs, by kind."""

    linear: Product | None
    gradient: Product | None
    sine: Product | None


def _extras(job: Job, gradient: Matrix, sine: Matrix, inputs: _Inputs, index: np.ndarray) -> Extras:
    """What the kernel needs beyond linear couplings, for the trajectories of one tile."""
    p, plan = job.prepared, job.plan
    show = partial(activate_rows, p.input_activation)
    nudged = p.outputs if job.targets is not None else p.outputs[:0]
    targets = np.zeros((0, index.size)) if job.targets is None else job.targets[index // job.runs].T
    return Extras(
        gradient=gradient,
        sine=sine,
        has_gradient=bool(p.gradient.nnz or p.gradient_in.nnz),
        has_sine=bool(p.sine.nnz or p.sine_in.nnz),
        gradient_drives=_drives(job, index, inputs.gradient, show),
        sin_drives=_drives(job, index, inputs.sine, np.sin),
        cos_drives=_drives(job, index, inputs.sine, np.cos),
        angle=p.angle,
        field=p.field.astype(np.float32),
        second=p.second.astype(np.float32),
        held=plan.held,
        nudge=plan.nudge,
        cost=COSTS.index(job.cost),
        nudged=nudged.astype(np.int64),
        targets=np.ascontiguousarray(targets, np.float32),
    )


def run_numba(job: Job) -> Raw:
    """Run a job; float32 states, the same bits for any number of threads and any split."""
    p, plan = job.prepared, job.plan
    couplings = (p.w, p.gradient, p.sine)
    dense = any(is_dense(w) for w in couplings)
    if not dense and p.n >= BY_CELLS_FROM and can_run_by_cells(job):
        return run_by_cells(job)
    linear, gradient, sine = (_matrix(w) for w in couplings)
    cells = [c.astype(np.float32) for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi)]
    inputs = _Inputs(*(_input_product(w) for w in (p.w_in, p.gradient_in, p.sine_in)))
    show = partial(activate_rows, p.input_activation)
    raw = empty_raw(job)

    def run_tile(tile: int, lanes: int) -> tuple[int, int, int] | None:
        """Run one tile into `raw`; the first divergence, if any."""
        index, first, last = _lanes_of(job, tile, lanes)
        x0 = job.x0[index] if job.x0.shape[0] > 1 else np.repeat(job.x0, lanes, axis=0)
        x, spare = _two_states(p.n, lanes)
        x[:] = x0.T
        out = np.zeros((plan.ends.size, p.read.size, lanes), np.float32)
        trajectory = np.zeros((plan.saved.size, p.n, lanes), np.float32)
        heat, work = np.zeros((2, len(plan.names), lanes))
        bad_step, bad_cell = np.full((2, lanes), -1, np.int64)
        kernel.run_tile(
            *linear,
            *cells, p.activation, bool(p.activation.any()), p.mobility,
            plan.dt, METHODS.index(job.method), plan.n_steps, plan.scale, plan.kT, plan.stiffness,
            plan.drive, x, spare, _drives(job, index, inputs.linear, show),
            None if job.linear else _extras(job, gradient, sine, inputs, index),
            np.uint64(job.seed), np.uint64(job.first - job.first % lanes + tile * lanes),
            STREAM_NOISE,
            p.read, p.read_as, plan.ends, plan.window, out, plan.saved, trajectory,
            job.heat_method == "potential", job.heat_method == "stratonovich",
            heat, work, np.float32(job.bound), job.check_every, first, last, bad_step, bad_cell,
        )  # fmt: skip
        bad = np.flatnonzero(bad_step >= 0)
        if bad.size:
            return int(index[bad[0]]), int(bad_step[bad[0]]), int(bad_cell[bad[0]])
        here = slice(int(index[first]), int(index[last - 1]) + 1)
        raw.outputs[:, here] = out[:, :, first:last].swapaxes(1, 2)
        raw.heat[:, here] = heat[:, first:last]
        raw.work[:, here] = work[:, first:last]
        if raw.final is not None:
            raw.final[here] = x[:, first:last].T
        if raw.trajectory is not None:
            raw.trajectory[:, here] = trajectory[:, :, first:last].swapaxes(1, 2)
        return None

    with limited_threads(job.threads) as threads, ThreadPoolExecutor(threads) as pool:
        if dense:
            lanes = kernel.dense_lanes(p.n)
        else:
            lanes = kernel.sparse_lanes(p.n, job.n_trajectories, threads)
        n_tiles = -(-(job.first % lanes + job.n_trajectories) // lanes)
        job.progress.start(job.n_trajectories, "simulating")
        try:
            # in the order of the tiles, so that the divergence named is always the same one
            for tile, diverged in enumerate(pool.map(run_tile, range(n_tiles), repeat(lanes))):
                if diverged is not None:
                    return replace(raw, diverged=diverged)
                done = (tile + 1) * lanes - job.first % lanes
                job.progress.update(min(done, job.n_trajectories))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            job.progress.stop()
    return raw
