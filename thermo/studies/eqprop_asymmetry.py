"""Accuracy over the starting angle between forward and backward weights."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.studies.eqprop import asymmetry_points, over_seeds, run_trainings, summarise
from thermo.studies.eqprop_trainings import EPOCHS, HIDDEN, SEEDS, lines, trainings
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.training.eqprop.presets import study_preset


def run_asymmetry(
    folder: Path,
    *,
    dataset: Dataset,
    angles: Sequence[float] | None = None,
    homeostasis: float = 10.0,
    seeds: int = 3,
    hidden: Sequence[int] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every angle in degrees, without and with the homeostatic loss."""
    chosen = angles or [0.0, 30.0, 60.0, 90.0]
    config = study_preset(dataset, hidden or [256, 256], epochs, seed)
    points = over_seeds(asymmetry_points(config, chosen, homeostasis), seeds)
    found = run_trainings(points, dataset, folder, threads=threads, progress=progress, executor=executor)
    means, n = summarise(found), len(chosen)
    figure = lines(
        chosen, [("without", means[:n]), ("with homeostasis", means[n:])], "starting angle, degrees"
    )
    result, table = trainings(found)
    return Findings(result, (table,), {"eqprop-asymmetry": figure})


STUDY = Study(
    "eqprop-asymmetry",
    """Accuracy over the starting angle between forward and transposed backward weights.

Example: thermoc study eqprop-asymmetry --data mnist -o runs/eqprop-asymmetry""",
    (
        DATA,
        Option("angles", "--angle", list[float], None, "Degrees; may be repeated."),
        Option("homeostasis", "--homeostasis", float, 10.0, "Factor on the homeostatic loss.", min=0),
        SEEDS,
        HIDDEN,
        EPOCHS,
        SEED,
        THREADS,
        *WHERE,
    ),
    run_asymmetry,
)
