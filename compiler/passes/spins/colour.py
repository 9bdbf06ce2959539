"""Colouring of the coupling graph: cells of one colour do not see each other and move together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.langevin import Couplings, LangevinNetlist
from compiler.ir.symmetry import matrix
from compiler.passes.spins.colour_kernels import greedy_colours, two_sides

LARGE = 1 << 16  # edges' ends from which compiled code pays, the same colours

if TYPE_CHECKING:
    from scipy import sparse


def colour(graph: LangevinNetlist | Couplings | Any) -> np.ndarray:
    """(n,) int32 colours from 0, such that no two coupled cells have the same.

    graph : a netlist, one group of couplings, or an (n, n) SciPy sparse matrix whose stored entries
        are the edges, in either direction and of any weight. Input cells of a netlist are never
        updated: their couplings do not count and their colour is 0.

    Connected components without odd cycles get two colours; the others are coloured greedily, most
    neighbours first (Welsh and Powell, Comput. J. 10, 85, 1967), hence with at most one colour more
    than the largest degree. The result depends on the graph alone.

    Raises NetlistError for a cell coupled to itself.
    """
    edges = adjacency(graph)
    own = edges.diagonal()
    if own.any():
        raise NetlistError(f"colour: cell {int(np.argmax(own))} couples to itself; remove the coupling")
    colours = two_colours(edges)
    if (colours < 0).any():
        _greedy(edges, colours)
    return colours


def adjacency(graph: LangevinNetlist | Couplings | Any) -> sparse.csr_array:
    """(n, n) bool CSR matrix, symmetric: which cells are coupled, in either direction.

    Couplings of a netlist's input cells are left out, as these never change.
    """
    from scipy import sparse

    if isinstance(graph, LangevinNetlist):
        n = graph.n_cells
        parts = [matrix(c) for c in graph.couplings]
        frozen = graph.cells.frozen
    else:
        part = matrix(graph) if isinstance(graph, Couplings) else sparse.csr_array(graph)
        n, parts = part.shape[0], [part]
        if part.shape != (n, n):
            raise NetlistError(f"colour: the matrix has the shape {part.shape}; it must be square")
        ones = np.ones(part.nnz, dtype=bool)
        pattern = sparse.csr_array((ones, part.indices, part.indptr), shape=(n, n))
        return sparse.csr_array(pattern + pattern.T.tocsr())
    none = np.zeros(0, dtype=np.int64)
    row = np.concatenate([none, *(np.repeat(np.arange(n), np.diff(p.indptr)) for p in parts)])
    col = np.concatenate([none, *(p.indices for p in parts)])
    free = ~(frozen[row] | frozen[col])
    row, col = row[free], col[free]
    ones = np.ones(2 * row.size, dtype=bool)
    both = (np.concatenate([row, col]), np.concatenate([col, row]))
    edges = sparse.csr_array((ones, both), shape=(n, n))
    edges.sum_duplicates()
    return edges


def two_colours(edges: sparse.csr_array) -> np.ndarray:
    """(n,) int32: 0 and 1 in components without odd cycles, -1 in the others.

    edges : symmetric. In the bipartite double cover, whose vertices are (cell, side) and whose
    edges change sides, a component falls into two exactly if it has no odd cycle.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    n = edges.shape[0]
    if not n:
        return np.zeros(0, dtype=np.int32)
    if edges.nnz > LARGE:
        colours = np.empty(n, np.int32)
        two_sides(edges.indptr.astype(np.int64), edges.indices, colours)
        return colours
    cover = sparse.block_array([[None, edges], [edges, None]], format="csr") if edges.nnz else None
    if cover is None:
        return np.zeros(n, dtype=np.int32)
    _, label = connected_components(cover, directed=False)
    near, far = label[:n], label[n:]
    return np.where(near == far, -1, near > far).astype(np.int32)


def _greedy(edges: sparse.csr_array, colours: np.ndarray) -> None:
    """Fill in the colours that are -1, cells of the largest degree first, in place."""
    degree = np.diff(edges.indptr)
    open_ = np.flatnonzero(colours < 0)
    order = open_[np.argsort(-degree[open_], kind="stable")]
    if edges.nnz > LARGE:
        greedy_colours(order, edges.indptr.astype(np.int64), edges.indices.astype(np.int64), colours)
        return
    start, neighbour = edges.indptr.tolist(), edges.indices.tolist()
    found = colours.tolist()
    for cell in order.tolist():
        taken = {found[other] for other in neighbour[start[cell] : start[cell + 1]]}
        first = 0
        while first in taken:
            first += 1
        found[cell] = first
    colours[:] = found
