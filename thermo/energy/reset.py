"""The reset that costs least work and leaves the machine as accurate, found on validation data.

A reset that is too soft or too short leaves a trace of the answer before; one that is stiffer than it
need be lifts every cell's energy by kappa x^2 / 2 for nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.data import Dataset
from thermo.energy.cycle import Reset, measure_cycle
from thermo.evaluate import evaluate, label_codes
from thermo.simulate.langevin.result import SimulationResult

STIFFNESSES = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0)
SHARES = (0.25, 0.5, 1.0)  # of the relaxation's time: a longer reset makes answers late
LOSS = 0.003  # of accuracy that a reset may cost, or of the error of numbers
SAMPLES, DECISIONS = 500, 4000  # of the validation split; of each trial, over all its runs


@dataclass(frozen=True, slots=True)
class ResetWish:
    """What of a reset is fixed; None is searched for."""

    stiffness: float | None = None
    duration: float | None = None
    couplings: bool | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One reset on validation data. work : mean of a run's cycle in the model's unit of energy

    quality : accuracy, or minus the root-mean-square error, when started from this reset
    """

    reset: Reset
    work: float
    quality: float


@dataclass(frozen=True, slots=True)
class ChosenReset:
    """The reset, and how it was chosen.

    fresh : quality from the cells' own start; loss : that was allowed
    kept : whether any trial lost no more, else the best one is chosen
    """

    reset: Reset
    fresh: float
    loss: float
    kept: bool
    trials: tuple[Trial, ...]

    @property
    def chosen(self) -> Trial:
        return next(t for t in self.trials if t.reset == self.reset)


def find_reset(
    netlist: LangevinNetlist,
    dataset: Dataset,
    wish: ResetWish = ResetWish(),
    *,
    loss: float = LOSS,
    **options: Any,
) -> ChosenReset:
    """Least work of a cycle whose decisions, started from a reset, stay within `loss` of a fresh start, or
    within a standard error of that.

    For each duration, with couplings on and off, stiffnesses are tried by bisection, since the softest that
    is accurate enough does least work, on the first SAMPLES validation samples, as many runs each as make
    DECISIONS decisions.
    options : of `thermo.simulate.simulate`, but for runs

    Raises as `measure_cycle`.
    """
    x, y = (part[:SAMPLES] for part in dataset.part("valid"))
    codes, runs = label_codes(netlist, dataset), max(1, -(-DECISIONS // x.shape[0]))
    _, fresh_run = evaluate(netlist, dataset, "valid", limit=SAMPLES, runs=runs, **options)
    fresh = _quality(fresh_run, y, codes)
    least = fresh - loss * (1.0 if fresh >= 0 else -fresh)
    if fresh >= 0:  # two accuracies of as many noisy decisions: one standard error of their difference
        least -= math.sqrt(2.0 * fresh * (1.0 - fresh) / (runs * x.shape[0]))
    time = netlist.schedule[0].duration if netlist.schedule else 0.0
    durations = [s * time for s in SHARES] if wish.duration is None else [wish.duration]
    stiffnesses = STIFFNESSES if wish.stiffness is None else (wish.stiffness,)
    trials: list[Trial] = []

    def good(reset: Reset) -> bool:
        found = measure_cycle(netlist, x, reset, runs=runs, **options)
        trials.append(Trial(reset, float(found.work.mean()), _quality(found.result, y, codes)))
        return trials[-1].quality >= least

    couplings = (True, False) if wish.couplings is None else (wish.couplings,)
    if not netlist.n_couplings:
        couplings = couplings[:1]
    for duration, coupled in product(durations, couplings):
        low, high = 0, len(stiffnesses)  # the first good one is in [low, high]; high: none is
        while low < high:
            middle = (low + high) // 2
            if good(Reset(stiffnesses[middle], duration, coupled)):
                high = middle
            else:
                low = middle + 1
    kept = [t for t in trials if t.quality >= least]
    best = min(kept, key=lambda t: t.work) if kept else max(trials, key=lambda t: t.quality)
    return ChosenReset(best.reset, fresh, loss, bool(kept), tuple(trials))


def _quality(result: SimulationResult, y: np.ndarray, codes: np.ndarray | None) -> float:
    """Share of single runs that decide right, or minus the root-mean-square error of single runs' numbers."""
    answers = result.run_answers()  # (n_samples, runs, n_answers)
    if np.issubdtype(y.dtype, np.integer):
        predicted = np.argmax(answers, axis=2)
        predicted = predicted if codes is None else codes[predicted]
        return float(np.mean(predicted == y[:, None]))
    return -float(np.sqrt(np.mean((answers - y.reshape(y.shape[0], 1, -1)) ** 2)))
