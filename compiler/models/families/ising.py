"""An Ising model as the arrays and facts of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.families.ising import IsingModel

ARRAYS = ("h", "row", "col", "J")


def parts(model: IsingModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {name: getattr(model, name) for name in ARRAYS}
    facts = {
        "offset": float(model.offset),
        "kT": float(model.kT),
        "vartype": model.vartype,
        "names": list(model.names),
        "problem": dict(model.problem),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> IsingModel:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return IsingModel(
        **given,
        offset=document["offset"],
        kT=document["kT"],
        vartype=document["vartype"],
        names=tuple(document["names"]),
        problem=MappingProxyType(document["problem"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )
