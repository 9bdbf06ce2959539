"""Data in [0, 1] as bits."""

from __future__ import annotations

import numpy as np

from thermo.kernels.spins import rbm as kernel
from thermo.training.ebm.errors import EbmError

STATIC_SEED = 0  # of validation and test bits: the same for every training
STATIC_DRAW = 2**32 - 1
SPLITS = {"train": 0, "valid": 1 << 40, "test": 1 << 41}


def check_unit_interval(x: np.ndarray, name: str) -> None:
    """Raise EbmError for data outside [0, 1]."""
    low, high = float(x.min(initial=0.0)), float(x.max(initial=0.0))
    if low < 0 or high > 1:
        raise EbmError(
            f"data set {name}: values must lie in [0, 1] to become bits, got {low:g} to {high:g}; scale it"
        )


def to_bits(x: np.ndarray, threshold: float | None, *, seed: int, ids: np.ndarray, draw: int) -> np.ndarray:
    """(n, d) float32 zeros and ones from x (n, d) float32 in [0, 1].

    threshold : None draws each bit with its datum's probability, a function of (seed, ids[row],
        draw, column); else bits are x >= threshold
    """
    if threshold is not None:
        return (x >= np.float32(threshold)).astype(np.float32)
    out = np.empty(x.shape, np.float32)
    kernel.sample_rows(
        np.ascontiguousarray(x, np.float32),
        np.uint64(seed),
        ids.astype(np.int64),
        draw,
        kernel.STREAM_BITS,
        out,
    )
    return out


def static_bits(x: np.ndarray, split: str, threshold: float | None) -> np.ndarray:
    """The fixed bits of a split that likelihoods are measured on: one draw, whatever the seed."""
    ids = SPLITS[split] + np.arange(x.shape[0])
    return to_bits(x, threshold, seed=STATIC_SEED, ids=ids, draw=STATIC_DRAW)
