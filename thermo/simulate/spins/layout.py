"""The order in which p-bits are updated: by the colours of their graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from compiler.passes.spins.colour import colour
from thermo.kernels.spins.rows import GROUP


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Which cells are coupled, and in which order they are updated; shared by all parameters.

    colours : (n,) int32; order : (n,) int64, cell of each row, rows being sorted by colour
    indptr, indices : CSR couplings among rows; source : (nnz,) int64, place of each coupling's
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


def make_layout(n: int, driven: np.ndarray, driving: np.ndarray, source: np.ndarray) -> Layout:
    """Colour and sort n cells with directed couplings driving -> driven."""
    ones = np.ones(driven.size, dtype=np.int8)
    colours = colour(sparse.csr_array((ones, (driven, driving)), shape=(n, n)))
    order = np.argsort(colours, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    sizes = np.bincount(colours) if n else np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.cumsum(-(-sizes // GROUP) * GROUP)])
    within = np.arange(n) - np.concatenate([[0], np.cumsum(sizes)])[colours[order]]
    by_row = np.lexsort((rank[driving], rank[driven]))
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rank[driven], minlength=n), out=indptr[1:])
    return Layout(
        colours=colours,
        order=order,
        indptr=indptr,
        indices=rank[driving][by_row].astype(np.int32),
        source=source[by_row],
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
