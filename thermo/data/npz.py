"""Data sets in .npz files, by the names that arrays have in NumPy's, scikit-learn's and Keras's examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compiler.arrays import Header, npz_headers, read_npz
from compiler.errors import FormatError
from thermo.data.arrays import dataset_of
from thermo.data.dataset import DataError, Dataset

NAMES = (
    ("x", "y"),
    ("X", "y"),
    ("x_train", "y_train"),
    ("X_train", "y_train"),
    ("train_images", "train_labels"),
    ("images", "labels"),
    ("data", "target"),
    ("data", "labels"),
)
"""Arrays of samples and of answers, of which the first that are there are taken."""
SPLITS = {
    "valid": (
        ("x_valid", "y_valid"),
        ("X_valid", "y_valid"),
        ("x_val", "y_val"),
        ("X_val", "y_val"),
        ("val_images", "val_labels"),
    ),
    "test": (("x_test", "y_test"), ("X_test", "y_test"), ("test_images", "test_labels")),
}
SHAPE = "image_shape"


def read_dataset(path: Path) -> Dataset:
    """The data set of an .npz file; DataError names what does not fit.

    Its arrays are named as in NAMES and SPLITS; with `image_shape`, (h, w[, c]) or empty, it says itself
    whether its rows are pictures.
    """
    try:
        headers = npz_headers(path)
    except FormatError as error:
        raise DataError(f"{error}; give an .npz with arrays x and y") from None
    pairs = _pairs(path, headers)
    first = pairs["train"]
    for x, y in pairs.values():
        _check(path, headers, x, y)
        if headers[x].shape[1:] != headers[first[0]].shape[1:]:
            raise DataError(
                f"{path}: rows of {first[0]} have shape {headers[first[0]].shape[1:]}, those of {x} "
                f"{headers[x].shape[1:]}; they must be alike"
            )
    names = {name for pair in pairs.values() for name in pair} | ({SHAPE} & headers.keys())
    try:
        arrays = read_npz(path, headers, names=names)
    except FormatError as error:
        raise DataError(str(error)) from None
    found = {part: (arrays[left], arrays[right]) for part, (left, right) in pairs.items()}
    shape = arrays.get(SHAPE)
    return dataset_of(
        path.name,
        *found["train"],
        valid=found.get("valid"),
        test=found.get("test"),
        image_shape=None if shape is None else [int(k) for k in np.ravel(shape)],
    )


def _pairs(path: Path, headers: Mapping[str, Header]) -> dict[str, tuple[str, str]]:
    """Names of the arrays of each split that is there."""

    def first(choices: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
        return next((pair for pair in choices if headers.keys() >= set(pair)), None)

    train = first(NAMES)
    if train is None:
        raise DataError(
            f"{path}: needs arrays x and y (or {', '.join(' and '.join(p) for p in NAMES[1:])}), has "
            f"{', '.join(sorted(headers)) or 'none'}"
        )
    return {"train": train} | {part: pair for part, names in SPLITS.items() if (pair := first(names))}


def _check(path: Path, headers: Mapping[str, Header], x: str, y: str) -> None:
    """Raise DataError for headers that are none of samples and their answers."""
    for side, kinds in ((x, "biuf"), (y, "biufUS")):
        shape, dtype = headers[side].shape, headers[side].dtype
        if dtype.kind not in kinds:
            raise DataError(
                f"{path}: {side} must be real numbers, got {dtype}"
                + ("; number the classes 0, 1, ..., or save them as words" if side == y else "")
            )
        if not shape:
            raise DataError(f"{path}: {side} is a single number; it needs one row a sample")
        if 0 in shape:
            raise DataError(f"{path}: {side} is empty; give at least one row")
    rows, labels = headers[x].shape[0], headers[y].shape[0]
    if rows != labels:
        raise DataError(f"{path}: {x} has {rows} rows and {y} {labels}; they must match")
