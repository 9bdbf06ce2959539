"""A logic-gate network as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.logic import LogicLayer, LogicNetwork
from compiler.ir.gates import Thermometer

LAYER_ARRAYS = ("table", "gates", "wires_a", "wires_b", "scores_a", "scores_b")


def parts(model: LogicNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    encoder = model.encoder
    arrays = {"feature": encoder.feature, "threshold": encoder.threshold}
    for k, layer in enumerate(model.layers):
        for name in LAYER_ARRAYS:
            if (array := getattr(layer, name)) is not None:
                arrays[f"layers.{k}.{name}"] = array
    facts = {
        "n_layers": len(model.layers),
        "n_classes": model.n_classes,
        "tau": float(model.tau),
        "n_features": encoder.n_features,
        "scope": encoder.scope,
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LogicNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    layers = []
    for k in range(int(document["n_layers"])):
        given = {name: arrays.get(f"layers.{k}.{name}") for name in LAYER_ARRAYS[:2]}
        given |= {name: arrays[f"layers.{k}.{name}"] for name in LAYER_ARRAYS[2:]}
        layers.append(LogicLayer(**given))  # type: ignore[arg-type]
    encoder = Thermometer(
        int(document["n_features"]), arrays["feature"], arrays["threshold"], document["scope"]
    )
    return LogicNetwork(
        layers=tuple(layers),
        encoder=encoder,
        n_classes=int(document["n_classes"]),
        tau=float(document["tau"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
