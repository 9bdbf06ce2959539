"""The loop of greedy colouring."""

from __future__ import annotations

import numpy as np

from compiler.jit import njit


@njit(cache=True, nogil=True)
def greedy_colours(order, indptr, indices, colours):  # type: ignore[no-untyped-def]
    """Give each cell of `order` in turn the first colour that no neighbour has, in place.

    indptr, indices : symmetric CSR; colours : (n,) int32, -1 where there is none yet
    """
    seen = np.full(colours.shape[0] + 1, -1, np.int64)
    for cell in order:
        for e in range(indptr[cell], indptr[cell + 1]):
            other = colours[indices[e]]
            if other >= 0:
                seen[other] = cell
        first = 0
        while seen[first] == cell:
            first += 1
        colours[cell] = first
