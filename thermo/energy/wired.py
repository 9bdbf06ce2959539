"""Hard-wired classifiers: trained for whole numbers, built as circuits, measured in cell libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.circuits.hardwired import hard_wire
from compiler.circuits.integer_network import IntegerNetwork
from compiler.families.mlp import MLP
from hw_models.cells import CellLibrary
from hw_models.frozen import Frozen
from thermo.data import Dataset
from thermo.energy.baselines import train_float
from thermo.energy.gates import measure_circuit
from thermo.energy.measured import MeasuredDesign
from thermo.progress import Progress
from thermo.training.integer import train_integer, whole_inputs
from thermo.training.logic.config import LogicAugmentation
from thermo.training.logic.presets import logic_preset

STEPS, EPOCHS, BATCH = 2000, 12, 128
"""Updates and passes over the data of one training, at least, and rows of an update."""
LEARNING_RATE = 0.02
DECAY = {"int8": 0.1, "int4": 0.1, "powers": 0.1, "ternary": 0.0, "binary": 0.0}
"""Of latent weights: the best mean accuracy of four seeds on the digits' validation split, out of rates
0.005 and 0.02 and decays 0 and 0.1."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A classifier that is tried.

    hidden, precision, bits : of train_integer; precision "rounded int8" is a classifier trained in
        floating point, its weights rounded to -127 ... 127
    top : largest input: 1 for one bit, 3 for two, ...
    """

    hidden: tuple[int, ...]
    precision: str
    top: int
    bits: int = 1

    def name(self, n_in: int, n_out: int) -> str:
        """ "64-32-10 ternary, inputs of 2 bits, hidden of 1"."""
        shape = "linear" if not self.hidden else "-".join(map(str, (n_in, *self.hidden, n_out)))
        text = f"{shape} {self.precision}, inputs of {_bits(self.top)}"
        return text if not self.hidden else f"{text}, hidden of {_bits(2**self.bits - 1)}"


def _bits(top: int) -> str:
    n = top.bit_length()
    return f"{n} bit" if n == 1 else f"{n} bits"


def train_recipe(
    dataset: Dataset, recipe: Recipe, *, seed: int = 0, progress: Progress | None = None
) -> IntegerNetwork:
    """The recipe's network: with and without the data set's augmentation, chosen on validation.

    The augmentation is the one that networks of gates are trained with (logic_preset).
    """
    if recipe.precision == "rounded int8":
        return rounded(train_float(dataset, recipe.hidden, seed=seed).model, recipe.top)
    augmentation = replace(logic_preset(dataset).augmentation, flip=False, brightness=0.0, contrast=0.0)
    choices: list[LogicAugmentation | None] = [None]
    if dataset.image_shape and recipe.hidden:
        choices = [augmentation] if dataset.x_train.shape[0] > 10_000 else [None, augmentation]
    trained = [
        train_integer(
            dataset,
            recipe.hidden,
            recipe.precision,
            top=recipe.top,
            bits=recipe.bits,
            epochs=max(EPOCHS, round(STEPS * BATCH / dataset.x_train.shape[0])),
            batch=BATCH,
            learning_rate=LEARNING_RATE,
            weight_decay=DECAY[recipe.precision],
            augmentation=choice,
            seed=seed,
            progress=progress,
        )
        for choice in choices
    ]
    return max(trained, key=lambda t: t.score).model


def rounded(network: MLP, top: int) -> IntegerNetwork:
    """A linear classifier on inputs from 0 to 1, its weights rounded to -127 ... 127."""
    (w,), (b,) = network.weights, network.biases
    scaled = w.astype(float) * network.input_scale / top
    bias = b - (w * (network.input_shift * network.input_scale)).sum(axis=1)
    step = float(np.abs(scaled).max()) / 127 or 1.0
    weights, biases = (np.round(v / step).astype(np.int64) for v in (scaled, bias))
    return IntegerNetwork(top, (weights,), (biases,))


def measure_wired(
    dataset: Dataset,
    recipe: Recipe,
    split: str,
    libraries: Sequence[CellLibrary],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> MeasuredDesign:
    """Train, build, and measure on the split what it decides and what its circuit costs."""
    network = train_recipe(dataset, recipe, seed=seed, progress=progress)
    x, y = dataset.part(split)
    inputs = whole_inputs(x, network.top)
    circuit = hard_wire(network)
    found = measure_circuit(circuit, network.input_patterns(inputs), libraries)
    figures = Frozen({library.name: f for library, f in zip(libraries, found, strict=True)})
    return MeasuredDesign(
        name=recipe.name(dataset.n_features, dataset.n_classes),
        sizes=network.sizes,
        precision="int8" if recipe.precision == "rounded int8" else recipe.precision,
        input_bits=(network.input_bits, *network.bits),
        split=split,
        right=network.predictions(inputs) == y,
        gates=figures,
        whole=figures,
    )
