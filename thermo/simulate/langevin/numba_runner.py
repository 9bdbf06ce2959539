"""The fast runner: numba kernels on tiles of trajectories, one thread a tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from compiler.ir.activations import activate_rows
from compiler.ir.langevin import Activation
from thermo.kernels.langevin import tile as kernel
from thermo.kernels.langevin.parts import (
    Cells,
    Extras,
    Inertia,
    Kept,
    Looks,
    Matrix,
    Nudge,
    Schedule,
    Source,
    Whole,
)
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.langevin.by_cells_runner import can_run_by_cells, run_by_cells
from thermo.simulate.langevin.job import COSTS, Job, Raw, empty_raw
from thermo.simulate.langevin.prepare import Prepared
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
    weights = np.ascontiguousarray(w.toarray()) if dense else w.data[None]
    return Matrix(dense, weights, w.indptr.astype(np.int64), w.indices)


def _two_states(n: int, lanes: int) -> np.ndarray:
    """(2, n, lanes) float32, uninitialised; in huge pages where it would fill one.

    A sparse row reads cells all over the state, and a small page is looked up anew for nearly each
    (10 % of the run time at 4096 cells). NumPy asks for huge pages from 4 MB on.
    """
    size = 2 * n * lanes
    if 4 * size < HUGE_PAGE:
        room = np.empty(size + 16, np.float32)
        start = -room.ctypes.data % 64 // 4
        return room[start : start + size].reshape(2, n, lanes)
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
    shown = [(scale * show(samples)).astype(np.float32) for scale in scales]
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
    p = job.prepared
    show = partial(activate_rows, p.input_activation)
    nudged = p.outputs if job.targets is not None else p.outputs[:0]
    targets = np.zeros((0, index.size)) if job.targets is None else job.targets[index // job.runs].T
    return Extras(
        gradient=gradient,
        sine=sine,
        has_gradient=bool(p.curved["gradient"].nnz or p.curved["gradient_in"].nnz),
        has_sine=bool(p.curved["sine"].nnz or p.curved["sine_in"].nnz),
        gradient_drives=drives_of(job, index, inputs.gradient, show),
        sine_drives=np.stack([drives_of(job, index, inputs.sine, wave) for wave in (np.sin, np.cos)]),
        angle=p.angle,
        phase=np.array([p.field, p.second], np.float32),
        pull=Nudge(
            cost=COSTS.index(job.cost),
            cells=nudged.astype(np.int64),
            bare=(p.angle & (p.activation == Activation.IDENTITY))[nudged],
            targets=np.ascontiguousarray(targets, np.float32),
        ),
    )


def cells_of(p: Prepared) -> Cells:
    """The cells as the kernels want them."""
    columns = np.array([p.c1, p.c2, p.c3, p.h, p.lo, p.hi], np.float32)
    return Cells(columns, p.activation, bool(p.activation.any()))


def _whole(job: Job, factor: np.ndarray | None, lanes: int) -> Whole | None:
    """A scheme that wants the force of all cells at once, or None."""
    n, heun, lm = job.prepared.n, job.method == "heun", job.method == "leimkuhler-matthews"
    along = job.heat_method == "stratonovich"
    if job.prepared.mass is not None or not (heun or lm or along or factor is not None):
        return None
    return Whole(
        normals=np.empty((n, lanes), np.float32),
        before=np.empty((n if along else 1, lanes), np.float32),
        corrector=np.empty((n, lanes), np.float32) if heun else None,
        last=np.empty((n, lanes), np.float32) if lm else None,
        factor=factor,
        along=along,
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
    # a product with the noise's factor is dense, too: its width must not depend on the batch
    dense = p.factor is not None or any(is_dense(w) for w in couplings)
    if not dense and p.n >= BY_CELLS_FROM and can_run_by_cells(job):
        return run_by_cells(job)
    linear, gradient, sine = (matrix_of(w) for w in couplings)
    cells = cells_of(p)
    inputs = Inputs(*(input_product(w) for w in (p.w_in, p.curved["gradient_in"], p.curved["sine_in"])))
    show = partial(activate_rows, p.input_activation)
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
            True if euler and plain and not linear.dense else None,
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
