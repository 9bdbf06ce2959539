"""Accuracy of a circuit whose gates flip or are stuck, against how many do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from compiler.circuits.from_tables import circuit_of
from compiler.errors import UnsupportedError
from compiler.ir.container import load
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from thermo.data import DataError, Dataset
from thermo.evaluate import check_fit, evaluate
from thermo.options import Option
from thermo.progress import NullProgress, Progress
from thermo.report.page import Table
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.faults import Faults
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import DATA, SEED, THREADS, WHERE, Findings, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Kind = Literal["flip", "stuck_at"]
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)


@dataclass(frozen=True, slots=True)
class FaultPoint:
    """Accuracies at one rate.

    kind : "flip", rate is the probability that a gate errs in a sample; "stuck_at", rate is the
        share of gates that are stuck
    accuracies : one a draw of the faults; mean, and spread (one standard deviation, 0 for one draw)
    """

    kind: str
    rate: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def spread(self) -> float:
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class _Rate:
    """What the record of one rate is known by. netlist : SHA-256 of its file"""

    netlist: str
    kind: Kind
    rate: float
    draws: int
    split: str
    limit: int | None
    seed: int


def _measure(point: Point, common: Any, *_: Path, threads: int | None) -> FaultPoint:
    (netlist, dataset), c = common, point.config
    return accuracy_against_faults(
        netlist,
        dataset,
        c.kind,
        [c.rate],
        draws=c.draws,
        seed=c.seed,
        split=c.split,
        limit=c.limit,
        threads=threads,
    )[0]


def _read(kind: Kind, rate: float, accuracies: Sequence[float]) -> FaultPoint:
    return FaultPoint(kind, rate, tuple(accuracies))


def accuracy_against_faults(
    netlist: GateNetlist,
    dataset: Dataset,
    kind: Kind,
    rates: Sequence[float],
    *,
    draws: int = 5,
    seed: int = 0,
    split: str = "test",
    limit: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[FaultPoint]:
    """A point for every rate, in their order; draw k of the faults has the seed seed + k.

    Raises SimulationError for a rate outside 0 to 1 or draws below 1, DataError if the circuit
    does not decide between this data set's classes.
    """
    if draws < 1:
        raise SimulationError(f"draws must be at least 1, got {draws}")
    if netlist.class_sums is None:
        raise DataError("the circuit has no class sums, so no accuracy that faults could lower")
    settings = [Faults(**{kind: float(rate)}) for rate in rates]
    progress = progress or NullProgress()
    progress.start(len(settings), f"{kind} faults")
    points = []
    try:
        for k, faults in enumerate(settings):
            # without a fault every draw is the same
            seeds = range(seed, seed + (draws if rates[k] else 1))
            found = []
            for s in seeds:
                figures, _ = evaluate(
                    netlist, dataset, split, limit=limit, faults=faults, seed=s, threads=threads
                )
                assert figures.accuracy is not None
                found.append(figures.accuracy)
            points.append(FaultPoint(kind, float(rates[k]), tuple(found)))
            progress.update(k + 1, f"{rates[k]:g}: {100 * points[-1].mean:.2f} %")
    finally:
        progress.stop()
    return points


def run_faults(
    folder: Path,
    *,
    net: Path,
    dataset: Dataset,
    split: str = "test",
    flip: Sequence[float] | None = None,
    stuck: Sequence[float] | None = None,
    draws: int = 5,
    limit: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Accuracy of the circuit in the file `net` at every rate of both faults."""
    netlist = load(net)
    if isinstance(netlist, LutNetlist):
        netlist = circuit_of(netlist)
    if not isinstance(netlist, GateNetlist):
        raise UnsupportedError(
            f"{net}: faults of gates need a circuit of gates, this is a "
            f"{type(netlist).__name__}; mismatch of analog devices: thermoc study devices"
        )
    check_fit(netlist, dataset)
    asked: list[tuple[Kind, list[float]]] = [("flip", list(flip or [])), ("stuck_at", list(stuck or []))]
    if flip is None and stuck is None:
        asked = [("flip", list(RATES)), ("stuck_at", list(RATES))]
    digest = hashlib.sha256(net.read_bytes()).hexdigest()
    wanted: list[_Rate] = []
    for kind, rates in asked:
        # the circuit as it is, once, then every rate
        first = [] if wanted or 0.0 in rates or not rates else [0.0]
        wanted += [_Rate(digest, kind, float(r), draws, split, limit, seed) for r in (*first, *rates)]
    points = run_recorded(
        _read,
        [Point(f"{w.kind} {w.rate:g}", w) for w in wanted],
        dataset,
        folder,
        partial(_measure, threads=threads),
        lambda p: f"{p.kind} {p.rate:g}: {100 * p.mean:.2f} %",
        progress,
        executor,
        common=(netlist, dataset),
        what="rates of faults",
    )
    figure = accuracy_against_fault_rate(points, 1 / dataset.n_classes)
    result = [{**asdict(p), "mean": p.mean, "spread": p.spread} for p in points]
    table = faults_table(points, f"{dataset.name}, {split} split: mean ± spread over draws of the faults")
    return Findings({"points": result}, (table,), {"faults": figure})


def faults_table(points: Sequence[FaultPoint], caption: str) -> Table:
    """A row a rate."""
    names = {"flip": "flips", "stuck_at": "stuck"}
    rows = tuple(
        (
            names[p.kind] if p.rate else "none",
            f"{p.rate:g}",
            f"{100 * p.mean:.2f} ± {100 * p.spread:.2f}" if p.rate else f"{100 * p.mean:.2f}",
            str(len(p.accuracies)),
        )
        for p in points
    )
    return Table(("faults", "rate", "accuracy %", "draws"), rows, (1, 2, 3), caption)


CURVES = {"flip": "gates flip, probability a sample", "stuck_at": "gates stuck, share"}


def accuracy_against_fault_rate(points: Sequence[FaultPoint], chance: float) -> Figure:
    """Accuracy in per cent against the rate, one curve a kind, with the spread over draws.

    Points of rate 0 become a line across; chance : accuracy of a guess, a second one
    """
    from thermo.report.figures import COLOURS, MUTED, new_figure  # matplotlib takes a second to import

    figure, axes = new_figure()
    for k, kind in enumerate(dict.fromkeys(p.kind for p in points)):
        here = sorted((p for p in points if p.kind == kind and p.rate > 0), key=lambda p: p.rate)
        axes.errorbar(
            [p.rate for p in here],
            [100 * p.mean for p in here],
            [100 * p.spread for p in here],
            fmt="o-",
            color=COLOURS[k],
            capsize=2,
            markersize=5,
            label=CURVES[kind],
        )
    clean = [100 * p.mean for p in points if p.rate == 0][:1]
    for label, level in [*(("no faults", c) for c in clean), ("a guess", 100 * chance)]:
        axes.axhline(level, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            f"{label}: {level:.1f}",
            (0.01, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=8,
            color="#444444",
        )
    axes.set_xscale("log")
    axes.set_xlabel("fault rate")
    axes.set_ylabel("accuracy, %")
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 0.15))
    return figure


STUDY = Study(
    "faults",
    """Accuracy of a circuit against the rate of flips and of stuck gates; a table and a figure.

Without --flip and --stuck, both are tried from 0.0001 to 0.3.

Example: thermoc study faults net.tnl --data mnist -o runs/faults""",
    (
        DATA,
        Option("split", "--split", str, "test", "Part of the data: train, valid or test."),
        Option(
            "flip", "--flip", list[float], None, "Probability that a gate flips in a sample; may be repeated."
        ),
        Option("stuck", "--stuck", list[float], None, "Share of gates that are stuck; may be repeated."),
        Option("draws", "--draws", int, 5, "Draws of every fault rate.", min=1),
        Option("limit", "--limit", int, None, "Only the first samples of the split.", min=1),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_faults,
    source=("net", "Circuit (.tnl) with an encoder and class sums."),
)
