"""Functions of four inputs up to permutation and complement of inputs and complement of the output.

A truth table is 16 bits, bit p the value where input i is bit i of p. The representative of a class
is its smallest table that is 0 where all inputs are 0 (NPN classes: 222 of them).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

import numpy as np

INPUTS = 4
PERMUTATIONS = tuple(permutations(range(INPUTS)))


def _moves() -> np.ndarray:
    """(384, 16): for each change of inputs, the pattern of the function that each pattern reads.

    Move m = 16 permutation + flips: g(x) = f(y) with y_i = x_(perm[i]) xor bit i of flips.
    """
    moves = np.zeros((len(PERMUTATIONS) * 16, 16), dtype=np.int64)
    patterns = np.arange(16)
    for k, perm in enumerate(PERMUTATIONS):
        for flips in range(16):
            y = np.zeros(16, dtype=np.int64)
            for i in range(INPUTS):
                y |= ((patterns >> perm[i] & 1) ^ (flips >> i & 1)) << i
            moves[16 * k + flips] = y
    return moves


@lru_cache(maxsize=1)
def canonical_table() -> tuple[np.ndarray, np.ndarray]:
    """(representative (65536,) uint16, how (65536,) int16) of every function f.

    how = 2 move + complement: f = move applied to the representative, complemented if odd, with
    the moves of `_moves`.
    """
    moves = _moves()
    representative = np.zeros(1 << 16, dtype=np.uint16)
    how = np.full(1 << 16, -1, dtype=np.int16)
    weights = 1 << np.arange(16)
    for table in range(0, 1 << 16, 2):
        if how[table] >= 0:
            continue
        bits = table >> np.arange(16) & 1
        images = (bits[moves] * weights).sum(axis=1)
        for complement in (1, 0):
            members = images ^ (0xFFFF * complement)
            # reversed, so that the identity wins for the representative itself
            representative[members[::-1]] = table
            how[members[::-1]] = 2 * np.arange(len(moves))[::-1] + complement
    return representative, how


@lru_cache(maxsize=1)
def moves() -> np.ndarray:
    """The moves that canonical_table numbers; (384, 16) int64."""
    return _moves()
