"""The best of the nets that may become candidates."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.updates import LANES


@njit(cache=True, nogil=True)
def lowest_new(wires, k, pool, h, n_nets, new, first, last):  # type: ignore[no-untyped-def]
    """new[block, side, lane] = the nets of the pool with the lowest h that are no candidates yet.

    new : (blocks, inputs, LANES, m) int32; a place is -1 where the pool has too few such nets
    """
    wanted = new.shape[3]
    taken = np.zeros(n_nets, np.bool_)
    value = np.empty(wanted, np.float32)
    for block in range(first, last):
        for side in range(wires.shape[1]):
            for lane in range(LANES):
                for j in range(k):
                    taken[wires[block, side, lane, j]] = True
                found = new[block, side, lane]
                value[:] = np.inf
                found[:] = -1
                for j in range(pool.shape[1]):
                    this = h[block, side, lane, j]
                    if this < value[wanted - 1] and not taken[pool[block, j]]:
                        i = wanted - 1
                        while i > 0 and value[i - 1] > this:
                            value[i], found[i] = value[i - 1], found[i - 1]
                            i -= 1
                        value[i], found[i] = this, pool[block, j]
                for j in range(k):
                    taken[wires[block, side, lane, j]] = False
