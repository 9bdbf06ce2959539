"""A network that takes noise off: trained by denoising score matching, in JAX.

In the driven coordinate v = (log w - shift) / scale, or (w - shift) / scale, a datum v_0 is seen as
v = v_0 + sigma z. The network gives D(v, sigma), the mean of v_0 given v; the score is (D - v) / sigma^2
(Vincent 2011; memory). In v = log w it is w d ln p / dw + 1: the loss of D is the multiplicative one of
arXiv 2510.02730 (abstract read, form derived). D = c_skip v + c_out F(c_in v, ln sigma) and the weight of a
noise level are those of Karras et al., arXiv 2206.00364, table 1 (memory), with a spread of 1.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermo.progress import NullProgress, Progress
from thermo.training.denoising.config import DenoisingConfig
from thermo.training.errors import TrainingDivergedError, TrainingError
from thermo.training.optimise import cosine_rate

Weights = list[tuple[jax.Array, jax.Array]]
WAVES = 2.0 ** np.arange(-2, 3)  # of ln sigma
SPREAD = 1.4  # of ln sigma in training, about the middle of the levels
_START, _ORDER = 87, 89  # which uses of the seed
KEPT = 0.999  # of the running mean of weights in an update; at first less, by how many there were


@dataclass(frozen=True, slots=True, eq=False)
class Denoiser:
    """weights : of the network, running means; shift, scale : of the driven coordinate
    losses : mean loss of every epoch, 1 where nothing is known of the data
    """

    config: DenoisingConfig
    weights: Weights
    shift: float
    scale: float
    losses: tuple[float, ...]
    seconds: float

    @property
    def size(self) -> int:
        """Values of a datum."""
        return int(self.weights[-1][1].shape[0])

    def __call__(self, v: Any, sigma: Any) -> Any:
        """D(v, sigma), (n, d), of v (n, d) at noises (n,)."""
        return denoised(self.weights, v, sigma, self.config.cells)

    def driven(self, data: np.ndarray) -> np.ndarray:
        """v of data."""
        return (_coordinate(data, self.config) - self.shift) / self.scale

    def weights_of(self, v: np.ndarray) -> np.ndarray:
        """w of v; positive if the noise is multiplicative, whatever v is."""
        y = self.shift + self.scale * v
        return np.exp(y) if self.config.kind == "multiplicative" else y


def _coordinate(data: np.ndarray, config: DenoisingConfig) -> np.ndarray:
    w = np.asarray(data, np.float32) + np.float32(config.floor)
    return np.log(w) if config.kind == "multiplicative" else w


def denoised(weights: Weights, v: Any, sigma: Any, cells: bool = False) -> Any:
    """D(v, sigma) of these weights; cells : of a network of cells."""
    s = sigma[:, None]
    total = jnp.sqrt(s**2 + 1)
    return v / total**2 + s / total * _network(weights, v / total, jnp.log(s), cells)


def _network(weights: Weights, x: Any, level: Any, cells: bool) -> Any:
    """Two layers, the first passed on beside the second."""
    waves = level * WAVES
    seen, shape = ([level], jax.nn.relu) if cells else ([jnp.sin(waves), jnp.cos(waves)], jax.nn.silu)
    (a, b), (c, d), (e, f) = weights
    h = shape(jnp.concatenate([x, *seen], axis=1) @ a + b)
    h = h + shape(h @ c + d)
    return h @ e + f


def _loss(weights: Weights, cells: bool, v0: Any, sigma: Any, z: Any) -> Any:
    """Mean square of F less its target, by which every level counts alike."""
    v = v0 + sigma[:, None] * z
    weight = (sigma**2 + 1) / sigma**2
    return (weight[:, None] * jnp.square(denoised(weights, v, sigma, cells) - v0)).mean()


def train_denoiser(
    data: np.ndarray, config: DenoisingConfig, *, progress: Progress | None = None
) -> Denoiser:
    """The network of data (n, d), not negative.

    Raises TrainingError for other data, TrainingDivergedError for a rate that is too high.
    """
    rows = np.asarray(data, np.float32)
    if rows.ndim != 2 or rows.size == 0 or not (np.isfinite(rows).all() and (rows >= 0).all()):
        raise TrainingError(
            f"training: data must be finite rows (n, d) of values >= 0, got shape {rows.shape}: a weight's "
            "size is learnt, its sign is given to the sampler"
        )
    began = time.perf_counter()
    y = _coordinate(rows, config)
    shift, scale = float(y.mean()), float(y.std()) or 1.0
    v = jnp.asarray((y - shift) / scale)
    n, d = v.shape
    batch = min(config.batch, n)
    key = jax.random.key(config.seed)
    weights = _start(d, config)
    middle = 0.5 * (np.log(config.least) + np.log(config.most)) - 0.5
    total = config.epochs * (n // batch)
    rates = np.array([cosine_rate(config.rate, k, total, warmup=min(100, total // 10)) for k in range(total)])
    rates = rates.reshape(config.epochs, -1).astype(np.float32)
    nothing = jax.tree.map(np.zeros_like, weights)
    state = (weights, nothing, nothing, weights, np.float32(0))
    losses = []
    progress = NullProgress() if progress is None else progress
    progress.start(config.epochs, f"training a {config.kind} denoiser")
    try:
        for epoch in range(config.epochs):
            order = np.random.default_rng([config.seed, _ORDER, epoch]).permutation(n)
            batches = order[: n // batch * batch].reshape(-1, batch)
            now = jax.random.fold_in(key, epoch + 1)
            state, loss = _epoch(state, v, batches, rates[epoch], now, middle, config.cells)
            losses.append(float(loss))
            progress.update(epoch + 1, f"loss {losses[-1]:.3f}")
    finally:
        progress.stop()
    if not np.isfinite(losses[-1]):
        raise TrainingDivergedError(f"training: the loss is no number; a rate of {config.rate:g} is too high")
    return Denoiser(config, state[3], shift, scale, tuple(losses), time.perf_counter() - began)


def _start(d: int, config: DenoisingConfig) -> Weights:
    """The last layer begins at 0: nothing is known of the data."""
    rng = np.random.default_rng([config.seed, _START])
    seen = 1 if config.cells else 2 * WAVES.size
    sizes = [(d + seen, config.hidden), (config.hidden, config.hidden), (config.hidden, d)]
    weights = []
    for k, (a, b) in enumerate(sizes):
        w = (k < 2) * rng.standard_normal((a, b)) / np.sqrt(a)
        weights.append((jnp.asarray(w, jnp.float32), jnp.zeros(b, jnp.float32)))
    return weights


@partial(jax.jit, static_argnames="cells")
def _epoch(state: Any, v: Any, batches: Any, rates: Any, key: Any, middle: float, cells: bool) -> Any:
    """One pass: (weights, Adam's two moments, mean weights, updates) and the mean loss."""

    def step(state: Any, given: Any) -> Any:
        weights, first, second, mean, count = state
        k, rows, rate = given
        noise = jax.random.normal(jax.random.fold_in(key, k), (rows.size, v.shape[1] + 1))
        sigma, z = jnp.exp(middle + SPREAD * noise[:, 0]), noise[:, 1:]
        loss, gradient = jax.value_and_grad(_loss)(weights, cells, v[rows], sigma, z)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda m, g: 0.999 * m + 0.001 * g * g, second, gradient)
        a, b = 1 - 0.9 ** (count + 1), 1 - 0.999 ** (count + 1)
        weights = jax.tree.map(
            lambda w, m, s: w - rate * (m / a) / (jnp.sqrt(s / b) + 1e-8), weights, first, second
        )
        kept = jnp.minimum(KEPT, (1 + count) / (10 + count))
        mean = jax.tree.map(lambda m, w: kept * m + (1 - kept) * w, mean, weights)
        return (weights, first, second, mean, count + 1), loss

    state, losses = jax.lax.scan(step, state, (jnp.arange(batches.shape[0]), batches, rates))
    return state, losses.mean()
