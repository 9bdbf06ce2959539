"""Cross entropy of class sums and its derivatives as int8."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True, error_model="numpy")
def loss_and_weights(counts, labels, targets, tau, scale, dither, weights, totals):  # type: ignore[no-untyped-def]
    """Cross entropy of softmax(counts / tau) and derivatives by the class sums as int8.

    counts : (n_classes, pitch) int32; labels : (n,) int64
    targets : (n, n_classes) float64, what the probabilities should be; the derivatives are those of the
        cross entropy of these, the loss and the right answers those of the labels
    weights : (n_classes, pitch) int8, written: scale * (probability - target) + dither, floored
    dither : (n_classes, n) in [0, 1)
    totals : (4,) float64, added to: loss, right answers, sum and sum of squares of the counts
    """
    n_classes = counts.shape[0]
    e = np.empty(n_classes, np.float64)
    for s in range(labels.shape[0]):
        label = labels[s]
        largest, at = counts[0, s], 0
        for c in range(n_classes):
            value = counts[c, s]
            totals[2] += value
            totals[3] += float(value) * value
            if value > largest:
                largest, at = value, c
        z = 0.0
        for c in range(n_classes):
            e[c] = np.exp((counts[c, s] - largest) / tau)
            z += e[c]
        totals[0] += np.log(z) - (counts[label, s] - largest) / tau
        totals[1] += at == label
        for c in range(n_classes):
            value = np.floor(scale * (e[c] / z - targets[s, c]) + dither[c, s])
            weights[c, s] = np.int8(min(max(value, -127.0), 127.0))
