"""Entries of tables whose value does not matter get the one that makes the table small."""

from __future__ import annotations

import numpy as np

from compiler.circuits.small_functions import costs

ROUNDS = 8
"""Sweeps over the entries at most; few tables change after three."""


def filled(hard: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(tables, 2^k) bool entries of which those marked in `free`, of the same shape, may be any.

    First every input that the other entries do not ask for is dropped, then entries change one by one
    where that saves two-input gates (compiler.circuits.small_functions), until none does.
    """
    n, size = hard.shape
    k = size.bit_length() - 1
    table, open_ = hard.copy(), free.copy()
    for j in range(k):
        _drop(table, open_, k, j)
    powers = np.uint64(1) << np.arange(size, dtype=np.uint64)
    functions = (table * powers).sum(axis=1, dtype=np.uint64)
    price = costs(functions, k)
    active = np.arange(n)
    for _ in range(ROUNDS):
        changed = np.zeros(n, bool)
        for e in range(size):
            rows = active[free[active, e]]
            if rows.size == 0:
                continue
            other = functions[rows] ^ powers[e]
            new = costs(other, k)
            better = new < price[rows]
            functions[rows[better]], price[rows[better]] = other[better], new[better]
            changed[rows[better]] = True
        active = np.flatnonzero(changed)
        if active.size == 0:
            break
    return (functions[:, None] >> np.arange(size, dtype=np.uint64) & np.uint64(1)).astype(bool)


def _drop(table: np.ndarray, open_: np.ndarray, k: int, j: int) -> None:
    """Make the tables independent of input j where the entries that are not open allow it."""
    shape = (-1, 1 << (k - 1 - j), 2, 1 << j)
    values, free = table.reshape(shape), open_.reshape(shape)
    differ = (values[:, :, 0] != values[:, :, 1]) & ~free[:, :, 0] & ~free[:, :, 1]
    rows = np.flatnonzero(~differ.any(axis=(1, 2)))
    one, other = values[rows, :, 0], values[rows, :, 1]
    agreed = np.where(free[rows, :, 0], other, one)
    both = free[rows, :, 0] & free[rows, :, 1]
    for half in range(2):
        values[rows, :, half] = agreed
        free[rows, :, half] = both
