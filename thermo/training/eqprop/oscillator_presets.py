"""Settings of oscillator networks that work, found on the validation splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from thermo.data import Dataset
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.oscillator import Oscillators
from thermo.training.kinds import LITTLE, Kind, is_pictures, kind_of

# An oscillator is as stiff as its field is strong: rates are low, and lower at the outputs, whose
# fields set how far a nudge turns them.
_MANY = EqpropConfig(
    hidden=(500,),
    epochs=40,
    batch=64,
    tile=32,
    beta=0.5,
    curvature=inf,
    rates=(0.02, 0.01),
    init_gain=1.0,
    sweeps_free=40,
    sweeps_nudged=20,
)
_FEW_PICTURES = EqpropConfig(
    hidden=(128,),
    epochs=60,
    batch=32,
    tile=16,
    beta=0.5,
    curvature=inf,
    rates=(0.02, 0.005),
    init_gain=1.0,
    sweeps_free=40,
    sweeps_nudged=20,
)
_ROWS = EqpropConfig(
    hidden=(64,),
    epochs=100,
    batch=16,
    tile=16,
    beta=0.5,
    curvature=inf,
    rates=(0.02, 0.005),
    init_gain=1.0,
    sweeps_free=60,
    sweeps_nudged=30,
)


def oscillator_preset(
    dataset: Dataset, hidden: Sequence[int] | None = None
) -> tuple[EqpropConfig, Oscillators]:
    """The settings for what the data set is (thermo.training.kinds)."""
    config = {Kind.FEW_PICTURES: _FEW_PICTURES, Kind.FEW_ROWS: _ROWS, Kind.CURVE: _ROWS}.get(
        kind_of(dataset), _MANY
    )
    if is_pictures(dataset):
        config = replace(config, augmentation=LITTLE)
    if hidden is not None and tuple(hidden) != config.hidden:
        first, last = config.rates
        rates = (first, *(last,) * len(hidden)) if hidden else (last,)
        config = replace(config, hidden=tuple(hidden), rates=rates)
    return config, Oscillators()
