"""What models of networks that relax check alike; `what` names the model in the error."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from compiler.errors import NetlistError

HEADS = ("classification", "regression")


def check_finite(what: str, arrays: Iterable[np.ndarray], named: str) -> None:
    """Raise NetlistError for an array with a value that is not finite."""
    for array in arrays:
        if not np.isfinite(array).all():
            raise NetlistError(f"{what}: {named} is not finite")


def check_encoder(what: str, model: Any) -> None:
    """Raise NetlistError unless input_shift and input_scale are 1 or n_inputs finite values."""
    for name in ("input_shift", "input_scale"):
        column = getattr(model, name)
        got = f"shape {column.shape}"
        if fits := column.shape in ((1,), (model.n_inputs,)):
            got = "one that is not finite"
        if not (fits and np.isfinite(column).all()):
            raise NetlistError(f"{what}: {name} must be 1 or {model.n_inputs} finite values, got {got}")


def check_choice(what: str, name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise NetlistError for a value that is none of the choices."""
    if value not in choices:
        listed = " or ".join(choices) if len(choices) == 2 else "one of " + ", ".join(choices)
        raise NetlistError(f"{what}: {name} must be {listed}, got {value!r}")


def check_positive(what: str, name: str, value: float) -> None:
    """Raise NetlistError unless the value is a finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise NetlistError(f"{what}: {name} must be a number above 0, got {value}")


def check_labels(what: str, model: Any) -> None:
    """Raise NetlistError unless there are no labels or one for each output."""
    if model.labels and len(model.labels) != model.n_outputs:
        raise NetlistError(
            f"{what}: {len(model.labels)} labels for {model.n_outputs} outputs; give one for each"
        )
