"""Accuracy of a circuit whose gates flip or are stuck, against how many do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from compiler.ir.gates import GateNetlist
from thermo.data import DataError, Dataset
from thermo.evaluate import evaluate
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.faults import Faults

Kind = Literal["flip", "stuck_at"]


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
