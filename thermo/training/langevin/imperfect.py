"""Imperfections of the device drawn anew for every training batch.

The law is that of `hw_models.imperfect.perturb`; the draws differ, since here they are dense factors
whose product with the gradient is its chain rule. Quantisation passes the gradient straight through
(Bengio, Leonard and Courville, arXiv 1308.3432, section 3). Input and dynamic couplings are
quantised as two groups, each to its own largest value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hw_models.imperfect import NonIdeal


def draw_factors(
    n: int, n_in: int, device: NonIdeal, key: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors on w_in (n, n_in), on the directed coupling (n, n) and on the bias (n,), float32.

    A pair of couplings shares one antisymmetric draw, taken with opposite signs; an input coupling
    has no partner and takes its own.
    """
    rng = np.random.default_rng(list(key))
    w = np.ones((n, n_in), np.float32)
    j = np.ones((n, n), np.float32)
    bias = np.ones(n, np.float32)
    if device.mismatch:
        w += np.float32(device.mismatch) * rng.standard_normal((n, n_in), np.float32)
        j += np.float32(device.mismatch) * rng.standard_normal((n, n), np.float32)
    if device.asymmetry:
        w *= 1 + np.float32(device.asymmetry) * rng.standard_normal((n, n_in), np.float32)
        upper = np.triu(rng.standard_normal((n, n), np.float32), 1)
        j *= 1 + np.float32(device.asymmetry) * (upper - upper.T)
    if device.bias_mismatch:
        bias += np.float32(device.bias_mismatch) * rng.standard_normal(n, np.float32)
    return w, j, bias
