"""The reset with which an answer costs least and the machine stays as accurate, found on validation data.

A reset that is too soft or too short leaves a trace of the answer before; one that is stiffer than it
need be lifts every cell's energy by kappa x^2 / 2 for nothing, and one that is longer keeps couplings and
converters waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
FREE = 0.001  # of an answer's joules: a stiffer reset that costs no more above the cheapest is taken


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
    loss : of it that was allowed; kept : whether any reset was shown to lose no more, else the one is chosen
        of which least is likely
    trial : of the one chosen; trials : all, in the order in which they were run
    """

    reset: Reset
    fresh: float
    loss: float
    kept: bool
    trial: Trial
    trials: tuple[Trial, ...]


def find_reset(
    netlist: LangevinNetlist,
    dataset: Dataset,
    wish: ResetWish = ResetWish(),
    *,
    loss: float = LOSS,
    price: Callable[[float, float], float] | None = None,
    **options: Any,
) -> ChosenReset:
    """Least joules of an answer of those resets that are shown to lose at most `loss` against a fresh start.

    For each duration, the shortest first, with couplings on and off, the softest stiffness that is kept is
    found by bisection, and once any is kept by steps from the stiffness of the best so far, no further than
    answers cost less than with that. What is kept for a shorter time is not softer than need be for a longer
    one, and no cycle does less work than none: durations that cost more by themselves are not tried.
    The cheapest is then made as stiff as costs a thousandth of the joules at most, which are not known that
    well: it costs nothing that could be told, and loses less.
    price : J of an answer from the work of its cycle in the model's unit and the duration of its reset; rises
        with the work. None: the work alone
    options : of `thermo.simulate.simulate`, but for runs

    Raises as `measure_cycle`.
    """
    time = netlist.schedule[0].duration if netlist.schedule else 0.0
    durations = [s * time for s in SHARES] if wish.duration is None else [wish.duration]
    stiffnesses = STIFFNESSES if wish.stiffness is None else (wish.stiffness,)
    couplings = (True, False) if wish.couplings is None else (wish.couplings,)
    if not netlist.n_couplings:
        couplings = couplings[:1]
    n_resets = len(durations) * len(stiffnesses) * len(couplings)
    trials = Trials(netlist, dataset, loss=loss, price=price, n_resets=n_resets, **options)
    run: list[Trial] = []
    for duration, coupled in product(durations, couplings):
        good = [t for t in run if t.kept]
        best = min(good, key=lambda t: t.cost) if good else None
        if best is not None and price is not None and price(0.0, duration) >= best.cost:
            continue
        stiff = [t.reset.stiffness for t in good if t.reset.couplings == coupled]
        most = min(stiff, default=stiffnesses[-1])
        resets = [Reset(k, duration, coupled) for k in stiffnesses if k <= most]
        if best is None:
            _bisect(trials, resets, run)
        else:
            _walk(trials, resets, run, best)
    good = [t for t in run if t.kept]
    best = min(run, key=trials.most_lost)
    if good:
        best = _stiffened(trials, stiffnesses, run, min(good, key=lambda t: t.cost))
    return ChosenReset(best.reset, trials.fresh, loss, bool(good), best, tuple(run))


def _stiffened(trials: Trials, stiffnesses: Sequence[float], run: list[Trial], best: Trial) -> Trial:
    """Add trials to `run`, the stiffest first; the first that is kept and costs hardly more, or `best`."""
    for stiffness in (k for k in stiffnesses[::-1] if k > best.reset.stiffness):
        reset = replace(best.reset, stiffness=stiffness)
        known = next((t for t in run if t.reset == reset and t.kept), None)
        if known is None:
            known = trials.run(reset, most=(1.0 + FREE) * best.cost)
            run.append(known)
        if known.kept and known.cost <= (1.0 + FREE) * best.cost:
            return known
    return best


def _bisect(trials: Trials, resets: Sequence[Reset], run: list[Trial]) -> None:
    """Add the trials of a bisection to `run`; the softest that is kept is among them."""
    low, high = 0, len(resets)  # the first good one is in [low, high]; high: none is
    while low < high:
        middle = (low + high) // 2
        run.append(trials.run(resets[middle]))
        low, high = (low, middle) if run[-1].kept else (middle + 1, high)


def _walk(trials: Trials, resets: Sequence[Reset], run: list[Trial], best: Trial) -> None:
    """Add trials to `run` from about the best's stiffness on: softer ones as long as they are kept or cost
    more than it, else stiffer ones until they do.
    """
    at = next((k for k, r in enumerate(resets) if r.stiffness >= best.reset.stiffness), len(resets) - 1)
    step = 0
    while 0 <= at < len(resets):
        run.append(trials.run(resets[at], most=best.cost))
        wanted = -1 if run[-1].kept or run[-1].dear else 1
        if step and wanted != step:
            return
        step = wanted
        at += step
