"""Settings that work, found on the validation splits; the command line's defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thermo.data import Dataset
from thermo.eqprop.config import EqpropConfig
from thermo.training.config import Augmentation
from thermo.training.presets import LITTLE, MUCH

# A start of half Glorot's size: at its full size hidden and output units drive each other into the
# corners of the box before the first update, where no nudge moves them.
_MNIST = EqpropConfig(
    hidden=(500,), epochs=30, batch=128, tile=64, beta=0.5, rates=(0.2, 0.04), init_gain=0.5,
    augmentation=MUCH,
)  # fmt: skip
_DIGITS = EqpropConfig(
    hidden=(128,), epochs=60, batch=32, tile=16, beta=0.5, rates=(0.1, 0.02), init_gain=0.5,
    augmentation=LITTLE,
)  # fmt: skip
_ROWS = EqpropConfig(
    hidden=(64,), epochs=100, batch=16, tile=16, beta=0.5, rates=(0.1, 0.02), init_gain=0.5
)


# Sources of 50 to 200 V: what a node shows is an average over its conductances. Rates are of
# conductances, whose gradients grow with the gain.
_RESISTIVE_MNIST = EqpropConfig(
    hidden=(100,), epochs=20, batch=64, tile=32, beta=0.5, rates=(3e-3, 0.1), init_gain=0.5,
    tolerance=2e-3,
)  # fmt: skip
_RESISTIVE_DIGITS = EqpropConfig(
    hidden=(100,), epochs=40, batch=32, tile=16, beta=0.2, rates=(3e-3, 0.1), init_gain=0.5,
    tolerance=2e-3,
)  # fmt: skip


def resistive_preset(
    dataset: Dataset, hidden: Sequence[int] | None = None
) -> tuple[EqpropConfig, float]:
    """(settings, gain) of a deep resistive network for this data set."""
    mnist = dataset.name in ("mnist", "fashion-mnist")
    config, gain = (_RESISTIVE_MNIST, 200.0) if mnist else (_RESISTIVE_DIGITS, 50.0)
    if hidden is not None and tuple(hidden) != config.hidden:
        first, last = config.rates
        rates = (first, *(last,) * len(hidden)) if hidden else (last,)
        config = replace(config, hidden=tuple(hidden), rates=rates)
    return config, gain


def study_preset(
    dataset: Dataset, hidden: Sequence[int] | None, epochs: int | None, seed: int
) -> EqpropConfig:
    """Short trainings without augmentation: studies compare many of them."""
    config = eqprop_preset(dataset, hidden or None)
    return replace(
        config, epochs=epochs or min(config.epochs, 8), seed=seed, augmentation=Augmentation()
    )


def eqprop_preset(dataset: Dataset, hidden: Sequence[int] | None = None) -> EqpropConfig:
    """The settings for this data set; those of MNIST for its like, plain ones for others."""
    config = {"digits": _DIGITS, "mnist": _MNIST, "fashion-mnist": _MNIST}.get(dataset.name, _ROWS)
    if hidden is not None and tuple(hidden) != config.hidden:
        first, last = config.rates
        rates = (first, *(last,) * len(hidden)) if hidden else (last,)
        config = replace(config, hidden=tuple(hidden), rates=rates)
    return config
