"""A restricted Boltzmann machine as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.rbm import RBM


def parts(model: RBM) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {"image_shape": list(model.image_shape), "threshold": model.threshold}
    return facts, {"w": model.w, "b_visible": model.b_visible, "b_hidden": model.b_hidden}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> RBM:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    return RBM(
        arrays["w"],
        arrays["b_visible"],
        arrays["b_hidden"],
        image_shape=tuple(document["image_shape"]),
        threshold=document["threshold"],
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
