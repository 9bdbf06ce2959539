"""A plain trainer of small feed-forward networks: teachers of machines and digital baselines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compiler.families.mlp import MLP, activate
from thermo.data import Dataset
from thermo.progress import NullProgress, Progress
from thermo.training.langevin.result import TrainingError
from thermo.training.optimise import cosine_rate
from thermo.training.tiles import Tiles

# phi and its derivative by the input, the latter as a function of the value phi.
_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "identity": (lambda x: x, np.ones_like),
    "relu": (lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(y.dtype)),
    "sigmoid": (lambda x: 0.5 * (1 + np.tanh(0.5 * x)), lambda y: y * (1 - y)),
    "tanh": (np.tanh, lambda y: 1 - y * y),
}


@dataclass(frozen=True, slots=True, eq=False)
class MLPResult:
    """A network chosen on the validation split; accuracies are minus the rms error in regression.

    history : validation accuracy after each epoch
    """

    machine: MLP
    history: tuple[float, ...]
    valid_accuracy: float
    best_epoch: int
    seconds: float


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
) -> MLPResult:
    """Adam on softmax cross-entropy (regression: squared error), warm-up and cosine.

    batch : None stands for a 64th of the training rows, at least 16 and at most 128
    hidden : cells of each hidden layer, () for a linear model; outputs are logits (identity)
    weight_decay : decoupled, per unit of learning rate (Loshchilov and Hutter, arXiv 1711.05101)
    """
    if activation not in _ACTIVATIONS:
        raise TrainingError(
            f"activation must be one of {', '.join(sorted(_ACTIVATIONS))}, got {activation!r}"
        )
    if batch is None:
        batch = min(max(dataset.x_train.shape[0] // 64, 16), 128)
    if any(width < 1 for width in hidden) or epochs < 1 or batch < 1:
        raise TrainingError(
            f"hidden widths, epochs and batch must be >= 1, got {tuple(hidden)}, {epochs}, {batch}"
        )
    progress = progress or NullProgress()
    began = time.perf_counter()
    classes = dataset.n_classes > 0
    y = dataset.y_train
    n_out = dataset.n_classes if classes else y[:1].size
    shift = float(dataset.x_train.mean(dtype=np.float64))
    spread = float(dataset.x_train.std(dtype=np.float64)) or 1.0
    x = (dataset.x_train - np.float32(shift)) / np.float32(spread)
    target = np.eye(n_out, dtype=np.float32)[y] if classes else y.reshape(-1, n_out)

    rng = np.random.default_rng([seed, 0])
    sizes = (x.shape[1], *hidden, n_out)
    gain = 2.0 if activation == "relu" else 1.0
    parameters = []
    for a, b in pairwise(sizes):
        parameters.append((math.sqrt(gain / a) * rng.standard_normal((b, a))).astype(np.float32))
        parameters.append(np.zeros(b, np.float32))
    m = [np.zeros_like(p) for p in parameters]
    v = [np.zeros_like(p) for p in parameters]
    phi, slope = _ACTIVATIONS[activation]

    def network() -> MLP:
        return MLP(
            weights=tuple(p.copy() for p in parameters[::2]),
            biases=tuple(p.copy() for p in parameters[1::2]),
            activations=(activation,) * len(hidden) + ("identity",),
            input_shift=np.array([shift]),
            input_scale=np.array([1.0 / spread]),
            head="classification" if classes else "regression",
            labels=dataset.labels,
            meta={"method": "mlp", "data": dataset.name},
        )

    batch = min(batch, x.shape[0])
    n_batches = x.shape[0] // batch
    total = epochs * n_batches
    step = 0
    best: tuple[float, int, MLP] | None = None
    history = []
    progress.start(epochs, f"training a {'-'.join(map(str, sizes))} network")
    try:
        with Tiles(1):  # such small products lose by threads
            for epoch in range(epochs):
                order = np.random.default_rng([seed, 1, epoch]).permutation(x.shape[0])
                for k in range(n_batches):
                    rows = order[k * batch : (k + 1) * batch]
                    gradient = _gradient(parameters, x[rows], target[rows], classes, phi, slope)
                    rate = cosine_rate(learning_rate, step, total, warmup=min(100, total // 10))
                    step += 1
                    scale = rate * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                    for p, g, m_, v_ in zip(parameters, gradient, m, v, strict=True):
                        m_ += 0.1 * (g - m_)
                        v_ += 0.001 * (g * g - v_)
                        p -= scale * m_ / (np.sqrt(v_) + 1e-8) + rate * weight_decay * p
                score = _score(network(), dataset, classes)
                history.append(score)
                if best is None or score >= best[0]:
                    best = score, epoch + 1, network()
                progress.update(epoch + 1, f"validation {score:.4f}")
    finally:
        progress.stop()
    assert best is not None
    return MLPResult(best[2], tuple(history), best[0], best[1], time.perf_counter() - began)


def _gradient(
    parameters: list[np.ndarray],
    x: np.ndarray,
    target: np.ndarray,
    classes: bool,
    phi: Callable,
    slope: Callable,
) -> list[np.ndarray]:
    """Gradient of the mean loss of one batch, in the order of `parameters`."""
    layers = len(parameters) // 2
    values = [x]
    for k in range(layers):
        z = values[-1] @ parameters[2 * k].T + parameters[2 * k + 1]
        values.append(phi(z) if k < layers - 1 else z)
    answer = values[-1]
    if classes:
        answer = np.exp(answer - answer.max(axis=1, keepdims=True))
        answer /= answer.sum(axis=1, keepdims=True)
    delta = (answer - target) / np.float32(x.shape[0])
    out: list[np.ndarray] = []
    for k in range(layers - 1, -1, -1):
        out = [delta.T @ values[k], delta.sum(axis=0), *out]
        if k:
            delta = (delta @ parameters[2 * k]) * slope(values[k])
    return out


def _score(network: MLP, dataset: Dataset, classes: bool) -> float:
    if classes:
        return float(np.mean(network.predictions(dataset.x_valid) == dataset.y_valid))
    answers = network.answers(dataset.x_valid)
    return -float(np.sqrt(np.mean((answers - dataset.y_valid.reshape(answers.shape)) ** 2)))


def hidden_activations(network: MLP, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of all hidden cells, (n, sum of widths), and softmax of the answers, (n, n_out)."""
    y = ((data - network.input_shift) * network.input_scale).astype(np.float32)
    kept = []
    last = len(network.weights) - 1
    for k, (w, b, name) in enumerate(zip(network.weights, network.biases, network.activations, strict=True)):
        y = activate(name, y @ w.T.astype(np.float32) + b.astype(np.float32))
        if k < last:
            kept.append(y)
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    hidden = np.concatenate(kept, axis=1) if kept else np.zeros((data.shape[0], 0), np.float32)
    return hidden, p
