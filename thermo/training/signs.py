"""Slopes that stand in for the derivative of a sign, which is 0 wherever it is one.

clip        1 on |z| <= 1 (straight-through; Hubara et al., arXiv 1602.02830)
polynomial  2 - 2 |z| on |z| <= 1: of a sign rounded by parabolas (Liu et al., Bi-Real Net, arXiv 1808.00278)
tanh        of max(1, 1/t) tanh(t z), t from 0.1 to 10 in equal ratios while training: flat at first, a
            sign at the end (Qin et al., IR-Net, arXiv 1909.10788)
reste       of sign(z) |z|^(1/o), o from 1 to 3 while training; its mean on |z| <= 0.1, none beyond 1.5
            (Wu et al., arXiv 2308.06689)

Weights are kept in [-1, 1]. "clip" and "polynomial" hand a weight's gradient on as it is; the others take
their slope there as well. Forms of polynomial and tanh are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hw_models.frozen import Frozen
from thermo.kernels.logic.layers import RESTE_FAR, RESTE_NEAR

ESTIMATORS = ("clip", "polynomial", "tanh", "reste")
POWER = 3.0  # ReSTE's last o
FLAT, STEEP = 0.1, 10.0  # first and last t of "tanh"
SLOPES_WEIGHTS: Mapping[str, bool] = Frozen({"clip": False, "polynomial": False, "tanh": True, "reste": True})
"""Whether an estimator has its slope at weights, too."""


def slope(estimator: str, z: np.ndarray, progress: float) -> np.ndarray:
    """Of the estimator at z, float32; progress : share of the training that is done.

    Raises KeyError for an unknown estimator.
    """
    size = np.abs(z).astype(np.float32)
    if estimator == "clip":
        return (size <= 1).astype(np.float32)
    if estimator == "polynomial":
        return np.maximum(2 - 2 * size, np.float32(0))
    if estimator == "tanh":
        t = FLAT * (STEEP / FLAT) ** progress
        return np.asarray(max(1.0, 1 / t) * t * (1 - np.tanh(t * size) ** 2), np.float32)
    if estimator == "reste":
        o = 1 + (POWER - 1) * progress
        near = RESTE_NEAR ** (1 / o) / RESTE_NEAR
        far = np.maximum(size, RESTE_NEAR) ** np.float32(1 / o - 1) / np.float32(o)
        return np.asarray(np.where(size <= RESTE_NEAR, near, far) * (size <= RESTE_FAR), np.float32)
    raise KeyError(estimator)
