"""A chain of energy-based models as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.denoising_chain import EbmChain

ARRAYS = ("h", "row", "col", "J", "noise", "place")


def parts(model: EbmChain) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays) that a file holds."""
    facts = {
        "shape": list(model.shape),
        "n_visible": model.n_visible,
        "sweeps": model.sweeps,
        "image_shape": list(model.image_shape),
        "threshold": model.threshold,
    }
    return facts, {name: getattr(model, name) for name in ARRAYS}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> EbmChain:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return EbmChain(
        **given,
        shape=(int(document["shape"][0]), int(document["shape"][1])),
        n_visible=int(document["n_visible"]),
        sweeps=int(document["sweeps"]),
        image_shape=tuple(document["image_shape"]),
        threshold=document["threshold"],
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
