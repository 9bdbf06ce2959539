"""The linear map from data to what drives a machine's inputs."""

from __future__ import annotations

import numpy as np


def fit_encoder(
    x: np.ndarray, shift: float | None = None, scale: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale, (1,) float32 each, with u = (data - shift) * scale.

    x : (n, d) training rows. None stands for the mean of x, and for one over the largest L2 norm
    of a shifted row (arXiv 2509.15324; a further division by the standard deviation cancels).
    """
    if shift is None:
        shift = float(x.mean(dtype=np.float64))
    if scale is None:
        norm = float(np.sqrt(np.square(x - np.float32(shift)).sum(axis=1).max()))
        scale = 1.0 / norm if norm > 0 else 1.0
    return np.array([shift], np.float32), np.array([scale], np.float32)
