"""The epochs of every trainer: go on from a checkpoint, run, keep, tell."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from compiler.files import check_writable
from thermo.progress import NullProgress, Progress, Recorder
from thermo.training import checkpoint as checkpoints
from thermo.training.tiles import Tiles

M = TypeVar("M")
E = TypeVar("E")
T = TypeVar("T")
M_co = TypeVar("M_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


class Trainer(checkpoints.Trainer, Protocol[M_co, E_co]):
    """What `fit` asks of a trainer, beside what its checkpoint holds.

    config : its settings, with `epochs`; epoch : how many are done, counted by run_epoch
    best_epoch, score : of the model that `model` gives, on the validation split
    """

    config: Any
    epoch: int
    seconds: float

    @property
    def best_epoch(self) -> int: ...

    @property
    def score(self) -> float: ...

    def run_epoch(self, tiles: Tiles) -> E_co:
        """One epoch; its record, a dataclass whose `seconds` `fit` fills in. Keeps what is best."""

    def note(self) -> str:
        """Figures of the last epoch, for a progress bar."""

    def model(self) -> M_co:
        """The model that was chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained(Generic[M, E]):
    """A model, chosen on the validation split, and how it came about.

    score : of the chosen epoch on the validation split: share of right decisions, minus the
        root-mean-square error of values, nats a row of a model of likelihoods, nan where nothing
        was chosen by it
    seconds : wall time of the training, all sessions of a resumed one together
    """

    model: M
    history: tuple[E, ...]
    best_epoch: int
    score: float
    seconds: float
    config: Any

    def extended(self, kind: type[T], **more: Any) -> T:
        """The same as a `kind`, a subclass that holds `more`."""
        return kind(**{f.name: getattr(self, f.name) for f in fields(Trained)}, **more)


def fit(
    trainer: Trainer[M, E],
    identity: tuple[Any, ...],
    label: str,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
    epochs: int | None = None,
) -> Trained[M, E]:
    """Run the epochs that are left.

    identity : data set and facts of `checkpoint.identity`, which a checkpoint must agree with
    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : tiles run at once (None: one a core); results do not depend on it
    epochs : in all, None: config.epochs

    Raises the trainer's ERROR for another training's checkpoint, and what its epochs raise.
    """
    path = None if checkpoint is None else check_writable(Path(checkpoint))
    own = checkpoints.identity(*identity) if path else ""
    progress = progress or NullProgress()
    total = trainer.config.epochs if epochs is None else epochs
    with Tiles(threads) as tiles:
        if path is not None and path.exists():
            checkpoints.restore(trainer, path, own)
        progress.start(total, label)
        try:
            if trainer.epoch:
                progress.update(trainer.epoch)
            while trainer.epoch < total:
                began = time.perf_counter()
                record: Any = trainer.run_epoch(tiles)
                spent = time.perf_counter() - began
                trainer.seconds += spent
                trainer.history.append(replace(record, seconds=spent))
                if path is not None:
                    checkpoints.save(trainer, path, own)
                if isinstance(progress, Recorder):
                    progress.record(trainer.epoch, _figures(trainer.history[-1]))
                progress.update(trainer.epoch, trainer.note())
        finally:
            progress.stop()
    return Trained(
        trainer.model(),
        tuple(trainer.history),
        trainer.best_epoch,
        trainer.score,
        trainer.seconds,
        trainer.config,
    )


def _figures(record: Any) -> dict[str, float]:
    """Fields of an epoch's record that are numbers."""
    found = {field.name: getattr(record, field.name) for field in fields(record)}
    return {k: float(v) for k, v in found.items() if isinstance(v, int | float) and not isinstance(v, bool)}
