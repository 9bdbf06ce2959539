"""The digital designs that a machine must beat: a linear classifier and int8 networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.families.mlp import MLP
from hw_models.digital import INT8_MAC, DigitalEnergy, network_energy
from thermo.data import Dataset
from thermo.energy.ledger import Design, Parameters, Price
from thermo.progress import NullProgress, Progress
from thermo.training.langevin.mlp import train_mlp

WIDTHS = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Hidden cells of the designs tried, 0 being the linear classifier."""

SAMPLES, BATCH = 400_000, 128
"""Training samples shown at least, counting repeats, and how many make one step."""

LEARNING_RATE, DECAY = 1e-2, 100.0
"""Rate, and weight decay times the number of samples: the best mean int8 accuracy of four widths
and two seeds on the digits' validation split, out of rates 2e-3 to 1e-2 and decays 0 to 1000."""


_MAC = "int8 multiply-add, 45 nm"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A digital design measured on one split.

    name : "linear, int8" or "784-32-10 int8"; sizes : layer widths
    accuracy : with int8 weights and activations; float_accuracy : before rounding
    """

    name: str
    sizes: tuple[int, ...]
    accuracy: float
    float_accuracy: float
    energy: DigitalEnergy

    def design(self, n_samples: int, split: str) -> Design:
        """Its arithmetic by 45 nm figures, for bills and comparisons; what reads weights is a matter
        of where they are stored. n_samples : that the accuracy was measured on.
        """

        def price(values: Mapping[str, float], rate: float | None) -> Price:
            return Price({"physics": self.energy.macs * values[_MAC]}, 0.0)

        return Design(
            name=self.name,
            family="digital",
            accuracy=self.accuracy,
            accuracy_sem=float(np.sqrt(self.accuracy * (1 - self.accuracy) / n_samples)),
            n_samples=n_samples,
            split=split,
            node="45 nm",
            voltage=0.9,
            figures={_MAC: INT8_MAC},
            price=price,
            parameters=Parameters(self.energy.macs, 8),
        )


def measure_baselines(
    dataset: Dataset,
    *,
    split: str = "test",
    stop_at: float = 1.0,
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Baseline, ...]:
    """Train designs of growing width until one reaches the accuracy `stop_at` on the split.

    Networks are trained on the training split, chosen on the validation split, rounded to int8
    (weights by the largest of each layer, activations by the largest seen in training).
    """
    progress = progress or NullProgress()
    progress.start(len(widths), "digital baselines")
    found: list[Baseline] = []
    try:
        for k, width in enumerate(widths):
            hidden = (width,) if width else ()
            network = train_mlp(
                dataset,
                hidden,
                "relu",
                epochs=_epochs(dataset),
                batch=BATCH,
                learning_rate=LEARNING_RATE,
                weight_decay=DECAY / dataset.x_train.shape[0],
                seed=seed,
            ).model
            x, y = dataset.part(split)
            exact = np.mean(forward(network, x).argmax(axis=1) == y)
            rounded = np.mean(forward_int8(network, x, dataset.x_train).argmax(axis=1) == y)
            sizes = network.sizes
            name = "linear, int8" if not hidden else "-".join(str(s) for s in sizes) + " int8"
            found.append(Baseline(name, sizes, float(rounded), float(exact), network_energy(sizes)))
            progress.update(k + 1, f"{name}: {100 * rounded:.2f} %")
            if rounded >= stop_at:
                break
    finally:
        progress.stop()
    return tuple(found)


def _epochs(dataset: Dataset) -> int:
    """Passes over the data: a small set needs more of them to be learnt as well."""
    return max(20, round(SAMPLES / dataset.x_train.shape[0]))


def forward(network: MLP, x: np.ndarray) -> np.ndarray:
    """(n, n_out) outputs of a ReLU network in float32."""
    a = ((x - network.input_shift) * network.input_scale).astype(np.float32)
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        a = a @ w.T.astype(np.float32) + b.astype(np.float32)
        if k < len(network.weights) - 1:
            a = np.maximum(a, 0)
    return a


def forward_int8(network: MLP, x: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """The same with weights and activations in signed eight bits, sums and biases in float.

    calibration : (m, n_inputs) data whose largest activations set the scales
    """
    a = ((x - network.input_shift) * network.input_scale).astype(np.float32)
    c = ((calibration[:2000] - network.input_shift) * network.input_scale).astype(np.float32)
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        top = float(np.abs(c).max()) or 1.0
        step = float(np.abs(w).max()) / 127.0 or 1.0
        w8 = (np.round(w / step) * step).astype(np.float32)
        a = _round8(a, top) @ w8.T + b.astype(np.float32)
        c = _round8(c, top) @ w8.T + b.astype(np.float32)
        if k < len(network.weights) - 1:
            a, c = np.maximum(a, 0), np.maximum(c, 0)
    return a


def _round8(a: np.ndarray, top: float) -> np.ndarray:
    step = np.float32(top / 127.0)
    return np.clip(np.round(a / step), -127, 127) * step
