"""One point of a study: a training, its test figures, and the file that remembers them.

A study is a list of points. A point that is on disk with the same settings is read, not run again,
so that an interrupted study goes on where it stopped; a training inside a point has its own
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import ThermocError
from compiler.files import make_folder, replacing
from compiler.frontends.machine import lower_machine
from compiler.models.machine import LangevinMachine
from compiler.models.store import load_model, save_model
from thermo.data import NAMES, DataError, Dataset
from thermo.evaluate import evaluate
from thermo.progress import NullProgress, Progress
from thermo.simulate.threads import check_threads
from thermo.training import TrainingResult, train_onsager_machlup, train_pathwise
from thermo.training.config import PathwiseConfig


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


@dataclass(frozen=True, slots=True)
class Measured:
    """Test figures of one trained machine, one noisy trajectory a decision.

    accuracy : test share right at the netlist's dt; heat, heat_sem : kT per inference
    halved_accuracy, halved_heat : the same with dt halved
    seconds : training time; model : path of the trained machine
    """

    series: str
    seed: int
    accuracy: float
    valid_accuracy: float
    heat: float
    heat_sem: float
    halved_accuracy: float
    halved_heat: float
    largest_coupling: float
    heat_penalty: float
    n_samples: int
    seconds: float
    model: str


def run_point(
    point: Point,
    dataset: Dataset,
    folder: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Measured:
    """The point's figures, from `folder` if they are there, else by training and measuring."""
    check_threads(threads)
    if dataset.n_classes == 0:
        raise DataError(
            f"a study compares accuracies, data set {dataset.name} has values, not classes; "
            "train it with `thermoc train langevin`"
        )
    stem = point.key(dataset)
    record = folder / f"{stem}.json"
    if record.exists():
        return _read(record)
    trained = _train(point, dataset, folder / f"{stem}.checkpoint", threads, progress)
    model = folder / f"{stem}.safetensors"
    save_model(trained.machine, model)
    netlist = lower_machine(trained.machine)
    options: dict[str, Any] = {"seed": point.config.seed, "threads": threads}
    full, _ = evaluate(netlist, dataset, "test", **options)
    halved, _ = evaluate(netlist, dataset, "test", dt=netlist.dt / 2, **options)
    assert full.accuracy is not None and halved.accuracy is not None
    assert full.heat_kT is not None and halved.heat_kT is not None
    measured = Measured(
        series=point.series,
        seed=point.config.seed,
        accuracy=full.accuracy,
        valid_accuracy=trained.valid_accuracy,
        heat=full.heat_kT.mean,
        heat_sem=full.heat_kT.sem,
        halved_accuracy=halved.accuracy,
        halved_heat=halved.heat_kT.mean,
        largest_coupling=float(np.abs(trained.machine.coupling).max(initial=0.0)),
        heat_penalty=float(trained.heat_penalty),
        n_samples=full.n_samples,
        seconds=trained.seconds,
        model=model.name,
    )
    with replacing(record) as beside:
        beside.write_text(json.dumps(asdict(measured), indent=1))
    (folder / f"{stem}.checkpoint").unlink(missing_ok=True)
    return measured


def _train(
    point: Point,
    dataset: Dataset,
    checkpoint: Path,
    threads: int | None,
    progress: Progress | None,
) -> TrainingResult:
    if isinstance(point.config, PathwiseConfig):
        return train_pathwise(
            dataset, point.config, checkpoint=checkpoint, threads=threads, progress=progress
        )
    return train_onsager_machlup(dataset, point.config, threads=threads, progress=progress)


def _read(record: Path) -> Measured:
    try:
        return Measured(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ThermocError(
            f"{record}: not a study record ({error}); delete it to run the point again"
        ) from None


def run_points(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Measured]:
    """All points in order, those already in `folder` read from there."""
    folder = make_folder(folder)
    progress = progress or NullProgress()
    progress.start(len(points), f"{len(points)} trainings on {dataset.name}")
    measured = []
    try:
        for k, point in enumerate(points):
            began = time.perf_counter()
            m = run_point(point, dataset, folder, threads=threads)
            measured.append(m)
            note = f"{m.series}: {100 * m.accuracy:.2f} %, {m.heat:,.0f} kT"
            progress.update(k + 1, f"{note}, {time.perf_counter() - began:.0f} s")
    finally:
        progress.stop()
    return measured


def load_machine(measured: Measured, folder: Path) -> LangevinMachine:
    """The machine that a record describes."""
    model = load_model(folder / measured.model)
    if not isinstance(model, LangevinMachine):
        raise ThermocError(f"{folder / measured.model}: not a Langevin machine; delete its record")
    return model
