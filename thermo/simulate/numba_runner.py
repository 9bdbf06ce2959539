"""The fast runner: numba kernels over tiles of trajectories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from thermo.kernels import langevin as kernel
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.job import METHODS, Job, Raw, empty_raw
from thermo.simulate.prepare import Prepared, activate_rows
from thermo.simulate.threads import limited_threads

DENSE_FROM = 0.5  # share of couplings that exist from which a dense product is faster (measured)
DENSE_CELLS = 8192  # a dense matrix of more cells would not fit in cache or memory
BY_CELLS_FROM = 1 << 16  # cells from which one trajectory keeps every thread busy
CHUNK_BYTES = 1 << 26  # working memory of one kernel call


def is_dense(prepared: Prepared) -> bool:
    """Whether the couplings among dynamic cells are multiplied as a dense matrix."""
    n = prepared.n
    return n <= DENSE_CELLS and prepared.w.nnz >= DENSE_FROM * n * n


def _lanes_of(job: Job, tiles: range, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """Trajectory in every lane of these tiles (T * lanes,), and the live lanes (T, 2).

    Tiles begin at multiples of `lanes` in trajectory ids, so a trajectory has the same lane
    however the batch is split. Padding repeats the nearest trajectory.
    """
    base = job.first - job.first % lanes
    start = base + tiles.start * lanes - job.first
    index = start + np.arange(len(tiles) * lanes)
    live = (index >= 0) & (index < job.n_trajectories)
    by_tile = live.reshape(len(tiles), lanes)
    first = by_tile.argmax(axis=1)
    span = np.stack([first, first + by_tile.sum(axis=1)], axis=1).astype(np.int64)
    return np.clip(index, 0, job.n_trajectories - 1), span


def _tiled(rows: np.ndarray, lanes: int) -> np.ndarray:
    """(T * lanes, k) values of every lane as (T, k, lanes) float32."""
    tiles = rows.reshape(-1, lanes, rows.shape[1])
    return np.ascontiguousarray(tiles.transpose(0, 2, 1), dtype=np.float32)


def _drives(job: Job, index: np.ndarray, lanes: int) -> np.ndarray:
    """(T, n_drives, n, lanes) float32 force of the inputs at each input scale."""
    p, scales = job.prepared, job.plan.input_scales
    tiles = index.size // lanes
    if p.w_in.nnz == 0:
        return np.zeros((tiles, scales.size, 1, lanes), np.float32)
    out = np.zeros((tiles, scales.size, p.n, lanes), np.float32)
    samples = index // job.runs
    few = p.w_in.nnz < DENSE_FROM * p.n * p.n_inputs
    w_in = p.w_in.astype(np.float32)
    dense = np.ascontiguousarray(w_in.toarray()) if not few else np.zeros((1, 1), np.float32)
    part = np.empty((tiles, p.n, lanes), np.float32)
    for k, scale in enumerate(scales):
        if scale == 0.0 and not p.input_activation.any():
            continue
        u = activate_rows(p.input_activation, (scale * job.inputs[samples]).T).T
        tiled = _tiled(u, lanes)
        if few:
            for t in range(tiles):
                out[t, k] = w_in @ tiled[t]
        else:
            kernel.tile_products(dense, tiled, part)
            out[:, k] = part
    return out


def run_numba(job: Job) -> Raw:
    """Run a job; float32 states, the same bits for any number of threads and any split."""
    p, plan = job.prepared, job.plan
    dense = is_dense(p)
    if not dense and p.n >= BY_CELLS_FROM and can_run_by_cells(job):
        return run_by_cells(job)
    lanes = kernel.dense_lanes(p.n) if dense else kernel.sparse_lanes(p.n, job.n_trajectories)
    n_tiles = -(-(job.first % lanes + job.n_trajectories) // lanes)
    w32 = p.w.astype(np.float32)
    matrix = np.ascontiguousarray(w32.toarray()) if dense else np.zeros((1, 1), np.float32)
    index_type = np.int32 if w32.nnz < 2**31 else np.int64
    cells = [c.astype(np.float32) for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi)]
    bounded = bool(np.any(np.isfinite(p.lo)) or np.any(np.isfinite(p.hi)))
    raw = empty_raw(job)
    phases, n_times, n_saved = len(plan.names), plan.ends.size, plan.saved.size
    tile_bytes = 4 * lanes * (p.n * (2 + plan.input_scales.size + n_saved) + 2 * p.n_inputs)
    tile_bytes += 4 * lanes * n_times * p.read.size
    with limited_threads(job.threads) as threads:
        chunk = max(1, min(CHUNK_BYTES // tile_bytes, 16 * threads))
        chunk = -(-chunk // threads) * threads
        job.progress.start(job.n_trajectories, "simulating")
        try:
            for start in range(0, n_tiles, chunk):
                tiles = range(start, min(start + chunk, n_tiles))
                index, live = _lanes_of(job, tiles, lanes)
                count = len(tiles)
                x0 = job.x0[index] if job.x0.shape[0] > 1 else np.repeat(job.x0, index.size, axis=0)
                x = _tiled(x0, lanes)
                out = np.zeros((count, n_times, p.read.size, lanes), np.float32)
                trajectory = np.zeros((count, n_saved, p.n, lanes), np.float32)
                heat = np.zeros((count, phases, lanes))
                work = np.zeros((count, phases, lanes))
                bad_step = np.full((count, lanes), -1, np.int64)
                bad_cell = np.full((count, lanes), -1, np.int64)
                base = job.first - job.first % lanes + start * lanes
                kernel.run(
                    dense, matrix, w32.indptr.astype(np.int64), w32.indices.astype(index_type),
                    w32.data, *cells, bounded, p.activation, bool(p.activation.any()), p.mobility,
                    plan.dt, METHODS.index(job.method), plan.n_steps, plan.scale, plan.kT,
                    plan.stiffness, plan.drive, x, _drives(job, index, lanes),
                    np.uint64(job.seed), np.uint64(base), STREAM_NOISE,
                    p.read, plan.ends, plan.window, out, plan.saved, trajectory,
                    job.heat_method == "potential", job.heat_method == "stratonovich",
                    heat, work, np.float32(job.bound), job.check_every, live, bad_step, bad_cell,
                )  # fmt: skip
                used = np.concatenate(
                    [t * lanes + np.arange(a, b) for t, (a, b) in enumerate(live)]
                )
                where = index[used]
                bad = np.flatnonzero(bad_step.ravel()[used] >= 0)
                if bad.size:
                    lane = used[bad[0]]
                    found = (int(index[lane]), int(bad_step.flat[lane]), int(bad_cell.flat[lane]))
                    return replace(raw, diverged=found)
                raw.outputs[:, where] = _by_lane(out, used)
                raw.heat[:, where] = heat.transpose(1, 0, 2).reshape(phases, -1)[:, used]
                raw.work[:, where] = work.transpose(1, 0, 2).reshape(phases, -1)[:, used]
                if raw.final is not None:
                    raw.final[where] = _by_lane(x[:, None], used)[0]
                if raw.trajectory is not None:
                    raw.trajectory[:, where] = _by_lane(trajectory, used)
                job.progress.update(int(where[-1]) + 1)
        finally:
            job.progress.stop()
    return raw


def _by_lane(a: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(T, times, k, lanes) as (times, lanes in use, k)."""
    tiles, times, k, lanes = a.shape
    return a.transpose(1, 0, 3, 2).reshape(times, tiles * lanes, k)[:, used]
