"""A resistive network as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.resistive import ResistiveNetwork


def parts(model: ResistiveNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {f"layers.{k}.conductance": g for k, g in enumerate(model.conductances)}
    return {"n_layers": len(model.conductances), "gain": float(model.gain)}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> ResistiveNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = int(document["n_layers"])
    return ResistiveNetwork(
        conductances=tuple(arrays[f"layers.{k}.conductance"] for k in range(n)),
        gain=float(document["gain"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
