"""An OscillatorNetwork as arrays and facts of a model file (docs/formats.md)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.oscillator import OscillatorNetwork


def parts(model: OscillatorNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays) of the model."""
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    for k, (w, h) in enumerate(zip(model.weights, model.fields, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.field": h}
    for k, s in enumerate(model.locking or ()):
        arrays[f"layers.{k}.locking"] = s
    facts = {
        "n_layers": len(model.weights),
        "locked": model.locking is not None,
        "inputs": model.inputs,
        "start": float(model.start),
        "relax_time": float(model.relax_time),
        "dt": None if model.dt is None else float(model.dt),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> OscillatorNetwork:
    """The model of these facts and arrays; KeyError for one that is missing."""
    n = int(document["n_layers"])
    locking = None
    if document["locked"]:
        locking = tuple(arrays[f"layers.{k}.locking"] for k in range(n))
    return OscillatorNetwork(
        weights=tuple(arrays[f"layers.{k}.weight"] for k in range(n)),
        fields=tuple(arrays[f"layers.{k}.field"] for k in range(n)),
        locking=locking,
        inputs=document["inputs"],
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        start=float(document["start"]),
        relax_time=float(document["relax_time"]),
        dt=None if document["dt"] is None else float(document["dt"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
