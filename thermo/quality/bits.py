"""Data sets as bits, for machines that make bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from thermo.data import Dataset
from thermo.training.ebm.bits import static_bits, to_bits


def as_bits(dataset: Dataset, threshold: float | None) -> Dataset:
    """The data set with its images as zeros and ones, one fixed draw of each where threshold is None."""
    rows = np.arange(dataset.x_train.shape[0])
    train = to_bits(dataset.x_train, threshold, seed=0, ids=rows, draw=0)
    valid, test = (static_bits(dataset.part(s)[0], s, threshold) for s in ("valid", "test"))
    how = "bits drawn" if threshold is None else f"bits from {threshold:g}"
    return replace(dataset, name=f"{dataset.name}, {how}", x_train=train, x_valid=valid, x_test=test)
