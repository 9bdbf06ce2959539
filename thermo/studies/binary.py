"""Binary networks by several slopes of a sign: the same architecture, seeds and budget, then circuits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import ttest_rel

from compiler.circuits.evaluate import evaluate
from compiler.circuits.hardwired import hard_wire
from compiler.circuits.integer_network import IntegerNetwork
from compiler.counting import gate_counts
from compiler.ir.container import save
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import GateNetlist
from thermo.data import DataError, Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, dress
from thermo.report.page import Table
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import DATA, WHERE, Findings, Study, rows_taken
from thermo.training.integer import IntegerConfig, IntegerTrainer, whole_inputs
from thermo.training.loop import fit
from thermo.training.signs import ESTIMATORS

BUILT = 1_000_000  # weights of a network whose circuit is built
CHECKED = 2000  # test images that the circuit is asked about


@dataclass(frozen=True, slots=True)
class BinaryMeasured:
    """accuracy : test share right of the network of the best validation epoch; valid_accuracy : there
    gates : live two-input gates of its circuit before any pass; agrees : share of test images for which the
        circuit decides as the network; None for what was not built
    """

    series: str
    seed: int
    accuracy: float
    valid_accuracy: float
    n_samples: int
    gates: int | None
    agrees: float | None
    seconds: float


def circuit_of(network: IntegerNetwork) -> GateNetlist:
    """XNOR and popcount with weights as wires; an input is 1 where the value is above 1/2.

    Raises NetlistError for inputs of more bits than one.
    """
    n = network.sizes[0]
    patterns = network.input_patterns(np.eye(1, n, dtype=np.int64))
    assert patterns.shape[1] == n, "one bit an input"
    encoder = Thermometer(n, np.arange(n, dtype=np.int32), np.full(n, 0.5))
    return replace(hard_wire(network, share=False, name="binary network"), encoder=encoder)


def _measure(point: Point, dataset: Dataset, checkpoint: Path, model: Path) -> BinaryMeasured:
    trainer = IntegerTrainer(dataset, point.config)
    trained = fit(trainer, (dataset, point.config), point.series, checkpoint=checkpoint, threads=1)
    network = trained.model
    x = whole_inputs(dataset.x_test, 1)
    decided = network.predictions(x)
    gates = agrees = None
    if point.config.seed == 0 and network.macs <= BUILT:
        circuit = circuit_of(network)
        save(circuit, model.with_suffix(".tnl"))
        bits = evaluate(circuit, network.input_patterns(x[:CHECKED]))
        told = (bits << np.arange(bits.shape[1])).sum(axis=1)
        gates, agrees = gate_counts(circuit)["gates"]["two_input"], float(np.mean(told == decided[:CHECKED]))
    return BinaryMeasured(
        point.series,
        point.config.seed,
        float(np.mean(decided == dataset.y_test)),
        trained.score,
        dataset.y_test.size,
        gates,
        agrees,
        trained.seconds,
    )


def run_binary(
    folder: Path,
    *,
    dataset: Dataset,
    hidden: Sequence[int] | None = None,
    rows: int | None = None,
    epochs: int | None = None,
    estimators: Sequence[str] | None = None,
    learning_rate: float = 0.06,
    n_seeds: int = 5,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every estimator at every seed; circuits of seed 0 are kept beside its records."""
    if not dataset.n_classes:
        raise DataError(f"data set {dataset.name} has no classes; binary networks are classifiers")
    n = rows_taken(dataset, rows)
    dataset = replace(dataset, x_train=dataset.x_train[:n], y_train=dataset.y_train[:n])
    points = []
    for estimator in estimators or ESTIMATORS:
        for seed in range(n_seeds):
            config = IntegerConfig(
                epochs=epochs or 20,
                seed=seed,
                hidden=tuple(hidden or (128,)),
                precision="binary",
                top=1,
                learning_rate=learning_rate,
                estimator=estimator,
            )
            points.append(Point(f"{estimator} {dataset.y_train.size}", config))
    measured = run_recorded(
        BinaryMeasured,
        points,
        dataset,
        folder,
        _measure,
        lambda m: f"{m.series}: {100 * m.accuracy:.2f} %",
        progress,
        executor,
    )
    result = {"data": dataset.name, "points": [asdict(m) for m in measured]}
    return Findings(result, (binary_table(measured, dataset.y_train.size),), {"binary": figure(measured)})


def _of(measured: Sequence[BinaryMeasured], series: str, name: str) -> np.ndarray:
    return np.array([getattr(m, name) for m in measured if m.series == series], float)


def binary_table(measured: Sequence[BinaryMeasured], rows: int) -> Table:
    """A row an estimator: means and standard deviations over seeds, paired with the first."""
    names = list(dict.fromkeys(m.series for m in measured))
    found = []
    for name in names:
        test = 100 * _of(measured, name, "accuracy")
        p: Any = None
        if name != names[0] and test.size > 2:
            p = ttest_rel(test, 100 * _of(measured, names[0], "accuracy")).pvalue
        built = next((m for m in measured if m.series == name and m.gates is not None), None)
        found.append(
            (
                name.split()[0],
                _spread(test),
                _spread(100 * _of(measured, name, "valid_accuracy")),
                "" if p is None else f"{p:.2g}",
                "" if built is None else f"{built.gates:,}",
                "" if built is None else f"{100 * (built.agrees or 0):.2f}",
                f"{_of(measured, name, 'seconds').mean():.1f}",
            )
        )
    return Table(
        (
            "estimator",
            "test accuracy %",
            "validation %",
            f"p, as {names[0].split()[0]}",
            "two-input gates",
            "circuit agrees %",
            "seconds",
        ),
        tuple(found),
        (1, 2, 3, 4, 5, 6),
        f"{rows:,} training images, {len({m.seed for m in measured})} seeds, mean ± standard deviation; "
        f"{measured[0].n_samples:,} test images; paired by seed, two-sided, Student; circuits of seed 0",
    )


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.2f}" + ("" if values.size < 2 else f" ± {values.std(ddof=1):.2f}")


def figure(measured: Sequence[BinaryMeasured]) -> Figure:
    """Every run a point."""
    drawn = Figure(figsize=(4.8, 3.2), layout="constrained")
    axes = drawn.add_subplot()
    dress(axes)
    names = list(dict.fromkeys(m.series for m in measured))
    for k, name in enumerate(names):
        test = 100 * _of(measured, name, "accuracy")
        axes.plot(np.full(test.size, k), test, "o", color=COLOURS[k % len(COLOURS)], markersize=5, alpha=0.7)
    axes.set_xticks(range(len(names)), [name.split()[0] for name in names])
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylabel("test accuracy, %")
    return drawn


STUDY = Study(
    "binary",
    """Binary networks by several slopes of a sign, the same otherwise, and their circuits.

Weights, inputs and hidden values of one bit; the same architecture, seeds and budget. Estimators: clip
(straight-through), polynomial, tanh (annealed), reste. Circuits of seed 0 (XNOR and popcount, weights as
wires) are kept for `thermoc estimate`.

Example: thermoc study binary --data mnist --rows 20000 -o runs/binary""",
    (
        DATA,
        Option("hidden", "--hidden", list[int], None, "Hidden units of a layer; may be repeated.", min=1),
        Option("rows", "--rows", int, None, "Train on the first so many rows only.", min=2),
        Option("epochs", "--epochs", int, None, "Passes over them; 20 if not given.", min=1),
        Option("estimators", "--estimator", list[str], None, "One of them; may be repeated."),
        Option("learning_rate", "--learning-rate", float, 0.06, "Adam's peak rate."),
        Option("n_seeds", "--seeds", int, 5, "Seeds of each.", min=1),
        *WHERE,
    ),
    run_binary,
)
