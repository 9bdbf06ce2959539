"""What a cell shows, its slope, sine and cosine: rows of one cell, a float32 for each lane."""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.random import add_words, flip, fma, intrinsic, pick, sin_cos_eighth

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)

# pi / 2 as a sum of three float32, so that k pi / 2 can be taken off x without loss
_QUARTER = (float(np.float32(np.pi / 2)), float(np.float32(np.pi / 2 - float(np.float32(np.pi / 2)))))
_Q1, _Q2 = (np.float32(-c) for c in _QUARTER)
_Q3 = np.float32(-(np.pi / 2 - sum(_QUARTER)))
_PER_QUARTER = np.float32(2.0 / np.pi)
_ROUND = np.float32(1.5 * 2.0**23)  # added to a float32, it leaves a whole number in its low bits


@intrinsic
def _as_word(typingctx, a):  # type: ignore[no-untyped-def]
    """The bits of a float32 as a uint32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], ir.IntType(32))

    return types.uint32(types.float32), codegen


@njit(cache=True, nogil=True, forceinline=True)
def sin_cos(x):  # type: ignore[no-untyped-def]
    """(sin x, cos x) of a float32, to 1e-7 for |x| up to 1e6; plain arithmetic vectorises."""
    t = fma(x, _PER_QUARTER, _ROUND)
    quarter = _as_word(t)
    k = t - _ROUND
    r = fma(k, _Q3, fma(k, _Q2, fma(k, _Q1, x)))
    s, c = sin_cos_eighth(r)
    sine = flip(pick(quarter, c, s), quarter)
    return sine, flip(pick(quarter, s, c), add_words(quarter, np.uint32(1)))


@njit(cache=True, nogil=True)
def sin_cos_row(x, sine, cosine):  # type: ignore[no-untyped-def]
    """sine, cosine = sin x, cos x for one row."""
    for l in range(x.shape[0]):
        sine[l], cosine[l] = sin_cos(x[l])


@njit(cache=True, nogil=True)
def activate_row(code, x, out):  # type: ignore[no-untyped-def]
    """out = phi(x) for one row; codes as compiler.ir.langevin.Activation."""
    if code == 0:
        for l in range(x.shape[0]):
            out[l] = x[l]
    elif code == 1:
        for l in range(x.shape[0]):
            out[l] = min(max(x[l], _ZERO), _ONE)
    elif code == 2:
        for l in range(x.shape[0]):
            out[l] = _HALF + _HALF * np.float32(math.tanh(_HALF * x[l]))
    elif code == 3:
        for l in range(x.shape[0]):
            out[l] = np.float32(math.tanh(x[l]))
    elif code == 4:
        for l in range(x.shape[0]):
            out[l] = max(x[l], _ZERO)
    else:
        for l in range(x.shape[0]):
            out[l] = sin_cos(x[l])[1]


@njit(cache=True, nogil=True)
def slope_row(code, x, phi, out):  # type: ignore[no-untyped-def]
    """out = phi'(x) for one row, phi being phi(x); 0 at a kink."""
    if code == 0:
        for l in range(x.shape[0]):
            out[l] = _ONE
    elif code == 1:
        for l in range(x.shape[0]):
            out[l] = _ONE if _ZERO < x[l] < _ONE else _ZERO
    elif code == 2:
        for l in range(x.shape[0]):
            out[l] = phi[l] * (_ONE - phi[l])
    elif code == 3:
        for l in range(x.shape[0]):
            out[l] = fma(-phi[l], phi[l], _ONE)
    elif code == 4:
        for l in range(x.shape[0]):
            out[l] = _ONE if x[l] > _ZERO else _ZERO
    else:
        for l in range(x.shape[0]):
            out[l] = -sin_cos(x[l])[0]
