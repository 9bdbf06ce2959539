"""Random counting encoders."""

from dataclasses import replace

import numpy as np

from compiler.ir.encoders import CountingEncoder
from compiler.ir.shared_tables import SharedTables

EMPTY = np.zeros(0, np.int32)


def ragged(rows):
    """(ends, values) of lists of ids."""
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return ends, np.array([v for row in rows for v in row], np.int32)


def shared_tables(rng, below, inputs, tables=3, applied=20):
    """Tables at random places, a few of which read earlier applications."""
    taps = [rng.integers(0, below + min(t, 3), inputs) for t in range(applied)]
    entries = rng.integers(0, 1 << min(1 << inputs, 63), tables).astype(np.uint64)
    return SharedTables(
        inputs,
        entries,
        rng.integers(0, tables, applied).astype(np.int32),
        np.concatenate(taps).astype(np.int32),
    )


def counting(rng, n_features=12, top=255, dropped=0, sums=20, comparisons=60, counts=25, bits=40, inputs=0):
    """An encoder whose sums and counts are nested at random, with bounds also beyond what sums reach.

    inputs : of shared tables, 0 for none
    """

    def rows(n, below, most):
        return [
            np.sort(rng.choice(below + k, min(int(rng.integers(1, most)), below + k), replace=False))
            for k in range(n)
        ]

    sum_ends, feature = ragged(rows(sums, n_features, 5))
    weight = rng.choice([-3, -2, -1, 1, 1, 2, 4], feature.size).astype(np.int32)
    shared = shared_tables(rng, comparisons, inputs) if inputs else SharedTables()
    count_ends, counted = ragged(rows(counts, comparisons + shared.n_applied, 9))
    compared = rng.integers(0, sums, comparisons).astype(np.int32)
    tested = rng.integers(0, counts, bits).astype(np.int32)
    bare = CountingEncoder(
        n_features,
        top,
        dropped,
        sum_ends,
        feature,
        weight,
        compared,
        EMPTY,
        count_ends,
        counted,
        tested,
        np.ones(bits, np.int32),
        shared,
    )
    low, high = bare.ranges()
    bound = rng.integers(low[compared] - 2, high[compared] + 3).astype(np.int32)
    encoder = replace(bare, bound=bound)
    return replace(encoder, least=rng.integers(1, encoder.sizes()[tested] + 1).astype(np.int32))


def pixels(rng, n, n_features=12, top=255):
    """(n, n_features) float32 on the grid of codes."""
    return (rng.integers(0, top + 1, (n, n_features)) / top).astype(np.float32)
