"""Settings of layered networks trained with JAX, found on the validation splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.kinds import Kind, is_pictures, kind_of, may_be_mirrored, small_side, warps_for

# Strides take the place of pooling, which has no coupling that a netlist knows. The drive of an
# output grows with the layer below, and its rate must fall with it: at too large a rate the first
# updates push an output so far below 0 that no nudge reaches it any more (Adam does so later, too).
# A dense layer between images and outputs, or a long warm-up, keeps that in hand.
_JAX = EqpropConfig(engine="jax", init_gain=0.5)
_CONV = replace(_JAX, hidden=(Conv(16, 5, 3), 128), epochs=24, batch=32, rates=(0.5, 0.05, 0.02))
_CONV_SMALL = replace(
    _JAX,
    hidden=(Conv(16, 3, 1, 1), Conv(32, 3, 2)),
    epochs=20,
    batch=32,
    rates=(0.2, 0.1, 0.02),
    warmup_epochs=4.0,
)
# Kernels are whole multiples of their strides, so that sweeps up and down are matrix products. With a
# feedback of a tenth one sweep is near the rest; layers far from the outputs keep up by Muon, at whose rate
# the outputs themselves would fall below the reach of a nudge.
_CONV_COLOUR = replace(
    _JAX,
    hidden=(Conv(48, 6, 2, 2), Conv(96, 4, 2, 1), Conv(192, 4, 2, 1)),
    epochs=22,
    restarts=(8,),
    batch=128,
    tile=64,
    schedule="up-down",
    precision="bfloat16",
    feedback=0.1,
    sweeps_free=1,
    sweeps_nudged=1,
    tolerance=0.0,
    optimiser="muon",
    momentum=0.95,
    rates=(0.03, 0.03, 0.03, 0.002),
    init_gain=0.85,
    standardise=True,
    whitened=True,
    warmup_epochs=0.2,
    weight_decay=0.1,
    augmentation=Augmentation(shift=2.0, whole=True),
)
_DENSE = replace(_JAX, hidden=(256,), epochs=20, batch=64, rates=(0.1, 0.02))
_DENSE_FEW = replace(_JAX, hidden=(128,), epochs=40, batch=32, rates=(0.1, 0.02))
_ROWS = replace(_JAX, hidden=(64,), epochs=100, batch=16, rates=(0.1, 0.02))


def conv_preset(
    dataset: Dataset, channels: Sequence[int] | None = None, dense: Sequence[int] | None = None
) -> EqpropConfig:
    """The settings of a convolutional network for what the data set is (thermo.training.kinds).

    channels : of each convolution, the preset's kernels and strides, the last of these repeated
    dense : hidden dense layers between convolutions and outputs; None for either: the preset's
    """
    config = _conv(dataset)
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
    """The settings of a network of dense layers for what the data set is."""
    config = {Kind.FEW_PICTURES: _DENSE_FEW, Kind.FEW_ROWS: _ROWS, Kind.CURVE: _ROWS}.get(
        kind_of(dataset), _DENSE
    )
    config = replace(config, augmentation=warps_for(dataset))
    if hidden is None:
        return config
    first, last = config.rates
    return replace(config, hidden=tuple(hidden), rates=(first, *(last,) * len(hidden)))


def _conv(dataset: Dataset) -> EqpropConfig:
    """By the side and the colours of the pictures; what is none is refused by the trainer."""
    if not is_pictures(dataset) or small_side(dataset):
        config = _CONV_SMALL
    elif kind_of(dataset) is Kind.COLOUR:
        mirror = 0.5 if may_be_mirrored(dataset) else 0.0
        return replace(_CONV_COLOUR, augmentation=replace(_CONV_COLOUR.augmentation, mirror=mirror))
    else:
        config = _CONV
    return replace(config, augmentation=warps_for(dataset))
