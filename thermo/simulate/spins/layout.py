"""The order in which p-bits are updated: by the colours of their graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy import sparse

from compiler.passes.spins.colour import colour
from thermo.kernels.spins.rows import GROUP


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which cells are coupled, and in which order they are updated; shared by all parameters.

    colours : (n,) int32; order : (n,) int64, cell of each row, rows being sorted by colour
    indptr, indices : CSR couplings among rows; source : (nnz,) integers, place of each coupling's
        weight among the weights of the system
    place : (n,) int64 of each row; each colour begins at a multiple of 16 places
    n_places : multiple of 16
    """

    colours: np.ndarray
    order: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    source: np.ndarray
    place: np.ndarray
    n_places: int

    @property
    def n(self) -> int:
        return self.order.size

    def bare(self) -> Layout:
        """The same places without couplings."""
        none = np.zeros(0, np.int32)
        return replace(self, indptr=np.zeros(self.n + 1, np.int64), indices=none, source=none)


def make_layout(n: int, driven: np.ndarray, driving: np.ndarray, source: np.ndarray) -> Layout:
    """Colour and sort n cells with directed couplings driving -> driven."""
    small = max(n, source.size) < 1 << 31
    ends = [v.astype(np.int32, copy=False) if small else v for v in (driven, driving, source)]
    graph = sparse.csr_array((ends[2], (ends[0], ends[1])), shape=(n, n))
    colours = colour(graph)
    order = np.argsort(colours, kind="stable")
    rank = np.empty(n, dtype=graph.indices.dtype)
    rank[order] = np.arange(n)
    sizes = np.bincount(colours) if n else np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.cumsum(-(-sizes // GROUP) * GROUP)])
    within = np.arange(n) - np.concatenate([[0], np.cumsum(sizes)])[colours[order]]
    rows = graph[order] if n else graph
    rows = sparse.csr_array((rows.data, rank[rows.indices], rows.indptr), shape=(n, n))
    rows.sort_indices()
    return Layout(
        colours=colours,
        order=order,
        indptr=rows.indptr.astype(np.int64),
        indices=rows.indices.astype(np.int32, copy=False),
        source=rows.data,
        place=starts[colours[order]] + within,
        n_places=int(starts[-1]),
    )


class Spins(Protocol):
    """What the lanes' tiles take of a SpinSystem, see there."""

    @property
    def n(self) -> int: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def h(self) -> np.ndarray: ...
    @property
    def weights(self) -> np.ndarray: ...
    @property
    def frozen(self) -> np.ndarray: ...
    @property
    def symmetric(self) -> bool: ...
