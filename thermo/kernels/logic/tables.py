"""Straight-through training of layers of tables of 2 to 6 inputs on bits; two-input gates are tables, too.

Tables are held in blocks of LANES, samples of a batch are the columns of rows of bits, so that sums over
samples are dot products (dots). A batch has `pitch` columns, a multiple of 64; weights of columns beyond
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
from thermo.kernels.logic.emit import address, alive, borrowed
from thermo.kernels.logic.entries import entry_sums, hard_entries, slopes
from thermo.kernels.logic.fetch import fetch, fetch_to_write
from thermo.kernels.logic.lookups import SHIFT, add_up, decide, tally, weigh
from thermo.kernels.logic.together import pack
from thermo.kernels.logic.updates import LANES, WIDTH, probabilities, read_nets, score_step, table_step

LIMIT = 255
"""Tables whose ones fit a byte counter."""
NEAR, AHEAD = 1 << 18, 4
"""Bytes of rows that a near cache holds; of more, what is read so many tables later is asked for."""
UNIT = np.float32(2**SHIFT / 127)
"""What a whole number of an input's weight stands for, in units of G."""
_ONE = np.float32(1)


class Tables(NamedTuple):
    """A layer in training, LANES tables a block.

    table, table_m, table_v : (blocks LANES, 2^inputs) float32, logits and their moments
    scores, ... : (blocks, inputs, k_padded, LANES) float32, of each candidate wire
    wires : (blocks, inputs, LANES, k_padded) int32; best : (blocks, inputs, LANES) int32
    nets : (blocks, LANES, operands) int32, what tables read: the best candidates
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
    nets: np.ndarray
    k: int
    n_tables: int
    per_class: int
    operands: int


class Rows(NamedTuple):
    """What a layer reads of a batch of `pitch` samples.

    x : (n, pitch) uint8, input bits as bytes, of which samples with a derivative are put together, or nothing
    bits : (n, row_bytes(pitch)) uint8, the same as dots.bits_of makes them
    """

    x: np.ndarray
    bits: np.ndarray
    pitch: int


class Asked(NamedTuple):
    """Nets that may become candidates, whose derivatives are wanted in place of a step.

    asks : whether they are; nets : (blocks, n) int32, what the wires of a block are asked about (they share
        them, so that their rows stay in a cache), n a multiple of 8
    h : (blocks, inputs, LANES, n) float32, what their derivatives are added to
    """

    asks: bool
    nets: np.ndarray
    h: np.ndarray


class Work(NamedTuple):
    """A thread's scratch for one layer; held : entries that a table is held as (lookups.size_of).

    slope : (operands, held) int8; masked : (operands, pitch) int8
    places : (8 row_bytes(pitch),) uint8; totals : (held,) int32; sums : (pitch,) int32
    few : (LANES, pitch) int8, derivatives by outputs; scales : (LANES,) int32, units that a step of theirs is
    packed, order : see together.pack; bits : of packed; state : (2,) int64, the class of few[0], and how wide
        its rows are
    """

    slope: np.ndarray
    masked: np.ndarray
    places: np.ndarray
    totals: np.ndarray
    sums: np.ndarray
    few: np.ndarray
    scales: np.ndarray
    packed: np.ndarray
    bits: np.ndarray
    order: np.ndarray
    state: np.ndarray


@njit(cache=True, nogil=True)
def _ask_for(layer, rows, width, t):  # type: ignore[no-untyped-def]
    """Have what table t reads brought near."""
    size, operands = 4 * layer.table.shape[1], layer.operands
    if t < layer.n_tables:
        fetch(address(layer.table) + size * t, size)
        for j in range(operands):
            fetch(rows + width * layer.nets[t // LANES, t % LANES, j], width)


@njit(cache=True, nogil=True)
def outputs(layer, bits, pitch, out, first, last, path):  # type: ignore[no-untyped-def]
    """out[t] = the outputs of the hard tables of blocks first .. last - 1, as rows of bits.

    bits, out : (nets, bytes a row) uint8, of pitch samples
    """
    table, operands = layer.table, layer.operands
    width, size, inputs = bits.shape[1], table.shape[1], layer.wires.shape[1]
    entries = np.empty(64, np.uint8)
    rows, read, held, to, logits = (
        address(bits),
        address(layer.nets),
        address(entries),
        address(out),
        address(table),
    )
    far = bits.size > NEAR
    for t in range(first * LANES, min(last * LANES, layer.n_tables)):
        if far:
            _ask_for(layer, rows, width, t + AHEAD)
        hard_entries(logits + 4 * size * t, held, inputs)
        decide(rows, pitch, read + 4 * operands * t, held, to + width * t, operands, path)
    alive((entries,))


@njit(cache=True, nogil=True)
def count_ones(layer, bits, counts, first, last, path):  # type: ignore[no-untyped-def]
    """Add the outputs of the hard tables of blocks first .. last - 1 to the class counts.

    bits : (nets, bytes a row) uint8; counts : (n_classes, pitch) int32, added to
    """
    table, operands, per_class = layer.table, layer.operands, layer.per_class
    pitch, width, size, inputs = counts.shape[1], bits.shape[1], table.shape[1], layer.wires.shape[1]
    ones = np.zeros(pitch, np.uint8)
    entries = np.empty(64, np.uint8)
    rows, read, held, to, logits = (
        address(bits),
        address(layer.nets),
        address(entries),
        address(ones),
        address(table),
    )
    full, current, far = 0, -1, bits.size > NEAR
    for t in range(first * LANES, min(last * LANES, layer.n_tables)):
        if far:
            _ask_for(layer, rows, width, t + AHEAD)
        c = t // per_class
        if c != current or full == LIMIT:
            if full:
                for s in range(pitch):
                    counts[current, s] += ones[s]
                    ones[s] = 0
            current, full = c, 0
        hard_entries(logits + 4 * size * t, held, inputs)
        tally(rows, pitch, read + 4 * operands * t, held, to, operands, path)
        full += 1
    if full:
        for s in range(pitch):
            counts[current, s] += ones[s]
    alive((entries, ones))


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


@njit(cache=True, nogil=True)
def _of_class(layer, given, read, t, few, work):  # type: ignore[no-untyped-def]
    """Into few[0] the derivatives by the class sum that counts table t."""
    state = work.state
    c = min(t, layer.n_tables - 1) // layer.per_class
    state[0], state[1] = c, read.pitch
    if given.packs:
        state[1] = pack(read.x, given.weights, c, work.packed, few, work.order, work.bits)
    else:
        for s in range(read.pitch):
            few[s] = given.weights[c, s]


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def block_sums(  # type: ignore[no-untyped-def]
    layer, given, handed, read, dither, work, block, rounded, nets, apart, n, dots, sums, soon, path
):
    """Sums over the samples for the tables of a block, by the weights of their inputs; these go down, too.

    rounded : (LANES, 2^inputs) int8, probabilities
    nets : address of the n nets, a multiple of 8, that the first input of the first lane is asked about;
        `apart` elements apart for the next lane, LANES times that for the next input
    dots : (inputs, LANES, n) int32, out, in steps of the weights of inputs
    sums : (LANES, 2^inputs) float32, out, of the derivatives at each address
    soon : (m, 2) int64, where arrays begin and their bytes a table, to be asked for on the way
    work.scales : out, units that a step of the derivatives is; 0 where nothing depends on a table
    """
    operands, own_nets = layer.operands, layer.nets
    few, totals, scales, state = work.few, work.totals, work.scales, work.state
    down, down_read, down_factor = handed
    pitch, inputs, size = read.pitch, layer.wires.shape[1], sums.shape[1]
    own, packs, hands = given.own, given.packs, down.shape[0] > 0
    several, row = own or hands, read.bits.shape[1]  # layers, whose rows do not fit a near cache
    width, bits = pitch, address(read.bits)
    weights, slope = address(few), address(work.slope)
    mask, places, total = address(work.masked), address(work.places), address(totals)
    table, rough, to, entries = address(rounded), address(dither), address(dots), address(sums)
    n_rough = (dither.shape[0] - pitch) // CHUNK + 1
    shift = CHUNK * (block * LANES % n_rough)  # tables differ in their rounding
    if packs:
        bits = address(work.bits)
    if own:
        derivatives(given, block, layer.n_tables, LANES, pitch, dither, work.sums, few, scales)
    of_class = layer.per_class * (state[0] + 1)  # the first table of the next one
    for lane in range(LANES):
        t = block * LANES + lane
        if own:
            weights = address(few) + few.shape[1] * lane
        else:
            scales[lane] = 1
            if min(t, layer.n_tables - 1) >= of_class:
                _of_class(layer, given, read, t, few[0], work)
                of_class = layer.per_class * (state[0] + 1)
            width = state[1]
        if lane:
            shift = shift + CHUNK if shift < CHUNK * (n_rough - 1) else 0
        if hands:
            mask = address(down) + t * operands * pitch
            down_factor[t] = max(scales[lane], 1)
            for j in range(inputs):
                down_read[t, j] = own_nets[block, lane, j]
        for i in range(soon.shape[0]):
            fetch(soon[i, 0] + soon[i, 1] * t, soon[i, 1])
        if several and lane + 1 < LANES:
            for j in range(inputs):
                fetch(bits + row * own_nets[block, lane + 1, j], row)
            if hands:
                fetch_to_write(mask + operands * pitch, operands * pitch)
        if scales[lane] == 0:
            for e in range(size):
                sums[lane, e] = 0
            for j in range(inputs):
                for i in range(n):
                    dots[j, lane, i] = 0
            if hands:
                for row in range(t * operands, (t + 1) * operands):
                    for s in range(pitch):
                        down[row, s] = 0
            continue
        slopes(table + size * lane, slope, inputs)
        at = address(own_nets) + 4 * operands * t
        weigh(bits, width, at, slope, weights, rough + shift, mask, places, operands, path)
        for j in range(inputs):
            asked, here = nets + 4 * apart * (LANES * j + lane), to + 4 * n * (LANES * j + lane)
            for i in range(0, n, GROUP):
                dots8(mask + j * width, bits, width, asked + 4 * i, here + 4 * i, path)
        add_up(places, weights, width, total, operands, path)
        entry_sums(total, np.float32(scales[lane]), entries + 4 * size * lane, inputs)


@njit(cache=True, nogil=True)
def _add_asked(scales, dots, h):  # type: ignore[no-untyped-def]
    for j in range(h.shape[0]):
        for lane in range(LANES):
            for i in range(h.shape[2]):
                h[j, lane, i] += np.float32(scales[lane]) * np.float32(dots[j, lane, i])


@njit(cache=True, nogil=True)
def _soon(layer):  # type: ignore[no-untyped-def]
    """What a block's step reads after its sums are made, and what the next block reads first."""
    logits, scores = 4 * layer.table.shape[1], 4 * layer.scores.shape[1] * layer.scores.shape[2]
    soon = np.empty((7, 2), np.int64)
    soon[:3, 1], soon[3:, 1] = logits, scores
    soon[0, 0], soon[1, 0] = address(layer.table_m), address(layer.table_v)
    soon[2, 0] = address(layer.table) + LANES * logits
    soon[3, 0] = address(layer.scores)
    soon[4, 0], soon[5, 0] = address(layer.scores_m), address(layer.scores_v)
    soon[6, 0] = address(layer.wires) + LANES * scores
    return soon


@njit(cache=True, nogil=True, error_model="numpy")
def train_blocks(layer, step, given, handed, read, dither, work, asked, first, last, path):  # type: ignore[no-untyped-def]
    """Gradient and Adam step of the tables in blocks first .. last - 1, and their new choices.

    given, handed : see above; read : Rows; dither : (at least pitch,) uint8 from 0 to 127
    asked : Asked; if it asks, no step is taken. One kernel for both: what they share takes long to compile.
    """
    unit, rate_table, rate_wire, beta1, beta2, fix2, epsilon, decay = step
    layer, given, handed = borrowed(layer), borrowed(given), borrowed(handed)
    read, work, asked = borrowed(read), borrowed(work), borrowed(asked)
    wires, best, nets, k = layer.wires, layer.best, layer.nets, layer.k
    size, inputs, k_padded = layer.table.shape[1], wires.shape[1], layer.scores.shape[2]
    n, row = LANES * size, 4 * LANES * k_padded
    about, row_about, apart = address(wires), row * inputs, k_padded
    n_asked = k_padded if k > 1 else 0  # there is nothing to choose: the softmax of one score is 1
    soon = _soon(layer)
    if asked.asks:
        n_asked = asked.nets.shape[1]
        about, row_about, apart, soon = address(asked.nets), 4 * n_asked, 0, soon[:0]
    p, sums = np.empty(n, np.float32), np.empty((LANES, size), np.float32)
    rounded = np.empty((LANES, size), np.int8)
    dots = np.empty((inputs, LANES, n_asked if asked.asks else k_padded), np.int32)
    h, e = np.empty((2, k_padded, WIDTH), np.float32)
    factor, scales = np.empty(LANES, np.float32), work.scales
    p_at, sums_at, rounded_at, dots_at = (address(p), address(sums), address(rounded), address(dots))
    h_at, e_at, factor_at = address(h), address(e), address(factor)
    t0, m0, v0 = address(layer.table), address(layer.table_m), address(layer.table_v)
    s1, m1, v1 = address(layer.scores), address(layer.scores_m), address(layer.scores_v)
    work.state[0] = -1
    for block in range(first, last):
        here = 4 * n * block
        probabilities(t0 + here, n, p_at, rounded_at)
        block_sums(
            layer,
            given,
            handed,
            read,
            dither,
            work,
            block,
            rounded,
            about + row_about * block,
            apart,
            n_asked,
            dots,
            sums,
            soon,
            path,
        )
        if asked.asks:
            _add_asked(scales, dots, asked.h[block])
            continue
        adam = (beta1, beta2, fix2, epsilon)
        now = (t0 + here, m0 + here, v0 + here, p_at, sums_at, n, unit, _ONE - decay, rate_table)
        table_step(*now, *adam)
        for lane in range(LANES):
            factor[lane] = unit * UNIT * np.float32(scales[lane])
        for j in range(inputs if n_asked else 0):
            here, chosen = row * (inputs * block + j), address(best) + 4 * LANES * (inputs * block + j)
            ends = (s1 + here, m1 + here, v1 + here, dots_at + row * j, factor_at)
            score_step(*ends, k, k_padded, chosen, h_at, e_at, rate_wire, *adam)
        read_nets(wires, best, nets, block)
    alive((p, sums, rounded, dots, h, e, factor))
