"""How much accuracy a machine loses when it starts from a reset, decided with as few runs as will do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.data import Dataset
from thermo.energy.cycle import Reset, cycle_netlists, measure_cycle, run_stroke
from thermo.evaluate import label_codes
from thermo.simulate.langevin.refusals import is_underdamped
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin

LOOKS = (512, 1024, 2048)  # decisions after which a trial may end
AGAIN = 4096  # decisions of the second measurement of what was chosen
ERROR = 0.05  # chance at most that a trial is decided too early and wrongly, to each side


@dataclass(frozen=True, slots=True)
class Trial:
    """One reset on validation data.

    work : mean of a run's cycle in the model's unit of energy
    lost : accuracy lost against a fresh start with the same noise, or the growth of the root-mean-square
        error as a share of it; sem : its standard error
    kept : whether it loses no more than is allowed; dear : whether it was ended for its work, not kept
    decisions : it was measured with
    """

    reset: Reset
    work: float
    lost: float
    sem: float
    kept: bool
    dear: bool
    decisions: int


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Runs from a fresh start with noise of their own.

    error : (n, runs) 1 for a wrong decision, or the squared error of numbers
    before : (n, runs, cells) where each run's machine was left by another sample's; None for underdamped
        cells
    """

    rows: np.ndarray
    seed: int
    error: np.ndarray
    before: np.ndarray | None


class _Seen:
    """Sums over the decisions of a trial, by sample; its figures."""

    def __init__(self, n_samples: int, loss: float, decides: bool) -> None:
        self._after, self._fresh, self._count = (np.zeros(n_samples) for _ in range(3))
        self._works: list[np.ndarray] = []
        self._loss, self._decides = loss, decides

    def add(self, block: _Block, error: np.ndarray, work: np.ndarray) -> None:
        self._after[block.rows] += error.sum(axis=1)
        self._fresh[block.rows] += block.error.sum(axis=1)
        self._count[block.rows] += error.shape[1]
        self._works.append(work.ravel())

    def excess(self) -> tuple[float, float]:
        """Mean over decisions of the error from the reset less what is allowed, and its standard error.

        Allowed is the error from a fresh start and the loss, of squared errors (1 + loss)^2 times the former.
        Samples are independent, their runs are not. The variance of a decision is at least loss (1 - loss):
        that of losing exactly what is allowed, with no decision that changes the other way.
        """
        seen = self._count > 0
        count = self._count[seen]
        if self._decides:
            sums = self._after[seen] - self._fresh[seen] - self._loss * count
        else:
            sums = self._after[seen] - (1.0 + self._loss) ** 2 * self._fresh[seen]
        total, n = float(count.sum()), count.size
        mean = float(sums.sum()) / total
        variance = math.inf
        if n > 1:
            variance = float(np.square(sums - mean * count).sum()) * n / (n - 1) / total**2
        if self._decides:
            variance = max(variance, self._loss * (1.0 - self._loss) / total)
        return mean, math.sqrt(variance)

    def work(self) -> tuple[float, float]:
        """Mean of a cycle and its standard error."""
        works = np.concatenate(self._works)
        return float(works.mean()), float(works.std() / math.sqrt(works.size))

    def trial(self, reset: Reset, *, kept: bool, dear: bool = False) -> Trial:
        mean, error = self.excess()
        lost, sem, fresh = mean + self._loss, error, float(self._fresh.sum() / self._count.sum())
        if not self._decides:
            lost = sem = math.inf
            if fresh > 0:
                lost = math.sqrt(float(self._after.sum() / self._fresh.sum())) - 1.0
                sem = error / (2.0 * (1.0 + self._loss) * fresh)
        return Trial(reset, self.work()[0], lost, sem, kept, dear, int(self._count.sum()))


class Trials:
    """Trials of resets on the validation split, all on the same samples with the same noise.

    Each block of decisions has samples of its own as long as there are any, and its fresh runs are made once.
    """

    def __init__(self, netlist: LangevinNetlist, dataset: Dataset, *, loss: float, **options: Any) -> None:
        """loss : that is allowed; options : of `thermo.simulate.simulate`, but for runs"""
        self._netlist, self._loss = netlist, loss
        x, y = dataset.part("valid")
        # in an order that has nothing to do with the classes
        order = np.random.default_rng(0).permutation(len(x))
        self._x, self._y = np.asarray(x)[order], np.asarray(y)[order]
        self._codes = label_codes(netlist, dataset)
        self._decides = np.issubdtype(self._y.dtype, np.integer)
        self._seed, self._dt = options.pop("seed", 0), options.pop("dt", None)
        self._options = options
        self._blocks: dict[int, _Block] = {}

    @property
    def fresh(self) -> float:
        """Accuracy, or minus the root-mean-square error, of all runs from a fresh start so far."""
        errors = np.concatenate([b.error.ravel() for b in self._blocks.values()])
        return float(1.0 - errors.mean()) if self._decides else -float(np.sqrt(errors.mean()))

    def run(self, reset: Reset, *, most: float = math.inf) -> Trial:
        """Measure what this reset costs, as far as is needed to decide.

        The trial ends where the mean loss is z standard errors from what is allowed, z such that all looks
        before the last err with a chance of `ERROR` at most, to each side (a bound by their sum); after the
        last look the mean decides, whatever its error. It ends too, and is not kept, where its work is as
        surely above `most`.

        Raises as `measure_cycle`.
        """
        z = NormalDist().inv_cdf(1.0 - ERROR / (len(LOOKS) - 1))
        seen, first, dear = self._seen(), 0, False
        for decisions in LOOKS:
            self._add(seen, first, decisions - first, reset)
            (mean, error), (work, spread) = seen.excess(), seen.work()
            dear = work - z * spread > most
            if dear or abs(mean) > z * error:
                break
            first = decisions
        return seen.trial(reset, kept=seen.excess()[0] <= 0.0 and not dear, dear=dear)

    def again(self, reset: Reset) -> Trial:
        """The same with noise, and where there are enough with samples, that no trial has had, to the end.

        It is kept where its loss is one standard error below what is allowed.
        """
        seen = self._seen()
        self._add(seen, LOOKS[-1], AGAIN, reset)
        mean, error = seen.excess()
        return seen.trial(reset, kept=mean + error <= 0.0)

    def _seen(self) -> _Seen:
        return _Seen(len(self._x), self._loss, self._decides)

    def _add(self, seen: _Seen, first: int, decisions: int, reset: Reset) -> None:
        """Run a block, which is named by the decisions before it."""
        if first not in self._blocks:
            self._blocks[first] = self._fresh(first, decisions)
        block = self._blocks[first]
        seen.add(block, *self._from_reset(block, reset))

    def _fresh(self, first: int, decisions: int) -> _Block:
        n = len(self._x)
        rows = (first + np.arange(min(n, decisions))) % n
        runs = -(-decisions // rows.size)
        seed = int(np.random.default_rng((self._seed, first)).integers(2**63))
        options = {**self._options, "runs": runs, "seed": seed}
        if is_underdamped(self._netlist):
            found = simulate_langevin(self._netlist, self._x[rows], dt=self._dt, **options)
            return _Block(rows, seed, self._errors(found, rows), None)
        relaxing, _ = cycle_netlists(self._netlist, Reset(0.0, 1.0), self._dt)
        found, left = run_stroke(relaxing, self._x[rows], **options)
        # the sample before: the row before, or of one sample the run before
        return _Block(rows, seed, self._errors(found, rows), np.roll(left, 1, int(rows.size == 1)))

    def _from_reset(self, block: _Block, reset: Reset) -> tuple[np.ndarray, np.ndarray]:
        """(n, runs) errors when started from the reset, and work of a cycle.

        The work of the well going on is that of the answer before; where a reset keeps what a fresh start
        decides, this has the same mean.
        """
        x = self._x[block.rows]
        options = {**self._options, "runs": block.error.shape[1]}
        if block.before is None:
            cycle = measure_cycle(self._netlist, x, reset, dt=self._dt, seed=block.seed, **options)
            return self._errors(cycle.result, block.rows), cycle.work
        relaxing, resetting = cycle_netlists(self._netlist, reset, self._dt)
        there = {**options, "method": "heun", "seed": block.seed ^ 1}
        back, start = run_stroke(resetting, np.roll(x, 1, axis=0), x0=block.before, **there)
        found, _ = run_stroke(relaxing, x, x0=start, seed=block.seed, **options)
        if back.work is None or found.work is None:
            assert back.heat_by_phase is not None and found.heat_by_phase is not None
            work = back.heat_by_phase[0] + found.heat_by_phase[0]
        else:
            work = back.work.sum(axis=0) + found.work.sum(axis=0)
        return self._errors(found, block.rows), work

    def _errors(self, result: SimulationResult, rows: np.ndarray) -> np.ndarray:
        """(n, runs) of single runs: 1 for a wrong decision, or the mean square error of the numbers."""
        answers, y = result.run_answers(), self._y[rows]  # (n, runs, n_answers)
        if self._decides:
            predicted = np.argmax(answers, axis=2)
            predicted = predicted if self._codes is None else self._codes[predicted]
            return np.asarray(predicted != y[:, None], dtype=float)
        return np.asarray(np.mean((answers - y.reshape(len(y), 1, -1)) ** 2, axis=2))
