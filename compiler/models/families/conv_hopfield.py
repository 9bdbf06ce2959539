"""A convolutional network as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork


def parts(model: ConvHopfieldNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    weights = (*model.kernels, *model.weights)
    for k, (w, b) in enumerate(zip(weights, model.biases, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.bias": b}
    for k, w in enumerate((*(model.backward_kernels or ()), *(model.backward or ())), 1):
        arrays[f"layers.{k}.backward"] = w
    facts = {
        "input_shape": list(model.input_shape),
        "n_convolutions": len(model.kernels),
        "n_layers": len(weights),
        "strides": list(model.strides),
        "paddings": list(model.paddings),
        "activation": model.activation,
        "symmetric": model.backward is None,
        "head": model.head,
        "relax_time": float(model.relax_time),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> ConvHopfieldNetwork:
    """The network; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n, c = int(document["n_layers"]), int(document["n_convolutions"])
    height, width, channels = (int(v) for v in document["input_shape"])
    weights = [arrays[f"layers.{k}.weight"] for k in range(n)]
    back = None
    if not document["symmetric"]:
        back = [arrays[f"layers.{k}.backward"] for k in range(1, n)]
    return ConvHopfieldNetwork(
        input_shape=(height, width, channels),
        kernels=tuple(weights[:c]),
        strides=tuple(int(v) for v in document["strides"]),
        paddings=tuple(int(v) for v in document["paddings"]),
        weights=tuple(weights[c:]),
        biases=tuple(arrays[f"layers.{k}.bias"] for k in range(n)),
        activation=document["activation"],
        backward_kernels=None if back is None else tuple(back[: c - 1]),
        backward=None if back is None else tuple(back[c - 1 :]),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        relax_time=float(document["relax_time"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
