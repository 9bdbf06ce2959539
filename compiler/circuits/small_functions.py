"""Functions of up to 6 inputs made of two-input gates by expanding them on one input after another.

A function is a whole number, bit p its value where input i is bit i of p (compiler.ir.luts). On input x,
with f0 and f1 what it is where x is 0 and 1, it is one of

    f0 | x f1, f1 | !x f0    where the one implies the other
    f0 ^ x (f0 ^ f1), f1 ^ !x (f0 ^ f1)    (Davio)
    x f1 | !x f0    (Shannon)

or less: x ^ f0 where the halves are complements, one gate where a half is constant, f0 where both are
equal. The input and the form of fewest gates are taken; inverters are free. What the parts share is not
seen.
"""

from __future__ import annotations

import functools

import numpy as np

from compiler.ir.luts import WIDEST

SAME, XOR, ZERO0, ONE0, ZERO1, ONE1, LOW, HIGH, DAVIO0, DAVIO1, SHANNON = range(11)
"""Forms; of those with a constant half the number says which half and constant."""
SMALL = 4
"""Inputs up to which every function's cost stands in a table."""


def halves(functions: np.ndarray, k: int, j: int) -> tuple[np.ndarray, np.ndarray]:
    """f0 and f1 on input j of (n,) uint64 functions of k inputs."""
    low = np.zeros(functions.size, np.uint64)
    high = np.zeros(functions.size, np.uint64)
    size = 1 << j
    mask = np.uint64((1 << size) - 1)
    for block in range(1 << (k - 1 - j)):
        shift = np.uint64(2 * block * size)
        low |= (functions >> shift & mask) << np.uint64(block * size)
        high |= (functions >> (shift + np.uint64(size)) & mask) << np.uint64(block * size)
    return low, high


def halves_of(f: int, k: int, j: int) -> tuple[int, int]:
    """The same of one function."""
    size, low, high = 1 << j, 0, 0
    mask = (1 << size) - 1
    for block in range(1 << (k - 1 - j)):
        low |= (f >> 2 * block * size & mask) << block * size
        high |= (f >> (2 * block + 1) * size & mask) << block * size
    return low, high


def choice_of(f: int, k: int) -> int:
    """`choices` of one function of at most SMALL inputs."""
    return int(_table(k)[1][f])


@functools.cache
def _table(k: int) -> tuple[np.ndarray, np.ndarray]:
    """(cost, choice) of every function of k inputs; choice is 16 input + form."""
    if k == 0:
        return np.zeros(2, np.int16), np.zeros(2, np.int16)
    return _choices(np.arange(1 << (1 << k), dtype=np.uint64), k)


def choices(functions: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(cost, choice) of (n,) uint64 functions of k inputs: gates, and 16 input + form."""
    if k <= SMALL:
        cost, choice = _table(k)
        return cost[functions], choice[functions]
    return _choices(functions, k)


def _choices(functions: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    best = np.full(functions.size, 1 << 14, np.int16)
    choice = np.zeros(functions.size, np.int16)
    full = np.uint64((1 << (1 << (k - 1))) - 1)
    for j in range(k):
        f0, f1 = halves(functions, k, j)
        c0, c1, cx = (choices(f, k - 1)[0] for f in (f0, f1, f0 ^ f1))
        forms = (
            (f0 == f1, c0, SAME),
            (f0 ^ f1 == full, 1 + c0, XOR),
            (f0 == 0, 1 + c1, ZERO0),
            (f0 == full, 1 + c1, ONE0),
            (f1 == 0, 1 + c0, ZERO1),
            (f1 == full, 1 + c0, ONE1),
            (f0 & ~f1 & full == 0, 2 + c0 + c1, LOW),
            (f1 & ~f0 & full == 0, 2 + c0 + c1, HIGH),
            (None, 2 + c0 + cx, DAVIO0),
            (None, 2 + c1 + cx, DAVIO1),
            (None, 3 + c0 + c1, SHANNON),
        )
        for where, cost, form in forms:
            better = cost < best if where is None else where & (cost < best)
            best = np.where(better, cost, best).astype(np.int16)
            choice[better] = 16 * j + form
    # a function of one input, or of none, is a net or its complement
    if k == 1:
        best[:] = 0
    return best, choice


def costs(functions: np.ndarray, k: int) -> np.ndarray:
    """(n,) two-input gates of uint64 functions of k inputs, made one by one."""
    if not 0 <= k <= WIDEST:
        raise ValueError(f"functions have 0 to {WIDEST} inputs, got {k}")
    return choices(functions, k)[0]
