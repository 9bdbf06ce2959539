"""What the Langevin kernels are given: a prepared netlist and a tile's inputs in their types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from compiler.ir.activations import activate_rows
from compiler.ir.langevin import Activation
from thermo.kernels.langevin.parts import Cells, Extras, Matrix, Nudge, Shared, Wiring
from thermo.simulate.langevin.job import COSTS, Job
from thermo.simulate.langevin.prepare import Prepared

DENSE_FROM = 0.5  # share of couplings that exist from which a dense product is faster (measured)
DENSE_CELLS = 8192  # a dense matrix of more cells would not fit in cache or memory


def is_dense(matrix: sparse.csr_matrix) -> bool:
    """Whether couplings among dynamic cells are multiplied as a dense matrix."""
    n = matrix.shape[0]
    return n <= DENSE_CELLS and matrix.nnz >= DENSE_FROM * n * n


def matrix_of(couplings: sparse.csr_matrix, *, dense: bool | None = None) -> Matrix:
    """Couplings among dynamic cells as the kernels want them; dense : None: as is_dense says."""
    w = couplings.astype(np.float32)
    dense = is_dense(couplings) if dense is None else dense
    weights = np.ascontiguousarray(w.toarray()) if dense else w.data[None]
    return Matrix(dense, weights, w.indptr.astype(np.int64), w.indices)


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


def within_reach(p: Prepared, shown: np.ndarray) -> np.ndarray:
    """What couplings show of phi."""
    reach = np.inf if p.wiring is None else p.wiring.reach
    return reach * np.tanh(shown / reach) if np.isfinite(reach) else shown


def wiring_of(job: Job) -> Wiring | None:
    """The device's couplings, a row for each number of input: inputs off at input scale 0, else on."""
    p, on = job.prepared, (job.plan.input_scales != 0).astype(np.int64)
    if p.wiring is None:
        return None
    excess, load = (np.ascontiguousarray(part[on]) for part in (p.wiring.excess, p.wiring.load))
    return Wiring(p.wiring.own, excess, load, np.float32(p.wiring.reach), np.empty(p.n, np.float32))


def shared_of(job: Job, lanes: int) -> Shared | None:
    """Noise of the device's couplings that cells share, with scratch for a tile."""
    wiring = job.prepared.wiring
    if wiring is None or wiring.shared is None:
        return None
    n, elements = wiring.shared.shape
    normals, product = (np.empty((rows, lanes), np.float32) for rows in (elements, n))
    mixing = matrix_of(sparse.csr_matrix(wiring.shared), dense=isinstance(wiring.shared, np.ndarray))
    return Shared(mixing, normals, product)


def cells_of(p: Prepared) -> Cells:
    """The cells as the kernels want them."""
    columns = np.array([p.c1, p.c2, p.c3, p.h, p.lo, p.hi], np.float32)
    return Cells(columns, p.activation, bool(p.activation.any()))
