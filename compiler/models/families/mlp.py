"""A multilayer perceptron as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.mlp import MLP


def parts(model: MLP) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    for k, (w, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.bias": b}
    for name in ("output_scale", "output_offset"):
        if (array := getattr(model, name)) is not None:
            arrays[name] = array
    return {"activations": list(model.activations), "head": model.head}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> MLP:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = len(document["activations"])
    return MLP(
        weights=tuple(arrays[f"layers.{k}.weight"] for k in range(n)),
        biases=tuple(arrays[f"layers.{k}.bias"] for k in range(n)),
        activations=tuple(document["activations"]),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        output_scale=arrays.get("output_scale"),
        output_offset=arrays.get("output_offset"),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
