"""Adam in NumPy, and the learning-rate schedule that all trainers share."""

from __future__ import annotations

import math

import numpy as np


def cosine_rate(peak: float, step: int, total: int, *, warmup: int = 50, final: float = 0.02) -> float:
    """Linear warm-up over `warmup` steps, times a half cosine from peak to final * peak."""
    warm = min(1.0, (step + 1) / max(1, warmup))
    wave = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, total))))
    return peak * warm * (final + (1.0 - final) * wave)


class Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) of one array.

    m, v : its moments, of the array's shape and type
    folded : both corrections go into the rate, as at the end of the paper's section 2, so that
        epsilon stands beside the uncorrected moment; else algorithm 1
    """

    def __init__(
        self, like: np.ndarray, beta1: float = 0.9, beta2: float = 0.999, *, folded: bool = False
    ) -> None:
        self.m, self.v = np.zeros_like(like), np.zeros_like(like)
        self.beta1, self.beta2, self.folded = beta1, beta2, folded

    def change(self, gradient: np.ndarray, rate: float, count: int, factor: float = 1.0) -> np.ndarray:
        """Size of this step along the gradient, factor * rate the rate; count : steps done before."""
        self.m += (1 - self.beta1) * (gradient - self.m)
        self.v += (1 - self.beta2) * (gradient * gradient - self.v)
        below1, below2 = 1 - self.beta1 ** (count + 1), 1 - self.beta2 ** (count + 1)
        if self.folded:
            return (factor * (rate * math.sqrt(below2) / below1)) * self.m / (np.sqrt(self.v) + 1e-8)
        return (factor * rate) * (self.m / below1) / (np.sqrt(self.v / below2) + 1e-8)
