"""Symmetry as a checked property: when is the force of a netlist the gradient of an energy?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from compiler.ir.couplings import COUPLINGS, Matrix
from compiler.ir.kinds import expect
from compiler.ir.langevin import Activation, CouplingKind, Couplings, LangevinNetlist

if TYPE_CHECKING:
    from scipy import sparse

ALIKE = tuple(
    dict.fromkeys(
        slope.of
        for law in COUPLINGS.values()
        for slope in law.slopes
        if slope.of not in ("driven", "driving")
    )
)
"""Functions in the Jacobian that are the same both ways, so that their coefficients must be, too."""


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
    cells = {"any": np.ones_like(plain), "plain": plain, "shown": ~plain}
    parts: dict[str, Matrix] = {}  # coefficients by the function that they multiply, see Slope
    kinds: dict[str, CouplingKind] = {}
    for kind, w in groups:
        for slope in COUPLINGS[kind].slopes:
            driven, driving = cells[slope.driven], cells[slope.driving]
            if driven.any() and driving.any():
                part = _masked(w, driven, driving)
                parts[slope.of] = parts[slope.of] + part if slope.of in parts else part
                kinds.setdefault(slope.of, kind)
    empty = sparse.csr_array((plain.size, plain.size))
    for a, b in (*((name, name) for name in ALIKE), ("driven", "driving")):
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
