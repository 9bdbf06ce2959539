"""Settings of logic-gate training that work, found on the validation splits.

Measured figures stand in the README and in the release note, not here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.logic.config import LogicAugmentation, LogicConfig
from thermo.training.logic.fast import is_fast

STEPS = 8000
"""Batches that small data sets are trained for."""
BATCH = 64
LARGE = 32_000
"""Gates from which CIFAR-10 has settings of its own."""

_MNIST = LogicConfig(
    layers=(8000,),
    thresholds=(0.25, 0.5, 0.75),
    tau="width",
    tau_target=4.0,
    refresh=4,
    refresh_pool=64,
    refresh_samples=512,
    augmentation=LogicAugmentation(
        shift=1, warp=Augmentation(rotate=6.0, zoom=0.07, shear=0.07), elastic=0.5, warp_share=0.75
    ),
    epochs=150,
    learning_rate=0.025,
    evaluate_every=10,
)
_CIFAR10 = LogicConfig(
    layers=(8000,),
    thresholds=(0.2, 0.35, 0.5, 0.65, 0.8),
    tau="width",
    tau_target=0.8,
    refresh=8,
    refresh_until=0.8,
    refresh_pool=1024,
    refresh_samples=2048,
    augmentation=LogicAugmentation(
        shift=1,
        flip=True,
        warp=Augmentation(rotate=8.0, zoom=0.1, shear=0.05),
        warp_share=0.5,
        brightness=0.1,
        contrast=0.2,
    ),
    epochs=100,
    learning_rate=0.05,
    evaluate_every=10,
)
_DIGITS = LogicConfig(
    layers=(1000,),
    thresholds=(0.2, 0.4, 0.6, 0.8),
    tau="width",
    tau_target=1.0,
    refresh=4,
    refresh_pool=64,
    refresh_samples=256,
    augmentation=LogicAugmentation(
        warp=Augmentation(shift=0.5, rotate=8.0, zoom=0.1, shear=0.1), warp_share=0.75
    ),
    epochs=100,
    batch=BATCH,
    learning_rate=0.05,
)
PRESETS = {"mnist": _MNIST, "fashion-mnist": _MNIST, "cifar10": _CIFAR10, "digits": _DIGITS}


def logic_preset(dataset: Dataset, **changes: Any) -> LogicConfig:
    """Settings of `train_logic` for this data set; general ones for a data set without a preset.

    changes : fields of LogicConfig to be set otherwise; what the chosen trainer cannot do (choosing
        new candidates by their derivative) is left out of the preset for it
    """
    config = PRESETS.get(dataset.name) or _general(dataset)
    if dataset.name == "cifar10" and sum(changes.get("layers") or ()) >= LARGE:
        # many gates learn in fewer epochs; the derivatives by a pool take memory for each of them
        config = replace(config, epochs=40, refresh_pool=512, refresh_samples=1024)
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes.get("wiring") == "fixed":
        changes = {"k": 1, "refresh": 0, **changes}
    k = changes.get("k", config.k)
    if k == "all" or int(k) <= config.refresh:
        changes = {"refresh": 0, **changes}
    if not is_fast(replace(config, **changes)):
        changes = {"refresh_pool": 0, **changes}
    return replace(config, **changes)


def _general(dataset: Dataset) -> LogicConfig:
    """Thresholds at quantiles of each feature; a gate's worth of epochs for any number of rows."""
    n = dataset.y_train.size
    several = dataset.x_train.size and np.unique(dataset.x_train[:1000]).size > 2
    width = max(dataset.n_classes, 1)
    return LogicConfig(
        layers=(width * max(1, (2000 if n >= 10_000 else 1000) // width),),
        encoding="dataset-quantile" if several else "absolute",
        thresholds=(0.1, 0.25, 0.5, 0.75, 0.9) if several else (0.5,),
        tau="width",
        tau_target=1.0,
        refresh=4,
        refresh_pool=64,
        refresh_samples=256,
        epochs=int(np.clip(STEPS * BATCH // max(n, 1), 10, 200)),
        batch=BATCH,
        learning_rate=0.05,
    )
