"""A data set, split once: train to fit, validation to choose, test to report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import ThermocError
from thermo.data.scaling import AS_GIVEN, Scaling


class DataError(ThermocError):
    """A data set is missing, damaged or of the wrong shape."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Three disjoint splits of one data set.

    x_* : (n, d) float32, images flattened with values in [0, 1]
    y_* : (n,) int64 class index, or (n,) or (n, k) float32 for regression
    n_classes : number of classes, 0 for regression
    image_shape : (height, width) or (height, width, channels), or () where x is no image
    split : in words, how the three parts were made
    notes : in words, what was told from a user's own data, and what is to be known of it
    scaling : what brought the values into [0, 1]
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    image_shape: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = ""
    notes: tuple[str, ...] = ()
    scaling: Scaling = AS_GIVEN

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            x, y = self.part(part)
            if x.ndim != 2 or x.shape[0] != y.shape[0]:
                raise DataError(
                    f"data set {self.name}, {part} split: x must be (n, d) with n labels beside "
                    f"it, got x {x.shape} and y {y.shape}"
                )
            if x.shape[0] == 0:
                raise DataError(f"data set {self.name}: the {part} split is empty; give more rows")
            if self.n_classes and y.ndim != 1:
                raise DataError(
                    f"data set {self.name}, {part} split: classes must be one column (n,), got y "
                    f"{y.shape}; flatten it"
                )
            if x.shape[1] != self.x_train.shape[1]:
                raise DataError(
                    f"data set {self.name}, {part} split: x has {x.shape[1]} values a row, the "
                    f"train split {self.x_train.shape[1]}; they must match"
                )
            if not np.isfinite(y).all():
                raise DataError(
                    f"data set {self.name}, {part} split: y must be finite, got NaN or infinity; "
                    "drop those rows"
                )
            if not np.isfinite(x).all():
                raise DataError(
                    f"data set {self.name}, {part} split: x must be finite, got NaN or infinity "
                    f"in row {int(np.argmin(np.isfinite(x).all(axis=1)))}; drop or fill that row"
                )

    def part(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """x and y of "train", "valid" or "test"."""
        if split not in ("train", "valid", "test"):
            raise DataError(f"split must be train, valid or test, got {split!r}")
        return getattr(self, f"x_{split}"), getattr(self, f"y_{split}")

    def answered_by(self, model: Any) -> Dataset:
        """The same rows with what another model says of them in place of the truth, to teach a machine; the
        test split keeps its truth.

        model : with predictions(x) -> (n,) classes (or answers(x), in a regression), as those of
            compiler.families and what compiler.read_model_or_netlist finds in a file
        """

        def told(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            said = model.predictions(x) if self.n_classes else model.answers(x).reshape(y.shape)
            if self.n_classes and said.max() >= self.n_classes:
                raise DataError(
                    f"data set {self.name} has {self.n_classes} classes, the model answers {int(said.max())}"
                )
            return np.asarray(said, y.dtype)

        y_train, y_valid = told(self.x_train, self.y_train), told(self.x_valid, self.y_valid)
        return replace(self, y_train=y_train, y_valid=y_valid)

    @property
    def n_features(self) -> int:
        return self.x_train.shape[1]


def split_rows(
    y: np.ndarray, valid: float, test: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shuffled row numbers of train, validation and test; stratified by class for integer y."""
    rng = np.random.default_rng(seed)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    strata = (
        [np.flatnonzero(y == c) for c in np.unique(y)]
        if np.issubdtype(y.dtype, np.integer)
        else [np.arange(y.shape[0])]
    )
    for rows in strata:
        rows = rng.permutation(rows)
        n_test, n_valid = round(test * rows.size), round(valid * rows.size)
        parts[2].append(rows[:n_test])
        parts[1].append(rows[n_test : n_test + n_valid])
        parts[0].append(rows[n_test + n_valid :])
    train, val, tst = (rng.permutation(np.concatenate(p)) for p in parts)
    return train, val, tst
