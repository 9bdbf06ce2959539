"""What a thread does between two losses, and what is asked of a layer besides its training."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import GROUP, dots8
from thermo.kernels.logic.one_layer import (
    LANES,
    count_ones,
    feature_sums,
    mask_weights,
    sigmoid,
    train_blocks,
)


@njit(cache=True, nogil=True, error_model="numpy")
def pool_gradients(table, wires, best, n_gates, per_class, x, weights, sums, pool, h, first, last, path):  # type: ignore[no-untyped-def]
    """Add to h the derivatives of the loss by wires that may become candidates.

    pool : (blocks, n) int32, the nets that the wires of a block are asked about (a block shares
        them, so that their rows stay in a cache), n a multiple of 8
    h : (blocks, 2, LANES, n) float32; the rest as train_blocks
    """
    pitch, n = x.shape[1], pool.shape[1]
    masked = np.empty((2, pitch), np.int8)
    dots = np.empty(n, np.int32)
    rows, asked, out, mask = x.ctypes.data, pool.ctypes.data, dots.ctypes.data, masked.ctypes.data
    p = np.empty(4, np.float32)
    for block in range(first, last):
        for lane in range(LANES):
            c = min(block * LANES + lane, n_gates - 1) // per_class
            a = wires[block, 0, lane, best[block, 0, lane]]
            b = wires[block, 1, lane, best[block, 1, lane]]
            mask_weights(weights, c, x, b, masked, 0, pitch)
            mask_weights(weights, c, x, a, masked, 1, pitch)
            for i in range(4):
                p[i] = sigmoid(table[block, i, lane])
            for side in range(2):
                for j in range(0, n, GROUP):
                    dots8(mask + side * pitch, rows, pitch, asked + 4 * (n * block + j), out + 4 * j, path)
                d0 = p[2 - side] - p[0]
                d1 = p[3] - p[1 + side] - d0
                for j in range(n):
                    h[block, side, lane, j] += d0 * np.float32(sums[c, pool[block, j]]) + (
                        d1 * np.float32(dots[j])
                    )


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


@njit(cache=True, nogil=True, error_model="numpy")
def phase(  # type: ignore[no-untyped-def]
    train, gates, adam, x_old, weights, index, sums, totals, x, counts, first, last, path
):
    """One thread's part between two losses: update gates of blocks first .. last - 1, count them on x.

    train : whether there is a batch before; see train_blocks and count_ones
    sums : this thread's own scratch
    """
    n_gates, per_class = gates.n_gates, gates.per_class
    if first < last:
        if train:
            c0 = first * LANES // per_class
            c1 = (min(last * LANES, n_gates) - 1) // per_class + 1
            feature_sums(x_old, weights, index, sums, c0, c1, 0, index.shape[0], path)
            train_blocks(gates, adam, x_old, weights, sums, totals, first, last, path)
        counts[:] = 0
        count_ones(gates.table, gates.wires, gates.best, x, n_gates, per_class, counts, first, last)


@njit(cache=True, nogil=True)
def right_answers(gates, x, counts, labels):  # type: ignore[no-untyped-def]
    """How many of the samples of x, one a label, the hard network decides right.

    x : (n_features, pitch) uint8 bits; counts : (n_classes, pitch) int32, scratch
    """
    counts[:] = 0
    blocks = gates.table.shape[0]
    count_ones(gates.table, gates.wires, gates.best, x, gates.n_gates, gates.per_class, counts, 0, blocks)
    right = 0
    for s in range(labels.shape[0]):
        at = 0
        for c in range(1, counts.shape[0]):
            if counts[c, s] > counts[at, s]:
                at = c
        right += at == labels[s]
    return right
