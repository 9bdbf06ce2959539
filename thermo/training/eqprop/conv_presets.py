"""Settings of layered networks trained with JAX, found on the validation splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.langevin.presets import LITTLE, MUCH

# Strides take the place of pooling, which has no coupling that a netlist knows. The drive of an
# output grows with the layer below, and its rate must fall with it: at too large a rate the first
# updates push an output so far below 0 that no nudge reaches it any more (Adam does so later, too).
# A dense layer between images and outputs, or a long warm-up, keeps that in hand.
_JAX = EqpropConfig(engine="jax", init_gain=0.5)
_CONV_MNIST = replace(
    _JAX, hidden=(Conv(16, 5, 3), 128), epochs=24, batch=32, rates=(0.5, 0.05, 0.02), augmentation=MUCH
)
_CONV_DIGITS = replace(
    _JAX,
    hidden=(Conv(16, 3, 1, 1), Conv(32, 3, 2)),
    epochs=20,
    batch=32,
    rates=(0.2, 0.1, 0.02),
    warmup_epochs=4.0,
    augmentation=LITTLE,
)
_CONV_CIFAR = replace(
    _JAX,
    hidden=(Conv(32, 5, 3, 2), Conv(64, 3, 2, 1), 128),
    epochs=30,
    batch=32,
    rates=(0.5, 0.1, 0.05, 0.02),
    augmentation=Augmentation(shift=2.0, zoom=0.05),
)
_DENSE_MNIST = replace(_JAX, hidden=(256,), epochs=20, batch=64, rates=(0.1, 0.02), augmentation=MUCH)
_DENSE_DIGITS = replace(_JAX, hidden=(128,), epochs=40, batch=32, rates=(0.1, 0.02), augmentation=LITTLE)
_ROWS = replace(_JAX, hidden=(64,), epochs=100, batch=16, rates=(0.1, 0.02))


def conv_preset(
    dataset: Dataset, channels: Sequence[int] | None = None, dense: Sequence[int] | None = None
) -> EqpropConfig:
    """The settings of a convolutional network for this data set.

    channels : of each convolution, the preset's kernels and strides, the last of these repeated
    dense : hidden dense layers between convolutions and outputs; None for either: the preset's
    """
    presets = {"mnist": _CONV_MNIST, "fashion-mnist": _CONV_MNIST, "cifar10": _CONV_CIFAR}
    config = presets.get(dataset.name, _CONV_DIGITS)
    if channels is None and dense is None:
        return config
    usual = [layer for layer in config.hidden if isinstance(layer, Conv)]
    some = [
        replace(usual[min(k, len(usual) - 1)], channels=c)
        for k, c in enumerate(channels or [c.channels for c in usual])
    ]
    kept = [layer for layer in config.hidden if not isinstance(layer, Conv)]
    above = kept if dense is None else list(dense)
    rates = config.rates
    if len(rates) > 1:  # of kernels, of hidden dense layers, of the outputs
        rates = (*rates[:1] * len(some), *rates[-2:-1] * len(above), rates[-1])
    return replace(config, hidden=(*some, *above), rates=rates)


def dense_preset(dataset: Dataset, hidden: Sequence[int] | None = None) -> EqpropConfig:
    """The settings of a network of dense layers for this data set."""
    presets = {"mnist": _DENSE_MNIST, "fashion-mnist": _DENSE_MNIST, "digits": _DENSE_DIGITS}
    config = presets.get(dataset.name, _ROWS)
    if hidden is None:
        return config
    first, last = config.rates
    return replace(config, hidden=tuple(hidden), rates=(first, *(last,) * len(hidden)))
