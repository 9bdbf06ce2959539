"""Logic-gate networks over gates, epochs and seeds: resumable records and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.counting import gate_counts
from compiler.families.logic import lower_logic
from compiler.families.store import save_model
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.progress import Progress
from thermo.report.page import Table
from thermo.studies.records import Point, run_recorded
from thermo.training.logic import train_logic


@dataclass(frozen=True, slots=True)
class LogicMeasured:
    """Figures of one trained network.

    accuracy : of the hard network on the test split, measured once, after training
    valid_accuracy : of the same, on which the epoch was chosen; soft_accuracy : of its relaxation
    live : live two-input gates before any pass; seconds : wall time of the training
    """

    series: str
    gates: int
    epochs: int
    seed: int
    accuracy: float
    valid_accuracy: float
    soft_accuracy: float
    live: int
    n_samples: int
    seconds: float
    model: str


def run_logic_points(
    points: Sequence[Point],
    dataset: Dataset,
    folder: str | Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[LogicMeasured]:
    """All points in order (their configs are LogicConfigs), those in `folder` read from there."""
    return run_recorded(
        LogicMeasured,
        points,
        dataset,
        folder,
        lambda point, kept, model: _measure(point, dataset, kept, model, threads),
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %",
        progress,
    )


def _measure(
    point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None
) -> LogicMeasured:
    trained = train_logic(dataset, point.config, checkpoint=checkpoint, threads=threads)
    netlist = lower_logic(trained.model)
    evaluation, _ = evaluate(netlist, dataset, "test", threads=threads)
    assert evaluation.accuracy is not None
    save_model(trained.model, model)
    return LogicMeasured(
        series=point.series,
        gates=trained.model.n_gates,
        epochs=point.config.epochs,
        seed=point.config.seed,
        accuracy=evaluation.accuracy,
        valid_accuracy=trained.score,
        soft_accuracy=trained.soft_accuracy,
        live=gate_counts(netlist)["gates"]["two_input"],
        n_samples=evaluation.n_samples,
        seconds=trained.seconds,
        model=model.name,
    )


def logic_table(measured: Sequence[LogicMeasured]) -> Table:
    """A row for each number of gates and epochs: means and spreads over seeds."""
    rows = []
    for series in dict.fromkeys(m.series for m in measured):
        group = [m for m in measured if m.series == series]
        rows.append(
            (
                f"{group[0].gates:,}",
                str(group[0].epochs),
                str(len(group)),
                _spread([100 * m.accuracy for m in group]),
                _spread([100 * m.valid_accuracy for m in group]),
                _spread([100 * m.soft_accuracy for m in group]),
                f"{np.mean([m.live for m in group]):,.0f}",
                f"{np.mean([m.seconds for m in group]) / 60:.2f}",
            )
        )
    return Table(
        (
            "gates",
            "epochs",
            "seeds",
            "test accuracy %",
            "validation %",
            "relaxed, validation %",
            "live two-input gates",
            "minutes",
        ),
        tuple(rows),
        tuple(range(8)),
    )


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"
