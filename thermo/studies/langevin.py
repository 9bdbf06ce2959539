"""Studies of trained Langevin machines: over seeds and heat budgets, and widths."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import Series, accuracy_against_heat
from thermo.report.page import Table
from thermo.studies.points import Measured, run_points
from thermo.studies.records import Point
from thermo.studies.study import DATA, EPOCHS, SEED, THREADS, WHERE, Findings, Study
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset

PARETO_PENALTIES = (0.0, 1e-5, 1e-4, 3e-4, 1e-3)
WIDE_PENALTIES = (0.0, 3e-5, 3e-4)
WIDE = 512
MILD_DRIVE = 100.0  # of the idealised trajectories; comes nearest to the published accuracy


def run_seeds(
    folder: Path,
    *,
    dataset: Dataset,
    n_seeds: int = 5,
    budgets: Sequence[float] | None = None,
    epochs: int | None = None,
    published: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """budgets : of heat, kT; published : the teacher-student method, too."""
    points: list[Point] = []
    for budget in [None, *(budgets if budgets is not None else [1000.0, 525.0])]:
        for couplings in (True, False):
            config = pathwise_preset(dataset, heat_budget=budget, coupled=couplings)
            name = "default" if budget is None else f"budget {budget:,.0f} kT"
            name += "" if couplings else ", no couplings"
            points += [Point(name, _short(config, epochs, s)) for s in range(n_seeds)]
    if published and dataset.n_classes:
        exact = likelihood_preset(dataset)
        mild = replace(exact, drive_hidden=MILD_DRIVE, drive_out=MILD_DRIVE)
        for name, teacher in ((f"drive {exact.drive_out:g}", exact), ("drive 100", mild)):
            series = f"published loss, least squares, {name}"
            points += [Point(series, replace(teacher, seed=s)) for s in range(n_seeds)]
    measured = run_points(points, dataset, folder, threads=threads, progress=progress, executor=executor)
    return _findings("seeds", measured)


def run_pareto(
    folder: Path,
    *,
    dataset: Dataset,
    hidden: Sequence[int] | None = None,
    epochs: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """hidden : cells of each machine."""
    points = []
    for width in hidden or [16, 64, 256, 1024]:
        for penalty in WIDE_PENALTIES if width >= WIDE else PARETO_PENALTIES:
            config = replace(pathwise_preset(dataset, n_hidden=width), heat_penalty=penalty)
            series = f"{width} hidden, penalty {penalty:g}"
            points.append(Point(series, _short(config, epochs, seed)))
    for penalty in PARETO_PENALTIES:
        config = replace(pathwise_preset(dataset, coupled=False), heat_penalty=penalty)
        points.append(Point(f"no couplings, penalty {penalty:g}", _short(config, epochs, seed)))
    measured = run_points(points, dataset, folder, threads=threads, progress=progress, executor=executor)
    figure = accuracy_against_heat(pareto_series(measured), score="test accuracy, %")
    return _findings("pareto", measured, figure)


def _short(config: Any, epochs: int | None, seed: int) -> Any:
    """The configuration with this seed and, where asked for, fewer epochs."""
    return replace(config, seed=seed, epochs=min(epochs or config.epochs, config.epochs))


def _findings(name: str, measured: Sequence[Measured], figure: Any = None) -> Findings:
    figures = {} if figure is None else {name: figure}
    return Findings({"points": [asdict(m) for m in measured]}, (seeds_table(measured),), figures)


def by_series(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Points grouped by series, in order of appearance."""
    groups: dict[str, list[Measured]] = {}
    for m in measured:
        groups.setdefault(m.series, []).append(m)
    return groups


def seeds_table(measured: Sequence[Measured]) -> Table:
    """A row a series: mean and spread over its seeds."""
    rows = []
    for series, group in by_series(measured).items():
        accuracy = 100 * np.array([m.accuracy for m in group])
        halved = 100 * np.array([m.halved_accuracy for m in group])
        heat = np.array([m.heat for m in group])
        rows.append(
            (
                series,
                str(len(group)),
                _mean_spread(accuracy, ".2f"),
                _mean_spread(heat, ",.0f"),
                f"{max(m.largest_coupling for m in group):.1f}",
                _mean_spread(halved, ".2f"),
                f"{np.mean([m.halved_heat for m in group]):,.0f}",
                f"{np.mean([m.seconds for m in group]):.0f}",
            )
        )
    return Table(
        (
            "setting",
            "seeds",
            "test accuracy %",
            "heat kT",
            "largest J",
            "accuracy % at dt/2",
            "heat at dt/2",
            "train s",
        ),
        tuple(rows),
        tuple(range(1, 8)),
    )


def _mean_spread(values: np.ndarray, form: str) -> str:
    if values.size == 1:
        return f"{values[0]:{form}}"
    return f"{values.mean():{form}} ± {values.std(ddof=1):{form}}"


def pareto_series(measured: Sequence[Measured]) -> list[Series]:
    """One curve a width: series names are "64 hidden, lambda ..." and share what precedes ','."""
    curves: dict[str, list[Measured]] = {}
    for m in measured:
        curves.setdefault(m.series.split(",")[0], []).append(m)
    return [
        Series(
            name, [m.heat for m in group], [100 * m.accuracy for m in group], control="no couplings" in name
        )
        for name, group in curves.items()
    ]


SEEDS = Study(
    "seeds",
    """Train the default and every heat budget over several seeds, with the no-coupling control.

Example: thermoc study seeds --data mnist -o runs/seeds""",
    (
        DATA,
        Option("n_seeds", "--seeds", int, 5, "Seeds of each setting.", min=1),
        Option("budgets", "--budget", list[float], None, "Heat budgets in kT; may be repeated."),
        EPOCHS,
        Option("published", "--published/--no-published", bool, True, "Also the teacher-student method."),
        THREADS,
        *WHERE,
    ),
    run_seeds,
)
PARETO = Study(
    "pareto",
    """Accuracy against heat for several widths, with the no-coupling control, in one figure.

Machines of 512 hidden cells and more get three points, smaller ones five.

Example: thermoc study pareto --data mnist -o runs/pareto""",
    (
        DATA,
        Option("hidden", "--hidden", list[int], None, "Hidden cells; may be repeated."),
        EPOCHS,
        SEED,
        THREADS,
        *WHERE,
    ),
    run_pareto,
)
