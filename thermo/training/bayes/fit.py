"""Weights of a network by descent or by draws from their posterior, at as many passes over the rows.

A mean loss V = U / rows at kT = temperature / rows has the posterior exp(-U / temperature) as its Boltzmann
density: one nat of U / temperature is kT. Minibatches are consecutive parts of a shuffled pass, so that
every row is seen once a pass by every method.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from thermo.progress import NullProgress, Progress
from thermo.samplers import Draws, SamplerError, sa_sgld, sgld
from thermo.training.bayes.config import BayesConfig
from thermo.training.bayes.network import Network, outputs, potential
from thermo.training.errors import TrainingDivergedError, TrainingError
from thermo.training.optimise import Adam, cosine_rate

_START, _SHUFFLE, _HEAT = 71, 73, 79  # uses of a seed
ROWS = 2000  # rows of a prediction at a time


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """weights : (k, size) float32 members or draws; share : (k,) of each in a mean, sums to 1
    updates : of all weights; steps : (k,) dt at the draws, empty for descent
    heat : kT given to the bath in one update at the end, mean over draws; drop : kT by which U fell from
        the start to the last draw; nan for descent
    """

    network: Network
    weights: np.ndarray
    share: np.ndarray
    updates: int
    steps: np.ndarray
    heat: float
    drop: float
    seconds: float

    def predictions(self, x: np.ndarray) -> np.ndarray:
        """(n, n_out): mean over members of their probabilities or values."""
        return np.tensordot(self.share, self.each(x), axes=1)

    def each(self, x: np.ndarray) -> np.ndarray:
        """(k, n, n_out) float32 of every member."""
        shown = outputs(self.network)
        parts = [x[k : k + ROWS] for k in range(0, x.shape[0], ROWS)]
        return np.stack([np.concatenate([np.asarray(shown(w, p)) for p in parts]) for w in self.weights])


class Passes:
    """Batches of shuffled passes, a function of (seed, step)."""

    def __init__(self, x: np.ndarray, y: np.ndarray, batch: int, seed: int) -> None:
        self.x, self.y, self.seed = x, y, seed
        self.batch = min(batch, x.shape[0])
        self.each = x.shape[0] // self.batch  # rows beyond whole batches wait for another shuffle
        self.order, self.number = np.arange(x.shape[0]), -1

    def rows(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        number, k = divmod(step, self.each)
        if self.each == 1 and self.batch == self.x.shape[0]:
            return self.x, self.y
        if number != self.number:
            self.order = np.random.default_rng([self.seed, _SHUFFLE, number]).permutation(self.x.shape[0])
            self.number = number
        some = self.order[k * self.batch : (k + 1) * self.batch]
        return self.x[some], self.y[some]


def fit_bayes(
    x: np.ndarray, y: np.ndarray, config: BayesConfig, *, n_classes: int = 0, progress: Progress | None = None
) -> Fitted:
    """The network of rows x (n, n_in) and classes y (n,), or values y (n, n_out) where n_classes is 0.

    Raises TrainingError for rows that do not fit and TrainingDivergedError for a step that is too long.
    """
    x = np.ascontiguousarray(x, np.float32)
    y = np.asarray(y, np.int32 if n_classes else np.float32)
    if x.ndim != 2 or y.shape[0] != x.shape[0] or y.ndim != (1 if n_classes else 2):
        raise TrainingError(f"training: rows x {x.shape} and y {y.shape} do not fit each other")
    began = time.perf_counter()
    n_out, noise = (n_classes, 0.0) if n_classes else (y.shape[1], config.noise)
    net = Network(x.shape[1], config.hidden, n_out, noise)
    progress = NullProgress() if progress is None else progress
    if config.method in ("sgld", "sa-sgld"):
        return _sample(net, x, y, config, progress, began)
    members = config.members if config.method == "ensemble" else 1
    stiffness = _stiffness(net, config, x.shape[0]) * (config.method == "adam-prior")
    found, updates = [], 0
    progress.start(members, config.method)
    try:
        for k in range(members):
            seed = config.seed if members == 1 else config.seed * members + k
            passes = Passes(x, y, config.batch, seed)
            steps = config.epochs // members * passes.each
            found.append(_descend(net, passes, stiffness, steps, config.step, seed))
            updates += steps
            progress.update(k + 1)
    finally:
        progress.stop()
    share = np.full(members, 1 / members)
    nothing = float("nan")
    spent = time.perf_counter() - began
    return Fitted(net, np.stack(found), share, updates, np.empty(0), nothing, nothing, spent)


def _start(net: Network, seed: int) -> np.ndarray:
    """Weights of sd 1 / sqrt(fan in), biases of 0: the same for all methods of a seed."""
    w = np.random.default_rng([seed, _START]).standard_normal(net.size).astype(np.float32)
    w *= net.deviations(1.0)
    bias = np.concatenate([np.full(int(np.prod(s)), len(s) == 1) for s in net.shapes])
    return np.where(bias, np.float32(0), w)


def _stiffness(net: Network, config: BayesConfig, rows: int) -> np.ndarray:
    return np.asarray(1 / (rows * net.deviations(config.prior) ** 2), np.float32)


def _descend(
    net: Network, passes: Passes, stiffness: np.ndarray, steps: int, rate: float, seed: int
) -> np.ndarray:
    w = _start(net, seed)
    adam, gradient = Adam(w), potential(net)
    for k in range(steps):
        _, g = gradient(w, stiffness, *passes.rows(k))
        w = w - adam.change(np.asarray(g), cosine_rate(rate, k, steps), k)
    if not np.isfinite(w).all():
        raise TrainingDivergedError(f"training: weights are no longer numbers; step {rate:g} is too long")
    return np.asarray(w, np.float32)


def _sample(
    net: Network, x: np.ndarray, y: np.ndarray, config: BayesConfig, progress: Progress, began: float
) -> Fitted:
    n, passes = x.shape[0], Passes(x, y, config.batch, config.seed)
    stiffness, value = _stiffness(net, config, x.shape[0]), potential(net)
    steps = config.epochs * passes.each
    burn = min(int(config.burn * steps), steps - 1)
    every = max(1, (steps - burn) // config.draws)

    def gradient(w: np.ndarray, k: int) -> np.ndarray:
        _, g = value(w[:, 0].astype(np.float32), stiffness, *passes.rows(k))
        return np.asarray(g, np.float64)[:, None]

    w0 = _start(net, config.seed).astype(np.float64)[:, None]
    shared = {"steps": steps, "kT": config.temperature / n, "burn_in": burn, "keep_every": every}
    try:
        draws: Draws
        if config.method == "sgld":
            draws = sgld(gradient, w0, step=config.step, seed=config.seed, progress=progress, **shared)
        else:
            draws = sa_sgld(gradient, w0, tau=config.step, seed=config.seed, progress=progress, **shared)
    except SamplerError as error:
        raise TrainingDivergedError(f"training: {error}") from None
    weights = draws.x[:, :, 0].astype(np.float32)
    dt = draws.weight[:, 0]
    u = [float(value(w.astype(np.float32), stiffness, x, y)[0]) for w in (w0[:, 0], draws.final[:, 0])]
    heat = _heat(net, weights, dt, stiffness, Passes(x, y, config.batch, config.seed + 1), config)
    in_kT = n / config.temperature if config.temperature else float("nan")
    spent = time.perf_counter() - began
    return Fitted(net, weights, dt / dt.sum(), steps, dt, heat * in_kT, (u[0] - u[1]) * in_kT, spent)


def _heat(
    net: Network,
    weights: np.ndarray,
    dt: np.ndarray,
    stiffness: np.ndarray,
    passes: Passes,
    config: BayesConfig,
) -> float:
    """Mean of V_b(w) - V_b(w') over one update w -> w' from each draw on a batch b of its own.

    The potential stands still within an update, so that what it falls by is what the bath gets; the jump
    from one batch's potential to the next's is work.
    """
    value, rng = potential(net), np.random.default_rng([config.seed, _HEAT])
    kT = config.temperature / passes.x.shape[0]
    falls = []
    for k, (w, step) in enumerate(zip(weights, dt, strict=True)):
        rows = passes.rows(k * passes.each)
        v, g = value(w, stiffness, *rows)
        after = w - step * np.asarray(g) + np.sqrt(2 * kT * step) * rng.standard_normal(w.size)
        falls.append(float(v) - float(value(after.astype(np.float32), stiffness, *rows)[0]))
    return float(np.mean(falls))
