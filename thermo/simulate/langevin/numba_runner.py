"""The fast runner: numba kernels on tiles of trajectories, one thread a tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from thermo.kernels.langevin import tile as kernel
from thermo.kernels.langevin.couplings import Extras, Matrix
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.langevin.activations import activate_rows
from thermo.simulate.langevin.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.langevin.job import COSTS, METHODS, Job, Raw, empty_raw
from thermo.simulate.langevin.tiling import Divergence, Tile, over_tiles

DENSE_FROM = 0.5  # share of couplings that exist from which a dense product is faster (measured)
DENSE_CELLS = 8192  # a dense matrix of more cells would not fit in cache or memory
HUGE_PAGE = 1 << 21  # bytes, on x86 and most ARM systems; elsewhere nothing is lost
BY_CELLS_FROM = 1 << 16  # cells from which one trajectory keeps every thread busy


def is_dense(matrix: sparse.csr_matrix) -> bool:
    """Whether couplings among dynamic cells are multiplied as a dense matrix."""
    n = matrix.shape[0]
    return n <= DENSE_CELLS and matrix.nnz >= DENSE_FROM * n * n


def matrix_of(couplings: sparse.csr_matrix) -> Matrix:
    """Couplings among dynamic cells as the kernels want them."""
    w = couplings.astype(np.float32)
    dense = is_dense(couplings)
    full = np.ascontiguousarray(w.toarray()) if dense else np.zeros((1, 1), np.float32)
    return Matrix(dense, full, w.indptr.astype(np.int64), w.indices, w.data)


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


def input_product(w_in: sparse.csr_matrix) -> Product | None:
    """A function from what inputs show (n_in, lanes) float32 to forces (n, lanes); None if 0."""
    if w_in.nnz == 0:
        return None
    w32 = w_in.astype(np.float32)
    if w_in.nnz < DENSE_FROM * w_in.shape[0] * w_in.shape[1]:
        return lambda u: w32 @ u
    dense = np.ascontiguousarray(w32.toarray())
    return lambda u: dense @ u


def drives_of(job: Job, index: np.ndarray, product: Product | None, show: Product) -> np.ndarray:
    """(n_drives, n, lanes) float32 force of the inputs at each input scale, by show(u)."""
    scales = job.plan.input_scales
    if product is None:
        return np.zeros((scales.size, 1, index.size), np.float32)
    samples = np.ascontiguousarray(job.inputs[index // job.runs].T)
    shown = [show(scale * samples).astype(np.float32) for scale in scales]
    nothing = np.zeros((job.prepared.n, index.size), np.float32)
    return np.stack([product(u) if u.any() else nothing for u in shown])


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Products of the couplings from the inputs, by kind."""

    linear: Product | None
    gradient: Product | None
    sine: Product | None


def extras_of(job: Job, gradient: Matrix, sine: Matrix, inputs: Inputs, index: np.ndarray) -> Extras:
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
        gradient_drives=drives_of(job, index, inputs.gradient, show),
        sin_drives=drives_of(job, index, inputs.sine, np.sin),
        cos_drives=drives_of(job, index, inputs.sine, np.cos),
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
    linear, gradient, sine = (matrix_of(w) for w in couplings)
    cells = [c.astype(np.float32) for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi)]
    inputs = Inputs(*(input_product(w) for w in (p.w_in, p.gradient_in, p.sine_in)))
    show = partial(activate_rows, p.input_activation)
    raw = empty_raw(job)

    def run_tile(tile: int, lanes: int) -> Divergence | None:
        """Run one tile into `raw`; the first divergence, if any."""
        t = Tile.open(job, tile, lanes)
        x, spare = _two_states(p.n, lanes)
        x[:] = t.columns(job.x0)
        kernel.run_tile(
            *linear,
            *cells,
            p.activation,
            bool(p.activation.any()),
            p.mobility,
            plan.dt,
            METHODS.index(job.method),
            plan.n_steps,
            plan.scale,
            plan.kT,
            plan.stiffness,
            plan.drive,
            x,
            spare,
            drives_of(job, t.index, inputs.linear, show),
            None if job.linear else extras_of(job, gradient, sine, inputs, t.index),
            np.uint64(job.seed),
            t.origin,
            STREAM_NOISE,
            p.read,
            p.read_as,
            plan.ends,
            plan.window,
            t.out,
            plan.saved,
            t.trajectory,
            job.heat_method == "potential",
            job.heat_method == "stratonovich",
            t.heat,
            t.work,
            np.float32(job.bound),
            job.check_every,
            t.first,
            t.last,
            t.bad_step,
            t.bad_cell,
        )
        return t.keep(raw, x)

    def width(threads: int) -> int:
        if dense:
            return kernel.dense_lanes(p.n)
        return kernel.sparse_lanes(p.n, job.n_trajectories, threads)

    return over_tiles(job, raw, width, run_tile)
