"""Standard normals as a function of a key and two counters: nothing is stored, no order matters.

Only operations that IEEE 754 rounds correctly are used, so that every machine finds the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_CHUNK = 1 << 13  # values at once: their intermediate results stay in a core's cache

# Wichura, algorithm AS 241 (Applied Statistics 37, 477, 1988), PPND7: relative error 1e-7
_CENTRE = (
    (3.3871327179, 50.434271938, 159.29113202, 59.109374720),
    (1.0, 17.895169469, 78.757757664, 67.187563600),
)
_SIDE = ((1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103), (1.0, 0.73700164250, 0.12021132975))
_TAIL = ((6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997), (1.0, 0.24197894225, 0.012258202635))


def make_key(seed: int, stream: int) -> int:
    """The 64-bit key of a seed (any whole number >= 0) and a stream."""
    key = _mixed(stream + _GOLDEN)
    while True:
        seed, word = seed >> 64, seed & _WORD
        key = _mixed((key * _GOLDEN + word) & _WORD)
        if not seed:
            return key


def standard_normals(key: int, a: Any, b: Any) -> np.ndarray:
    """float64 standard normals of the counters a and b, whole numbers >= 0 that broadcast.

    The counters pass one after another through the finaliser of SplitMix64 (Steele, Lea and Flood,
    OOPSLA 2014, figure 16), the uniform it gives through the inverse of the normal distribution.
    """
    with np.errstate(over="ignore"):
        state = _mix(np.asarray(a).astype(np.uint64) * np.uint64(_GOLDEN) + np.uint64(key))
        state = np.asarray(state + np.asarray(b).astype(np.uint64) * np.uint64(_GOLDEN))
    out = np.empty(state.shape)
    flat, bits = out.reshape(-1), state.reshape(-1)
    for k in range(0, flat.size, _CHUNK):
        part = slice(k, k + _CHUNK)
        flat[part] = _inverse((_mix(bits[part]) >> np.uint64(11)).astype(np.float64))
    return out


def _mixed(word: int) -> int:
    return int(_mix(np.array(word & _WORD, np.uint64)))


def _mix(words: np.ndarray) -> np.ndarray:
    """The finaliser, a bijection of 64-bit words."""
    with np.errstate(over="ignore"):
        for shift, factor in _MIX:
            words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
        return words ^ (words >> np.uint64(31))


def _inverse(k: np.ndarray) -> np.ndarray:
    """The normal that (k + 1/2) / 2^53 of the distribution lies below, k whole from 0 to 2^53 - 1."""
    q = (k - (2.0**52 - 0.5)) * 2.0**-53
    out = q * _ratio(_CENTRE, 0.180625 - q * q)
    at = np.flatnonzero(np.abs(q) > 0.425)
    far = q[at]
    least = np.where(far < 0, k[at] + 0.5, (2.0**53 - k[at]) - 0.5) * 2.0**-53
    r = np.sqrt(-_log(least))
    size = np.where(r <= 5.0, _ratio(_SIDE, r - 1.6), _ratio(_TAIL, r - 5.0))
    out[at] = np.where(far < 0, -size, size)
    return out


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    above, below = (_polynomial(c, x) for c in coefficients)
    return above / below


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Of rising powers, by Horner's scheme."""
    out = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        out *= x
        out += c
    return out


def _log(x: np.ndarray) -> np.ndarray:
    """ln x to 1e-13: a libm's own would differ between machines."""
    m, e = np.frexp(x)
    low = m < math.sqrt(0.5)
    m, e = np.where(low, 2.0 * m, m), np.where(low, e - 1, e)
    s = (m - 1.0) / (m + 1.0)
    return 2.0 * s * _polynomial(tuple(1.0 / (2 * k + 1) for k in range(9)), s * s) + e * math.log(2.0)
