"""What a coupling of finite range shows of its input: R tanh(x / R). Arrays are (rows, lanes)."""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit

# tanh y = y P(y^2) / Q(y^2) to 4e-7 for |y| up to the edge, beyond which it is 1 to 3e-7: Eigen's
# float32 tanh. Plain arithmetic vectorises, the library's tanh does not.
_EDGE = np.float32(7.90531110763549805)
_P = np.array(
    [
        4.89352455891786e-03,
        6.37261928875436e-04,
        1.48572235717979e-05,
        5.12229709037114e-08,
        -8.60467152213735e-11,
        2.00018790482477e-13,
        -2.76076847742355e-16,
    ],
    np.float32,
)
_Q = np.array(
    [4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06], np.float32
)
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = _P
_Q0, _Q1, _Q2, _Q3 = _Q


@njit(cache=True, nogil=True)
def range_tile(x, reach, out):  # type: ignore[no-untyped-def]
    """out = reach tanh(x / reach); out may be x. Float64 is the library's, for finite differences."""
    scale = x.dtype.type(1) / reach
    if x.itemsize == 8:
        for i in range(x.shape[0]):
            for l in range(x.shape[1]):
                out[i, l] = reach * math.tanh(x[i, l] * scale)
        return
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            y = min(max(x[i, l] * scale, -_EDGE), _EDGE)
            t = y * y
            p = _P0 + t * (_P1 + t * (_P2 + t * (_P3 + t * (_P4 + t * (_P5 + t * _P6)))))
            q = _Q0 + t * (_Q1 + t * (_Q2 + t * _Q3))
            out[i, l] = reach * (y * p / q)


@njit(cache=True, nogil=True)
def slope_tile(shown, reach, out):  # type: ignore[no-untyped-def]
    """out *= 1 - (shown / reach)^2, the slope where `shown` is reach tanh(x / reach)."""
    one = shown.dtype.type(1)
    scale = one / reach
    for i in range(shown.shape[0]):
        for l in range(shown.shape[1]):
            y = shown[i, l] * scale
            out[i, l] *= one - y * y
