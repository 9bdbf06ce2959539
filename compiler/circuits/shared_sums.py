"""Sums of constant multiples with their common parts shared.

Constants are written in canonical signed digits (A. Avizienis, IRE Trans. EC-10, 1961): the fewest
non-zero digits -1, 0, 1, no two beside each other. A sum is then a list of terms +-2^shift x_i, free
of multiplications. What two terms add up to, if several sums want it, is made once (R. Hartley, IEEE
Trans. CAS II 43(10), 1996; M. Potkonjak et al., IEEE TCAD 15(2), 1996): pairs are taken greedily by
the adders that they save, in rounds, until none saves any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WINDOW = 48
"""Terms of a sum, in the order of their inputs, among which a partner is looked for."""
EAGER = 0.6
"""A round takes pairs that save at least this share of what its best one saves."""

Term = tuple[int, int, int]
"""(word, shift, sign): sign * 2^shift * word."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A shared word: first + sign * 2^shift * second, from low to high."""

    first: int
    second: int
    shift: int
    sign: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class SumPlan:
    """Words 0 ... n - 1 are the inputs, n + k is pairs[k]; row r is the sum of its terms."""

    pairs: tuple[Pair, ...]
    rows: tuple[tuple[Term, ...], ...]


def signed_digits(value: int) -> list[tuple[int, int]]:
    """(shift, sign) of the non-zero canonical signed digits, lowest first."""
    digits = []
    shift = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((shift, sign))
            value -= sign
        value >>= 1
        shift += 1
    return digits


def digit_counts(values: np.ndarray) -> np.ndarray:
    """Number of non-zero canonical signed digits of each of the whole numbers; int64."""
    # the digits of n stand where n and 3 n differ
    size = np.abs(np.asarray(values, dtype=np.int64))
    bits = np.unpackbits(np.ascontiguousarray(size ^ 3 * size)[..., None].view(np.uint8), axis=-1)
    return bits.sum(axis=-1, dtype=np.int64)


def common_offsets(weights: np.ndarray) -> np.ndarray:
    """(n_in,) whole numbers whose difference from each column of weights (n_out, n_in) has fewest
    digits in all; the one nearest to 0 of equal ones.

    What all sums have in common does not change which is largest.
    """
    most = int(np.abs(weights).max(initial=0))
    candidates = np.array(sorted(range(-most, most + 1), key=lambda m: (abs(m), m)))
    cost = np.stack([digit_counts(weights - m).sum(axis=0) for m in candidates])
    return candidates[cost.argmin(axis=0)]


def width_of(low: int, high: int) -> int:
    """Bits of a word from low to high, in two's complement if low < 0."""
    if low >= 0:
        return high.bit_length()
    return 1 + max(high.bit_length() if high > 0 else 0, (-low - 1).bit_length())


def plan_sums(weights: np.ndarray, ranges: list[tuple[int, int]], *, share: bool = True) -> SumPlan:
    """Terms of weights (n_out, n_in) @ words, the pairs that several rows want made once.

    ranges : (low, high) of each word
    """
    rows = [
        [(i, shift, sign) for i in np.flatnonzero(row).tolist() for shift, sign in signed_digits(int(row[i]))]
        for row in weights
    ]
    if not share:
        return SumPlan((), tuple(map(tuple, rows)))
    ranges = list(ranges)
    pairs: list[Pair] = []
    place = [float(i) for i in range(len(ranges))]  # in the order of which partners are looked for
    while True:
        found = _round(rows, ranges, place)
        if not found:
            return SumPlan(tuple(pairs), tuple(map(tuple, rows)))
        pairs += found


def _round(rows: list[list[Term]], ranges: list[tuple[int, int]], place: list[float]) -> list[Pair]:
    """Take the best pairs, in `rows` and at the end of `ranges` and `place`; none if none saves any."""
    keys, where, one, two = _candidates(rows, len(ranges))
    if keys.size == 0:
        return []
    order = np.argsort(keys, kind="stable")
    keys, where, one, two = keys[order], where[order], one[order], two[order]
    pattern, start, count = np.unique(keys, return_index=True, return_counts=True)
    several = count > 1
    pattern, start, count = pattern[several], start[several], count[several]
    first, second, shift, sign = _split(pattern, len(ranges))
    low, high = np.array(ranges, dtype=np.int64).T
    ends = sign * low[second] << shift, sign * high[second] << shift
    least, most = low[first] + np.minimum(*ends), high[first] + np.maximum(*ends)
    width = _widths(low, high)
    # bits that a row has less to add up once a pair is one word: a full adder each
    saved = width[first] + width[second] - _widths(least, most)
    gain = (count - 1) * saved
    best = int(gain.max(initial=0))
    used = [[False] * len(row) for row in rows]
    more: list[list[Term]] = [[] for _ in rows]
    found: list[Pair] = []
    for k in np.argsort(-gain, kind="stable").tolist():
        if gain[k] <= 0 or gain[k] < EAGER * best:
            break
        free = []
        for e in range(start[k], start[k] + count[k]):
            row, i, j = int(where[e]), int(one[e]), int(two[e])
            if not (used[row][i] or used[row][j]):
                used[row][i] = used[row][j] = True
                free.append((row, i, j))
        if (len(free) - 1) * int(saved[k]) < EAGER * best or len(free) < 2:
            for row, i, j in free:
                used[row][i] = used[row][j] = False
            continue
        pair = Pair(*(int(column[k]) for column in (first, second, shift, sign, least, most)))
        word = len(ranges)
        ranges.append((pair.low, pair.high))
        place.append(place[pair.first])
        found.append(pair)
        for row, i, _ in free:
            _, by, way = rows[row][i]
            more[row].append((word, by, way))
    for r, terms in enumerate(rows):
        kept = [term for term, gone in zip(terms, used[r], strict=True) if not gone]
        rows[r] = sorted(kept + more[r], key=lambda term: (place[term[0]], term))
    return found


def _candidates(
    rows: list[list[Term]], n_words: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(key, row, first, second) of all pairs of terms near each other; first and second index a row.

    The first term is the one of the lower shift, so that its word stands unshifted in the pair.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    for k, row in enumerate(rows):
        if len(row) < 2:
            continue
        word, shift, sign = np.array(row, dtype=np.int64).T
        n = len(row)
        one = np.repeat(np.arange(n), WINDOW)
        two = one + np.tile(np.arange(1, WINDOW + 1), n)
        one, two = one[two < n], two[two < n]
        swap = (shift[one] > shift[two]) | ((shift[one] == shift[two]) & (word[one] > word[two]))
        one, two = np.where(swap, two, one), np.where(swap, one, two)
        key = (word[one] * n_words + word[two]) * 64 + shift[two] - shift[one]
        key = 2 * key + (sign[one] != sign[two])
        parts.append((key, np.full(key.size, k), one, two))
    if not parts:
        return (np.empty(0, np.int64),) * 4
    key, row_of, first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    return key, row_of, first, second


def _split(keys: np.ndarray, n_words: int) -> tuple[np.ndarray, ...]:
    """(first, second, shift, sign) that keys of _candidates stand for."""
    shift, words = keys >> 1 & 63, keys >> 7
    first, second = np.divmod(words, n_words)
    return first, second, shift, 1 - 2 * (keys & 1)


def _widths(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """width_of, of each word."""

    def length(values: np.ndarray) -> np.ndarray:
        return np.frexp(np.maximum(values, 0).astype(float))[1]

    return np.where(low < 0, 1 + np.maximum(length(high), length(-low - 1)), length(high))
