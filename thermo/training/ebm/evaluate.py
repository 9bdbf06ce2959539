"""How good a restricted Boltzmann machine is: likelihood and reconstruction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.rbm import RBM
from thermo.progress import Progress
from thermo.training.ebm.ais import AisResult, ais
from thermo.training.ebm.exact import exact_log_partition
from thermo.training.ebm.layers import Layers
from thermo.training.tiles import Tiles

EXACT = 16  # units of the smaller layer up to which log Z is summed


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """Mean log P(v), nats a row.

    error : standard error of log Z (0 where it is exact); spread : standard error of the mean over
    rows; ais : how log Z was found, None where it is exact
    """

    mean: float
    error: float
    spread: float
    n: int
    ais: AisResult | None


def log_likelihood(
    model: RBM,
    v: np.ndarray,
    *,
    base: np.ndarray,
    tiles: Tiles,
    seed: int = 0,
    chains: int = 256,
    steps: int = 10_000,
    exact: bool | None = None,
    progress: Progress | None = None,
) -> Likelihood:
    """Likelihood of the bits v (n, n_visible), by annealed importance sampling.

    exact : sum log Z over states; None does so where a layer has at most 16 units
    """
    energies = model.free_energy(v)
    spread = float(energies.std(ddof=1) / np.sqrt(energies.size)) if energies.size > 1 else 0.0
    if exact or (exact is None and min(model.n_visible, model.n_hidden) <= EXACT):
        log_z = exact_log_partition(model)
        return Likelihood(float(-energies.mean() - log_z), 0.0, spread, energies.size, None)
    found = ais(model, base=base, chains=chains, steps=steps, seed=seed, tiles=tiles, progress=progress)
    return Likelihood(float(-energies.mean() - found.log_z), found.error, spread, energies.size, found)


def base_rate_log_likelihood(v: np.ndarray, base: np.ndarray) -> float:
    """Mean log P(v) of independent units with biases `base`: the model that knows means only."""
    base = np.asarray(base, np.float64)
    return float((np.asarray(v, np.float64) @ base).mean() - np.logaddexp(0.0, base).sum())


def reconstruction_error(layers: Layers, v: np.ndarray, tiles: Tiles, *, seed: int = 0) -> float:
    """Mean squared difference between bits v and their probabilities one sweep later."""
    p_h, p_v = np.empty((v.shape[0], layers.c.size), np.float32), np.empty_like(v)
    h = np.empty_like(p_h)
    layers.hidden(tiles, v, p_h, out=h, seed=seed)
    layers.visible(tiles, h, p_v)
    return float(np.square(p_v - v).mean(dtype=np.float64))
