"""Symmetry as a checked property: when is the force of a netlist the gradient of an energy?"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse

from compiler.ir.langevin import Activation, CouplingKind, Couplings, LangevinNetlist


def matrix(couplings: Couplings) -> sparse.csr_array:
    """(n, n) CSR matrix of the couplings, float64; row is the driven cell. Ties are resolved."""
    n = couplings.indptr.size - 1
    values = couplings.values.astype(np.float64)
    return sparse.csr_array((values, couplings.indices, couplings.indptr), shape=(n, n))


def is_symmetric(
    couplings: Couplings, *, ignore: np.ndarray | None = None, rtol: float = 0.0
) -> bool:
    """Whether W_ij = W_ji for all pairs, to `rtol` of the largest |W|.

    ignore : (n,) bool, cells whose couplings do not count (the inputs)
    """
    w = _without(matrix(couplings), ignore)
    return _same(w, w, rtol)


def antisymmetric_fraction(couplings: Couplings, *, ignore: np.ndarray | None = None) -> float:
    """|(W - W^T) / 2| / |W| in the Frobenius norm: 0 symmetric, 0.71 one-way, 1 antisymmetric."""
    w = _without(matrix(couplings), ignore)
    norm = float(np.linalg.norm(w.data))
    return float(np.linalg.norm((w - w.T.tocsr()).data)) / 2 / norm if norm else 0.0


def is_gradient(netlist: LangevinNetlist, *, rtol: float = 0.0) -> bool:
    """Whether the force is -dV/dx of some V at given inputs (self-energies always are).

    The force is a gradient if and only if its Jacobian J_ij = df_i/dx_j is symmetric. Between two
    dynamic cells it is a sum over 1, phi_i', phi_j', phi_i' phi_j' and cos(x_j - x_i), which are
    independent functions wherever phi is not the identity; each one's coefficients must agree.
    Hence linear couplings of cells that show a nonlinear phi(x) are no gradient, even if symmetric.
    Input cells drive and are not driven, so their couplings never matter.
    """
    plain = netlist.cells.activation == Activation.IDENTITY
    everywhere = np.ones_like(plain)
    # coefficients of 1, of phi' of the driven, of the driving, of both cells, and of the cosine
    parts: dict[str, sparse.csr_array] = {}

    def add(name: str, w: sparse.csr_array, driven: np.ndarray, driving: np.ndarray) -> None:
        if driven.any() and driving.any():
            w = _masked(w, driven, driving)
            parts[name] = parts[name] + w if name in parts else w

    for c in netlist.couplings:
        w = _without(matrix(c), netlist.cells.frozen)
        if c.kind == CouplingKind.SINE:
            add("cos", w, everywhere, everywhere)
        elif c.kind == CouplingKind.RESISTIVE:
            add("1", w, everywhere, everywhere)
        elif c.kind == CouplingKind.LINEAR:
            add("1", w, everywhere, plain)
            add("driving", w, everywhere, ~plain)
        else:
            add("1", w, plain, plain)
            add("driving", w, plain, ~plain)
            add("driven", w, ~plain, plain)
            add("both", w, ~plain, ~plain)
    n = netlist.n_cells
    empty = sparse.csr_array((n, n))
    return all(
        _same(parts.get(a, empty), parts.get(b, empty), rtol)
        for a, b in (("1", "1"), ("both", "both"), ("cos", "cos"), ("driven", "driving"))
        if a in parts or b in parts
    )


def _masked(w: sparse.csr_array, rows: np.ndarray, columns: np.ndarray) -> sparse.csr_array:
    """w with the entries outside these rows and columns set to 0."""
    if rows.all() and columns.all():
        return w
    keep = np.repeat(rows, np.diff(w.indptr)) & columns[w.indices]
    return sparse.csr_array((w.data * keep, w.indices, w.indptr), shape=w.shape)


def _without(w: sparse.csr_array, cells: np.ndarray | None) -> sparse.csr_array:
    return w if cells is None else _masked(w, ~cells, ~cells)


def _same(a: sparse.csr_array, b: sparse.csr_array, rtol: float) -> bool:
    """Whether a equals the transpose of b, to `rtol` of their largest magnitude."""
    largest = max((float(np.abs(m.data).max()) for m in (a, b) if m.nnz), default=0.0)
    difference = (a - b.T.tocsr()).data
    return difference.size == 0 or float(np.abs(difference).max()) <= rtol * largest
