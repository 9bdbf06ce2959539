"""Samples by the reverse of noising: w is multiplied, and no sign ever changes, or added to.

Noise of variance sigma^2 in the driven coordinate v falls from level to level; the step from sigma to
sigma' < sigma draws v' from its law given v and the datum D(v, sigma),

    v' = v + (1 - q) (D - v) + sigma sqrt(q (1 - q)) z,   q = sigma'^2 / sigma^2,

(ancestral sampling; Ho et al., arXiv 2006.11239, equation 7, in this parametrisation; memory). In v = log w
it multiplies: w' = w exp(scale (1 - q) (D - v) + scale sigma sqrt(q (1 - q)) z), the sign-preserving
("Dale-Langevin") sampler of arXiv 2510.02730 by form (abstract read).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import jax
import numpy as np

from thermo.training.denoising.config import DenoisingConfig
from thermo.training.denoising.train import Denoiser, denoised
from thermo.training.errors import TrainingError

ROWS = 1000  # drawn at a time; part of no result
_DRAW = 83  # which use of the seed


def levels(config: DenoisingConfig) -> np.ndarray:
    """(steps + 1,) noises from the most to the least in equal ratios, then 0."""
    return np.append(np.geomspace(config.most, config.least, config.steps), 0.0)


def reverse(
    denoiser: Callable[[np.ndarray, np.ndarray], np.ndarray],
    v: np.ndarray,
    sigmas: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """v (n, d) at the first noise brought to the last. denoiser : D(v, sigma (n,)) -> (n, d)"""
    for now, after in pairwise(sigmas):
        q = (after / now) ** 2
        found = np.asarray(denoiser(v, np.full(v.shape[0], now, v.dtype)))
        z = rng.standard_normal(v.shape, v.dtype)
        v = v + (1 - q) * (found - v) + now * np.sqrt(q * (1 - q)) * z
    return v


def draw(trained: Denoiser, n: int, *, seed: int = 0, signs: np.ndarray | None = None) -> np.ndarray:
    """(n, d) float32 weights; |w| - config.floor is a datum.

    signs : (d,) of +1 and -1, which all of a weight's values have; None: all positive. Only multiplicative
        noise keeps them: additive values may lie on the other side.
    Raises TrainingError for signs that do not fit.
    """
    sides = np.ones(trained.size) if signs is None else np.asarray(signs, float)
    if sides.shape != (trained.size,) or not (np.abs(sides) == 1).all():
        raise TrainingError(f"denoising: signs must be {trained.size} values of +1 or -1")
    sigmas = levels(trained.config)
    network = jax.jit(denoised, static_argnames="cells")
    parts = []
    for k in range(0, n, ROWS):
        rng = np.random.default_rng([seed, _DRAW, k])
        v = sigmas[0] * rng.standard_normal((min(ROWS, n - k), trained.size), np.float32)
        v = reverse(
            lambda v, s: network(trained.weights, v, s, trained.config.cells),
            v.astype(np.float32),
            sigmas,
            rng,
        )
        parts.append(trained.weights_of(v))
    return np.asarray(sides * np.concatenate(parts), np.float32)
