"""Checkpoints of a training run: written after every epoch, without pickles."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compiler.files import replacing
from compiler.models.machine import LangevinMachine
from thermo.data import Dataset
from thermo.training.config import PathwiseConfig
from thermo.training.result import EpochRecord, TrainingError

VERSION = 1
_ARRAYS = ("theta", "m", "v", "best")
_NUMBERS = (
    "best_score", "best_accuracy", "best_epoch", "best_heat", "step", "epoch", "penalty",
    "integral", "heat_ratio", "seconds",
)  # fmt: skip


def identity(dataset: Dataset, config: PathwiseConfig, start: LangevinMachine | None) -> str:
    """Digest of what a checkpoint must agree with to be gone on from."""
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for part in (dataset.x_train, dataset.y_train, dataset.x_valid, dataset.y_valid):
        digest.update(repr((part.shape, part.dtype.str)).encode())
        digest.update(np.ascontiguousarray(part).data)
    if start is not None:
        for array in (start.w_in, start.coupling, start.bias):
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save(trainer: Any, path: Path, identity: str) -> None:
    """Write the trainer's arrays, numbers and history; the file appears complete or not at all."""
    header = {
        "version": VERSION,
        "identity": identity,
        "numbers": {name: getattr(trainer, name) for name in _NUMBERS},
        "history": [asdict(record) for record in trainer.history],
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, header=text, **{name: getattr(trainer, name) for name in _ARRAYS})


def restore(trainer: Any, path: Path, identity: str) -> None:
    """Put the trainer back to where the checkpoint was written; TrainingError if it is not its."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(bytes(file["header"]))
            arrays = {name: file[name] for name in _ARRAYS}
        version, found = header["version"], header["identity"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path}: not a training checkpoint ({error}); delete it or name another"
        ) from None
    if version != VERSION:
        raise TrainingError(
            f"{path}: checkpoint version must be {VERSION}, got {version}; delete it"
        )
    if found != identity:
        raise TrainingError(
            f"{path}: checkpoint of another configuration, data set or start; delete it or name "
            "another"
        )
    for name, array in arrays.items():
        getattr(trainer, name)[:] = array
    for name, value in header["numbers"].items():
        setattr(trainer, name, value)
    trainer.history = [EpochRecord(**record) for record in header["history"]]
