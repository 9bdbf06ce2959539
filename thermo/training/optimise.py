"""The learning-rate schedule that all trainers share."""

from __future__ import annotations

import math


def cosine_rate(peak: float, step: int, total: int, *, warmup: int = 50, final: float = 0.02) -> float:
    """Linear warm-up over `warmup` steps, times a half cosine from peak to final * peak."""
    warm = min(1.0, (step + 1) / max(1, warmup))
    wave = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / max(1, total))))
    return peak * warm * (final + (1.0 - final) * wave)
