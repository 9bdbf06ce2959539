"""The reader: a small classifier in whose features images are compared. It is not Inception, and no other's.

Distances in the features of two readers are on two scales. A digest over its weights names a reader,
and every measurement carries it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from compiler.families.mlp import MLP, parts
from compiler.families.store import load_model
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.quality.errors import QualityError
from thermo.training.kinds import is_many
from thermo.training.langevin.mlp import MLPEpoch, hidden_activations, train_mlp
from thermo.training.loop import Trained

HIDDEN = (256, 64)
FEW_EPOCHS, MANY_EPOCHS = 60, 12
DIGITS = 12  # of a digest, as tables show it


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """network : a classifier with hidden cells; its features are those of the last hidden layer.

    Raises QualityError for another network.
    """

    network: MLP

    def __post_init__(self) -> None:
        if self.network.head != "classification" or len(self.network.weights) < 2:
            raise QualityError(
                f"reader: must be a classifier with a hidden layer, got {self.network!r}; make one by "
                "`thermoc train reader`"
            )

    @property
    def digest(self) -> str:
        """SHA-256 over what the network computes, hexadecimal."""
        facts, arrays = parts(self.network)
        whole = hashlib.sha256(repr(sorted(facts.items())).encode())
        for name in sorted(arrays):
            values = np.ascontiguousarray(arrays[name])
            whole.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
            whole.update(values.tobytes())
        return whole.hexdigest()

    def read(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (n, d) of images (n, n_pixels), and probabilities (n, classes). Raises QualityError."""
        rows = np.asarray(images, np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.network.n_inputs or not np.isfinite(rows).all():
            raise QualityError(
                f"reader: reads finite rows of {self.network.n_inputs} pixels, got an array of shape "
                f"{rows.shape}; name the reader of this data set"
            )
        hidden, probability = hidden_activations(self.network, rows)
        return hidden[:, -self.network.weights[-2].shape[0] :], probability


def train_reader(
    dataset: Dataset, *, epochs: int | None = None, seed: int = 0, progress: Progress | None = None
) -> Trained[MLP, MLPEpoch]:
    """A network of 256 and 64 rectified cells, its epoch chosen on validation data.

    epochs : None, 12 of many rows and 60 of few. Raises QualityError for data without classes.
    """
    if dataset.n_classes < 2:
        raise QualityError(f"reader: data set {dataset.name} has no classes; name one that has")
    epochs = (MANY_EPOCHS if is_many(dataset) else FEW_EPOCHS) if epochs is None else epochs
    return train_mlp(dataset, HIDDEN, "relu", epochs=epochs, weight_decay=1e-2, seed=seed, progress=progress)


def load_reader(path: str | os.PathLike, digest: str | None = None) -> Reader:
    """The reader of a model file, whose own checksums are checked.

    digest : the beginning of the wanted reader's. Raises FormatError for a damaged file, QualityError for
    another reader.
    """
    model = load_model(path)
    if not isinstance(model, MLP):
        raise QualityError(f"{path}: holds a {type(model).__name__}; name a file of `thermoc train reader`")
    reader = Reader(model)
    if digest and not reader.digest.startswith(digest.lower()):
        raise QualityError(
            f"{path}: is the reader {reader.digest[:DIGITS]}, not {digest}: measurements of two readers "
            "are on two scales"
        )
    return reader
