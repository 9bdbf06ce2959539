"""Symmetry as a checked property: when is the force of a netlist the gradient of an energy?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.ir.kinds import expect
from compiler.ir.langevin import Activation, CouplingKind, Couplings, LangevinNetlist

if TYPE_CHECKING:
    from scipy import sparse

Matrix = Any  # a SciPy CSR matrix or array, whose types are not checked


def matrix(couplings: Couplings) -> sparse.csr_array:
    """(n, n) CSR matrix of the couplings, float64; row is the driven cell. Ties are resolved."""
    from scipy import sparse

    n = couplings.indptr.size - 1
    values = couplings.values.astype(np.float64)
    return sparse.csr_array((values, couplings.indices, couplings.indptr), shape=(n, n))


def is_symmetric(couplings: Couplings, *, ignore: np.ndarray | None = None, rtol: float = 0.0) -> bool:
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

    Input cells drive and are not driven, so their couplings never matter.

    Raises UnsupportedError for circuits, which have no forces.
    """
    expect(netlist, "langevin", "is_gradient", "only a Langevin netlist has forces: give one")
    groups = [(c.kind, _without(matrix(c), netlist.cells.frozen)) for c in netlist.couplings]
    return first_asymmetry(groups, netlist.cells.activation, rtol=rtol) is None


def first_asymmetry(
    groups: Iterable[tuple[CouplingKind, Matrix]], activation: np.ndarray, *, rtol: float = 0.0
) -> tuple[CouplingKind, int, int] | None:
    """Kind and ends (i, j) of the coupling that most spoils the symmetry of the force's Jacobian.

    groups : couplings among the dynamic cells, (n, n), at most one matrix of a kind, a resistive
        one with or without its diagonal; activation : (n,) of these cells
    rtol : what counts as rounding, in the largest |W| compared. None: the force is a gradient

    The force is a gradient if and only if its Jacobian J_ij = df_i/dx_j is symmetric. Between two
    dynamic cells it is a sum over 1, phi_i', phi_j', phi_i' phi_j' and cos(x_j - x_i), which are
    independent functions wherever phi is not the identity; each one's coefficients must agree.
    Hence linear couplings of cells that show a nonlinear phi(x) are no gradient, even if symmetric:
    cell i is then the one that shows it.
    """
    from scipy import sparse

    plain = activation == Activation.IDENTITY
    everywhere = np.ones_like(plain)
    # coefficients of 1, of phi' of the driven, of the driving, of both cells, and of the cosine
    parts: dict[str, Matrix] = {}
    kinds: dict[str, CouplingKind] = {}

    def add(name: str, kind: CouplingKind, w: Matrix, driven: Any, driving: Any) -> None:
        if driven.any() and driving.any():
            w = _masked(w, driven, driving)
            parts[name] = parts[name] + w if name in parts else w
            kinds.setdefault(name, kind)

    for kind, w in groups:
        if kind == CouplingKind.SINE:
            add("cos", kind, w, everywhere, everywhere)
        elif kind == CouplingKind.RESISTIVE:
            add("1", kind, w, everywhere, everywhere)
        elif kind == CouplingKind.LINEAR:
            add("1", kind, w, everywhere, plain)
            add("driving", kind, w, everywhere, ~plain)
        else:
            add("1", kind, w, plain, plain)
            add("driving", kind, w, plain, ~plain)
            add("driven", kind, w, ~plain, plain)
            add("both", kind, w, ~plain, ~plain)
    n = plain.size
    empty = sparse.csr_array((n, n))
    for a, b in (("1", "1"), ("both", "both"), ("cos", "cos"), ("driven", "driving")):
        if a in parts or b in parts:
            found = _worst(parts.get(a, empty), parts.get(b, empty), rtol)
            if found is not None:
                return kinds[b if b in kinds else a], *found
    return None


def _masked(w: Matrix, rows: np.ndarray, columns: np.ndarray) -> Matrix:
    """w with the entries outside these rows and columns set to 0."""
    from scipy import sparse

    if rows.all() and columns.all():
        return w
    keep = np.repeat(rows, np.diff(w.indptr)) & columns[w.indices]
    return sparse.csr_array((w.data * keep, w.indices, w.indptr), shape=w.shape)


def _without(w: sparse.csr_array, cells: np.ndarray | None) -> sparse.csr_array:
    return w if cells is None else _masked(w, ~cells, ~cells)


def _same(a: Matrix, b: Matrix, rtol: float) -> bool:
    """Whether a equals the transpose of b, to `rtol` of their largest magnitude."""
    return _worst(a, b, rtol) is None


def _worst(a: Matrix, b: Matrix, rtol: float) -> tuple[int, int] | None:
    """Where a differs most from the transpose of b, if by more than rtol of the largest value."""
    largest = max((float(np.abs(m.data).max()) for m in (a, b) if m.nnz), default=0.0)
    difference = (a - b.T.tocsr()).tocoo()
    if difference.nnz == 0:
        return None
    k = int(np.argmax(np.abs(difference.data)))
    if abs(float(difference.data[k])) <= rtol * largest:
        return None
    return int(difference.row[k]), int(difference.col[k])
