"""What an encoder guarantees about input bits: of one feature, a high threshold implies a lower.

Nothing else is taken for granted: a feature may have any value, also one that no data set has.
"""

from __future__ import annotations

import numpy as np

from compiler.ir.gates import Thermometer


def chains(encoder: Thermometer) -> tuple[np.ndarray, np.ndarray]:
    """(group, rank) of every input, (n_inputs,) int32.

    Inputs of one feature share a group (-1 for a feature with one input); the one of the higher
    rank implies the other, and inputs of the same rank (equal thresholds) are equal.
    """
    feature, threshold = encoder.feature, encoder.threshold
    group = np.full(feature.size, -1, dtype=np.int32)
    rank = np.zeros(feature.size, dtype=np.int32)
    order = np.lexsort((threshold, feature))
    _, starts, sizes = np.unique(feature[order], return_index=True, return_counts=True)
    for number, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
        if size > 1:
            members = order[start : start + size]
            group[members] = number
            rank[members] = np.unique(threshold[members], return_inverse=True)[1]
    return group, rank


def implications(encoder: Thermometer) -> np.ndarray:
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


def possible_words(encoder: Thermometer, rng: np.random.Generator, n_words: int) -> np.ndarray:
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
