"""What the probabilities of a logic-gate network are to become: smoothed labels, or these and a teacher's."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.rules import finite

SUM = 1e-3
"""How far the sum of a row may be from 1: half precision rounds by up to 2^-11."""
LOGITS = "; logits become probabilities by softened(logits, temperature), in a file by the name `logits`"


class Targets:
    """Targets of training samples by their rows.

    target = smoothed + share (teacher - smoothed), smoothed = smoothing / classes + (1 - smoothing) label
    (Hinton, Vinyals and Dean, arXiv 1503.02531; the network's own temperature is tau, so that both parts have
    derivatives of one size and none is multiplied by the square of a temperature).
    """

    def __init__(self, dataset: Dataset, config: LogicConfig, teacher: np.ndarray | None = None) -> None:
        """teacher : as checked_teacher gives it; None: labels alone."""
        self.n_classes = dataset.n_classes
        self.smoothing, self.share = config.smoothing, config.teacher_share
        self.teacher = teacher

    def of(self, rows: np.ndarray, labels: np.ndarray, real: Any = np.float64) -> np.ndarray:
        """(n, n_classes) targets of these training samples, rounded as numbers of type `real` are.

        rows : (n,) of the data set, of the teacher's array; labels : (n,) of these samples
        """
        rest = real(self.smoothing) / real(self.n_classes)
        found = np.full((labels.size, self.n_classes), rest, real)
        found[np.arange(labels.size), labels] = rest + (real(1) - real(self.smoothing))
        if self.teacher is not None:
            found += real(self.share) * (self.teacher[rows] - found).astype(real)
        return found


def softened(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """softmax(logits / temperature), (n, n_classes) float64: logits as probabilities of a teacher.

    Raises TrainingError for logits that are no finite numbers, and a temperature not above 0.
    """
    if not (finite(temperature) and temperature > 0):
        raise TrainingError(f"teacher: the temperature must be a number > 0, got {temperature!r}")
    z = np.asarray(logits)
    if z.ndim != 2 or z.dtype.kind not in "fiu":
        raise TrainingError(
            f"teacher: logits must be numbers, one row a sample, got {z.dtype} of shape {z.shape}"
        )
    z = z.astype(np.float64)
    refuse(z, ~np.isfinite(z), "logits must be finite numbers")
    e = np.exp((z - z.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def checked_teacher(teacher: np.ndarray, dataset: Dataset) -> np.ndarray:
    """The probabilities as float64, rows summing to 1; raises TrainingError for what are none."""
    p = np.asarray(teacher)
    wanted = (dataset.y_train.size, dataset.n_classes)
    if p.shape != wanted or p.dtype.kind not in "fiu":
        raise TrainingError(
            f"teacher: the array must be numbers of shape {wanted}, one row for each training sample of "
            f"{dataset.name} in its order and a column for each class, got {p.dtype} of shape {p.shape}"
        )
    p = p.astype(np.float64)
    refuse(p, ~(p >= 0) | (p == np.inf), "probabilities must be finite and at least 0", LOGITS)
    sums = p.sum(axis=1, keepdims=True)
    refuse(sums, np.abs(sums - 1) > SUM, "probabilities of a sample must sum to 1", LOGITS)
    return np.asarray(p / sums)


def refuse(values: np.ndarray, wrong: np.ndarray, rule: str, way_out: str = "") -> None:
    """Raise TrainingError naming the first row in which a value is wrong."""
    for row in np.flatnonzero(wrong.any(axis=1))[:1]:
        value = values[row][wrong[row]][0]
        raise TrainingError(f"teacher: {rule}, row {row} has {value:g}{way_out}")
