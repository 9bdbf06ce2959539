"""Rows of binary units: conditional probabilities, samples and free energies, SIMD over units.

A unit with input z is 1 with probability sigmoid(x), x = beta (z + bias) + (1 - beta) base: at
beta = 1 the model itself, at beta = 0 independent units with biases `base` (tempering, annealed
importance sampling). Word j of block b of a row belongs to unit j n_blocks + b, so that loops run
over neighbouring units.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types

from thermo.kernels.activations import _as_word
from thermo.kernels.jit import njit
from thermo.kernels.random import (
    _L0,
    _L1,
    _L2,
    _L3,
    _L4,
    _L5,
    _L6,
    _L7,
    _LN2,
    _MANTISSA,
    _SQRT_HALF_BITS,
    _as_float,
    _as_int,
    _exponent,
    _iadd,
    _iand,
    _threefry13,
    _unsigned,
    add_words,
    fma,
    intrinsic,
)

# Streams of a training's seed, beside those of thermo.kernels.random.
STREAM_VISIBLE = 16
STREAM_HIDDEN = 17
STREAM_BITS = 18
STREAM_SWAP = 19

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_U32 = np.float32(2.0**-32)
_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(-0.693145751953125)
_LN2_LOW = np.float32(-1.428606820309417e-06)
_ROUND = np.float32(1.5 * 2.0**23)  # added to a float32, it leaves a whole number in its low bits
_LARGEST = np.float32(80.0)  # exp(-80) is far below a uniform's resolution
# exp(r) = 1 + r + r^2 (1/2 + r/6 + ...) on |r| <= ln 2 / 2; what is left out is below 2e-7
_E2, _E3, _E4, _E5, _E6 = (np.float32(1.0 / k) for k in (2.0, 6.0, 24.0, 120.0, 720.0))


@intrinsic
def _power_of_two(typingctx, word):  # type: ignore[no-untyped-def]
    """2^k as float32 from a word whose low bits hold k, -126 <= k <= 127."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        i32 = ir.IntType(32)
        biased = builder.add(args[0], ir.Constant(i32, 127))
        return builder.bitcast(builder.shl(biased, ir.Constant(i32, 23)), ir.FloatType())

    return types.float32(types.uint32), codegen


@njit(cache=True, nogil=True, forceinline=True)
def _exp_minus(x):  # type: ignore[no-untyped-def]
    """exp(-|x|) of a float32, to 2e-7; |x| is cut at 80."""
    y = -min(abs(x), _LARGEST)
    t = fma(y, _LOG2E, _ROUND)
    k = t - _ROUND
    r = fma(k, _LN2_LOW, fma(k, _LN2_HIGH, y))
    p = fma(fma(fma(fma(_E6, r, _E5), r, _E4), r, _E3), r, _E2)
    return fma(p, r * r, r + _ONE) * _power_of_two(_as_word(t))


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")
def _sigmoid(x):  # type: ignore[no-untyped-def]
    e = _exp_minus(x)
    large = _ONE / (_ONE + e)
    return large if x >= _ZERO else e * large


@njit(cache=True, nogil=True, forceinline=True)
def _softplus(x):  # type: ignore[no-untyped-def]
    """log(1 + exp(x)), to 2e-7 absolutely or relatively."""
    u = _ONE + _exp_minus(x)
    shifted = _iadd(_as_int(u), np.int32(-_SQRT_HALF_BITS))
    k = np.float32(_exponent(shifted))
    f = _as_float(_iadd(_iand(shifted, _MANTISSA), _SQRT_HALF_BITS)) - _ONE
    p = fma(_L7, f, _L6)
    p = fma(p, f, _L5)
    p = fma(p, f, _L4)
    p = fma(p, f, _L3)
    p = fma(p, f, _L2)
    p = fma(p, f, _L1)
    p = fma(p, f, _L0)
    p = fma(p, f, -_HALF)
    p = fma(p, f * f, f)
    return max(x, _ZERO) + fma(k, _LN2, p)


@njit(cache=True, nogil=True)
def _words(out, k0, k1, stream, row, step):  # type: ignore[no-untyped-def]
    """Uniform words of one row into out (4 n_blocks,) uint32."""
    blocks = out.shape[0] // 4
    a, b, c, d = (out[:blocks], out[blocks : 2 * blocks], out[2 * blocks : 3 * blocks], out[3 * blocks :])
    lo = np.uint32(np.uint64(row) & np.uint64(0xFFFFFFFF))
    hi = np.uint32(np.uint64(row) >> np.uint64(32))
    for j in range(blocks):
        a[j], b[j], c[j], d[j] = _threefry13(
            k0, k1, np.uint32(stream), np.uint32(0), lo, hi, np.uint32(step), np.uint32(j)
        )


@njit(cache=True, nogil=True, error_model="numpy")
def mean_rows(z, bias, base, beta):  # type: ignore[no-untyped-def]
    """z[r, j] becomes the probability that unit j of row r is 1; beta : (rows,) float32."""
    for r in range(z.shape[0]):
        t = beta[r]
        rest = _ONE - t
        for j in range(z.shape[1]):
            z[r, j] = _sigmoid(fma(rest, base[j], t * (z[r, j] + bias[j])))


@njit(cache=True, nogil=True)
def sample_rows(p, seed, ids, step, stream, out):  # type: ignore[no-untyped-def]
    """out[r, j] = 1 with probability p[r, j]: bits of (seed, stream, row ids[r], step, unit j)."""
    n = p.shape[1]
    words = np.empty(4 * ((n + 3) // 4), np.uint32)
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    for r in range(p.shape[0]):
        _words(words, k0, k1, stream, ids[r], step)
        for j in range(n):
            out[r, j] = _ONE if _unsigned(words[j]) * _U32 < p[r, j] else _ZERO


@njit(cache=True, nogil=True)
def softplus_rows(z, bias, beta, out):  # type: ignore[no-untyped-def]
    """out[r, j] = log(1 + exp(beta (z[r, j] + bias[j])))."""
    for r in range(z.shape[0]):
        for j in range(z.shape[1]):
            out[r, j] = _softplus(beta * (z[r, j] + bias[j]))


@njit(cache=True, nogil=True)
def softplus_step(z, bias, low, high, out):  # type: ignore[no-untyped-def]
    """out[r, j] = log(1 + exp(high x)) - log(1 + exp(low x)), x = z[r, j] + bias[j]."""
    for r in range(z.shape[0]):
        for j in range(z.shape[1]):
            x = z[r, j] + bias[j]
            out[r, j] = _softplus(high * x) - _softplus(low * x)


def words_of(seed: int, row: int, step: int, n: int, stream: int) -> np.ndarray:
    """(n,) uint32 words of one row: what `sample_rows` compares probabilities with, times 2^-32."""
    out = np.empty(4 * ((n + 3) // 4), np.uint32)
    k0, k1 = np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)
    _words(out, k0, k1, stream, np.int64(row), step)
    return out[:n]


__all__ = ["add_words", "mean_rows", "sample_rows", "softplus_rows", "softplus_step", "words_of"]
