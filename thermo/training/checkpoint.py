"""Checkpoints of every trainer: written after each epoch, without pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compiler.arrays import read_npz
from compiler.errors import FormatError, ThermocError
from compiler.files import replacing
from thermo.data import Dataset

VERSION = 1


class Trainer(Protocol):
    """What is kept of a trainer: its arrays (filled in place), numbers by attribute, and records of
    its epochs. One with a method `restored` is told when all is back.
    """

    history: list[Any]

    @property
    def NUMBERS(self) -> tuple[str, ...]: ...

    @property
    def RECORD(self) -> Any: ...

    @property
    def ERROR(self) -> type[ThermocError]: ...

    def arrays(self) -> dict[str, np.ndarray]: ...


def identity(dataset: Dataset, *facts: Any) -> str:
    """Digest of what a checkpoint must agree with to be gone on from.

    facts : settings (dataclasses, plain values) and arrays
    """
    digest = hashlib.sha256()
    for fact in (*facts, dataset.x_train, dataset.y_train, dataset.x_valid, dataset.y_valid):
        if isinstance(fact, np.ndarray):
            digest.update(repr((fact.shape, fact.dtype.str)).encode())
            digest.update(np.ascontiguousarray(fact).data)
        else:
            plain = asdict(fact) if is_dataclass(fact) else fact  # type: ignore[arg-type]
            digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()


def save(trainer: Trainer, path: Path, identity: str) -> None:
    """Write the trainer's arrays, numbers and history; the file appears complete or not at all."""
    names = [field.name for field in fields(trainer.RECORD)]
    header = {
        "version": VERSION,
        "identity": identity,
        "numbers": {name: getattr(trainer, name) for name in trainer.NUMBERS},
        # flat records: asdict, which copies deeply, would take longer than a small network's epoch
        "history": [{name: getattr(record, name) for name in names} for record in trainer.history],
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, header=text, **trainer.arrays())  # type: ignore[arg-type]


def restore(trainer: Trainer, path: Path, identity: str) -> None:
    """Put the trainer back to where the checkpoint was written; its ERROR if it is another's."""
    arrays, error = trainer.arrays(), trainer.ERROR
    try:
        found = read_npz(path)
        header = json.loads(bytes(found.pop("header")))
        version, own = header["version"], header["identity"]
    except (FormatError, ValueError, KeyError, TypeError) as cause:
        raise error(f"{path}: not a training checkpoint ({cause}); delete it or name another") from None
    if version != VERSION:
        raise error(f"{path}: checkpoint version must be {VERSION}, got {version}; delete it")
    if own != identity or found.keys() != arrays.keys():
        raise error(
            f"{path}: checkpoint of another configuration or data set (or start); delete it or name another"
        )
    for name, array in arrays.items():
        array[...] = found[name]
    for name, value in header["numbers"].items():
        setattr(trainer, name, value)
    trainer.history = [trainer.RECORD(**record) for record in header["history"]]
    if restored := getattr(trainer, "restored", None):
        restored()
