"""Irredundant sums of products of functions of six inputs, kernels only.

A function is 64 bits in an int64, bit sum_i v_i 2^i its value where input i is v_i; one of fewer inputs
repeats. A cube is an integer: bit i for a literal of input i, bit 6 + i for its complement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.jit import njit

INPUTS = 6
CUBES = 16  # of a sum, at most
# where input i is 1
ONES = np.array(
    [
        0xAAAAAAAAAAAAAAAA,
        0xCCCCCCCCCCCCCCCC,
        0xF0F0F0F0F0F0F0F0,
        0xFF00FF00FF00FF00,
        0xFFFF0000FFFF0000,
        0xFFFFFFFF00000000,
    ],
    dtype=np.uint64,
).view(np.int64)


class Covers(NamedTuple):
    """Sums found so far, by their bounds: an open hash table.

    lower, upper : (n,) int64 keys; first, number : cubes pool[first : first + number] of each, number -1 for
        more than CUBES and -2 for a free place; used : [places, cubes]
    """

    lower: np.ndarray
    upper: np.ndarray
    first: np.ndarray
    number: np.ndarray
    pool: np.ndarray
    used: np.ndarray


def no_covers(places: int = 1 << 16) -> Covers:
    """An empty table; places : a power of two."""
    return Covers(
        lower=np.zeros(places, dtype=np.int64),
        upper=np.zeros(places, dtype=np.int64),
        first=np.zeros(places, dtype=np.int64),
        number=np.full(places, -2, dtype=np.int64),
        pool=np.zeros(CUBES * places, dtype=np.int64),
        used=np.zeros(2, dtype=np.int64),
    )


@njit(widen=True, cache=True)
def restricted(table, i, value):  # pragma: no cover - compiled
    """The function with input i held at a value; no longer dependent on it."""
    step = 1 << i
    if value:
        part = table & ONES[i]
        return part | ((part >> step) & ~ONES[i])
    part = table & ~ONES[i]
    return part | (part << step)


@njit(widen=True, cache=True)
def depends(table, i):  # pragma: no cover - compiled
    """Whether the function depends on input i."""
    return ((table >> (1 << i)) ^ table) & ~ONES[i] != 0


@njit(widen=True, cache=True)
def moved(table, i, j):  # pragma: no cover - compiled
    """The function with input i < j renamed to j, on which it does not depend."""
    step = (1 << j) - (1 << i)
    swap = ((table >> step) ^ table) & ONES[i] & ~ONES[j]
    return table ^ swap ^ (swap << step)


@njit(widen=True, cache=True)
def _sum_of_products(lower, upper, cubes, frames):  # pragma: no cover - compiled
    """Cubes of a function between the bounds, written to `cubes`; their number, -1 if there is no room.

    S. Minato, Fast generation of irredundant sum-of-products forms from binary decision diagrams, SASIMI
    1992.
    frames : (7, 6) scratch, a row for every input that is open: bounds, input, stage, and what was found
    """
    n, made, top = 0, 0, 0
    frames[0, 0], frames[0, 1], frames[0, 2], frames[0, 3] = lower, upper, INPUTS, 0
    while top >= 0:
        low, high, i, stage = frames[top, 0], frames[top, 1], frames[top, 2], frames[top, 3]
        if stage == 0:
            if low == 0:
                made = 0
                top -= 1
                continue
            if high == -1:
                if n == cubes.size:
                    return -1
                cubes[n] = 0
                n += 1
                made = -1
                top -= 1
                continue
            i -= 1
            while not depends(low, i) and not depends(high, i):
                i -= 1
            frames[top, 2] = i
        low0, low1 = restricted(low, i, 0), restricted(low, i, 1)
        high0, high1 = restricted(high, i, 0), restricted(high, i, 1)
        frames[top, 3] = stage + 1
        if stage == 0:  # with the literal's complement
            frames[top, 4] = n
            below, above = low0 & ~high1, high0
        elif stage == 1:  # with the literal
            for k in range(frames[top, 4], n):
                cubes[k] |= 1 << (INPUTS + i)
            frames[top, 4], frames[top, 5] = n, made & ~ONES[i]
            below, above = low1 & ~high0, high1
        elif stage == 2:  # with neither
            for k in range(frames[top, 4], n):
                cubes[k] |= 1 << i
            frames[top, 5] |= made & ONES[i]
            found0, found1 = restricted(frames[top, 5], i, 0), restricted(frames[top, 5], i, 1)
            below, above = (low0 & ~found0) | (low1 & ~found1), high0 & high1
        else:
            made |= frames[top, 5]
            top -= 1
            continue
        top += 1
        frames[top, 0], frames[top, 1], frames[top, 2], frames[top, 3] = below, above, i, 0
    return n


@njit(widen=True, cache=True)
def find_cover(known, lower, upper, frames):  # pragma: no cover - compiled
    """Place in the table of a sum of products between two bounds, lower within upper."""
    places = known.lower.size
    if 2 * known.used[0] > places or known.used[1] + CUBES > known.pool.size:
        known.number[:] = -2
        known.used[:] = 0
    h = lower ^ (upper << 21) ^ (upper >> 11)
    for left, right in ((13, 7), (17, 19)):
        h ^= h << left
        h ^= h >> right
    at = (h ^ (h >> 32)) & (places - 1)
    while known.number[at] != -2:
        if known.lower[at] == lower and known.upper[at] == upper:
            return at
        at = (at + 1) & (places - 1)
    first = known.used[1]
    count = _sum_of_products(lower, upper, known.pool[first : first + CUBES], frames)
    known.lower[at], known.upper[at], known.first[at], known.number[at] = lower, upper, first, count
    known.used[0] += 1
    known.used[1] += max(count, 0)
    return at
