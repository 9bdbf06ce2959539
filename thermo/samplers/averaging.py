"""Averages of iterates: a better point than any one of them, and how good it is.

The mean of the last n iterates of a noisy descent forgets the noise as 1 / n in variance, whatever
the step (Polyak and Juditsky 1992; memory).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.samplers.draws import Draws
from thermo.samplers.potential import SamplerError


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """mean : (d, chains) weighted average over a chain's draws; sem : its standard error by the
    method of batch means, square root of n draws a batch, autocorrelation included; draws :
    effective independent ones in each, (d, chains)
    """

    mean: np.ndarray
    sem: np.ndarray
    draws: np.ndarray


def average(draws: Draws) -> Average:
    """Every chain's average over time. Raises SamplerError below 16 draws."""
    n = draws.x.shape[0]
    if n < 16:
        raise SamplerError(f"average: has {n} draws; at least 16 are needed for an error")
    size = int(np.sqrt(n))
    batches = n // size
    first = n - batches * size  # the oldest draws are left out, not the newest
    x, w = draws.x[first:], draws.weight[first:][:, None]
    mean = (w * x).sum(axis=0) / w.sum(axis=0)
    parts = (w * (x - mean)).reshape(batches, size, *mean.shape).sum(axis=1)
    total = w.sum(axis=0)
    sem = np.sqrt(batches / (batches - 1) * (parts**2).sum(axis=0)) / total
    spread = (w * (x - mean) ** 2).sum(axis=0) / total
    return Average(mean, sem, spread / np.where(sem > 0, sem, np.inf) ** 2)


def window_averages(draws: Draws, window: int) -> np.ndarray:
    """(n // window, d, chains) weighted averages over windows that do not overlap.

    Raises SamplerError for a window of no draw or more than there are.
    """
    n = draws.x.shape[0]
    if not 1 <= window <= n:
        raise SamplerError(f"window: must be a whole number from 1 to {n} draws, got {window}")
    k = n // window
    x = draws.x[: k * window].reshape(k, window, *draws.x.shape[1:])
    w = draws.weight[: k * window].reshape(k, window, 1, -1)
    return (w * x).sum(axis=1) / w.sum(axis=1)
