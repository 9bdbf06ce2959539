"""Straight-through training of one layer of tables of 3 to 6 inputs on bits.

As thermo.kernels.logic.one_layer, whose layout of wires and scores this has. With G[s] the derivative
of the loss by the class sum that counts a table, int8, e(s) the table's address in sample s and
p = sigmoid(logits), candidate m of input j has the derivative

    h_m = sum_s G[s] D_j[e(s)] x_m[s],    D_j[e] = p[e with bit j set] - p[e with it clear]

D_j is rounded to 1/127, and each product to a whole number, at random, so that its mean is right. Entry e
gets p_e (1 - p_e) times the sum of G over the samples at address e.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import CHUNK, GROUP, dots8
from thermo.kernels.logic.lookups import SHIFT, pack, slopes, spread_entries, tally, weigh
from thermo.kernels.logic.one_layer import LANES, LIMIT, _adam, _softmax_gradient, choose, sigmoid

TOP = np.float32(127)
"""A slope of 1 as int8."""
UNIT = np.float32(2**SHIFT / 127)
"""What a whole number of an input's weight stands for, in units of G."""
_HALF, _ONE = np.float32(0.5), np.float32(1)
_PARTS = 4
"""Histograms beside each other: neighbouring samples with the same address need not wait."""


class Tables(NamedTuple):
    """A layer in training, LANES tables a block.

    table, table_m, table_v : (blocks LANES, 2^inputs) float32, logits and their moments
    scores, ... : (blocks, inputs, k_padded, LANES) float32, of each candidate wire
    wires : (blocks, inputs, LANES, k_padded) int32; best : (blocks, inputs, LANES) int32
    k : candidates of a wire; operands : see lookups; per_class : tables that one class counts
    """

    table: np.ndarray
    table_m: np.ndarray
    table_v: np.ndarray
    scores: np.ndarray
    scores_m: np.ndarray
    scores_v: np.ndarray
    wires: np.ndarray
    best: np.ndarray
    k: int
    n_tables: int
    per_class: int
    operands: int


@njit(cache=True, nogil=True, forceinline=True)
def chosen(wires, best, block, lane, out):  # type: ignore[no-untyped-def]
    """out[j] = the net that input j reads; those beyond the last repeat the first."""
    n = wires.shape[1]
    for j in range(out.shape[0]):
        side = j if j < n else 0
        out[j] = wires[block, side, lane, best[block, side, lane]]


@njit(cache=True, nogil=True)
def count_ones(layer, x, counts, first, last, path):  # type: ignore[no-untyped-def]
    """Add the outputs of the hard tables of blocks first .. last - 1 to the class counts.

    x : (n_features, pitch) uint8 bits; counts : (n_classes, pitch) int32, added to
    """
    pitch, size = x.shape[1], layer.table.shape[1]
    operands = layer.operands
    ones = np.zeros(pitch, np.uint8)
    hard = np.empty((1, size), np.uint8)
    entries = np.empty(1 << operands, np.uint8)
    nets = np.empty(operands, np.int32)
    held, current = 0, -1
    for t in range(first * LANES, min(last * LANES, layer.n_tables)):
        c = t // layer.per_class
        if c != current or held == LIMIT:
            if held:
                for s in range(pitch):
                    counts[current, s] += ones[s]
                    ones[s] = 0
            current, held = c, 0
        chosen(layer.wires, layer.best, t // LANES, t % LANES, nets)
        for e in range(size):
            hard[0, e] = layer.table[t, e] > 0
        spread_entries(hard, 0, size, entries)
        tally(x.ctypes.data, pitch, nets.ctypes.data, entries.ctypes.data, ones.ctypes.data, operands, path)
        held += 1
    if held:
        for s in range(pitch):
            counts[current, s] += ones[s]


@njit(cache=True, nogil=True)
def _add_up(places, weights, n, parts, totals, row):  # type: ignore[no-untyped-def]
    """totals[row, e] = the sum of weights over the first 4 n samples at address e; parts : zeros, and again.

    places : (at least n, 4) uint8; weights : (at least n, 4) int8; parts : (4, 2^operands) int32
    Operands beyond the table's repeat its entries.
    """
    for i in range(n):
        parts[0, places[i, 0]] += weights[i, 0]
        parts[1, places[i, 1]] += weights[i, 1]
        parts[2, places[i, 2]] += weights[i, 2]
        parts[3, places[i, 3]] += weights[i, 3]
    size = totals.shape[1]
    totals[row] = 0
    wide = parts.reshape(-1, size)
    for i in range(wide.shape[0]):
        for e in range(size):
            totals[row, e] += wide[i, e]
            wide[i, e] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def _probabilities(table, row, p):  # type: ignore[no-untyped-def]
    """p[i] = sigmoid(table[row, i])."""
    for i in range(p.shape[0]):
        p[i] = sigmoid(table[row, i])


@njit(cache=True, nogil=True)
def _as_bytes(p, out):  # type: ignore[no-untyped-def]
    """out[i] = p[i] in steps of 1/127, rounded."""
    for i in range(p.shape[0]):
        out[i] = np.int8(p[i] * TOP + _HALF)


@njit(cache=True, nogil=True)
def _slope_of_logits(p, totals, unit, g):  # type: ignore[no-untyped-def]
    """g[i] = unit p (1 - p) totals, all at i."""
    for i in range(p.shape[0]):
        g[i] = unit * np.float32(totals[i]) * p[i] * (_ONE - p[i])


@njit(cache=True, nogil=True)
def _shrink(table, row, keep):  # type: ignore[no-untyped-def]
    for i in range(table.shape[1]):
        table[row, i] *= keep


@njit(cache=True, nogil=True, forceinline=True)
def rough(dither, pitch, t):  # type: ignore[no-untyped-def]
    """Address of table t's share of the dither, so that tables differ in their rounding."""
    return dither.ctypes.data + CHUNK * (t % ((dither.shape[0] - pitch) // CHUNK + 1))


@njit(cache=True, nogil=True, error_model="numpy")
def train_blocks(layer, adam, x, weights, dither, scratch, first, last, path):  # type: ignore[no-untyped-def]
    """Gradient and Adam step of the tables in blocks first .. last - 1, and their new choices.

    weights : (n_classes, pitch) int8; dither : (at least pitch,) uint8 from 0 to 127
    scratch : (packed, few, order), see lookups.pack: most weights are 0 after a few epochs
    """
    table, table_m, table_v, scores, scores_m, scores_v, wires, best, k, n_tables, per_class, operands = layer
    unit, rate_table, rate_wire, beta1, beta2, fix2, epsilon, decay = adam
    pitch, size, inputs = x.shape[1], table.shape[1], wires.shape[1]
    k_padded, full = scores.shape[2], 1 << operands
    nets = np.empty(operands, np.int32)
    p = np.empty(LANES * size, np.float32)
    g = np.empty(LANES * size, np.float32)
    rounded = np.empty((LANES, size), np.int8)
    entries = np.empty(full, np.int8)
    slope = np.empty((operands, full), np.int8)
    masked = np.empty((operands, pitch), np.int8)
    places = np.empty(pitch, np.uint8)
    parts = np.zeros((_PARTS, full), np.int32)
    totals = np.empty((LANES, size), np.int32)
    dots = np.empty((inputs, LANES, k_padded), np.int32)
    h = np.zeros((k, LANES), np.float32)
    e = np.zeros((k, LANES), np.float32)
    wide = np.empty((2, k * LANES), np.float32)
    narrow = np.empty((2, LANES), np.float32)
    largest = np.empty(LANES, np.float32)
    e1 = e.reshape(-1)
    few, many = (best.shape[0], LANES * size), (inputs * best.shape[0], k_padded * LANES)
    p0, m0, v0 = table.reshape(few), table_m.reshape(few), table_v.reshape(few)
    p1, m1, v1 = scores.reshape(many), scores_m.reshape(many), scores_v.reshape(many)
    packed, few_weights, order = scratch
    fours, by_four = places.reshape(-1, 4), few_weights.reshape(-1, 4)
    rows, asked, out = packed.ctypes.data, wires.ctypes.data, dots.ctypes.data
    mask, read, at, given = masked.ctypes.data, nets.ctypes.data, places.ctypes.data, few_weights.ctypes.data
    step = unit * UNIT
    current, width = -1, 0
    for block in range(first, last):
        _probabilities(p0, block, p)
        _as_bytes(p, rounded.reshape(-1))
        for lane in range(LANES):
            t = block * LANES + lane
            c = min(t, n_tables - 1) // per_class
            if c != current:
                current, width = c, pack(x, weights, c, packed, few_weights, order)
            chosen(wires, best, block, lane, nets)
            if size == full:
                slopes(rounded.ctypes.data + size * lane, slope.ctypes.data, operands)
            else:
                spread_entries(rounded, lane, size, entries)
                slopes(entries.ctypes.data, slope.ctypes.data, operands)
            shift = rough(dither, pitch, t)
            weigh(rows, width, read, slope.ctypes.data, given, shift, mask, at, operands, path)
            for j in range(inputs):
                base = LANES * (inputs * block + j) + lane
                for i in range(0, k_padded, GROUP):
                    dots8(
                        mask + j * width,
                        rows,
                        width,
                        asked + 4 * (k_padded * base + i),
                        out + 4 * ((LANES * j + lane) * k_padded + i),
                        path,
                    )
            _add_up(fours, by_four, width // 4, parts, totals, lane)
        _slope_of_logits(p, totals.reshape(-1), unit, g)
        _shrink(p0, block, _ONE - decay)
        _adam(p0, m0, v0, g, block, LANES * size, rate_table, beta1, beta2, fix2, epsilon)
        for j in range(inputs):
            for lane in range(LANES):
                largest[lane] = scores[block, j, best[block, j, lane], lane]
            for i in range(k):
                for lane in range(LANES):
                    h[i, lane] = step * np.float32(dots[j, lane, i])
            _softmax_gradient(p1, inputs * block + j, k, largest, h, e, wide, narrow)
            _adam(p1, m1, v1, e1, inputs * block + j, k * LANES, rate_wire, beta1, beta2, fix2, epsilon)
    choose(scores, k, best, first, last)


@njit(cache=True, nogil=True, error_model="numpy")
def pool_gradients(layer, x, weights, dither, scratch, pool, h, first, last, path):  # type: ignore[no-untyped-def]
    """Add to h the derivatives of the loss by nets that may become candidates.

    pool : (blocks, n) int32, the nets that the wires of a block are asked about, n a multiple of 8
    h : (blocks, inputs, LANES, n) float32; the rest as train_blocks
    """
    pitch, n, size = x.shape[1], pool.shape[1], layer.table.shape[1]
    operands, inputs, full = layer.operands, layer.wires.shape[1], 1 << layer.operands
    nets = np.empty(operands, np.int32)
    p = np.empty(size, np.float32)
    rounded = np.empty((1, size), np.int8)
    entries = np.empty(full, np.int8)
    slope = np.empty((operands, full), np.int8)
    masked = np.empty((operands, pitch), np.int8)
    places = np.empty(pitch, np.uint8)
    dots = np.empty(n, np.int32)
    packed, few, order = scratch
    current, width = -1, 0
    for block in range(first, last):
        for lane in range(LANES):
            t = block * LANES + lane
            c = min(t, layer.n_tables - 1) // layer.per_class
            if c != current:
                current, width = c, pack(x, weights, c, packed, few, order)
            chosen(layer.wires, layer.best, block, lane, nets)
            _probabilities(layer.table, t, p)
            _as_bytes(p, rounded[0])
            spread_entries(rounded, 0, size, entries)
            slopes(entries.ctypes.data, slope.ctypes.data, operands)
            weigh(
                packed.ctypes.data,
                width,
                nets.ctypes.data,
                slope.ctypes.data,
                few.ctypes.data,
                rough(dither, pitch, t),
                masked.ctypes.data,
                places.ctypes.data,
                operands,
                path,
            )
            for j in range(inputs):
                for i in range(0, n, GROUP):
                    dots8(
                        masked.ctypes.data + j * width,
                        packed.ctypes.data,
                        width,
                        pool.ctypes.data + 4 * (n * block + i),
                        dots.ctypes.data + 4 * i,
                        path,
                    )
                for i in range(n):
                    h[block, j, lane, i] += np.float32(dots[i])


@njit(cache=True, nogil=True, error_model="numpy")
def phase(train, layer, adam, x_old, weights, dither, scratch, x, counts, first, last, path):  # type: ignore[no-untyped-def]
    """One thread's part between two losses: update tables of blocks first .. last - 1, count them on x.

    train : whether there is a batch before; see train_blocks and count_ones
    """
    if first < last:
        if train:
            train_blocks(layer, adam, x_old, weights, dither, scratch, first, last, path)
        counts[:] = 0
        count_ones(layer, x, counts, first, last, path)


@njit(cache=True, nogil=True)
def right_answers(layer, x, counts, labels, path):  # type: ignore[no-untyped-def]
    """How many of the samples of x, one a label, the hard network decides right.

    x : (n_features, pitch) uint8 bits; counts : (n_classes, pitch) int32, scratch
    """
    counts[:] = 0
    count_ones(layer, x, counts, 0, layer.best.shape[0], path)
    right = 0
    for s in range(labels.shape[0]):
        at = 0
        for c in range(1, counts.shape[0]):
            if counts[c, s] > counts[at, s]:
                at = c
        right += at == labels[s]
    return right
