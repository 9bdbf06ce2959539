"""Elements between two cells that couple them both ways, as one resistor does, and the noise they share.

The noise current of such an element leaves one cell and enters the other; where W < 0 the element ends in
the inverted cell, and its current enters both. With elements of size |w_ij| and noise in proportion to it
the noise of the cells has the covariance

    K_ij = - w_ij,  K_ii = sum_j |w_ij|

which is B B^T for a B with a column for each independent source (docs/physics.md#couplings-as-circuits).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from compiler.ir.langevin import Activation, Couplings, LangevinNetlist

if TYPE_CHECKING:
    from scipy import sparse

DENSE_FROM = 0.5  # share of pairs that exist from which n sources mixed are fewer than one an element


def elements(netlist: LangevinNetlist, values: Callable[[Couplings], np.ndarray]) -> sparse.csr_matrix:
    """(n, n) symmetric, of the n dynamic cells: the part of W that both directions share.

    values : what a group's couplings are, (nnz,)

    A cell that shows a function of its state drives by a buffer, not by a passive element.
    """
    from scipy import sparse

    n, dynamic = netlist.n_cells, np.flatnonzero(~netlist.cells.frozen)
    w = sparse.csr_matrix((n, n))
    for group in (g for g in netlist.couplings if len(g)):
        own = np.asarray(values(group), dtype=np.float64)
        w = w + sparse.csr_matrix((own, group.indices, group.indptr), shape=(n, n))
    bare = sparse.diags((netlist.cells.activation[dynamic] == Activation.IDENTITY).astype(np.float64))
    w = (bare @ w.tocsr()[dynamic][:, dynamic] @ bare).tocsr()
    alike = w.multiply(w.T) > 0
    found = w.sign().multiply(abs(w).minimum(abs(w).T)).multiply(alike).tocsr()
    found.eliminate_zeros()
    return found


def mixing(pairs: sparse.csr_matrix) -> np.ndarray | sparse.csr_matrix:
    """(n, m) B with B B^T = K of symmetric pairs (n, n), w_ij of the elements.

    Of many pairs a dense factor, m = n; else a column for each: +sqrt|w| in one cell and -sign(w) sqrt|w|
    in the other.
    """
    from scipy import sparse

    n = pairs.shape[0]
    if pairs.nnz >= DENSE_FROM * n * n:
        k = -pairs.toarray()
        np.fill_diagonal(k, np.abs(k).sum(axis=1))
        values, vectors = np.linalg.eigh(k)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
    upper = sparse.triu(pairs, 1).tocoo()
    column, root = np.arange(upper.nnz), np.sqrt(np.abs(upper.data))
    ends = np.concatenate([upper.row, upper.col]), np.concatenate([column, column])
    return sparse.csr_matrix(
        (np.concatenate([root, -np.sign(upper.data) * root]), ends), shape=(n, upper.nnz)
    )
