"""Points of the Langevin studies: a training and its test figures, with heat."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import ThermocError
from compiler.families.langevin import LangevinMachine, lower_langevin
from compiler.families.store import load_model, save_model
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.progress import Progress
from thermo.simulate.threads import check_threads
from thermo.studies.records import Point, run_recorded
from thermo.training import TrainedMachine, train_onsager_machlup, train_pathwise
from thermo.training.langevin.config import PathwiseConfig


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


def _measure(point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None) -> Measured:
    trained = _train(point, dataset, checkpoint, threads)
    save_model(trained.model, model)
    netlist = lower_langevin(trained.model)
    options: dict[str, Any] = {"seed": point.config.seed, "threads": threads}
    full, _ = evaluate(netlist, dataset, "test", **options)
    halved, _ = evaluate(netlist, dataset, "test", dt=netlist.dt / 2, **options)
    assert full.accuracy is not None and halved.accuracy is not None
    assert full.heat_kT is not None and halved.heat_kT is not None
    return Measured(
        series=point.series,
        seed=point.config.seed,
        accuracy=full.accuracy,
        valid_accuracy=trained.score,
        heat=full.heat_kT.mean,
        heat_sem=full.heat_kT.sem,
        halved_accuracy=halved.accuracy,
        halved_heat=halved.heat_kT.mean,
        largest_coupling=float(np.abs(trained.model.coupling).max(initial=0.0)),
        heat_penalty=float(trained.heat_penalty),
        n_samples=full.n_samples,
        seconds=trained.seconds,
        model=model.name,
    )


def _train(point: Point, dataset: Dataset, checkpoint: Path, threads: int | None) -> TrainedMachine:
    if isinstance(point.config, PathwiseConfig):
        return train_pathwise(dataset, point.config, checkpoint=checkpoint, threads=threads)
    return train_onsager_machlup(dataset, point.config, threads=threads)


def run_points(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[Measured]:
    """All points in order, those already in `folder` read from there."""
    check_threads(threads)
    return run_recorded(
        Measured,
        points,
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %, {m.heat:,.0f} kT",
        progress,
        executor,
    )


def load_machine(measured: Measured, folder: Path) -> LangevinMachine:
    """The machine that a record describes."""
    model = load_model(folder / measured.model)
    if not isinstance(model, LangevinMachine):
        raise ThermocError(f"{folder / measured.model}: not a Langevin machine; delete its record")
    return model
