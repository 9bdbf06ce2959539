"""Nets that may become candidates: the loss's derivatives by them, and the best of them."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.emit import address, alive, borrowed
from thermo.kernels.logic.tables import block_sums
from thermo.kernels.logic.updates import LANES, probabilities


@njit(cache=True, nogil=True, error_model="numpy")
def pool_gradients(layer, given, handed, read, dither, work, pool, h, first, last, path):  # type: ignore[no-untyped-def]
    """Add to h the derivatives of the loss by nets that may become candidates.

    pool : (blocks, n) int32, the nets that the wires of a block are asked about (a block shares them, so
        that their rows stay in a cache), n a multiple of 8; 0: of this layer nothing is asked
    h : (blocks, inputs, LANES, n) float32; the rest as train_blocks
    """
    layer, given, handed = borrowed(layer), borrowed(given), borrowed(handed)
    read, work = borrowed(read), borrowed(work)
    n, size, inputs = pool.shape[1], layer.table.shape[1], layer.wires.shape[1]
    p = np.empty(LANES * size, np.float32)
    rounded = np.empty((LANES, size), np.int8)
    sums = np.empty((LANES, size), np.float32)
    dots = np.empty((inputs, LANES, n), np.int32)
    scales, soon = work.scales, np.empty((0, 2), np.int64)
    work.state[0] = -1
    for block in range(first, last):
        logits = address(layer.table) + 4 * p.size * block
        probabilities(logits, p.size, address(p), address(rounded))
        nets = address(pool) + 4 * n * block
        block_sums(
            layer, given, handed, read, dither, work, block, rounded, nets, 0, n, dots, sums, soon, path
        )
        for j in range(inputs):
            for lane in range(LANES):
                for i in range(n):
                    h[block, j, lane, i] += np.float32(scales[lane]) * np.float32(dots[j, lane, i])
    alive((p, rounded, sums, dots, soon))


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
