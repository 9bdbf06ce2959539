"""Checkpoints of logic-gate training: written after every epoch, without pickles."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compiler.files import replacing
from thermo.data import Dataset
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.result import LogicEpoch
from thermo.training.result import TrainingError

VERSION = 1


def identity(dataset: Dataset, config: LogicConfig) -> str:
    """Digest of what a checkpoint must agree with to be gone on from."""
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for part in (dataset.x_train, dataset.y_train, dataset.x_valid, dataset.y_valid):
        digest.update(repr((part.shape, part.dtype.str)).encode())
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def save(trainer: Any, path: Path, identity: str) -> None:
    """Write a trainer's arrays, numbers and history; the file appears complete or not at all."""
    header = {
        "version": VERSION,
        "identity": identity,
        "numbers": {name: getattr(trainer, name) for name in trainer.NUMBERS},
        "history": [asdict(record) for record in trainer.history],
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, header=text, **trainer.arrays())


def restore(trainer: Any, path: Path, identity: str) -> None:
    """Put the trainer back to where the checkpoint was written; TrainingError if it is not its."""
    arrays = trainer.arrays()
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]))
            found = {name: file[name] for name in file.files if name != "header"}
        version, own = header["version"], header["identity"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path}: not a checkpoint of logic training ({error}); delete it or name another"
        ) from None
    if version != VERSION:
        raise TrainingError(
            f"{path}: checkpoint version must be {VERSION}, got {version}; delete it"
        )
    if own != identity or found.keys() != arrays.keys():
        raise TrainingError(
            f"{path}: checkpoint of another configuration or data set; delete it or name another"
        )
    for name, array in arrays.items():
        array[:] = found[name]
    for name, value in header["numbers"].items():
        setattr(trainer, name, value)
    trainer.history = [LogicEpoch(**record) for record in header["history"]]
    trainer.restored()
