"""Settings that work, found on the validation splits; the command line's defaults."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.estimators import UNNUDGED
from thermo.training.kinds import LITTLE, Kind, is_many, is_pictures, kind_of, warps_for

# A start of half Glorot's size: at its full size hidden and output units drive each other into the
# corners of the box before the first update, where no nudge moves them.
_MANY = EqpropConfig(hidden=(500,), epochs=30, batch=128, tile=64, beta=0.5, rates=(0.2, 0.04), init_gain=0.5)
_FEW_PICTURES = EqpropConfig(
    hidden=(128,), epochs=60, batch=32, tile=16, beta=0.5, rates=(0.1, 0.02), init_gain=0.5
)
_ROWS = EqpropConfig(hidden=(64,), epochs=100, batch=16, tile=16, beta=0.5, rates=(0.1, 0.02), init_gain=0.5)


# Sources of 50 to 400 V: what a node shows is an average over its conductances. Rates are of
# conductances, whose gradients grow with the gain.
_RESISTIVE_MANY = EqpropConfig(
    hidden=(512,), epochs=12, batch=64, tile=32, beta=0.5, rates=(6e-3, 0.3), init_gain=0.5, tolerance=2e-3
)
_RESISTIVE_FEW = EqpropConfig(
    hidden=(100,), epochs=40, batch=32, tile=16, beta=0.2, rates=(3e-3, 0.1), init_gain=0.5, tolerance=2e-3
)


# Couplings grow and shrink by shares of themselves: rates are of log w, and the start is smaller,
# for what feeds back too strongly from the first moment would only shrink slowly.
_MULTIPLICATIVE: dict[str, Any] = {"rates": (2.0, 0.2), "init_gain": 0.25}
_MULTIPLICATIVE_MANY: dict[str, Any] = {"rates": (4.0, 0.4), "init_gain": 0.25}
_RESISTIVE_MULTIPLICATIVE: dict[str, Any] = {"rates": (0.2, 1.0)}
_RESISTIVE_MULTIPLICATIVE_MANY: dict[str, Any] = {"rates": (1.0, 2.0), "hidden": (100,), "epochs": 20}

# Noise of an estimate grows with the parameters perturbed at once: small networks, small steps.
_ZEROTH: dict[str, Any] = {
    "hidden": (32,),
    "rates": (3e-3, 1e-3),
    "directions": 8,
    "epochs": 100,
    "init_gain": 0.5,
    "augmentation": Augmentation(),
}

_RESISTIVE_ZEROTH: dict[str, Any] = {
    "hidden": (32,),
    "rates": (5e-4, 5e-3),
    "directions": 8,
    "perturbation": 0.003,
    "epochs": 60,
}
# Large currents: smaller ones do not move units off their walls, and outputs die.
_NODES: dict[str, Any] = {
    "hidden": (32,),
    "rates": (0.03, 0.01),
    "directions": 4,
    "perturbation": 0.1,
    "epochs": 40,
    "init_gain": 0.5,
    "augmentation": Augmentation(),
}


def eqprop_preset(
    dataset: Dataset,
    hidden: Sequence[int] | None = None,
    *,
    update: str | None = None,
    estimator: str | None = None,
) -> EqpropConfig:
    """The settings for what the data set is (thermo.training.kinds).

    update, estimator : None: "additive", "centred"
    """
    config = {Kind.FEW_PICTURES: _FEW_PICTURES, Kind.FEW_ROWS: _ROWS, Kind.CURVE: _ROWS}.get(
        kind_of(dataset), _MANY
    )
    config = replace(config, augmentation=warps_for(dataset))
    rule = UNNUDGED.get(estimator or "")
    if rule is not None:
        config = replace(config, **(_NODES if rule.local else _ZEROTH))
    if update == "multiplicative" and (rule is None or rule.local):
        config = replace(config, **(_MULTIPLICATIVE_MANY if is_many(dataset) else _MULTIPLICATIVE))
    return _changed(config, hidden, update, estimator)


def resistive_preset(
    dataset: Dataset,
    hidden: Sequence[int] | None = None,
    *,
    update: str | None = None,
    estimator: str | None = None,
) -> tuple[EqpropConfig, float]:
    """(settings, gain) of a deep resistive network for this data set."""
    many = is_many(dataset)
    config, gain = (_RESISTIVE_MANY, 400.0) if many else (_RESISTIVE_FEW, 50.0)
    if many and (update == "multiplicative" or estimator in UNNUDGED):
        gain = 200.0
    elif many and is_pictures(dataset):
        config = replace(config, augmentation=LITTLE)
    if update == "multiplicative":
        config = replace(config, **(_RESISTIVE_MULTIPLICATIVE_MANY if many else _RESISTIVE_MULTIPLICATIVE))
    if estimator in UNNUDGED:
        config = replace(config, **_RESISTIVE_ZEROTH)
    config = replace(config, curvature=math.inf)  # training knows the outputs' conductances
    return _changed(config, hidden, update, estimator), gain


def study_preset(
    dataset: Dataset, hidden: Sequence[int] | None, epochs: int | None, seed: int
) -> EqpropConfig:
    """Short trainings without augmentation: studies compare many of them."""
    config = eqprop_preset(dataset, hidden or None)
    return replace(config, epochs=epochs or min(config.epochs, 8), seed=seed, augmentation=Augmentation())


def _changed(
    config: EqpropConfig, hidden: Sequence[int] | None, update: str | None, estimator: str | None
) -> EqpropConfig:
    """The settings with layers of other sizes: the first and the last rate are kept."""
    changes: dict[str, Any] = {}
    if update is not None:
        changes["update"] = update
    if estimator is not None:
        changes["estimator"] = estimator
    if hidden is not None and tuple(hidden) != config.hidden:
        first, last = config.rates[0], config.rates[-1]
        changes["hidden"] = tuple(hidden)
        changes["rates"] = (first, *(last,) * len(hidden)) if hidden else (last,)
    return replace(config, **changes)
