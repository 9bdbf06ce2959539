"""Points of a study as files.

A study is a list of points. A point that is on disk with the same settings is read, not run again,
so that an interrupted study goes on where it stopped; a training inside a point has its own
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from compiler.errors import ThermocError
from compiler.files import make_folder, replacing
from thermo.data import NAMES, DataError, Dataset
from thermo.progress import NullProgress, Progress

T = TypeVar("T")
P = TypeVar("P")

READ = 1.0  # s: a point that takes less was read, not run


@dataclass(frozen=True, slots=True)
class Point:
    """A training to be run. `series` groups points of one curve or table row."""

    series: str
    config: Any

    def key(self, dataset: Dataset) -> str:
        """File stem: series, seed, digest of every setting and, of a user's file, of its rows."""
        text = json.dumps([dataset.name, asdict(self.config)], sort_keys=True, default=str)
        whole = hashlib.sha256(text.encode())
        if dataset.name not in NAMES:
            for part in ("train", "valid", "test"):
                for array in dataset.part(part):
                    whole.update(repr(array.shape).encode())
                    whole.update(np.ascontiguousarray(array).data)
        digest = whole.hexdigest()[:12]
        return f"{self.series}-seed{self.config.seed}-{digest}".replace(" ", "_").replace("/", "_")


def check_classes(dataset: Dataset) -> None:
    """Raise DataError for a data set without at least two classes."""
    if dataset.n_classes < 2:
        has = "values, not classes" if dataset.n_classes == 0 else "one class only"
        raise DataError(
            f"a study compares accuracies, data set {dataset.name} has {has}; give one with at "
            "least two classes"
        )


def recorded(
    kind: Callable[..., T], point: Point, dataset: Dataset, folder: Path, measure: Callable[[Path, Path], T]
) -> T:
    """The point's figures, from `folder` if they are there, else measured and kept there.

    kind : dataclass of the figures; measure : (checkpoint, model file) -> figures

    Raises ThermocError for a file that is no record.
    """
    stem = point.key(dataset)
    record, checkpoint = folder / f"{stem}.json", folder / f"{stem}.checkpoint"
    if record.exists():
        try:
            return kind(**json.loads(record.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise ThermocError(
                f"{record}: not a study record ({error}); delete it to run the point again"
            ) from None
    measured = measure(checkpoint, folder / f"{stem}.safetensors")
    with replacing(record) as beside:
        beside.write_text(json.dumps(asdict(measured), indent=1))  # type: ignore[call-overload]
    checkpoint.unlink(missing_ok=True)
    return measured


def run_recorded(
    kind: Callable[..., T],
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    measure: Callable[[Point, Path, Path], T],
    told: Callable[[T], str],
    progress: Progress | None,
) -> list[T]:
    """All points in order, those in `folder` read from there; DataError for data of one class.

    measure : (point, checkpoint, model file) -> figures; told : what progress says of them
    """
    check_classes(dataset)
    there = make_folder(folder)

    def run(point: Point) -> T:
        return recorded(kind, point, dataset, there, lambda kept, model: measure(point, kept, model))

    return run_all(points, dataset, run, told, progress)


def run_all(
    points: Sequence[P],
    dataset: Dataset,
    run: Callable[[P], T],
    told: Callable[[T], str],
    progress: Progress | None,
    what: str = "trainings",
) -> list[T]:
    """All points in order. told : progress says it of one, beside the time left; what : they are"""
    progress = progress or NullProgress()
    progress.start(len(points), f"{len(points)} {what} on {dataset.name}")
    done, took = [], []
    try:
        for k, point in enumerate(points):
            began = time.perf_counter()
            done.append(run(point))
            seconds = time.perf_counter() - began
            if seconds > READ:
                took.append(seconds)
            progress.update(k + 1, f"{told(done[-1])}, {seconds:.0f} s{_left(took, len(points) - k - 1)}")
    finally:
        progress.stop()
    return done


def _left(took: Sequence[float], points: int) -> str:
    """The time that so many points will take, by the mean of those that were run."""
    if not took or not points:
        return ""
    return f"; about {points * sum(took) / len(took) / 60:.0f} min left"
