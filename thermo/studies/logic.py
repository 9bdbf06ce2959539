"""Logic-gate networks over gates, epochs and seeds: resumable records and their table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from compiler.counting import gate_counts
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.families.store import save_model
from hw_models.published_networks import NETWORKS
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.page import Table
from thermo.simulate.threads import check_threads
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import DATA, THREADS, WHERE, Findings, Study
from thermo.training.logic import logic_preset, train_logic


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
    executor: Executor | None = None,
) -> list[LogicMeasured]:
    """All points in order (their configs are LogicConfigs), those in `folder` read from there."""
    return run_recorded(
        LogicMeasured,
        points,
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %",
        progress,
        executor,
    )


def _measure(
    point: Point, dataset: Dataset, checkpoint: Path, model: Path, threads: int | None
) -> LogicMeasured:
    trained = train_logic(dataset, point.config, checkpoint=checkpoint, threads=threads)
    network = trained.model
    assert isinstance(network, LogicNetwork), "gates of two inputs"
    assert trained.soft_accuracy is not None
    netlist = lower_logic(network)
    evaluation, _ = evaluate(netlist, dataset, "test", threads=threads)
    assert evaluation.accuracy is not None
    save_model(network, model)
    return LogicMeasured(
        series=point.series,
        gates=network.n_gates,
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


def run_logic(
    folder: Path,
    *,
    dataset: Dataset,
    gates: Sequence[int] | None = None,
    epochs: Sequence[int] | None = None,
    encoder: str = "thermometer",
    n_seeds: int = 5,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Networks of every size, length of training and seed."""
    check_threads(threads)
    points = []
    sizes: list[int | None] = [*gates] if gates else [None]
    lengths: list[int | None] = [*epochs] if epochs else [None]
    for size in sizes:
        for length in lengths:
            for seed in range(n_seeds):
                layers = None if size is None else (size,)
                config = logic_preset(dataset, layers=layers, encoder=encoder, epochs=length, seed=seed)
                series = f"{config.n_gates} gates, {config.epochs} epochs"
                points.append(Point(series, config))
    measured = run_logic_points(
        points, dataset, folder, threads=threads, progress=progress, executor=executor
    )
    figure = accuracy_against_gates(
        [m.gates for m in measured],
        [m.seconds / 60 for m in measured],
        [100 * m.accuracy for m in measured],
        published=[
            (n.who, int(n.size.value), 100 * n.accuracy.value)
            for n in NETWORKS
            if n.data == dataset.name and n.who == "LILogicNet"
        ],
    )
    return Findings({"points": [asdict(m) for m in measured]}, (logic_table(measured),), {"logic": figure})


def accuracy_against_gates(
    gates: Sequence[int],
    minutes: Sequence[float],
    accuracy: Sequence[float],
    *,
    published: Sequence[tuple[str, int, float]] = (),
) -> Figure:
    """Two panels with every training as a point.

    accuracy : per cent; published : (who, gates, per cent) drawn beside, in the first panel
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    sizes, score = np.asarray(gates), np.asarray(accuracy)
    each = np.unique(sizes)
    for panel, values in zip(axes, (sizes, np.asarray(minutes)), strict=True):
        dress(panel)
        for k, size in enumerate(each):
            mine = sizes == size
            colour = COLOURS[k % len(COLOURS)]
            panel.plot(values[mine], score[mine], "o", color=colour, markersize=4, label=f"{size:,} gates")
    for who, size, value in published:
        axes[0].plot([size], [value], "x", color=MUTED, markersize=7)
        axes[0].annotate(
            who, (size, value), xytext=(4, -10), textcoords="offset points", color=MUTED, fontsize=7
        )
    ticks = sorted({*each.tolist(), *(size for _, size, _ in published)})
    axes[0].set_xscale("log")
    axes[0].set_xticks(ticks, [f"{size:,}" for size in ticks])
    axes[0].minorticks_off()
    axes[0].set_xlabel("gates")
    axes[1].set_xlim(0, 1.05 * max(minutes))
    axes[0].set_ylabel("test accuracy, %")
    axes[1].set_xlabel("minutes of training")
    axes[1].legend(frameon=False, fontsize=8)
    return figure


STUDY = Study(
    "logic",
    """Train logic-gate networks of several sizes and lengths of training over several seeds.

Example: thermoc study logic --data mnist --gates 4000 --gates 8000 -o runs/logic""",
    (
        DATA,
        Option("gates", "--gates", list[int], None, "Gates; may be repeated.", min=1),
        Option("epochs", "--epochs", list[int], None, "Lengths of training; may be repeated.", min=1),
        Option(
            "encoder",
            "--encoder",
            str,
            "thermometer",
            "Of pictures, as `thermoc train logic` has it; the published networks have thermometers.",
        ),
        Option("n_seeds", "--seeds", int, 5, "Seeds of each.", min=1),
        THREADS,
        *WHERE,
    ),
    run_logic,
)
