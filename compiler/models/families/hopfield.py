"""A Hopfield-type network as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.hopfield import HopfieldNetwork


def parts(model: HopfieldNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    for k, (w, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.bias": b}
    for k, w in enumerate(model.backward or (), 1):
        arrays[f"layers.{k}.backward"] = w
    facts = {
        "n_layers": len(model.weights),
        "activation": model.activation,
        "symmetric": model.backward is None,
        "head": model.head,
        "relax_time": float(model.relax_time),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> HopfieldNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = int(document["n_layers"])
    backward = None
    if not document["symmetric"]:
        backward = tuple(arrays[f"layers.{k}.backward"] for k in range(1, n))
    return HopfieldNetwork(
        weights=tuple(arrays[f"layers.{k}.weight"] for k in range(n)),
        biases=tuple(arrays[f"layers.{k}.bias"] for k in range(n)),
        activation=document["activation"],
        backward=backward,
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        relax_time=float(document["relax_time"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
