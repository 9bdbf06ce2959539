"""Couplings to start from."""

from __future__ import annotations

import math

import numpy as np

INITS = ("uniform", "log-normal")
SPREAD = 1.0  # standard deviation of log |w|


def start_weights(
    rng: np.random.Generator, shape: tuple[int, int], init: str, gain: float, *, positive: bool = False
) -> np.ndarray:
    """(n_out, n_in) float32 of root mean square gain sqrt(2 / (n_in + n_out)) (Glorot).

    init : "uniform" in +-top, or "log-normal" sizes with signs by a fair coin, as synapses are
        found (and as multiplicative updates keep them); positive : no signs, uniform from 0
    """
    n_out, n_in = shape
    top = gain * math.sqrt(6.0 / (n_in + n_out))
    if init == "uniform":
        return rng.uniform(0.0 if positive else -top, top, shape).astype(np.float32)
    # E[w^2] = exp(2 m + 2 s^2)
    sizes = np.exp(rng.normal(math.log(top / math.sqrt(3.0)) - SPREAD**2, SPREAD, shape))
    if not positive:
        sizes *= np.where(rng.random(shape) < 0.5, -1.0, 1.0)
    return sizes.astype(np.float32)
