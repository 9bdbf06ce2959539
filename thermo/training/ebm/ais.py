"""Annealed importance sampling: log Z of a restricted Boltzmann machine with an error bar.

Neal 2001 (Statistics and Computing 11); for these machines Salakhutdinov and Murray 2008 (ICML,
section 4.1): chains go from independent visible units with the data's means (beta = 0) to the model
(beta = 1), and the mean of their weights is Z / Z_0. Its logarithm errs on the low side: a
likelihood from too short a schedule is too high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.rbm import RBM
from thermo.kernels.spins import rbm as kernel
from thermo.progress import NullProgress, Progress
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.layers import TILE, Layers
from thermo.training.tiles import Tiles

BOOTSTRAPS = 1000
_AIS_SEED_STREAM = 7
SMOOTHING = 0.05  # pseudo-counts of either bit in the base rates


@dataclass(frozen=True, slots=True, eq=False)
class AisResult:
    """log Z with its standard error.

    log_z : nats; error : delta method over chains, sd(w) / (sqrt(n) mean(w))
    low, high : 95 % bootstrap interval over chains; effective : (sum w)^2 / sum w^2
    log_weights : (chains,) log of each chain's weight times Z_0
    """

    log_z: float
    error: float
    low: float
    high: float
    effective: float
    log_weights: np.ndarray
    steps: int

    def describe(self) -> dict[str, float]:
        return {
            "log_z": self.log_z,
            "error": self.error,
            "low": self.low,
            "high": self.high,
            "effective_chains": self.effective,
            "chains": float(self.log_weights.size),
            "steps": float(self.steps),
        }


def base_rates(bits_mean: np.ndarray, n: int) -> np.ndarray:
    """(n_visible,) float32 biases of independent units with these means of n rows, smoothed."""
    p = (np.asarray(bits_mean, np.float64) * n + SMOOTHING) / (n + 2 * SMOOTHING)
    return np.log(p / (1.0 - p)).astype(np.float32)


def schedule(steps: int) -> np.ndarray:
    """(steps + 1,) beta from 0 to 1: 1/29 of the steps up to 0.5, 8/29 up to 0.9, the rest beyond.

    The proportions of Salakhutdinov and Murray's 14,500 steps.
    """
    if steps < 1:
        raise EbmError(f"annealed importance sampling: steps must be at least 1, got {steps}")
    place = np.linspace(0.0, 29.0, steps + 1)
    return np.interp(place, [0.0, 1.0, 9.0, 29.0], [0.0, 0.5, 0.9, 1.0])


def ais(
    model: RBM,
    *,
    base: np.ndarray,
    chains: int = 256,
    steps: int = 10_000,
    seed: int = 0,
    tiles: Tiles,
    progress: Progress | None = None,
) -> AisResult:
    """Estimate log Z of the model.

    base : (n_visible,) biases of the start, from `base_rates`
    The result does not depend on the number of threads.

    Raises EbmError for fewer than two chains or a base of another size.
    """
    if chains < 2:
        raise EbmError(f"annealed importance sampling: chains must be at least 2, got {chains}")
    base = np.asarray(base, np.float32)
    if base.shape != (model.n_visible,) or not np.isfinite(base).all():
        raise EbmError(
            f"annealed importance sampling: base must be {model.n_visible} finite biases, got "
            f"shape {base.shape}"
        )
    progress = progress or NullProgress()
    layers = Layers.of(model, base)
    betas = schedule(steps)
    v = np.empty((chains, model.n_visible), np.float32)
    rows = np.arange(chains, dtype=np.int64)
    start = np.broadcast_to(1.0 / (1.0 + np.exp(-base)), v.shape).astype(np.float32)
    kernel.sample_rows(start, np.uint64(seed), rows, 0, _AIS_SEED_STREAM, v)
    log_w = np.zeros(chains)
    lean = (layers.b.astype(np.float64) - base).astype(np.float64)
    parts = [slice(k, min(chains, k + TILE)) for k in range(0, chains, TILE)]
    # a tile runs through many steps at once: chains are independent
    stride = max(1, steps // 20)

    def run(t: int, first: int, last: int) -> None:
        part = parts[t]
        x, ids = v[part], rows[part]
        z = np.empty((x.shape[0], model.n_hidden), np.float32)
        h, step_up, p = np.empty_like(z), np.empty_like(z), np.empty_like(x)
        zero = np.zeros(model.n_hidden, np.float32)
        ones = np.ones(x.shape[0], np.float32)
        for k in range(first, last):
            low, high = betas[k], betas[k + 1]
            np.matmul(x, layers.up, out=z)
            kernel.softplus_step(z, layers.c, np.float32(low), np.float32(high), step_up)
            log_w[part] += (float(np.float32(high)) - float(np.float32(low))) * (x @ lean)
            log_w[part] += step_up.sum(axis=1, dtype=np.float64)
            if k + 1 == steps:
                break
            beta = ones * np.float32(high)
            kernel.mean_rows(z, layers.c, zero, beta)
            kernel.sample_rows(z, np.uint64(seed), ids, k + 1, _AIS_SEED_STREAM + 1, h)
            np.matmul(h, layers.down.T, out=p)
            kernel.mean_rows(p, layers.b, base, beta)
            kernel.sample_rows(p, np.uint64(seed), ids, k + 1, _AIS_SEED_STREAM, x)

    progress.start(steps, "annealed importance sampling")
    try:
        for first in range(0, steps, stride):
            last = min(steps, first + stride)
            tiles.map(lambda t, a=first, b=last: run(t, a, b), len(parts))  # type: ignore[misc]
            progress.update(last)
    finally:
        progress.stop()
    base64 = base.astype(np.float64)
    log_z0 = np.logaddexp(0.0, base64).sum() + model.n_hidden * np.log(2.0)
    return summarise(log_w + log_z0, steps, seed)


def summarise(log_weights: np.ndarray, steps: int, seed: int = 0) -> AisResult:
    """log of the mean weight, its error by the delta method and a bootstrap interval."""
    top = float(log_weights.max())
    w = np.exp(log_weights - top)
    n, mean = w.size, float(w.mean())
    pick = np.random.default_rng([seed, BOOTSTRAPS]).integers(0, n, (BOOTSTRAPS, n))
    boot = np.log(w[pick].mean(axis=1)) + top
    low, high = (float(q) for q in np.quantile(boot, (0.025, 0.975)))
    return AisResult(
        log_z=float(np.log(mean)) + top,
        error=float(w.std(ddof=1) / np.sqrt(n) / mean),
        low=low,
        high=high,
        effective=float(w.sum() ** 2 / np.square(w).sum()),
        log_weights=log_weights,
        steps=steps,
    )
