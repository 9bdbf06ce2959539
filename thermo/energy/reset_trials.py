"""How much accuracy a machine loses when it starts from a reset, decided with as few runs as will do."""

from __future__ import annotations

import math
from collections.abc import Callable
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

LOOKS = (512, 2048, 8192, 16384)  # decisions after which a trial may end
RUNS = 32  # most of a sample before the last look: more of them leave the error of few samples as it is
ERROR = 0.05  # chance at most that any reset is kept which loses more than is allowed


@dataclass(frozen=True, slots=True)
class Trial:
    """One reset on validation data.

    work : mean of a run's cycle in the model's unit of energy
    cost : of an answer in J, without a price the work
    lost : accuracy lost against a fresh start with the same noise, or the growth of the root-mean-square
        error as a share of it; sem : its standard error
    kept : whether it was shown to lose no more than is allowed; dear : whether it was ended for its cost
    decisions : it was measured with
    """

    reset: Reset
    work: float
    cost: float
    lost: float
    sem: float
    kept: bool
    dear: bool
    decisions: int


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Runs from a fresh start with noise of their own.

    error : (n, runs) 1 for a wrong decision, or the squared error of numbers
    before : (n, runs, cells) where each run's machine was left by a sample drawn for it; None for
        underdamped cells
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

    def lost(self) -> tuple[float, float]:
        """Accuracy lost against a fresh start, or the growth of the root-mean-square error as a share of it,
        and its standard error.
        """
        mean, error = self.excess()
        if self._decides:
            return mean + self._loss, error
        fresh = float(self._fresh.sum() / self._count.sum())
        if not fresh > 0:
            return math.inf, math.inf
        grown = math.sqrt(float(self._after.sum() / self._fresh.sum())) - 1.0
        return grown, error / (2.0 * (1.0 + self._loss) * fresh)

    @property
    def decisions(self) -> int:
        return int(self._count.sum())


class Trials:
    """Trials of resets on the validation split, all on the same samples with the same noise.

    Each block of decisions has samples of its own as long as there are any, and its fresh runs are made once.
    """

    def __init__(
        self,
        netlist: LangevinNetlist,
        dataset: Dataset,
        *,
        loss: float,
        price: Callable[[float, float], float] | None = None,
        n_resets: int = 1,
        **options: Any,
    ) -> None:
        """loss : that is allowed; price : as `find_reset`; n_resets : how many may be tried
        options : of `thermo.simulate.simulate`, but for runs
        """
        self._price = price
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
        most = max(RUNS * len(self._x), LOOKS[-2])
        self._looks = [n for n in LOOKS if n <= most]
        self.z = NormalDist().inv_cdf(1.0 - ERROR / (n_resets * len(self._looks)))

    @property
    def fresh(self) -> float:
        """Accuracy, or minus the root-mean-square error, of all runs from a fresh start so far."""
        errors = np.concatenate([b.error.ravel() for b in self._blocks.values()])
        return float(1.0 - errors.mean()) if self._decides else -float(np.sqrt(errors.mean()))

    def run(self, reset: Reset, *, most: float = math.inf) -> Trial:
        """Measure what this reset costs, as far as is needed to decide.

        It is kept where its loss and z standard errors of it are within what is allowed, at any of the looks;
        z such that of all resets that may be tried, at all looks, one that loses more is kept with a chance
        of `ERROR` at most, whichever are tried (a bound by their sum: luck does not suffice, although they
        are chosen for it). The trial ends, and it is not kept, where it loses a standard error more than is
        allowed, where its cost is above `most`, or after the last look.

        Raises as `measure_cycle`.
        """
        seen, first = self._seen(), 0
        kept = dear = False
        for decisions in self._looks:
            self._add(seen, first, decisions - first, reset)
            (mean, error), (work, spread) = seen.excess(), seen.work()
            dear = self._cost(work - spread, reset) > most
            kept = mean + self.z * error <= 0.0 and not dear
            if kept or dear or mean > error:
                break
            first = decisions
        work, (lost, sem) = seen.work()[0], seen.lost()
        return Trial(reset, work, self._cost(work, reset), lost, sem, kept, dear, seen.decisions)

    def most_lost(self, trial: Trial) -> float:
        """What it loses at most, as surely as it would have to be within what is allowed."""
        return trial.lost + self.z * trial.sem

    def _cost(self, work: float, reset: Reset) -> float:
        return work if self._price is None else self._price(max(work, 0.0), reset.duration)

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
        drawn = np.random.default_rng((self._seed, first, 1))
        before = np.stack([left[drawn.permutation(rows.size), run] for run in range(runs)], axis=1)
        return _Block(rows, seed, self._errors(found, rows), before)

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
        back, start = run_stroke(resetting, x, x0=block.before, **there)
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
