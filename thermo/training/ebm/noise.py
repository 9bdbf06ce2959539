"""The forward noise of a denoising chain: bits that are resampled step by step."""

from __future__ import annotations

import numpy as np

from thermo.training.ebm.boltzmann_config import BoltzmannConfig


def noise_steps(config: BoltzmannConfig) -> np.ndarray:
    """(steps,) g_t, geometric from g_0 to ramp g_0, of the wanted sum."""
    if config.steps == 1:
        return np.array([config.noise])
    shape = config.ramp ** (np.arange(config.steps) / (config.steps - 1))
    return config.noise * shape / shape.sum()


def add_noise(x: np.ndarray, g: np.ndarray, keys: tuple[int, ...]) -> list[np.ndarray]:
    """[x_0, ..., x_T] int8 of +-1: each step resamples bits with probability 1 - exp(-g_t)."""
    rng = np.random.default_rng(list(keys))
    out = [x]
    for value in g:
        fresh = rng.integers(0, 2, x.shape, np.int8) * 2 - 1
        taken = rng.random(x.shape, np.float32) < 1.0 - np.exp(-value)
        out.append(np.where(taken, fresh, out[-1]).astype(np.int8))
    return out
