"""Couplings of every cell with every other: one number a pair is kept, the columns are made on demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.langevin import CouplingKind, Couplings

BLOCK = 64
LEAST = 64  # cells from which it pays


class AllToAll(Couplings):
    """`linear` couplings of all pairs of n cells, alike both ways.

    n : cells; pairs : (n (n - 1) / 2,) float64, those of (0, 1), (0, 2), ..., (1, 2), ...

    The columns of Couplings, three times the size, are made when one is asked for, and then kept;
    a copy with other weights is one of plain Couplings.
    """

    __slots__ = ("_columns", "n", "pairs")
    n: int
    pairs: np.ndarray
    _columns: tuple[np.ndarray, np.ndarray] | None

    def __init__(self, n: int, pairs: np.ndarray) -> None:
        for name, value in (("kind", CouplingKind.LINEAR), ("n", n), ("pairs", pairs), ("_columns", None)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return 2 * self.pairs.size

    def __repr__(self) -> str:
        return f"AllToAll({len(self):,} linear among {self.n:,} cells)"

    def __reduce__(self) -> Any:
        return AllToAll, (self.n, self.pairs)

    @property
    def indptr(self) -> np.ndarray:  # type: ignore[override]
        return np.arange(self.n + 1) * (self.n - 1)

    @property
    def indices(self) -> np.ndarray:  # type: ignore[override]
        return self._made()[0]

    @property
    def weight(self) -> np.ndarray:  # type: ignore[override]
        return self._made()[1]

    @property
    def tie(self) -> None:  # type: ignore[override]
        return None

    def plain(self) -> Couplings:
        return Couplings(self.kind, self.indptr, self.indices, self.weight)

    def _made(self) -> tuple[np.ndarray, np.ndarray]:
        made = self._columns
        if made is None:
            made = _columns(self.n, self.pairs)
            object.__setattr__(self, "_columns", made)
        return made


def _columns(n: int, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(indices, weight) of n (n - 1) couplings, row by row."""
    weight, ends = np.empty((n, n - 1)), np.empty((n, n - 1), np.int32)
    ends[:] = np.arange(n - 1)
    start = 0
    for i in range(n):
        ends[i, i:] += 1
        weight[i, i:] = pairs[start : start + n - 1 - i]
        start += n - 1 - i
    for a in range(0, n, BLOCK):  # below the diagonal what is above it, by blocks, which the cache holds
        b = min(a + BLOCK, n)
        if b < n:
            weight[b:, a:b] = weight[a:b, b - 1 :].T
        for i in range(a + 1, b):
            weight[i, a:i] = weight[a:i, i - 1]
    return ends.ravel(), weight.ravel()
