"""Samples of trained models, and how near their means and correlations come to the data's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from hw_models.imperfect import Imperfections, largest
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.graph import GraphSampler
from thermo.training.ebm.layers import DrawnDevice, Layers, sample_rbm
from thermo.training.ebm.two_layers import sampler_of
from thermo.training.tiles import Tiles

_START = 31
RISE = 0.7  # share of an RBM's sweeps during which beta rises to 1


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """bits, shown : (n, n_visible) float32; shown are probabilities where the model gives them.

    activity : share of updates that changed a state in the last sweep of each model, mean
    levels : of a chain, bits after every model, noise first
    """

    bits: np.ndarray
    shown: np.ndarray
    activity: float
    sweeps: int
    levels: tuple[np.ndarray, ...] = ()


def draw_samples(
    model: RBM | IsingModel | DenoisingChain,
    n: int,
    *,
    sweeps: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: Imperfections | None = None,
    device_seed: int = 0,
) -> Samples:
    """n samples from n independent chains, each started at random.

    sweeps : from the start to the sample, 1000 by default; a chain of models: of each, its own by
        default. An RBM's couplings and hidden biases rise from 0 over the first 70 % of them:
        chains that start at full strength stay in the modes that they first fall into
    device, device_seed : the imperfect machine that draws them, as trained on with that seed

    Raises EbmError for n or sweeps below 1.
    """
    if n < 1 or (sweeps is not None and sweeps < 1):
        raise EbmError(f"samples: n and sweeps must be at least 1, got {n} and {sweeps}")
    if isinstance(model, RBM):
        layers = Layers.of(model)
        if device is not None and not device.ideal:
            drawn = DrawnDevice.draw(device, model.n_visible, model.n_hidden, device_seed)
            layers = drawn.act(model.w, model.b_visible, model.b_hidden, layers.base)
        return _of_rbm(layers, n, sweeps or 1000, seed, threads)
    if isinstance(model, DenoisingChain):
        blocks, nv = model.blocks, model.n_visible
        samplers = [
            sampler_of(
                model.step(t),
                nv,
                threads,
                device,
                device_seed,
                first_cell=int(blocks[t][0]),
                above=blocks[t + 1][:nv],
            )
            for t in range(model.n_steps)
        ]
        top = largest([model.J, model.couplings])
        for t, sampler in enumerate(samplers):
            sampler.set(model.h[t], model.J[t], top)
        return _of_chain(model, samplers, n, sweeps or model.sweeps, seed)
    nv = model.n_visible
    sampler = GraphSampler(model, nv, threads, device, device_seed)
    length = sweeps or 1000
    states, activity = _run(sampler, sampler.random(n, seed, 0), length, seed, 0, None, 0)
    bits = _bits(states[:, :nv])
    return Samples(bits, bits, activity, length)


def _of_rbm(layers: Layers, n: int, sweeps: int, seed: int, threads: int | None) -> Samples:
    rng = np.random.default_rng([seed, _START])
    v = rng.integers(0, 2, (n, layers.b.size)).astype(np.float32)
    betas = np.minimum(1.0, np.arange(1, sweeps + 1) / max(1.0, RISE * sweeps))
    with Tiles(threads) as tiles:
        if sweeps > 1:
            v, _ = sample_rbm(layers, v, sweeps - 1, tiles, seed=seed, betas=betas)
        bits, shown = sample_rbm(layers, v, 1, tiles, seed=seed, step=sweeps - 1)
    return Samples(bits, shown, float((bits != v).mean()), sweeps)


def _of_chain(model: DenoisingChain, samplers: list[GraphSampler], n: int, sweeps: int, seed: int) -> Samples:
    rng = np.random.default_rng([seed, _START])
    x = (2 * rng.integers(0, 2, (n, model.n_visible), np.int8) - 1).astype(np.int8)
    levels, flips = [_bits(x)], []
    for t in range(model.n_steps - 1, -1, -1):
        sampler = samplers[t]
        states = sampler.random(n, seed, t + 1)
        states[:, : model.n_visible] = x
        fields = sampler.fields(x, float(model.couplings[t]))
        states, activity = _run(sampler, states, sweeps, seed, t * sweeps, fields, t)
        x = states[:, : model.n_visible]
        levels.append(_bits(x))
        flips.append(activity)
    return Samples(levels[-1], levels[-1], float(np.mean(flips)), sweeps, tuple(levels))


def _run(
    sampler: GraphSampler,
    states: np.ndarray,
    sweeps: int,
    seed: int,
    step: int,
    fields: np.ndarray | None,
    stage: int,
) -> tuple[np.ndarray, float]:
    """(states, share of spins that the last sweep changed)."""
    first = stage << 32
    if sweeps > 1:
        states = sampler.sweep(states, sweeps - 1, seed, step, fields=fields, first_chain=first)
    last = sampler.sweep(states, 1, seed, step + sweeps - 1, fields=fields, first_chain=first)
    return last, float((last != states).mean())


def _bits(states: np.ndarray) -> np.ndarray:
    return (states > 0).astype(np.float32)


def moment_errors(bits: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Root mean square differences of means and of covariances between two sets of rows of bits.

    `mean_floor` and `covariance_floor` are what two halves of the reference, scaled to the number
    of rows compared, differ by through chance alone.
    """
    a, b = np.asarray(bits, np.float64), np.asarray(reference, np.float64)
    n, m = a.shape[0], b.shape[0]

    def apart(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        upper = np.triu_indices(x.shape[1], 1)
        means = np.sqrt(np.mean((x.mean(axis=0) - y.mean(axis=0)) ** 2))
        if x.shape[1] == 1:
            return float(means), 0.0
        cov = (np.cov(x.T) - np.cov(y.T))[upper]
        return float(means), float(np.sqrt(np.mean(cov**2)))

    mean, covariance = apart(a, b)
    halves = apart(b[: m // 2], b[m // 2 : 2 * (m // 2)])
    scale = float(np.sqrt((1 / n + 1 / m) / (4 / m)))
    return {
        "mean": mean,
        "covariance": covariance,
        "mean_floor": halves[0] * scale,
        "covariance_floor": halves[1] * scale,
    }
