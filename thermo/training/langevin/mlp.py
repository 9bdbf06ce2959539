"""A plain trainer of small feed-forward networks: teachers of machines and digital baselines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compiler.families.activations import PHIS, Phi
from compiler.families.mlp import MLP
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.config import TrainingConfig
from thermo.training.errors import TrainingError
from thermo.training.loop import Trained, fit
from thermo.training.optimise import Adam, cosine_rate
from thermo.training.rules import Rules
from thermo.training.tiles import Tiles

ACTIVATIONS = ("identity", "relu", "sigmoid", "tanh")


@dataclass(frozen=True, slots=True)
class MLPConfig(TrainingConfig):
    """Settings of `train_mlp`, where they are explained."""

    hidden: tuple[int, ...] = (32, 32)
    activation: str = "tanh"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-5

    def check(self, rules: Rules) -> None:
        rules.choice("activation", ACTIVATIONS)
        if any(width < 1 for width in self.hidden):
            rules.fail("hidden", "widths >= 1")


@dataclass(frozen=True, slots=True)
class MLPEpoch:
    """valid_accuracy : on the validation split, minus the rms error in regression"""

    epoch: int
    valid_accuracy: float
    seconds: float = 0.0


class MLPTrainer:
    """Parameters, their moments and the best of them; weights and biases alternate."""

    NUMBERS = ("epoch", "step", "seconds", "score", "best_epoch")
    RECORD, ERROR = MLPEpoch, TrainingError

    def __init__(self, dataset: Dataset, config: MLPConfig) -> None:
        self.data, self.config = dataset, config
        self.classes = dataset.n_classes > 0
        y = dataset.y_train
        n_out = dataset.n_classes if self.classes else y[:1].size
        self.shift = float(dataset.x_train.mean(dtype=np.float64))
        self.spread = float(dataset.x_train.std(dtype=np.float64)) or 1.0
        self.x = (dataset.x_train - np.float32(self.shift)) / np.float32(self.spread)
        self.target = np.eye(n_out, dtype=np.float32)[y] if self.classes else y.reshape(-1, n_out)
        rng = np.random.default_rng([config.seed, 0])
        self.sizes = (self.x.shape[1], *config.hidden, n_out)
        gain = 2.0 if config.activation == "relu" else 1.0
        self.parameters: list[np.ndarray] = []
        for a, b in pairwise(self.sizes):
            self.parameters.append((math.sqrt(gain / a) * rng.standard_normal((b, a))).astype(np.float32))
            self.parameters.append(np.zeros(b, np.float32))
        self.adams = [Adam(p, folded=True) for p in self.parameters]
        self.best = [p.copy() for p in self.parameters]
        self.batch = min(config.batch, self.x.shape[0])
        self.n_batches = self.x.shape[0] // self.batch
        self.epoch = self.step = self.best_epoch = 0
        self.score, self.seconds = -math.inf, 0.0
        self.history: list[MLPEpoch] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out = {f"p{k}": p for k, p in enumerate(self.parameters)}
        out |= {f"best{k}": p for k, p in enumerate(self.best)}
        for k, adam in enumerate(self.adams):
            out |= {f"m{k}": adam.m, f"v{k}": adam.v}
        return out

    def run_epoch(self, tiles: Tiles) -> MLPEpoch:
        config, total = self.config, self.config.epochs * self.n_batches
        phi = PHIS[config.activation]
        order = np.random.default_rng([config.seed, 1, self.epoch]).permutation(self.x.shape[0])
        for k in range(self.n_batches):
            rows = order[k * self.batch : (k + 1) * self.batch]
            gradient = gradient_of(self.parameters, self.x[rows], self.target[rows], self.classes, phi)
            rate = cosine_rate(config.learning_rate, self.step, total, warmup=min(100, total // 10))
            for p, g, adam in zip(self.parameters, gradient, self.adams, strict=True):
                p -= adam.change(g, rate, self.step) + rate * config.weight_decay * p
            self.step += 1
        self.epoch += 1
        score = _score(self.network(self.parameters), self.data, self.classes)
        if score >= self.score:
            self.score, self.best_epoch = score, self.epoch
            for kept, p in zip(self.best, self.parameters, strict=True):
                kept[:] = p
        return MLPEpoch(self.epoch, score)

    def note(self) -> str:
        return f"validation {self.history[-1].valid_accuracy:.4f}"

    def model(self) -> MLP:
        """The network of the best epoch."""
        return self.network(self.best)

    def network(self, parameters: Sequence[np.ndarray]) -> MLP:
        """The network with these weights and biases."""
        return MLP(
            weights=tuple(p.copy() for p in parameters[::2]),
            biases=tuple(p.copy() for p in parameters[1::2]),
            activations=(self.config.activation,) * len(self.config.hidden) + ("identity",),
            input_shift=np.array([self.shift]),
            input_scale=np.array([1.0 / self.spread]),
            head="classification" if self.classes else "regression",
            labels=self.data.labels,
            meta={"method": "mlp", "data": self.data.name},
        )


def train_mlp(
    dataset: Dataset,
    hidden: Sequence[int] = (32, 32),
    activation: str = "tanh",
    *,
    epochs: int = 30,
    batch: int | None = None,
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-5,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained[MLP, MLPEpoch]:
    """Adam on softmax cross-entropy (regression: squared error), warm-up and cosine; the network of
    the best epoch on the validation split.

    batch : None stands for a 64th of the training rows, at least 16 and at most 128
    hidden : cells of each hidden layer, () for a linear model; outputs are logits (identity)
    weight_decay : decoupled, per unit of learning rate (Loshchilov and Hutter, arXiv 1711.05101)

    Raises TrainingError on a setting that does not fit.
    """
    if batch is None:
        batch = min(max(dataset.x_train.shape[0] // 64, 16), 128)
    config = MLPConfig(epochs, batch, seed, tuple(hidden), activation, learning_rate, weight_decay)
    trainer = MLPTrainer(dataset, config)
    label = f"training a {'-'.join(map(str, trainer.sizes))} network"
    # such small products lose by threads
    return fit(trainer, (dataset, config), label, progress=progress, threads=1)


def gradient_of(
    parameters: list[np.ndarray], x: np.ndarray, target: np.ndarray, classes: bool, phi: Phi
) -> list[np.ndarray]:
    """Gradient of the mean loss of one batch, in the order of `parameters`."""
    layers = len(parameters) // 2
    values = [x]
    for k in range(layers):
        z = values[-1] @ parameters[2 * k].T + parameters[2 * k + 1]
        values.append(phi.value(z) if k < layers - 1 else z)
    answer = values[-1]
    if classes:
        answer = np.exp(answer - answer.max(axis=1, keepdims=True))
        answer /= answer.sum(axis=1, keepdims=True)
    delta = (answer - target) / np.float32(x.shape[0])
    out: list[np.ndarray] = []
    for k in range(layers - 1, -1, -1):
        out = [delta.T @ values[k], delta.sum(axis=0), *out]
        if k:
            delta = (delta @ parameters[2 * k]) * phi.slope(values[k])
    return out


def _score(network: MLP, dataset: Dataset, classes: bool) -> float:
    if classes:
        return float(np.mean(network.predictions(dataset.x_valid) == dataset.y_valid))
    answers = network.answers(dataset.x_valid)
    return -float(np.sqrt(np.mean((answers - dataset.y_valid.reshape(answers.shape)) ** 2)))


def hidden_activations(network: MLP, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of all hidden cells, (n, sum of widths), and softmax of the answers, (n, n_out)."""
    hidden, y = hidden_and_answers(network, data)
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return hidden, p


def hidden_and_answers(network: MLP, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of all hidden cells, (n, sum of widths), and the answers, (n, n_out)."""
    y = ((data - network.input_shift) * network.input_scale).astype(np.float32)
    kept = []
    last = len(network.weights) - 1
    for k, (w, b, name) in enumerate(zip(network.weights, network.biases, network.activations, strict=True)):
        y = PHIS[name].value(y @ w.T.astype(np.float32) + b.astype(np.float32))
        if k < last:
            kept.append(y)
    hidden = np.concatenate(kept, axis=1) if kept else np.zeros((data.shape[0], 0), np.float32)
    return hidden, y
