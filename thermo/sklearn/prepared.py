"""From the arrays that scikit-learn hands over to a data set of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermo.data import Dataset
from thermo.data.dataset import split_rows
from thermo.data.pictures import arranged, told_pictures
from thermo.data.scaling import Scaling, fitted

FEW = 1000
"""Rows of a table below which none validate: to train on all is worth more than a choice by few."""
HELD = 0.15
"""Share of more rows, and of pictures, that validates."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What brings rows into the form that a machine was trained on.

    image_shape : of its pictures, (): rows are none; told : how they were arranged
    """

    scaling: Scaling
    image_shape: tuple[int, ...]
    told: str

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n, d) float32 of (n, d) numbers."""
        return self.scaling(arranged(x, self.image_shape, self.told))


def prepared(
    x: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    validation_fraction: float | None,
    seed: int,
    image_shape: Sequence[int] | None,
) -> tuple[Prepared, Dataset]:
    """(how rows are prepared, the data set) of finite x (n, d) and codes y (n,).

    validation_fraction : of the rows, stratified; None: HELD of them, of a table of fewer than FEW none.
        Where none are left, the validation split is that which is trained on, the same arrays
    image_shape : of rows that are pictures, (): none, None: told from x
    """
    flat, shape, told = told_pictures(x) if image_shape is None else (x, tuple(image_shape), "")
    scaling = fitted(flat, bool(shape))
    rows = scaling(flat)
    if validation_fraction is None:
        validation_fraction = HELD if y.size >= FEW or shape else 0.0
    train, valid, _ = split_rows(y, validation_fraction, 0.0, seed)
    if not valid.size or not train.size:
        parts = (rows, y) * 3
    else:
        parts = rows[train], y[train], rows[valid], y[valid], rows[valid], y[valid]
    labels = tuple(str(k) for k in range(n_classes))
    return Prepared(scaling, shape, told), Dataset("rows", *parts, n_classes, shape, labels)
