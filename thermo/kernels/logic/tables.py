"""Straight-through training of layers of tables of 2 to 6 inputs on bits; two-input gates are tables, too.

Tables are held in blocks of LANES, samples of a batch are the columns of byte rows, so that sums over samples
are dot products of bytes (dots). A batch has `pitch` columns, a multiple of 64; weights of columns beyond
its samples are 0. With G[s] the derivative of the loss by a table's output (by the class sum that counts it,
or from the layer above), int8, e(s) the table's address in sample s and p = sigmoid(logits), candidate m of
input j has the derivative

    h_m = sum_s G[s] D_j[e(s)] x_m[s],    D_j[e] = p[e with bit j set] - p[e with it clear]

up to what is the same for all m; softmax over the scores gives q_m (h_m - sum_i q_i h_i) for the score. Entry
e gets p_e (1 - p_e) times the sum of G over the samples at address e, and the net that input j reads gets
G[s] D_j[e(s)] of sample s. D_j is rounded to 1/127, and each product to a whole number, at random, so that
its mean is right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.above import derivatives
from thermo.kernels.logic.dots import CHUNK, GROUP, dots8
from thermo.kernels.logic.lookups import SHIFT, add_up, hard_entries, pack, slopes, tally, weigh
from thermo.kernels.logic.updates import LANES, adam, choose, sigmoid, softmax_gradient

LIMIT = 255
"""Tables whose ones fit a byte counter."""
TOP = np.float32(127)
"""A slope of 1 as int8."""
UNIT = np.float32(2**SHIFT / 127)
"""What a whole number of an input's weight stands for, in units of G."""
_HALF, _ONE = np.float32(0.5), np.float32(1)


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


class Work(NamedTuple):
    """A thread's scratch for one layer; held : entries that a table is held as (lookups.size_of).

    nets : (operands,) int32; slope : (operands, held) int8; masked : (operands, pitch) int8
    places : (pitch,) uint8; totals : (held,) int32; sums : (pitch,) int32
    few : (LANES, pitch) int8, derivatives by outputs; scales : (LANES,) int32, units that a step of theirs is
    packed, order : see lookups.pack; state : (2,) int64, the class of few[0], and the width of its rows
    """

    nets: np.ndarray
    slope: np.ndarray
    masked: np.ndarray
    places: np.ndarray
    totals: np.ndarray
    sums: np.ndarray
    few: np.ndarray
    scales: np.ndarray
    packed: np.ndarray
    order: np.ndarray
    state: np.ndarray


@njit(cache=True, nogil=True)
def outputs(layer, x, out, first, last, path):  # type: ignore[no-untyped-def]
    """out[t] = the outputs of the hard tables of blocks first .. last - 1; (n_tables, pitch) uint8."""
    table, wires, best, operands = layer.table, layer.wires, layer.best, layer.operands
    pitch, size, inputs = x.shape[1], table.shape[1], wires.shape[1]
    entries = np.empty(64, np.uint8)
    nets = np.empty(operands, np.int32)
    rows, read, held, to, logits = (
        x.ctypes.data,
        nets.ctypes.data,
        entries.ctypes.data,
        out.ctypes.data,
        table.ctypes.data,
    )
    for t in range(first * LANES, min(last * LANES, layer.n_tables)):
        for j in range(operands):
            side = j if j < inputs else 0
            nets[j] = wires[t // LANES, side, t % LANES, best[t // LANES, side, t % LANES]]
        for s in range(pitch):
            out[t, s] = 0
        hard_entries(logits + 4 * size * t, held, inputs)
        tally(rows, pitch, read, held, to + pitch * t, operands, path)


@njit(cache=True, nogil=True)
def count_ones(layer, x, counts, first, last, path):  # type: ignore[no-untyped-def]
    """Add the outputs of the hard tables of blocks first .. last - 1 to the class counts.

    x : (n_features, pitch) uint8 bits; counts : (n_classes, pitch) int32, added to
    """
    table, wires, best, operands = layer.table, layer.wires, layer.best, layer.operands
    pitch, size, inputs, per_class = x.shape[1], table.shape[1], wires.shape[1], layer.per_class
    ones = np.zeros(pitch, np.uint8)
    entries = np.empty(64, np.uint8)
    nets = np.empty(operands, np.int32)
    rows, read, held, to, logits = (
        x.ctypes.data,
        nets.ctypes.data,
        entries.ctypes.data,
        ones.ctypes.data,
        table.ctypes.data,
    )
    full, current = 0, -1
    for t in range(first * LANES, min(last * LANES, layer.n_tables)):
        c = t // per_class
        if c != current or full == LIMIT:
            if full:
                for s in range(pitch):
                    counts[current, s] += ones[s]
                    ones[s] = 0
            current, full = c, 0
        for j in range(operands):
            side = j if j < inputs else 0
            nets[j] = wires[t // LANES, side, t % LANES, best[t // LANES, side, t % LANES]]
        hard_entries(logits + 4 * size * t, held, inputs)
        tally(rows, pitch, read, held, to, operands, path)
        full += 1
    if full:
        for s in range(pitch):
            counts[current, s] += ones[s]


@njit(cache=True, nogil=True)
def right_answers(counts, labels):  # type: ignore[no-untyped-def]
    """How many samples, one a label, have the largest count where their label is, the first on a tie.

    counts : (n_classes, pitch) int32
    """
    right = 0
    for s in range(labels.shape[0]):
        at = 0
        for c in range(1, counts.shape[0]):
            if counts[c, s] > counts[at, s]:
                at = c
        right += at == labels[s]
    return right


@njit(cache=True, nogil=True, error_model="numpy")
def probabilities(table, row, p):  # type: ignore[no-untyped-def]
    """p[i] = sigmoid(table[row, i])."""
    for i in range(p.shape[0]):
        p[i] = sigmoid(table[row, i])


@njit(cache=True, nogil=True)
def as_bytes(p, out):  # type: ignore[no-untyped-def]
    """out[i] = p[i] in steps of 1/127, rounded."""
    for i in range(p.shape[0]):
        out[i] = np.int8(p[i] * TOP + _HALF)


@njit(cache=True, nogil=True)
def _slope_of_logits(p, sums, unit, g):  # type: ignore[no-untyped-def]
    """g[i] = unit p (1 - p) sums, all at i."""
    for i in range(p.shape[0]):
        g[i] = unit * sums[i] * p[i] * (_ONE - p[i])


@njit(cache=True, nogil=True)
def _shrink(table, row, keep):  # type: ignore[no-untyped-def]
    for i in range(table.shape[1]):
        table[row, i] *= keep


@njit(cache=True, nogil=True)
def _of_class(layer, given, x, t, few, work):  # type: ignore[no-untyped-def]
    """Into few[0] the derivatives by the class sum that counts table t."""
    state = work.state
    c = min(t, layer.n_tables - 1) // layer.per_class
    state[0], state[1] = c, x.shape[1]
    if given.packs:
        state[1] = pack(x, given.weights, c, work.packed, few, work.order)
    else:
        few[: x.shape[1]] = given.weights[c]


@njit(cache=True, nogil=True, error_model="numpy")
def block_sums(  # type: ignore[no-untyped-def]
    layer, given, handed, x, dither, work, block, rounded, nets, apart, n, dots, sums, path
):
    """Sums over the samples for the tables of a block, by the weights of their inputs; these go down, too.

    rounded : (LANES, 2^inputs) int8, probabilities
    nets : address of the n nets, a multiple of 8, that the first input of the first lane is asked about;
        `apart` elements apart for the next lane, LANES times that for the next input
    dots : (inputs, LANES, n) int32, out, in steps of the weights of inputs
    sums : (LANES, 2^inputs) float32, out, of the derivatives at each address
    work.scales : out, units that a step of the derivatives is; 0 where nothing depends on a table
    """
    operands, wires, best = layer.operands, layer.wires, layer.best
    read, _, _, _, totals, _, few, scales, _, _, state = work
    down, down_read, down_factor = handed
    pitch, inputs, size = x.shape[1], wires.shape[1], sums.shape[1]
    own, packs, hands = given.own, given.packs, down.shape[0] > 0
    width, rows = pitch, x.ctypes.data
    at, weights, slope = read.ctypes.data, few.ctypes.data, work.slope.ctypes.data
    mask, places, total = work.masked.ctypes.data, work.places.ctypes.data, totals.ctypes.data
    table, rough, to = rounded.ctypes.data, dither.ctypes.data, dots.ctypes.data
    n_rough = (dither.shape[0] - pitch) // CHUNK + 1
    different = 4 if operands == 2 else totals.shape[0]
    if packs:
        rows = work.packed.ctypes.data
    if own:
        derivatives(given, block, layer.n_tables, LANES, pitch, dither, work.sums, few, scales)
    for lane in range(LANES):
        t = block * LANES + lane
        for j in range(operands):
            side = j if j < inputs else 0
            read[j] = wires[block, side, lane, best[block, side, lane]]
        if own:
            weights = few.ctypes.data + few.shape[1] * lane
        else:
            scales[lane] = 1
            if min(t, layer.n_tables - 1) // layer.per_class != state[0]:
                _of_class(layer, given, x, t, few[0], work)
            width = state[1]
        if hands:
            mask = down.ctypes.data + t * operands * pitch
            down_factor[t] = max(scales[lane], 1)
            for j in range(inputs):
                down_read[t, j] = read[j]
        for e in range(size):
            sums[lane, e] = 0
        if scales[lane] == 0:
            for j in range(inputs):
                for i in range(n):
                    dots[j, lane, i] = 0
            if hands:
                for j in range(operands):
                    for s in range(pitch):
                        down[t * operands + j, s] = 0
            continue
        slopes(table + size * lane, slope, inputs)
        shift = CHUNK * (t % n_rough)  # tables differ in their rounding
        weigh(rows, width, at, slope, weights, rough + shift, mask, places, operands, path)
        for j in range(inputs):
            asked, here = nets + 4 * apart * (LANES * j + lane), to + 4 * n * (LANES * j + lane)
            for i in range(0, n, GROUP):
                dots8(mask + j * width, rows, width, asked + 4 * i, here + 4 * i, path)
        add_up(places, weights, width, total, operands, path)
        for i in range(0, different, size):
            for e in range(size):
                sums[lane, e] += np.float32(scales[lane]) * np.float32(totals[i + e])


@njit(cache=True, nogil=True, error_model="numpy")
def train_blocks(layer, step, given, handed, x, dither, work, first, last, path):  # type: ignore[no-untyped-def]
    """Gradient and Adam step of the tables in blocks first .. last - 1, and their new choices.

    given, handed : see above; dither : (at least pitch,) uint8 from 0 to 127
    """
    table, table_m, table_v, scores, scores_m, scores_v, wires, best, k = layer[:9]
    unit, rate_table, rate_wire, beta1, beta2, fix2, epsilon, decay = step
    size, inputs, k_padded = table.shape[1], wires.shape[1], scores.shape[2]
    p = np.empty(LANES * size, np.float32)
    g = np.empty(LANES * size, np.float32)
    rounded = np.empty((LANES, size), np.int8)
    sums = np.empty((LANES, size), np.float32)
    dots = np.empty((inputs, LANES, k_padded), np.int32)
    h = np.zeros((k, LANES), np.float32)
    e = np.zeros((k, LANES), np.float32)
    wide = np.empty((2, k * LANES), np.float32)
    narrow = np.empty((2, LANES), np.float32)
    largest = np.empty(LANES, np.float32)
    e1, scales = e.reshape(-1), work.scales
    few, many = (best.shape[0], LANES * size), (inputs * best.shape[0], k_padded * LANES)
    p0, m0, v0 = table.reshape(few), table_m.reshape(few), table_v.reshape(few)
    p1, m1, v1 = scores.reshape(many), scores_m.reshape(many), scores_v.reshape(many)
    asked, of_block = wires.ctypes.data, 4 * inputs * LANES * k_padded
    work.state[0] = -1
    for block in range(first, last):
        probabilities(p0, block, p)
        as_bytes(p, rounded.reshape(-1))
        nets = asked + of_block * block
        block_sums(
            layer, given, handed, x, dither, work, block, rounded, nets, k_padded, k_padded, dots, sums, path
        )
        _slope_of_logits(p, sums.reshape(-1), unit, g)
        _shrink(p0, block, _ONE - decay)
        adam(p0, m0, v0, g, block, LANES * size, rate_table, beta1, beta2, fix2, epsilon)
        for j in range(inputs):
            for lane in range(LANES):
                largest[lane] = scores[block, j, best[block, j, lane], lane]
            for i in range(k):
                for lane in range(LANES):
                    h[i, lane] = unit * UNIT * np.float32(scales[lane]) * np.float32(dots[j, lane, i])
            softmax_gradient(p1, inputs * block + j, k, largest, h, e, wide, narrow)
            adam(p1, m1, v1, e1, inputs * block + j, k * LANES, rate_wire, beta1, beta2, fix2, epsilon)
    choose(scores, k, best, first, last)
