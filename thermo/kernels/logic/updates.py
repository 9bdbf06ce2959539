"""What a training step does to logits and scores: Adam, the softmax over candidates, new choices.

Gates and tables are held in blocks of LANES, the lane innermost, so that element-wise work is SIMD over
them. No step depends on the width of vectors: the same bits on any CPU.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic

LANES = 32

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


# Loops below touch few arrays each: LLVM proves by at most eight comparisons that arrays do not
# overlap, or leaves a loop scalar. Their last index is the loop's own variable: for a sum numba
# would ask at each turn whether it is negative.


@njit(cache=True, nogil=True, error_model="numpy")
def adam(p, m, v, g, row, n, rate, beta1, beta2, fix2, epsilon):  # type: ignore[no-untyped-def]
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
def softmax_gradient(scores, row, k, largest, h, e, wide, narrow):  # type: ignore[no-untyped-def]
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
