"""The reset that costs least work and leaves the machine as accurate, found on validation data.

A reset that is too soft or too short leaves a trace of the answer before; one that is stiffer than it
need be lifts every cell's energy by kappa x^2 / 2 for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from compiler.ir.langevin import LangevinNetlist
from thermo.data import Dataset
from thermo.energy.cycle import Reset
from thermo.energy.reset_trials import Trial, Trials

STIFFNESSES = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0)
SHARES = (0.25, 0.5, 1.0)  # of the relaxation's time: a longer reset makes answers late
LOSS = 0.003  # of accuracy that a reset may cost, or of the error of numbers


@dataclass(frozen=True, slots=True)
class ResetWish:
    """What of a reset is fixed; None is searched for."""

    stiffness: float | None = None
    duration: float | None = None
    couplings: bool | None = None


@dataclass(frozen=True, slots=True)
class ChosenReset:
    """The reset, and how it was chosen.

    fresh : quality from the cells' own start, accuracy or minus the root-mean-square error
    loss : of it that was allowed; kept : whether any reset was found to lose no more, else the one that
        loses least is chosen
    confirmed : the reset once more, with noise that no trial has had
    trials : in the order in which they were run
    """

    reset: Reset
    fresh: float
    loss: float
    kept: bool
    confirmed: Trial
    trials: tuple[Trial, ...]


def find_reset(
    netlist: LangevinNetlist,
    dataset: Dataset,
    wish: ResetWish = ResetWish(),
    *,
    loss: float = LOSS,
    **options: Any,
) -> ChosenReset:
    """Least work of a cycle whose decisions, started from a reset, lose at most `loss` against a fresh start.

    For each duration, the longest first, with couplings on and off, the softest stiffness that is accurate
    enough does least work. It is found by bisection, and once any is good by steps from the stiffness of the
    best so far, no further than resets do less work than that. A trial ends as soon as it is decided
    (`Trials.run`). What was chosen was chosen for its luck, too: it is measured once more with other noise,
    and where its loss and a standard error of it are then above what is allowed, the next one in order of
    work is.
    options : of `thermo.simulate.simulate`, but for runs

    Raises as `measure_cycle`.
    """
    trials = Trials(netlist, dataset, loss=loss, **options)
    time = netlist.schedule[0].duration if netlist.schedule else 0.0
    durations = [s * time for s in SHARES[::-1]] if wish.duration is None else [wish.duration]
    stiffnesses = STIFFNESSES if wish.stiffness is None else (wish.stiffness,)
    couplings = (True, False) if wish.couplings is None else (wish.couplings,)
    if not netlist.n_couplings:
        couplings = couplings[:1]
    run: list[Trial] = []
    for duration, coupled in product(durations, couplings):
        # what is too soft for a longer time is so for a shorter one
        soft = [t.reset.stiffness for t in run if t.reset.couplings == coupled and not (t.kept or t.dear)]
        resets = [Reset(k, duration, coupled) for k in stiffnesses if k > max(soft, default=-1.0)]
        if good := [t for t in run if t.kept]:
            _walk(trials, resets, run, min(good, key=lambda t: t.work))
        else:
            _bisect(trials, resets, run)
    tried = list(run)
    while good := [t for t in run if t.kept]:
        best = min(good, key=lambda t: t.work)
        confirmed = trials.again(best.reset)
        if confirmed.kept:
            return ChosenReset(best.reset, trials.fresh, loss, True, confirmed, tuple(tried))
        run.remove(best)
        if any(_alike(t.reset, best.reset) for t in run if t.kept):
            continue
        for stiffness in (k for k in stiffnesses if k > best.reset.stiffness):
            tried.append(trials.run(replace(best.reset, stiffness=stiffness)))
            if tried[-1].kept:
                run.append(tried[-1])
                break
    best = min(tried, key=lambda t: t.lost)
    return ChosenReset(best.reset, trials.fresh, loss, False, trials.again(best.reset), tuple(tried))


def _alike(a: Reset, b: Reset) -> bool:
    """Whether two differ in stiffness alone."""
    return (a.duration, a.couplings) == (b.duration, b.couplings)


def _bisect(trials: Trials, resets: Sequence[Reset], run: list[Trial]) -> None:
    """Add the trials of a bisection to `run`; the softest good one is among them."""
    low, high = 0, len(resets)  # the first good one is in [low, high]; high: none is
    while low < high:
        middle = (low + high) // 2
        run.append(trials.run(resets[middle]))
        low, high = (low, middle) if run[-1].kept else (middle + 1, high)


def _walk(trials: Trials, resets: Sequence[Reset], run: list[Trial], best: Trial) -> None:
    """Add trials to `run` from about the best's stiffness on: softer ones as long as they are good or do more
    work than it, else stiffer ones until they do.
    """
    at = next((k for k, r in enumerate(resets) if r.stiffness >= best.reset.stiffness), len(resets))
    step = 0
    while 0 <= at < len(resets):
        run.append(trials.run(resets[at], most=best.work))
        wanted = -1 if run[-1].kept or run[-1].work >= best.work else 1
        if step and wanted != step:
            return
        step = wanted
        at += step
