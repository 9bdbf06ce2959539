"""The digital designs that a machine must beat: a linear classifier and int8 networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compiler.families.mlp import MLP
from hw_models.digital import DIGITAL_NODES, DigitalEnergy, DigitalNode, mac_energy, network_energy
from thermo.data import Dataset
from thermo.energy.ledger import Design, Parameters, Price, named, values_of
from thermo.progress import NullProgress, Progress
from thermo.training.langevin.mlp import MLPEpoch, train_mlp
from thermo.training.loop import Trained

WIDTHS = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Hidden cells of the designs tried, 0 being the linear classifier."""

SAMPLES, BATCH = 400_000, 128
"""Training samples shown at least, counting repeats, and how many make one step."""

LEARNING_RATE, DECAY = 1e-2, 100.0
"""Rate, and weight decay times the number of samples: the best mean int8 accuracy of four widths
and two seeds on the digits' validation split, out of rates 2e-3 to 1e-2 and decays 0 to 1000."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A digital design measured on one split.

    name : "linear, int8" or "784-32-10 int8"; sizes : layer widths
    accuracy : with int8 weights and activations; float_accuracy : before rounding, None where it was
        trained as it is
    energy : at the node, of a circuit every transition with its library's delays and leakage as arithmetic
    settled : J of a circuit without what it switches before it settles
    circuit : the design of a circuit, None for arithmetic
    """

    name: str
    sizes: tuple[int, ...]
    accuracy: float
    float_accuracy: float | None
    energy: DigitalEnergy
    node: str = "45 nm"
    settled: float | None = None
    circuit: Design | None = None

    def describe(self) -> dict[str, Any]:
        """JSON's keys."""
        names = ("name", "sizes", "accuracy", "float_accuracy", "node", "settled")
        return {**{name: getattr(self, name) for name in names}, "energy": asdict(self.energy)}

    def design(self, n_samples: int, split: str) -> Design:
        """For bills and comparisons: the circuit, or int8 arithmetic at 45 nm; what reads weights is a
        matter of where they are stored. n_samples : that the accuracy was measured on.
        """
        return self.circuit or self._design(DIGITAL_NODES.get(self.node), n_samples, split)

    def designs(self, n_samples: int, split: str) -> tuple[Design, ...]:
        """int8 arithmetic at every node."""
        nodes = (DIGITAL_NODES.get(name) for name in DIGITAL_NODES.names())
        return tuple(self._design(node, n_samples, split) for node in nodes)

    def _design(self, node: DigitalNode, n_samples: int, split: str) -> Design:
        prefix = f"arithmetic, {node.name}"

        def price(values: Mapping[str, float], rate: float | None) -> Price:
            each = mac_energy(values_of(prefix, values), "int8")
            return Price({"physics": self.energy.macs * each}, 0.0)

        return Design(
            name=f"{self.name}, arithmetic, {node.name}",
            family="digital",
            accuracy=self.accuracy,
            accuracy_sem=float(np.sqrt(self.accuracy * (1 - self.accuracy) / n_samples)),
            n_samples=n_samples,
            split=split,
            node=node.name,
            voltage=node.voltage.value,
            figures=named(prefix, {"add": node.add, "multiply": node.multiply}),
            price=price,
            parameters=Parameters(self.energy.macs, 8),
        )


def cheapest(baselines: tuple[Baseline, ...], accuracy: float | None, node: str = "45 nm") -> Baseline | None:
    """The baseline of a node of least energy whose accuracy is at least `accuracy`, None if none is."""
    good = [b for b in baselines if accuracy is not None and b.accuracy >= accuracy and b.node == node]
    return min(good, key=lambda b: b.energy.total, default=None)


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
            network = train_float(dataset, hidden, seed=seed).model
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


def train_float(dataset: Dataset, hidden: Sequence[int], *, seed: int = 0) -> Trained[MLP, MLPEpoch]:
    """A ReLU network before its rounding, () hidden being the linear classifier."""
    return train_mlp(
        dataset,
        hidden,
        "relu",
        epochs=_epochs(dataset),
        batch=BATCH,
        learning_rate=LEARNING_RATE,
        weight_decay=DECAY / dataset.x_train.shape[0],
        seed=seed,
    )


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
