"""A linear classifier of window counts: its sums, and what a loss says of its weights and of the counts."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True)
def linear_sums(weight, bias, counts, sums):  # type: ignore[no-untyped-def]
    """sums[c] = bias[c] + sum over f of weight[f, c] counts[f].

    weight : (n, n_classes) float32; counts : (n, lanes) uint8; sums : (n_classes, lanes) float32, out
    """
    for c in range(weight.shape[1]):
        for s in range(counts.shape[1]):
            sums[c, s] = bias[c]
    for f in range(weight.shape[0]):
        for c in range(weight.shape[1]):
            w = weight[f, c]
            for s in range(counts.shape[1]):
                sums[c, s] += w * np.float32(counts[f, s])


@njit(cache=True, nogil=True)
def linear_derivatives(weight, counts, by_sums, by_weight, by_counts):  # type: ignore[no-untyped-def]
    """by_weight[f, c] = sum over s of by_sums[c, s] counts[f, s], a whole number;
    by_counts[f, s] = sum over c of weight[f, c] by_sums[c, s].

    by_sums : (n_classes, lanes) int8; by_weight : (n, n_classes) int32; by_counts : (n, lanes) float32
    """
    for f in range(weight.shape[0]):
        by_counts[f, :] = np.float32(0)
        for c in range(weight.shape[1]):
            w, total = weight[f, c], np.int32(0)
            for s in range(counts.shape[1]):
                total += np.int32(by_sums[c, s]) * np.int32(counts[f, s])
                by_counts[f, s] += w * np.float32(by_sums[c, s])
            by_weight[f, c] = total
