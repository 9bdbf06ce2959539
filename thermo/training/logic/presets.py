"""Settings of logic-gate training that work, found on the validation splits.

Measured figures stand in the README and in the release note, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.kinds import LARGE, Kind, in_unit_interval, kind_of, may_be_mirrored
from thermo.training.logic.config import LogicAugmentation, LogicConfig
from thermo.training.logic.tables import trains_tables

STEPS = 8000
"""Batches that small data sets are trained for."""
BATCH = 64
MANY_GATES = 32_000
"""Gates from which colour pictures have settings of their own."""
PICTURES, FEW_PICTURES, ROWS, FEW_ROWS = 8000, 1000, 2000, 1000
"""Gates, about. With more of them on pictures tau grows as they do: a step moves a class's gates together."""
FEW_QUANTILES = 16
"""Parts into which thresholds divide the rows of a small table, column by column."""
PATCHES = 64
"""Shared tables where nothing else is counted."""
TABLE = 4
"""Gates that a table stands for, about, where neither number is given."""
TABLE_CANDIDATES, TABLE_REFRESH = 8, 4
"""Of each of a table's inputs: it has more of them than a gate."""
WIDE_BATCH = 512
"""For tables of five and six inputs: a sample is at one of 32 or 64 entries, and a step visits them all."""

_PICTURES = LogicConfig(
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
_COLOUR = LogicConfig(
    encoder="counts",
    pixel_bits=5,
    stride=2,
    keep=0.65,
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
    epochs=30,
    learning_rate=0.05,
    evaluate_every=5,
)
_FEW_PICTURES = LogicConfig(
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
_ROWS = LogicConfig(
    tau="width",
    tau_target=1.0,
    refresh=4,
    refresh_pool=64,
    refresh_samples=256,
    batch=BATCH,
    learning_rate=0.05,
)


def logic_preset(dataset: Dataset, **changes: Any) -> LogicConfig:
    """Settings of `train_logic` for what the data set is (thermo.training.kinds).

    changes : fields of LogicConfig to be set otherwise; what the chosen trainer cannot do (choosing
        new candidates by their derivative) is left out of the preset for it
    """
    for name in ("layers", "inputs", "k"):
        if changes.get(name) is not None:
            LogicConfig(**{name: changes[name]})  # refuses what cannot be reckoned with below
    config = _for(dataset)
    if kind_of(dataset) is Kind.COLOUR and sum(changes.get("layers") or ()) >= MANY_GATES:
        # beside many gates and their head an encoder weighs less; they learn in fewer epochs, and the
        # derivatives by a pool take memory for each of them
        config = replace(
            config,
            pixel_bits=6,
            stride=1,
            keep=1.0,
            epochs=16,
            evaluate_every=4,
            refresh_pool=512,
            refresh_samples=1024,
        )
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes.get("encoder") == "patches":
        changes = {"patches": PATCHES, **changes}
    _refuse_levels(changes)
    if changes.get("encoding") or changes.get("thresholds"):
        changes = {"encoder": "thermometer", **changes}
    if changes.get("encoder") == "thermometer" and config.encoder != "thermometer":
        many = sum(changes.get("layers") or config.layers) >= MANY_GATES
        changes = {"epochs": 40 if many else 100, "evaluate_every": 10, **changes}  # its bits learn slowly
    if changes.get("encoder", config.encoder) != config.encoder:
        # what is offered and closed was found for the preset's own encoder
        changes = {"keep": 1.0, "pixel_bits": 8, "stride": 1, **changes}
    if changes.get("schedule") == "validation":
        changes = {"evaluate_every": 1, **changes}
    if changes.get("inputs", 2) > 2:
        config = replace(
            config,
            layers=_layers(dataset, config.layers[0] // TABLE),
            k=TABLE_CANDIDATES,
            refresh=min(config.refresh, TABLE_REFRESH),
        )
        if kind_of(dataset) is Kind.PICTURES:  # of 2,000 tables in 30 epochs, one seed: weak
            config = replace(config, learning_rate=0.05, tau_target=2.0)
            if changes["inputs"] > TABLE:
                config = replace(config, batch=WIDE_BATCH)
    elif kind_of(dataset) is Kind.PICTURES and changes.get("layers"):
        # "width" alone lets it grow with the root
        config = replace(config, tau_target=config.tau_target / max(1.0, changes["layers"][-1] / PICTURES))
    if changes.get("wiring") == "fixed":
        changes = {"k": 1, "refresh": 0, **changes}
    if changes.get("wiring") == "residual":
        changes = {"keep": 1.0, **changes}
    k = changes.get("k", config.k)
    if k == "all" or int(k) <= config.refresh:
        changes = {"refresh": 0, **changes}
    if not trains_tables(replace(config, **changes)):
        changes = {"refresh_pool": 0, "keep": 1.0, **changes}
    return replace(config, **changes)


def _refuse_levels(changes: Mapping[str, Any]) -> None:
    """Raise TrainingError for thresholds that are asked for beside an encoder that has none."""
    encoder = changes.get("encoder", "thermometer")
    for name in ("thresholds", "encoding"):
        if encoder != "thermometer" and changes.get(name, getattr(_ROWS, name)) != getattr(_ROWS, name):
            raise TrainingError(
                f"training: {name} must be left out with encoder {encoder}, which has no thresholds, or take "
                f"encoder thermometer; got {changes[name]!r}"
            )


def _for(dataset: Dataset) -> LogicConfig:
    """Pictures have thresholds of light, which is the same in all pixels; tables have quantiles of each
    column, and a gate's worth of epochs for any number of rows.
    """
    kind = kind_of(dataset) if in_unit_interval(dataset) else None
    if kind is Kind.PICTURES:
        return replace(_PICTURES, layers=_layers(dataset, PICTURES))
    if kind is Kind.COLOUR:
        augmentation = replace(_COLOUR.augmentation, flip=may_be_mirrored(dataset))
        return replace(_COLOUR, layers=_layers(dataset, PICTURES), augmentation=augmentation)
    if kind is Kind.FEW_PICTURES:
        return replace(_FEW_PICTURES, layers=_layers(dataset, FEW_PICTURES))
    n = dataset.y_train.size
    config = replace(
        _ROWS,
        layers=_layers(dataset, ROWS if n >= LARGE else FEW_ROWS),
        epochs=int(np.clip(STEPS * BATCH // max(n, 1), 10, 200)),
    )
    if not dataset.x_train.size or np.unique(dataset.x_train[:1000]).size <= 2:
        return replace(config, encoding="absolute", thresholds=(0.5,))
    if n >= LARGE:
        return replace(config, encoding="dataset-quantile", thresholds=(0.1, 0.25, 0.5, 0.75, 0.9))
    # few columns of few rows: finer steps, slower and less sure of itself
    quantiles = tuple(k / FEW_QUANTILES for k in range(1, FEW_QUANTILES))
    return replace(
        config, encoding="dataset-quantile", thresholds=quantiles, tau_target=2.0, learning_rate=0.02
    )


def _layers(dataset: Dataset, gates: int) -> tuple[int, ...]:
    """One layer of about so many gates, as many for each class."""
    classes = max(dataset.n_classes, 1)
    return (classes * max(1, gates // classes),)
