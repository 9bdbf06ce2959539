"""Classifiers of whole numbers: weights of few bits, down to three or two values, trained as such.

Latent weights v in [-1, 1] are rounded to q = round(L v), or to their sign, in every forward pass, and
the gradient of q goes to v as it is (straight-through; M. Courbariaux et al., arXiv 1511.00363 and
1602.02830; ternary: F. Li et al., arXiv 1605.04711). Weights and hidden values of two values may take other
slopes (thermo.training.signs). What comes out is an IntegerNetwork, whose own arithmetic the training ran:
nothing is rounded afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from compiler.circuits.integer_network import IntegerNetwork
from thermo.data import Dataset
from thermo.kernels.logic import images as kernels
from thermo.progress import Progress
from thermo.training.config import TrainingConfig
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicAugmentation
from thermo.training.loop import Trained, fit
from thermo.training.optimise import Adam, cosine_rate
from thermo.training.rules import Rules
from thermo.training.signs import ESTIMATORS, SLOPES_WEIGHTS, slope
from thermo.training.tiles import Tiles

LARGEST = {"int8": 127, "int4": 7, "powers": 8, "ternary": 1, "binary": 1}
"""Largest weight of each precision."""
SPREAD = {
    "int8": 0.1,
    "int4": 0.2,
    "powers": 0.2,
    "ternary": 0.4,
    "binary": 0.4,
}  # of latent weights at first
NODES = 5  # of an elastic field along each axis, as thermo.training.logic draws them
ORDER, WARP, MOVE = 1, 2, 3  # streams of an epoch's random numbers
CALIBRATED = 2000  # rows that the shifts are set by


@dataclass(frozen=True, slots=True)
class IntegerConfig(TrainingConfig):
    """Settings of `train_integer`, where they are explained."""

    hidden: tuple[int, ...] = ()
    precision: str = "int8"
    top: int = 15
    bits: int = 1
    learning_rate: float = 0.01
    weight_decay: float = 0.0
    estimator: str = "clip"
    augmentation: LogicAugmentation = field(default_factory=LogicAugmentation)

    def check(self, rules: Rules) -> None:
        rules.choice("precision", tuple(LARGEST))
        rules.whole("top", "bits")
        rules.positive("learning_rate")
        rules.not_negative("weight_decay")
        rules.choice("estimator", ESTIMATORS)
        if any(width < 1 for width in self.hidden):
            rules.fail("hidden", "widths >= 1")
        if self.estimator != "clip" and (self.precision != "binary" or self.bits != 1):
            rules.fail("estimator", "clip unless weights are binary and hidden values have one bit")


@dataclass(frozen=True, slots=True)
class IntegerEpoch:
    """valid_accuracy : on the validation split"""

    epoch: int
    valid_accuracy: float
    seconds: float = 0.0


class IntegerTrainer:
    """Latent weights, biases in units of their sum's spread, and the gain of the answers."""

    NUMBERS = ("epoch", "step", "seconds", "score", "best_epoch")
    RECORD, ERROR = IntegerEpoch, TrainingError

    def __init__(self, dataset: Dataset, config: IntegerConfig) -> None:
        if not dataset.n_classes:
            raise TrainingError(f"data set {dataset.name} has no classes; integer networks are classifiers")
        if (config.augmentation.shift or config.augmentation.warps) and len(dataset.image_shape) < 2:
            raise TrainingError(
                f"data set {dataset.name} has no images to augment; leave the augmentation out"
            )
        self.data, self.config = dataset, config
        rng = np.random.default_rng([config.seed, 0])
        self.sizes = (dataset.n_features, *config.hidden, dataset.n_classes)
        self.x = whole_inputs(dataset.x_train, config.top)
        self.valid = whole_inputs(dataset.x_valid, config.top)
        # weights of inputs that no image uses stay 0: their wires are never built
        self.used = self.x.any(axis=0)
        self.latent = [
            np.clip(SPREAD[config.precision] * rng.standard_normal((b, a)), -1, 1).astype(np.float32)
            for a, b in pairwise(self.sizes)
        ]
        self.latent[0] *= self.used
        self.unit, self.bias, self.shifts = self._calibrated()
        self.gain = np.zeros(1, np.float32)
        self.parameters = [*self.latent, *self.bias, self.gain]
        self.adams = [Adam(p, folded=True) for p in self.parameters]
        self.best = [p.copy() for p in self.parameters]
        self.batch = min(config.batch, self.x.shape[0])
        self.n_batches = self.x.shape[0] // self.batch
        self.epoch = self.step = self.best_epoch = 0
        self.score, self.seconds = -math.inf, 0.0
        self.history: list[IntegerEpoch] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out = {f"p{k}": p for k, p in enumerate(self.parameters)}
        out |= {f"best{k}": p for k, p in enumerate(self.best)}
        for k, adam in enumerate(self.adams):
            out |= {f"m{k}": adam.m, f"v{k}": adam.v}
        return out

    def _calibrated(self) -> tuple[list[float], list[np.ndarray], list[int]]:
        """(spread of each layer's sums, first biases, shifts), from the first rows of training.

        Hidden cells begin around the middle of the values that they tell apart.
        """
        unit, bias, shifts = [], [], []
        h = self.x[:CALIBRATED].astype(np.float32)
        top = 2**self.config.bits
        for k, v in enumerate(self.latent):
            s = h @ self._rounded(v).T
            mean, spread = s.mean(axis=0), float(s.std(axis=0).mean()) or 1.0
            unit.append(spread)
            if k == len(self.latent) - 1:
                bias.append(np.zeros(v.shape[0], np.float32))
                break
            shift = max(0, round(math.log2(2 * spread / top)))
            start = (2**shift if self.config.bits == 1 else 0.5 * 2**shift) - mean
            bias.append((start / spread).astype(np.float32))
            shifts.append(shift)
            h = np.clip(np.floor((s + start) / 2**shift), 0, top - 1).astype(np.float32)
        return unit, bias, shifts

    def _rounded(self, v: np.ndarray) -> np.ndarray:
        precision = self.config.precision
        if precision == "binary":
            return np.sign(v)
        if precision == "powers":
            size = 8 * np.abs(v)  # to the nearest of 0, 1, 2, 4 and 8
            return np.sign(v) * (1.0 * (size > 0.5) + (size > 1.5) + 2 * (size > 3) + 4 * (size > 6))
        return np.round(LARGEST[precision] * v)

    def run_epoch(self, tiles: Tiles) -> IntegerEpoch:
        config, total = self.config, self.config.epochs * self.n_batches
        order = np.random.default_rng([config.seed, ORDER, self.epoch]).permutation(self.x.shape[0])
        x = self._augmented()
        for k in range(self.n_batches):
            rows = order[k * self.batch : (k + 1) * self.batch]
            gradient = self._gradient(x[rows].astype(np.float32), self.data.y_train[rows])
            rate = cosine_rate(config.learning_rate, self.step, total, warmup=min(100, total // 10))
            for p, g, adam in zip(self.parameters, gradient, self.adams, strict=True):
                p -= adam.change(g, rate, self.step)
            for v in self.latent:
                v -= rate * config.weight_decay * v
                np.clip(v, -1, 1, out=v)
            self.latent[0] *= self.used
            self.step += 1
        self.epoch += 1
        network = self.network(self.parameters)
        score = float(np.mean(network.predictions(self.valid) == self.data.y_valid))
        if score >= self.score:
            self.score, self.best_epoch = score, self.epoch
            for kept, p in zip(self.best, self.parameters, strict=True):
                kept[:] = p
        return IntegerEpoch(self.epoch, score)

    def _augmented(self) -> np.ndarray:
        """This epoch's images as whole numbers."""
        a, seed, epoch = self.config.augmentation, self.config.seed, self.epoch
        if not (a.warps or a.shift):
            return self.x
        images = self.data.x_train
        height, width, channels = (*self.data.image_shape, 1)[:3]
        n = images.shape[0]
        if a.warps:
            rng = np.random.default_rng([seed, WARP, epoch])
            chosen = np.sort(rng.permutation(n)[: round(a.warp_share * n)])
            coefficients = a.warp.draw(chosen.size, rng)
            source, images = images, images.copy()
            kernels.warp(
                source,
                chosen,
                coefficients,
                a.elastic,
                NODES,
                seed,
                epoch,
                height,
                width,
                channels,
                0,
                np.float32(0),
                images,
                0,
                chosen.size,
            )
        x = whole_inputs(images, self.config.top).reshape(n, height, width, channels)
        if a.shift:
            rng = np.random.default_rng([seed, MOVE, epoch])
            moved = rng.random(n) < a.shift_share
            down, along = np.where(moved, rng.integers(-a.shift, a.shift + 1, (2, n)), 0)
            framed = np.pad(x, ((0, 0), (a.shift, a.shift), (a.shift, a.shift), (0, 0)))
            for y, z in {*zip(down.tolist(), along.tolist(), strict=True)}:
                rows = (down == y) & (along == z)
                x[rows] = framed[rows, a.shift + y : a.shift + y + height, a.shift + z : a.shift + z + width]
        return x.reshape(n, -1)

    def _gradient(self, x: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        """Of the mean cross-entropy of a batch, in the order of the parameters."""
        weights = [self._rounded(v) for v in self.latent]
        most = 2**self.config.bits
        estimator, clip = self.config.estimator, self.config.estimator == "clip"
        progress = self.step / (self.config.epochs * self.n_batches)
        values, inside = [x], []
        for k, (q, b) in enumerate(zip(weights, self.bias, strict=True)):
            s = values[-1] @ q.T + np.round(b * np.float32(self.unit[k]))
            if k == len(weights) - 1:
                break
            z = s * np.float32(2.0 ** -self.shifts[k])
            # a bit steps at z = 1, half way between 0 and most
            inside.append((z > 0) & (z < most) if clip else slope(estimator, z - 1, progress))
            values.append(np.clip(np.floor(z), 0, most - 1))
        factor = np.exp(self.gain) / np.float32(self.unit[-1])
        answer = factor * s
        answer = np.exp(answer - answer.max(axis=1, keepdims=True))
        answer /= answer.sum(axis=1, keepdims=True)
        answer[np.arange(labels.size), labels] -= 1
        delta = answer / np.float32(labels.size)  # by factor * s
        gain = np.array([(delta * s).sum() * factor[0]], np.float32)
        delta = delta * factor
        into: list[np.ndarray] = []
        biases: list[np.ndarray] = []
        largest = np.float32(LARGEST[self.config.precision])
        for k in range(len(weights) - 1, -1, -1):
            passed = slope(estimator, self.latent[k], progress) if SLOPES_WEIGHTS[estimator] else largest
            into.insert(0, passed * (delta.T @ values[k]))
            biases.insert(0, np.float32(self.unit[k]) * delta.sum(axis=0))
            if k:
                delta = (delta @ weights[k]) * inside[k - 1] * np.float32(2.0 ** -self.shifts[k - 1])
        return [*into, *biases, gain]

    def note(self) -> str:
        return f"validation {self.history[-1].valid_accuracy:.4f}"

    def model(self) -> IntegerNetwork:
        """The network of the best epoch."""
        return self.network(self.best)

    def network(self, parameters: Sequence[np.ndarray]) -> IntegerNetwork:
        """The network with these latent weights and biases."""
        n = len(self.latent)
        return IntegerNetwork(
            top=self.config.top,
            weights=tuple(self._rounded(v).astype(np.int64) for v in parameters[:n]),
            biases=tuple(
                np.round(b * np.float32(unit)).astype(np.int64)
                for b, unit in zip(parameters[n : 2 * n], self.unit, strict=True)
            ),
            shifts=tuple(self.shifts),
            bits=(self.config.bits,) * (n - 1),
        )


def whole_inputs(x: np.ndarray, top: int) -> np.ndarray:
    """Values from 0 to 1 as the nearest whole numbers from 0 to top; uint8, uint16 where top > 255."""
    return np.clip(np.round(np.asarray(x) * np.float32(top)), 0, top).astype(
        np.uint8 if top < 256 else np.uint16
    )


def train_integer(
    dataset: Dataset,
    hidden: Sequence[int] = (),
    precision: str = "int8",
    *,
    top: int = 15,
    bits: int = 1,
    epochs: int = 30,
    batch: int = 128,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    estimator: str = "clip",
    augmentation: LogicAugmentation | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained[IntegerNetwork, IntegerEpoch]:
    """Adam on softmax cross-entropy, warm-up and cosine; the network of the best epoch on the
    validation split.

    hidden : cells of each hidden layer, () for a linear classifier; bits : of each hidden value
    precision : "int8" (-127 to 127), "int4" (-7 to 7), "powers" (0 and +-1, 2, 4, 8: each product is a
        shift), "ternary" (-1, 0, 1) or "binary" (-1, 1)
    top : largest input; data from 0 to 1 are rounded to whole numbers from 0 to it
    weight_decay : of latent weights, decoupled, per unit of learning rate: more weights become 0
    estimator : slope of a sign, of thermo.training.signs; other than "clip" of binary weights and bits alone
    augmentation : shift and warps of the images, redrawn every epoch; None: none

    Raises TrainingError on a setting that does not fit, and on data without classes.
    """
    config = IntegerConfig(
        epochs,
        batch,
        seed,
        tuple(hidden),
        precision,
        top,
        bits,
        learning_rate,
        weight_decay,
        estimator,
        augmentation or LogicAugmentation(),
    )
    trainer = IntegerTrainer(dataset, config)
    label = f"training a {precision} {'-'.join(map(str, trainer.sizes))} network"
    return fit(trainer, (dataset, config), label, progress=progress, threads=1)
