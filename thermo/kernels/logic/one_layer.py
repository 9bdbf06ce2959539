"""Straight-through training of one layer of two-input gates on bits.

Gates are held in blocks of LANES, the lane innermost, so that element-wise work is SIMD over gates;
samples of a batch are the columns of byte rows, so that sums over samples are dot products of
bytes (logic_dots). A batch has `pitch` columns, a multiple of 64; weights of columns beyond its
samples are 0.

With G[c, s] the derivative of the loss by class sum c, scaled to int8, candidate k of side a of a
gate of class c that reads x_a and x_b has the derivative

    h_k = sum_s G (d0 + (d1 - d0) x_b) x_k,    d0 = p10 - p00,  d1 = p11 - p01

where p = sigmoid(table logits), up to what is the same for all k; softmax over the scores gives
q_k (h_k - sum_j q_j h_j) for the score. An entry of the table gets p (1 - p) times the sum of G
over the samples that select it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import GROUP, dots8
from thermo.kernels.random import intrinsic

LANES = 32
LIMIT = 255
"""Gates whose ones fit a byte counter."""

_ONE, _ZERO = np.float32(1), np.float32(0)
_ROUND = np.float32(1.5 * 2**23)
"""Added and taken away again it leaves the nearest whole number."""
_LOG2E = np.float32(1.4426950408889634)
_LEAST = np.float32(-87.0)
# 2^r = sum of (r ln 2)^n / n! on [-1/2, 1/2]
_E1, _E2, _E3, _E4, _E5, _E6 = (
    np.float32(v)
    for v in (
        0.6931471805599453,
        0.2402265069591007,
        0.05550410866482158,
        0.009618129107628477,
        0.0013333558146428443,
        0.00015403530393381608,
    )
)


# numba widens 32-bit integers to 64 bits, which would halve the SIMD width
@intrinsic
def _power(typingctx, n):  # type: ignore[no-untyped-def]
    """2^n of a whole float32 n from -126 to 127."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        word = ir.IntType(32)
        exponent = builder.add(builder.fptosi(args[0], word), ir.Constant(word, 127))
        return builder.bitcast(builder.shl(exponent, ir.Constant(word, 23)), ir.FloatType())

    return types.float32(types.float32), codegen


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def exp_negative(x):  # type: ignore[no-untyped-def]
    """exp(x) for float32 x <= 0, 0 below -87; SIMD, the same bits in any vector width."""
    t = max(x, _LEAST) * _LOG2E
    n = (t + _ROUND) - _ROUND
    r = t - n
    y = _E6
    y = y * r + _E5
    y = y * r + _E4
    y = y * r + _E3
    y = y * r + _E2
    y = y * r + _E1
    y = y * r + _ONE
    return y * _power(n)


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)) in float32."""
    e = exp_negative(-abs(x))
    return (_ONE if x >= _ZERO else e) / (_ONE + e)


@njit(cache=True, nogil=True, error_model="numpy")
def choose(scores, k, best, first, last):  # type: ignore[no-untyped-def]
    """best[block, side, lane] = candidate of the largest score, the first on a tie.

    scores : (blocks, inputs, k_padded, LANES); only the first k candidates count
    """
    largest = np.empty(LANES, np.float32)
    at = np.empty(LANES, np.int32)
    for block in range(first, last):
        for side in range(scores.shape[1]):
            for lane in range(LANES):
                largest[lane] = scores[block, side, 0, lane]
                at[lane] = 0
            for j in range(1, k):
                number = np.int32(j)
                for lane in range(LANES):
                    score = scores[block, side, j, lane]
                    at[lane] = number if score > largest[lane] else at[lane]
                    largest[lane] = max(score, largest[lane])
            for lane in range(LANES):
                best[block, side, lane] = at[lane]


@njit(cache=True, nogil=True)
def count_ones(table, wires, best, x, n_gates, per_class, counts, first, last):  # type: ignore[no-untyped-def]
    """Add the outputs of the hard gates of blocks first .. last - 1 to the class counts.

    table : (blocks, 4, LANES) logits; wires : (blocks, 2, LANES, k_padded) int32
    x : (n_features, pitch) uint8 bits; counts : (n_classes, pitch) int32, added to
    """
    pitch = x.shape[1]
    ones = np.zeros(pitch, np.uint8)
    held = 0
    current = -1
    for gate in range(first * LANES, min(last * LANES, n_gates)):
        c = gate // per_class
        if c != current or held == LIMIT:
            if held:
                for s in range(pitch):
                    counts[current, s] += ones[s]
                    ones[s] = 0
            current, held = c, 0
        block, lane = gate // LANES, gate % LANES
        a = wires[block, 0, lane, best[block, 0, lane]]
        b = wires[block, 1, lane, best[block, 1, lane]]
        f00 = np.uint8(table[block, 0, lane] > 0)
        f01 = np.uint8(table[block, 1, lane] > 0)
        f10 = np.uint8(table[block, 2, lane] > 0)
        f11 = np.uint8(table[block, 3, lane] > 0)
        # f = f00 ^ (f00 ^ f10) a ^ (f00 ^ f01) b ^ (f00 ^ f01 ^ f10 ^ f11) a b
        by_a, by_b, by_ab = f00 ^ f10, f00 ^ f01, f00 ^ f01 ^ f10 ^ f11
        for s in range(pitch):
            p, q = x[a, s], x[b, s]
            ones[s] += np.uint8(f00 ^ (by_a & p) ^ (by_b & q) ^ (by_ab & p & q))
        held += 1
    if held:
        for s in range(pitch):
            counts[current, s] += ones[s]


@njit(cache=True, nogil=True, error_model="numpy")
def loss_and_weights(counts, labels, tau, smoothing, scale, dither, weights, totals):  # type: ignore[no-untyped-def]
    """Cross entropy of softmax(counts / tau) and its derivatives by the class sums as int8.

    counts : (n_classes, pitch) int32; labels : (n,) int64
    weights : (n_classes, pitch) int8, written: scale * (probability - target) + dither, floored
    dither : (n_classes, n) in [0, 1)
    totals : (4,) float64, added to: loss, right answers, sum and sum of squares of the counts
    """
    n_classes = counts.shape[0]
    e = np.empty(n_classes, np.float64)
    rest = smoothing / n_classes
    for s in range(labels.shape[0]):
        label = labels[s]
        largest, at = counts[0, s], 0
        for c in range(n_classes):
            value = counts[c, s]
            totals[2] += value
            totals[3] += float(value) * value
            if value > largest:
                largest, at = value, c
        z = 0.0
        for c in range(n_classes):
            e[c] = np.exp((counts[c, s] - largest) / tau)
            z += e[c]
        totals[0] += np.log(z) - (counts[label, s] - largest) / tau
        totals[1] += at == label
        for c in range(n_classes):
            target = rest + (1.0 - smoothing if c == label else 0.0)
            value = np.floor(scale * (e[c] / z - target) + dither[c, s])
            weights[c, s] = np.int8(min(max(value, -127.0), 127.0))


@njit(cache=True, nogil=True)
def feature_sums(x, weights, indices, sums, c0, c1, f0, f1, path):  # type: ignore[no-untyped-def]
    """sums[c, f] = sum over s of weights[c, s] x[f, s] for classes c0 .. c1 - 1, features f0 ...

    indices : (n_features rounded up to 8,) int32, 0, 1, 2, ..., the last feature repeated
    sums : (n_classes, n_features rounded up to 8) int32; f0 and f1 are multiples of 8
    """
    pitch = x.shape[1]
    at, rows, out = indices.ctypes.data, x.ctypes.data, sums.ctypes.data
    base, row = weights.ctypes.data, sums.shape[1]
    for c in range(c0, c1):
        for f in range(f0, f1, GROUP):
            dots8(base + c * pitch, rows, pitch, at + 4 * f, out + 4 * (c * row + f), path)


# Loops below touch few arrays each: LLVM proves by at most eight comparisons that arrays do not
# overlap, or leaves a loop scalar. Their last index is the loop's own variable: for a sum numba
# would ask at each turn whether it is negative.


@njit(cache=True, nogil=True, error_model="numpy")
def _adam(p, m, v, g, row, n, rate, beta1, beta2, fix2, epsilon):  # type: ignore[no-untyped-def]
    """One step of Adam (Kingma and Ba, arXiv 1412.6980) on p, m, v[row, :n], gradient g[:n].

    All float32; rate and fix2 hold the bias corrections.
    """
    rest1, rest2 = _ONE - beta1, _ONE - beta2
    for i in range(n):
        m[row, i] = beta1 * m[row, i] + rest1 * g[i]
        v[row, i] = beta2 * v[row, i] + rest2 * (g[i] * g[i])
        p[row, i] -= rate * m[row, i] / (np.sqrt(v[row, i] * fix2) + epsilon)


@njit(cache=True, nogil=True)
def _spread(values, out, k):  # type: ignore[no-untyped-def]
    """out[j * LANES + lane] = values[lane] for j below k."""
    wide = out.reshape(-1, LANES)
    for j in range(k):
        for lane in range(LANES):
            wide[j, lane] = values[lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _softmax(scores, row, largest, e):  # type: ignore[no-untyped-def]
    """e[i] = exp(scores[row, i] - largest[i])."""
    for i in range(e.shape[0]):
        e[i] = exp_negative(scores[row, i] - largest[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _centred(e, h, z, mean):  # type: ignore[no-untyped-def]
    """e[i] z[i] (h[i] - mean[i]) into e."""
    for i in range(e.shape[0]):
        e[i] = e[i] * z[i] * (h[i] - mean[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _moments(e, h, z, mean, k):  # type: ignore[no-untyped-def]
    """z = 1 / sum over j of e[j], mean = z times the sum of e[j] h[j]; (LANES,) each."""
    z[:] = _ZERO
    mean[:] = _ZERO
    for j in range(k):
        for lane in range(LANES):
            z[lane] += e[j, lane]
            mean[lane] += e[j, lane] * h[j, lane]
    for lane in range(LANES):
        z[lane] = _ONE / z[lane]
        mean[lane] *= z[lane]


@njit(cache=True, nogil=True, error_model="numpy")
def _softmax_gradient(scores, row, k, largest, h, e, wide, narrow):  # type: ignore[no-untyped-def]
    """e[j, lane] = q_j (h_j - sum_i q_i h_i), q the softmax over j of scores[row, j LANES + lane].

    largest : (LANES,) of the scores; h, e : (k, LANES)
    wide : (2, k * LANES), narrow : (2, LANES), scratch
    """
    flat = e.reshape(-1)
    _spread(largest, wide[0], k)
    _softmax(scores, row, wide[0], flat)
    _moments(e, h, narrow[0], narrow[1], k)
    _spread(narrow[0], wide[0], k)
    _spread(narrow[1], wide[1], k)
    _centred(flat, h.reshape(-1), wide[0], wide[1])


@njit(cache=True, nogil=True)
def mask_weights(weights, c, x, row, masked, side, pitch):  # type: ignore[no-untyped-def]
    """masked[side, s] = weights[c, s] x[row, s]."""
    for s in range(pitch):
        masked[side, s] = weights[c, s] * x[row, s]


class Gates(NamedTuple):
    """A layer in training, LANES gates a block.

    table, table_m, table_v : (blocks, 4, LANES) float32, logits and their moments
    scores, ... : (blocks, 2, k_padded, LANES) float32, of each candidate wire
    wires : (blocks, 2, LANES, k_padded) int32; best : (blocks, 2, LANES) int32
    k : candidates of a wire; per_class : gates that one class counts
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
    n_gates: int
    per_class: int


class AdamStep(NamedTuple):
    """One step, float32. unit : what a weight of 1 stands for; rates and fix2 : with Adam's bias
    corrections; decay : of the scores, a step.
    """

    unit: np.float32
    rate_table: np.float32
    rate_wire: np.float32
    beta1: np.float32
    beta2: np.float32
    fix2: np.float32
    epsilon: np.float32
    decay: np.float32


@njit(cache=True, nogil=True, error_model="numpy")
def train_blocks(gates, adam, x, weights, sums, totals, first, last, path):  # type: ignore[no-untyped-def]
    """Gradient and Adam step of the gates in blocks first .. last - 1, and their new choices.

    weights : (n_classes, pitch) int8; sums : (n_classes, n_features padded) int32, feature_sums
    totals : (n_classes,) int32, the sum of each class's weights
    """
    table, table_m, table_v, scores, scores_m, scores_v, wires, best, k, n_gates, per_class = gates
    unit, rate_table, rate_wire, beta1, beta2, fix2, epsilon, decay = adam
    pitch = x.shape[1]
    k_padded = scores.shape[2]
    masked = np.empty((2, pitch), np.int8)
    dots = np.empty((2, LANES, k_padded), np.int32)
    h = np.zeros((k, LANES), np.float32)
    e = np.zeros((k, LANES), np.float32)
    wide = np.empty((2, k * LANES), np.float32)
    narrow = np.empty((2, LANES), np.float32)
    p = np.empty((4, LANES), np.float32)
    d = np.empty((2, LANES), np.float32)
    t = np.zeros((4, LANES), np.float32)
    largest = np.empty(LANES, np.float32)
    group = np.empty(LANES, np.int64)
    e1, t1 = e.reshape(-1), t.reshape(-1)
    few, many = (table.shape[0], 4 * LANES), (2 * table.shape[0], k_padded * LANES)
    p0, m0, v0 = table.reshape(few), table_m.reshape(few), table_v.reshape(few)
    p1, m1, v1 = scores.reshape(many), scores_m.reshape(many), scores_v.reshape(many)
    rows, chosen, out = x.ctypes.data, wires.ctypes.data, dots.ctypes.data
    by_a, by_b = masked.ctypes.data, masked.ctypes.data + pitch
    for block in range(first, last):
        for lane in range(LANES):
            gate = min(block * LANES + lane, n_gates - 1)
            c = gate // per_class
            group[lane] = c
            a = wires[block, 0, lane, best[block, 0, lane]]
            b = wires[block, 1, lane, best[block, 1, lane]]
            mask_weights(weights, c, x, a, masked, 0, pitch)
            mask_weights(weights, c, x, b, masked, 1, pitch)
            base = chosen + 4 * k_padded * (2 * LANES * block + lane)
            for j in range(0, k_padded, GROUP):
                dots8(by_b, rows, pitch, base + 4 * j, out + 4 * (lane * k_padded + j), path)
                dots8(
                    by_a,
                    rows,
                    pitch,
                    base + 4 * (LANES * k_padded + j),
                    out + 4 * ((LANES + lane) * k_padded + j),
                    path,
                )
            both = dots[0, lane, best[block, 0, lane]]
            t[3, lane] = both
            t[2, lane] = sums[c, a] - both
            t[1, lane] = sums[c, b] - both
            t[0, lane] = totals[c] - sums[c, a] - sums[c, b] + both
        for i in range(4):
            for lane in range(LANES):
                p[i, lane] = sigmoid(table[block, i, lane])
        for side in range(2):
            for lane in range(LANES):
                if side == 0:
                    d[0, lane] = (p[2, lane] - p[0, lane]) * unit
                    d[1, lane] = (p[3, lane] - p[1, lane]) * unit - d[0, lane]
                else:
                    d[0, lane] = (p[1, lane] - p[0, lane]) * unit
                    d[1, lane] = (p[3, lane] - p[2, lane]) * unit - d[0, lane]
                largest[lane] = scores[block, side, best[block, side, lane], lane]
            for lane in range(LANES):
                c, d0, d1 = group[lane], d[0, lane], d[1, lane]
                for j in range(k):
                    h[j, lane] = d0 * np.float32(sums[c, wires[block, side, lane, j]]) + (
                        d1 * np.float32(dots[side, lane, j])
                    )
            _softmax_gradient(p1, 2 * block + side, k, largest, h, e, wide, narrow)
            _adam(p1, m1, v1, e1, 2 * block + side, k * LANES, rate_wire, beta1, beta2, fix2, epsilon)
        for i in range(4):
            for lane in range(LANES):
                t[i, lane] *= unit * p[i, lane] * (_ONE - p[i, lane])
                table[block, i, lane] *= _ONE - decay
        _adam(p0, m0, v0, t1, block, 4 * LANES, rate_table, beta1, beta2, fix2, epsilon)
    choose(scores, k, best, first, last)
