"""The loops of colouring."""

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


@njit(cache=True, nogil=True)
def two_sides(indptr, indices, colours):  # type: ignore[no-untyped-def]
    """Colours 0 and 1 of components without odd cycles, -1 of the others; the first cell of each has 0.

    indptr, indices : symmetric CSR; colours : (n,) int32, overwritten
    """
    n = colours.shape[0]
    queue = np.empty(n, np.int32)
    colours[:] = -2
    for start in range(n):
        if colours[start] != -2:
            continue
        colours[start] = 0
        queue[0] = start
        done, known, odd = 0, 1, False
        while done < known:
            cell = queue[done]
            done += 1
            for e in range(indptr[cell], indptr[cell + 1]):
                other = indices[e]
                if colours[other] == -2:
                    colours[other] = 1 - colours[cell]
                    queue[known] = other
                    known += 1
                elif colours[other] == colours[cell]:
                    odd = True
        if odd:
            for k in range(known):
                colours[queue[k]] = -1
