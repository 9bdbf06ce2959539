"""Rows of ids of different lengths, laid end to end: row r is what lies between ends[r] and ends[r + 1]."""

from __future__ import annotations

import numpy as np


def by_level(ends: np.ndarray, ids: np.ndarray, n: int) -> list[np.ndarray]:
    """Rows of ragged ids in groups: those that read nothing but ids below n, then those that read such
    rows (row r is id n + r), and so on.
    """
    level = np.zeros(ends.size - 1, dtype=np.int64)
    nested = np.flatnonzero(ids >= n)
    reader = np.searchsorted(ends, nested, side="right") - 1
    while True:
        before = level.copy()
        np.maximum.at(level, reader, level[ids[nested] - n] + 1)
        if np.array_equal(level, before):
            return [np.flatnonzero(level == k) for k in range(int(level.max(initial=-1)) + 1)]


def rows_of(ends: np.ndarray, values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ends, values) of these rows of ragged values."""
    sizes = np.diff(ends)[rows]
    new = np.concatenate([[0], np.cumsum(sizes)])
    return new, values[np.arange(new[-1]) + np.repeat(ends[rows] - new[:-1], sizes)]


def closed(ends: np.ndarray, ids: np.ndarray, n: int, read: np.ndarray) -> np.ndarray:
    """The rows that are read, or that such rows read; `read` is written."""
    if (ids >= n).any():
        for row in np.arange(ends.size - 1)[::-1].tolist():
            if read[row]:
                own = ids[ends[row] : ends[row + 1]]
                read[own[own >= n] - n] = True
    return np.flatnonzero(read)
