"""Accuracy with noisy states: small one-sided nudges against centred and holomorphic ones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.studies.eqprop import holomorphic_points, noise_points, over_seeds, run_trainings, summarise
from thermo.studies.eqprop_trainings import EPOCHS, HIDDEN, SEEDS, lines, trainings
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study
from thermo.training.eqprop.presets import study_preset


def run_noise(
    folder: Path,
    *,
    dataset: Dataset,
    noises: Sequence[float] | None = None,
    betas: Sequence[float] | None = None,
    holomorphic: int = 10,
    replicas: Sequence[int] | None = None,
    replica_coupling: float = 1.0,
    seeds: int = 3,
    hidden: Sequence[int] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every noise and nudge; holomorphic : points on the circle of sigmoid units, 0 leaves them out."""
    chosen, nudges = noises or [0.0, 0.04], betas or [0.02, 0.1, 0.5]
    config = study_preset(dataset, hidden or [256, 256], epochs, seed)
    points = noise_points(config, chosen, nudges, replicas or (), replica_coupling)
    if holomorphic:
        points += holomorphic_points(dataset, config, chosen, nudges, holomorphic)
    found = run_trainings(
        over_seeds(points, seeds), dataset, folder, threads=threads, progress=progress, executor=executor
    )
    means, k = summarise(found), len(nudges)
    series = []
    for first in range(0, len(means), k):
        name, _, noise = means[first].series.split(", ")
        series.append((f"{name}, {noise}", means[first : first + k]))
    # quietest first: its lines dashed, those of the next noise in the same colours
    series.sort(key=lambda s: float(s[0].rsplit(" ", 1)[1]))
    quiet = len(series) // len(chosen) if len(chosen) > 1 else 0
    figure = lines(nudges, series, "nudge β", log=True, dashed=quiet)
    result, table = trainings(found)
    return Findings(result, (table,), {"eqprop-noise": figure})


STUDY = Study(
    "eqprop-noise",
    """Accuracy with noisy states: small one-sided nudges against centred and holomorphic ones.

Holomorphic nudges need units with a derivative everywhere: sigmoid ones, beside one-sided
nudges of the same network.

Example: thermoc study eqprop-noise --data mnist -o runs/eqprop-noise""",
    (
        DATA,
        Option("noises", "--noise", list[float], None, "State noises; may be repeated."),
        Option("betas", "--beta", list[float], None, "Nudges; may be repeated."),
        Option(
            "holomorphic",
            "--holomorphic",
            int,
            10,
            "Points N on the circle of sigmoid units, trained with JAX; 0: leave them out.",
            min=0,
        ),
        Option("replicas", "--replicas", list[int], None, "Coupled copies as well; may be repeated.", min=2),
        Option(
            "replica_coupling", "--replica-coupling", float, 1.0, "Spring of units to copies' mean.", min=0
        ),
        SEEDS,
        HIDDEN,
        EPOCHS,
        SEED,
        THREADS,
        *WHERE,
    ),
    run_noise,
)
