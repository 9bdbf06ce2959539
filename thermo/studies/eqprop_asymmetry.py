"""Accuracy over the starting angle between forward and backward weights."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from pathlib import Path

from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.page import Table
from thermo.studies.eqprop import (
    Lost,
    asymmetry_points,
    lost_to_asymmetry,
    over_seeds,
    run_trainings,
    summarise,
)
from thermo.studies.eqprop_trainings import EPOCHS, HIDDEN, SEEDS, lines, trainings
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.presets import study_preset

FEW = 8
"""Epochs at most unless told: studies compare many trainings."""
LOSS, PULL = 10.0, 0.3
"""Homeostasis unless told: a factor on the loss, and beside an optimiser that knows no scale a share."""


def run_asymmetry(
    folder: Path,
    *,
    dataset: Dataset,
    angles: Sequence[float] | None = None,
    homeostasis: float | None = None,
    draws: int = 5,
    seeds: int = 3,
    channels: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    epochs: int | None = None,
    rows: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """The symmetric network, and every angle in degrees, without and with the homeostatic loss."""
    chosen = angles or [0.0, 30.0, 60.0, 90.0]
    config = settings(dataset, channels, hidden, epochs, seed)
    if rows is not None:  # another data set, as its name says
        name = f"{dataset.name}, {rows} rows"
        dataset = replace(dataset, name=name, x_train=dataset.x_train[:rows], y_train=dataset.y_train[:rows])
    if homeostasis is None:
        homeostasis = LOSS if config.optimiser == "momentum" else PULL
    points = over_seeds(asymmetry_points(config, chosen, homeostasis, draws), seeds)
    found = run_trainings(points, dataset, folder, threads=threads, progress=progress, executor=executor)
    means, n = summarise(found)[1:], len(chosen)
    figure = lines(
        chosen, [("without", means[:n]), ("with homeostasis", means[n:])], "starting angle, degrees"
    )
    result, table = trainings(found)
    lost = lost_to_asymmetry(found)
    told = {**result, "lost": [asdict(some) for some in lost]}
    return Findings(told, (table, _table(lost)), {"eqprop-asymmetry": figure})


def settings(
    dataset: Dataset,
    channels: Sequence[int] | None,
    hidden: Sequence[int] | None,
    epochs: int | None,
    seed: int,
) -> EqpropConfig:
    """Of the symmetric network: layers of units, or with channels convolutions, by JAX."""
    if not channels:
        return study_preset(dataset, hidden or [256, 256], epochs, seed)
    from thermo.training.eqprop.conv_presets import conv_preset

    config = conv_preset(dataset, channels, hidden)
    epochs = epochs or min(config.epochs, FEW)
    return replace(config, epochs=epochs, restarts=(), seed=seed, augmentation=Augmentation())


def _table(lost: Sequence[Lost]) -> Table:
    rows = tuple(
        (k.series, f"{k.n}", f"{k.points:.2f}", f"{k.sem:.2f}" if k.n > 1 else "") for k in lost if k.n
    )
    columns = ("points lost to the symmetric network, seed by seed", "seeds", "points", "± sem")
    return Table(columns, rows, (1, 2, 3))


STUDY = Study(
    "eqprop-asymmetry",
    """Accuracy over the starting angle between forward and transposed backward weights.

Example: thermoc study eqprop-asymmetry --data mnist -o runs/eqprop-asymmetry

Example: thermoc study eqprop-asymmetry --data cifar10 --channels 16 --channels 32 --angle 90 -o DIR""",
    (
        DATA,
        Option("angles", "--angle", list[float], None, "Degrees; may be repeated."),
        Option(
            "homeostasis",
            "--homeostasis",
            float,
            None,
            f"Factor on the homeostatic loss (none: {LOSS:g}; beside Muon {PULL:g}).",
            min=0,
        ),
        Option(
            "draws",
            "--homeostasis-draws",
            int,
            5,
            "Random vectors an update that estimate it; 0: its expectation.",
            min=0,
        ),
        SEEDS,
        Option(
            "channels",
            "--channels",
            list[int],
            None,
            "Convolutions, by JAX; of each, may be repeated.",
            min=1,
        ),
        HIDDEN,
        EPOCHS,
        Option("rows", "--rows", int, None, "Only the first training images.", min=1),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_asymmetry,
)
