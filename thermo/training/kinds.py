"""What settings follow from: rows, pictures, classes and values of a data set, never its name."""

from __future__ import annotations

from enum import Enum

import numpy as np

from thermo.data import Dataset
from thermo.training.augmentation import Augmentation

LARGE = 10_000
"""Training rows from which there are many."""
SMALL_SIDE = 16
"""Pixels up to which a picture's side is small: it bears small warps and takes small kernels."""
CURVE = 2
"""Inputs up to which a regression is a curve or a surface."""
MIRRORED = 0.05
"""Share of the variance between classes' mean pictures that mirroring them may be off by."""

LITTLE = Augmentation(shift=0.25, rotate=5.0, zoom=0.04, shear=0.04)
MUCH = Augmentation(shift=1.0, rotate=8.0, zoom=0.08, shear=0.08)


class Kind(Enum):
    """What is trained on; in brackets, what its settings were found on."""

    PICTURES = "many grey pictures"  # mnist
    COLOUR = "many colour pictures"  # cifar10
    FEW_PICTURES = "few pictures"  # digits
    ROWS = "many rows"
    FEW_ROWS = "few rows"  # wine, breast cancer, iris
    CURVE = "values over one or two inputs"  # cosine


def kind_of(dataset: Dataset) -> Kind:
    """What the data set is."""
    many = is_many(dataset)
    if is_pictures(dataset):
        if not many:
            return Kind.FEW_PICTURES
        return Kind.COLOUR if channels_of(dataset) > 1 else Kind.PICTURES
    if dataset.n_classes == 0 and dataset.n_features <= CURVE and not many:
        return Kind.CURVE
    return Kind.ROWS if many else Kind.FEW_ROWS


def is_many(dataset: Dataset) -> bool:
    """Whether there are many training rows."""
    return dataset.x_train.shape[0] >= LARGE


def is_pictures(dataset: Dataset) -> bool:
    """Whether samples are pictures."""
    return len(dataset.image_shape) in (2, 3)


def channels_of(dataset: Dataset) -> int:
    """Of its pictures."""
    return dataset.image_shape[2] if len(dataset.image_shape) == 3 else 1


def small_side(dataset: Dataset) -> bool:
    """Whether its pictures are small."""
    return max(dataset.image_shape[:2]) <= SMALL_SIDE


def warps_for(dataset: Dataset) -> Augmentation:
    """Warps that its pictures bear, none where there are no pictures."""
    if not is_pictures(dataset):
        return Augmentation()
    return LITTLE if small_side(dataset) else MUCH


def in_unit_interval(dataset: Dataset) -> bool:
    """Whether all values lie in [0, 1]."""
    return bool(dataset.x_train.min() >= 0 and dataset.x_train.max() <= 1)


def may_be_mirrored(dataset: Dataset) -> bool:
    """Whether each class's pictures are on average their own mirror images: things are, signs are not."""
    if not is_pictures(dataset) or dataset.n_classes < 2:
        return False
    shape = (*dataset.image_shape, 1)[:3]
    groups = (dataset.x_train[dataset.y_train == k] for k in range(dataset.n_classes))
    means = np.stack([rows.mean(axis=0, dtype=np.float64) for rows in groups if rows.shape[0]])
    mirrored = means.reshape(-1, *shape)[:, :, ::-1].reshape(means.shape)
    between = float(np.square(means - means.mean(axis=0)).sum(axis=1).mean())
    return float(np.square(mirrored - means).sum(axis=1).mean()) < MIRRORED * between
