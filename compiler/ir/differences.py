"""Whether two records of columns are the same, bit for bit, and where they first differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def first_difference(a: Any, b: Any) -> str | None:
    """Name of the first field in which two dataclasses of one class differ, or None.

    Arrays are the same if dtype, shape and bytes are; mappings, if their JSON is. Fields that are
    dataclasses themselves are looked into, in tuples, too: `class_sums.nets`, `layers[1].weight`.
    """
    for f in fields(a):
        found = _differ(getattr(a, f.name), getattr(b, f.name))
        if found is not None:
            return f.name + found
    return None


def _differ(a: Any, b: Any) -> str | None:
    """None where two values are the same, else "" or the place within them."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return None if same_array(a, b) else ""
    if is_dataclass(a) and type(a) is type(b):
        found = first_difference(a, b)
        return None if found is None else f".{found}"
    if isinstance(a, tuple) and isinstance(b, tuple) and any(is_dataclass(x) for x in a):
        if len(a) != len(b):
            return ""
        places = (_differ(x, y) for x, y in zip(a, b, strict=True))
        return next((f"[{k}]{place}" for k, place in enumerate(places) if place is not None), None)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return None if _json(a) == _json(b) else ""
    return None if a == b else ""


def same_array(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two arrays agree in dtype, shape and every bit, or are both None."""
    if a is None or b is None:
        return a is b
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _json(meta: Mapping[str, Any]) -> str:
    return json.dumps(dict(meta), sort_keys=True, ensure_ascii=False, default=repr)
