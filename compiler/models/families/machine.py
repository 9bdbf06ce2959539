"""A Langevin machine as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.machine import LangevinMachine

ARRAYS = (
    "w_in",
    "coupling",
    "bias",
    "j2",
    "j3",
    "j4",
    "x0",
    "input_shift",
    "input_scale",
    "readout_scale",
    "readout_offset",
)
FACTS = ("n_out", "kT", "mobility", "t_f", "dt", "head")


def parts(model: LangevinMachine) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {name: getattr(model, name) for name in FACTS}
    return facts, {name: getattr(model, name) for name in ARRAYS}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LangevinMachine:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return LangevinMachine(
        **given,
        **{name: document[name] for name in FACTS},
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
