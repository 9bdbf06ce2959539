"""A data set of a user's own arrays: what they are is told from the arrays, and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from thermo.data.dataset import DataError, Dataset, split_rows
from thermo.data.pictures import arranged, told_pictures
from thermo.data.scaling import fitted

VALID, TEST = 0.15, 0.20
MOST_VALID, MOST_TEST = 5_000, 10_000  # rows
UNEVEN = 5  # times that a class may be rarer than if all were alike before it is said
Pair = tuple[np.ndarray, np.ndarray]


def dataset_of(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    *,
    valid: Pair | None = None,
    test: Pair | None = None,
    image_shape: Sequence[int] | None = None,
    columns: Sequence[str] = (),
    seed: int = 0,
) -> Dataset:
    """The data set of arrays, with all that the package's own data sets have.

    x : (n, ...) real numbers, a row a sample; pictures (n, h, w[, c]), (n, c, h, w) or flat, which are
        told by `told_pictures`; values are brought into [0, 1] by `thermo.data.scaling`
    y : (n,) classes (whole numbers, booleans, words), one-hot rows of them, or (n,) or (n, k) floats,
        which are values
    valid, test : (x, y) of splits that are given; else 15 % (at most 5,000) and 20 % (at most 10,000)
        of the rows, stratified, by `seed`
    image_shape : of rows that are pictures, () for rows that are none; None: told from x
    columns : names of x's columns, for messages

    Raises DataError for arrays that do not fit, missing values, or a class without training rows.
    """
    parts = {"": (x, y)} | ({"valid": valid} if valid else {}) | ({"test": test} if test else {})
    for part, (rows, answers) in parts.items():
        _check(name, part, rows, answers, x.shape[1:], columns)
    notes: list[str] = []
    if image_shape is None:
        flat, shape, told = told_pictures(x)
    else:
        shape, told = tuple(int(k) for k in image_shape), ""
        if shape and (np.prod(shape) != x[0].size or len(shape) not in (2, 3)):
            raise DataError(
                f"data set {name}: image_shape {shape} is (height, width) or (height, width, channels) of "
                f"{int(np.prod(shape))} values, a row has {x[0].size}"
            )
        flat = x.reshape(x.shape[0], -1)
    if told:
        size = " x ".join(str(k) for k in shape)
        notes.append(f"{x.shape[0]:,} samples of {x[0].size} values are {size} {told}")
    codes, labels = _classes(name, {part: answers for part, (_, answers) in parts.items()}, notes)
    n = x.shape[0]
    shares = (0.0 if valid else min(VALID, MOST_VALID / n), 0.0 if test else min(TEST, MOST_TEST / n))
    drawn = (np.arange(n), *[np.arange(0)] * 2) if valid and test else split_rows(codes[""], *shares, seed)
    splits = {
        part: (flat[at], codes[""][at]) for part, at in zip(("train", "valid", "test"), drawn, strict=True)
    }
    for part, (more, _) in parts.items():
        if part:
            splits[part] = arranged(more, shape, told), codes[part]
    _check_parts(name, splits)
    # 8 bits are 8 bits whichever rows are looked at
    scaling = fitted(flat if shape else splits["train"][0], bool(shape))
    if scaling.told:
        notes.append(f"values are {scaling.told}")
    notes += _told_classes(splits["train"][1], labels)
    scaled = {part: scaling(rows) for part, (rows, _) in splits.items()}
    return Dataset(
        name=name,
        x_train=scaled["train"],
        y_train=splits["train"][1],
        x_valid=scaled["valid"],
        y_valid=splits["valid"][1],
        x_test=scaled["test"],
        y_test=splits["test"][1],
        n_classes=len(labels),
        image_shape=shape,
        labels=labels,
        split=_told_split(shares, seed, [part for part in parts if part]),
        notes=tuple(notes),
        scaling=scaling,
    )


def _told_split(shares: tuple[float, float], seed: int, given: Sequence[str]) -> str:
    """How the parts were made, in words."""
    drawn = [
        f"{100 * share:.3g} % {part}" for share, part in zip(shares, ("valid", "test"), strict=True) if share
    ]
    words = [", ".join(drawn) + f" of the rows, seed {seed}"] if drawn else []
    return "; ".join([*words, *(f"{part} as given" for part in given)])


def _check(
    name: str, part: str, x: np.ndarray, y: np.ndarray, like: tuple[int, ...], columns: Sequence[str]
) -> None:
    """Raise DataError for arrays that are none of samples and answers, and name what is missing."""
    who = f"data set {name}" + (f", {part} rows" if part else "")
    if x.ndim < 2 or y.ndim not in (1, 2) or x.shape[0] != y.shape[0] or not x.size:
        raise DataError(
            f"{who}: x must be (n, ...) with n answers beside it, got x {x.shape} and y {y.shape}"
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{who}: x must be real numbers, got {x.dtype}; encode words as 0 and 1")
    if x.shape[1:] != like:
        raise DataError(
            f"{who}: rows of x have shape {x.shape[1:]}, those of training {like}; make them alike"
        )
    for what, array in (("x", x), ("y", y)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            lacks = ~np.isfinite(array.reshape(array.shape[0], -1))
            where = np.flatnonzero(lacks.any(axis=0))
            named = [columns[k] if what == "x" and len(columns) > k else str(k) for k in where[:5]]
            more = ", ..." if where.size > 5 else ""
            column = f" of column {', '.join(named)}{more}" if lacks.shape[1] > 1 else ""
            way_out = (
                "fill them (means: sklearn.impute.SimpleImputer) or drop the rows"
                if what == "x"
                else "drop those rows"
            )
            raise DataError(
                f"{who}: {what} must be finite, got {int(lacks.sum()):,} missing or infinite values in "
                f"{int(lacks.any(axis=1).sum()):,} of {array.shape[0]:,} rows{column}, the first in row "
                f"{int(lacks.any(axis=1).argmax())}; {way_out}"
            )


def _classes(
    name: str, answers: Mapping[str, np.ndarray], notes: list[str]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """(each part's codes or values, labels of the classes, () where y are values)."""
    found = {part: y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y for part, y in answers.items()}
    if all(y.ndim == 2 and _one_hot(y) for y in found.values()):
        notes.append(f"one-hot rows of {found[''].shape[1]} columns are classes")
        found = {part: y.argmax(axis=1) for part, y in found.items()}
    first = found[""]
    if any(
        y.ndim != first.ndim or (y.dtype.kind == "f") != (first.dtype.kind == "f") for y in found.values()
    ):
        raise DataError(f"data set {name}: answers of all splits must be of one kind and shape")
    if first.dtype.kind == "f":
        values = np.unique(first) if first.ndim == 1 else first
        if values.size <= min(20, first.shape[0] // 10) and not np.any(values % 1):
            notes.append(
                f"y are {values.size} different floats: taken as values; save whole numbers for classes"
            )
        return {part: y.astype(np.float32) for part, y in found.items()}, ()
    if first.ndim != 1:
        raise DataError(
            f"data set {name}: classes must be one column (n,) or one-hot rows, got y {first.shape}; "
            "flatten it"
        )
    known = np.unique(first)
    if known.size > max(2, first.size // 2):
        raise DataError(
            f"data set {name}: y has {known.size:,} different values in {first.size:,} rows, too many for "
            "classes; save numbers to be predicted as floats"
        )
    for part, y in found.items():
        if new := sorted(set(np.unique(y).tolist()) - set(known.tolist())):
            raise DataError(
                f"data set {name}: class {new[0]!r} has rows in {part} and none in training; move some there"
            )
    coded = {part: np.searchsorted(known, y).astype(np.int64) for part, y in found.items()}
    return coded, tuple(str(v) for v in known)


def _one_hot(y: np.ndarray) -> bool:
    return y.shape[1] > 1 and bool(np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1))


def _check_parts(name: str, splits: Mapping[str, Pair]) -> None:
    """Raise DataError for a split without rows."""
    for part, (x, _) in splits.items():
        if not x.shape[0]:
            sizes = ", ".join(f"{p} {v[0].shape[0]}" for p, v in splits.items())
            raise DataError(f"data set {name}: the {part} split is empty ({sizes} rows); give more rows")


def _told_classes(y: np.ndarray, labels: tuple[str, ...]) -> list[str]:
    """What there is to say of how often classes occur."""
    if len(labels) < 2:
        return []
    counts = np.bincount(y, minlength=len(labels))
    rare, common = int(counts.argmin()), int(counts.argmax())
    if counts[rare] * UNEVEN * len(labels) >= y.size and counts[common] < 0.8 * y.size:
        return []
    return [
        f"classes are uneven: {labels[rare]!r} has {counts[rare]:,} of {y.size:,} training rows, "
        f"{labels[common]!r} {counts[common]:,}; an answer that is always {labels[common]!r} is right in "
        f"{100 * counts[common] / y.size:.1f} % of them"
    ]
