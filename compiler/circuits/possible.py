"""What an encoder guarantees about input bits: of one number, a high threshold implies a lower.

The numbers are features, or an encoder's sums and counts. Nothing else is taken for granted: each may
have any value, also one that no data set has.
"""

from __future__ import annotations

import numpy as np

from compiler.ir.encoders import Encoder, Thermometer


def chains(encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """(group, rank) of every input, (n_inputs,) int32.

    Inputs of one number share a group (-1 for a number with one input); the one of the higher
    rank implies the other, and inputs of the same rank (equal thresholds) are equal.
    """
    number, threshold = _thresholds(encoder)
    group = np.full(number.size, -1, dtype=np.int32)
    rank = np.zeros(number.size, dtype=np.int32)
    order = np.lexsort((threshold, number))
    _, starts, sizes = np.unique(number[order], return_index=True, return_counts=True)
    for of, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        if size > 1:
            members = order[start : start + size]
            group[members] = of
            rank[members] = np.unique(threshold[members], return_inverse=True)[1]
    return group, rank


def _thresholds(encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """(number that each input compares, threshold it is compared with): a feature, a sum or a count."""
    if isinstance(encoder, Thermometer):
        return encoder.feature, encoder.threshold
    member = encoder.counted[encoder.count_ends[encoder.tested]]
    alone = (np.diff(encoder.count_ends)[encoder.tested] == 1) & (member < encoder.n_comparisons)
    comparison = np.where(alone, member, 0)
    number = np.where(alone, encoder.compared[comparison], encoder.n_sums + encoder.tested)
    return number, np.where(alone, encoder.bound[comparison], encoder.least)


def implications(encoder: Encoder) -> np.ndarray:
    """(n, 2) int64: in every possible pattern, the first input of a pair implies the second.

    Neighbours in threshold, both ways where thresholds are equal; the rest follows.
    """
    group, rank = chains(encoder)
    order = np.lexsort((rank, group))
    low, high = order[:-1], order[1:]
    together = (group[low] == group[high]) & (group[low] >= 0)
    low, high = low[together], high[together]
    equal = rank[low] == rank[high]
    pairs = [np.stack([high, low], axis=1), np.stack([low[equal], high[equal]], axis=1)]
    return np.concatenate(pairs).astype(np.int64)


def possible_words(encoder: Encoder, rng: np.random.Generator, n_words: int) -> np.ndarray:
    """(n_inputs, n_words) uint64: random patterns, 64 a word, that the encoder can make.

    Every feature has a level, uniform among the ranks there are.
    """
    group, rank = chains(encoder)
    words = rng.integers(0, 2**64, (group.size, n_words), dtype=np.uint64)
    for number in np.unique(group[group >= 0]).tolist():
        members = np.flatnonzero(group == number)
        ranks = rank[members]
        level = rng.integers(0, ranks.max() + 2, (n_words, 64))
        for value in range(int(ranks.max()) + 1):
            bits = np.packbits(level > value, axis=1, bitorder="little").view("<u8")[:, 0]
            words[members[ranks == value]] = bits.astype(np.uint64)
    return words
