"""Points of a study as files.

A study is a list of points. A point that is on disk with the same settings is read, not run again,
so that an interrupted study goes on where it stopped; a training inside a point has its own
checkpoint. thermo.studies.jobs runs them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from thermo.data import NAMES, DataError, Dataset
from thermo.progress import Progress
from thermo.studies.jobs import run_all

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point:
    """A training to be run. `series` groups points of one curve or table row."""

    series: str
    config: Any

    def key(self, dataset: Dataset | None) -> str:
        """File stem: series, seed, digest of every setting and, of a user's file, of its rows.

        dataset : None for points that make their own data
        """
        name = None if dataset is None else dataset.name
        text = json.dumps([name, asdict(self.config)], sort_keys=True, default=str)
        whole = hashlib.sha256(text.encode())
        if dataset is not None and name not in NAMES:
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


def run_recorded(
    kind: Callable[..., T],
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    measure: Callable[[Any, Any, Path, Path], T],
    told: Callable[[T], str],
    progress: Progress | None,
    executor: Executor | None = None,
    *,
    common: Any = None,
    what: str = "trainings",
) -> list[T]:
    """All points in order, those in `folder` read from there; DataError for data of one class.

    kind : dataclass of the figures, made of a record's keys
    measure : (point, common, checkpoint, model file) -> figures; of a module, so that workers can be sent it
    common : what all points are measured with, the data set unless given
    told : what progress says of figures; what : points are
    executor : where they run, see thermo.studies.executors; by default here

    Raises PointError, which names the point, for one that failed and for a file that is no record.
    """
    check_classes(dataset)
    return run_all(
        [(point.key(dataset), point) for point in points],
        folder,
        kind,
        measure,
        dataset if common is None else common,
        told=told,
        label=f"{len(points)} {what} on {dataset.name}",
        executor=executor,
        progress=progress,
    )
