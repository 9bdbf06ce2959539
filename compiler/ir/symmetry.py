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


def is_symmetric(couplings: Couplings, *, rtol: float = 0.0) -> bool:
    """Whether W_ij = W_ji for all pairs, to `rtol` of the largest |W|."""
    return _is_zero(matrix(couplings), matrix(couplings).T.tocsr(), rtol)


def antisymmetric_fraction(couplings: Couplings) -> float:
    """|(W - W^T) / 2| / |W| in the Frobenius norm: 0 symmetric, 0.71 one-way, 1 antisymmetric."""
    w = matrix(couplings)
    norm = float(np.linalg.norm(w.data))
    return float(np.linalg.norm((w - w.T).data)) / 2 / norm if norm else 0.0


def is_gradient(netlist: LangevinNetlist, *, rtol: float = 0.0) -> bool:
    """Whether the force is -dV/dx of some V at given inputs (self-energies always are).

    The force is a gradient if and only if its Jacobian J_ij = df_i/dx_j is symmetric. Between two
    dynamic cells it is a sum over 1, phi_i', phi_j', phi_i' phi_j' and cos(x_j - x_i), which are
    independent functions wherever phi is not the identity; each one's coefficients must agree.
    Hence linear couplings of cells that show a nonlinear phi(x) are no gradient, even if symmetric.
    Input cells drive and are not driven, so their couplings never matter.
    """
    frozen = netlist.cells.frozen
    plain = netlist.cells.activation == Activation.IDENTITY
    n = netlist.n_cells
    empty = sparse.csr_array((n, n))
    # coefficients of 1, of phi' of the driven, of the driving, of both cells, and of the cosine
    parts = {name: empty for name in ("1", "driven", "driving", "both", "cos")}
    for c in netlist.couplings:
        w = matrix(c).tocoo()
        keep = ~(frozen[w.row] | frozen[w.col]) & (w.data != 0)
        row, col, value = w.row[keep], w.col[keep], w.data[keep]
        if c.kind == CouplingKind.SINE:
            names = np.full(row.size, "cos")
        elif c.kind == CouplingKind.RESISTIVE:
            names = np.full(row.size, "1")
        elif c.kind == CouplingKind.LINEAR:
            names = np.where(plain[col], "1", "driving")
        else:
            names = np.where(
                plain[row], np.where(plain[col], "1", "driving"),
                np.where(plain[col], "driven", "both"),
            )  # fmt: skip
        for name in parts:
            at = names == name
            if at.any():
                parts[name] = parts[name] + sparse.csr_array(
                    (value[at], (row[at], col[at])), shape=(n, n)
                )
    return all(
        _is_zero(parts[a], parts[b].T.tocsr(), rtol)
        for a, b in (("1", "1"), ("both", "both"), ("cos", "cos"), ("driven", "driving"))
    )


def _is_zero(a: sparse.csr_array, b: sparse.csr_array, rtol: float) -> bool:
    """Whether a = b to `rtol` of their largest magnitude."""
    largest = max((float(np.abs(m.data).max()) for m in (a, b) if m.nnz), default=0.0)
    difference = (a - b).data
    return difference.size == 0 or float(np.abs(difference).max()) <= rtol * largest
