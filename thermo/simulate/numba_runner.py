"""The fast runner: numba kernels on tiles of trajectories, one thread a tile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat

import numpy as np

from thermo.kernels import langevin as kernel
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.job import METHODS, Job, Raw, empty_raw
from thermo.simulate.prepare import Prepared, activate_rows
from thermo.simulate.threads import limited_threads

DENSE_FROM = 0.5  # share of couplings that exist from which a dense product is faster (measured)
DENSE_CELLS = 8192  # a dense matrix of more cells would not fit in cache or memory
HUGE_PAGE = 1 << 21  # bytes, on x86 and most ARM systems; elsewhere nothing is lost
BY_CELLS_FROM = 1 << 16  # cells from which one trajectory keeps every thread busy


def is_dense(prepared: Prepared) -> bool:
    """Whether the couplings among dynamic cells are multiplied as a dense matrix."""
    n = prepared.n
    return n <= DENSE_CELLS and prepared.w.nnz >= DENSE_FROM * n * n


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


def _input_products(job: Job) -> Callable[[np.ndarray], np.ndarray]:
    """A function from input states (n_in, lanes) float32 to forces (n, lanes)."""
    p = job.prepared
    w_in = p.w_in.astype(np.float32)
    if p.w_in.nnz < DENSE_FROM * p.n * p.n_inputs:
        return lambda u: w_in @ u
    dense = np.ascontiguousarray(w_in.toarray())
    return lambda u: dense @ u


def _drives(job: Job, index: np.ndarray, product: Callable) -> np.ndarray:
    """(n_drives, n, lanes) float32 force of the inputs at each input scale."""
    p, scales = job.prepared, job.plan.input_scales
    if p.w_in.nnz == 0:
        return np.zeros((scales.size, 1, index.size), np.float32)
    out = np.zeros((scales.size, p.n, index.size), np.float32)
    samples = np.ascontiguousarray(job.inputs[index // job.runs].T)
    for k, scale in enumerate(scales):
        if scale != 0.0 or p.input_activation.any():
            out[k] = product(activate_rows(p.input_activation, scale * samples).astype(np.float32))
    return out


def run_numba(job: Job) -> Raw:
    """Run a job; float32 states, the same bits for any number of threads and any split."""
    p, plan = job.prepared, job.plan
    dense = is_dense(p)
    if not dense and p.n >= BY_CELLS_FROM and can_run_by_cells(job):
        return run_by_cells(job)
    w32 = p.w.astype(np.float32)
    matrix = np.ascontiguousarray(w32.toarray()) if dense else np.zeros((1, 1), np.float32)
    indptr = w32.indptr.astype(np.int64)
    cells = [c.astype(np.float32) for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi)]
    product = _input_products(job)
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
            dense, matrix, indptr, w32.indices, w32.data,
            *cells, p.activation, bool(p.activation.any()), p.mobility,
            plan.dt, METHODS.index(job.method), plan.n_steps, plan.scale, plan.kT, plan.stiffness,
            plan.drive, x, spare, _drives(job, index, product),
            np.uint64(job.seed), np.uint64(job.first - job.first % lanes + tile * lanes),
            STREAM_NOISE,
            p.read, plan.ends, plan.window, out, plan.saved, trajectory,
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
