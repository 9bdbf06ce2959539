"""A regression whose data leave a gap: what methods say inside it, at equal passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import logsumexp
from scipy.stats import ttest_rel

from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.page import Table
from thermo.studies.jobs import run_all
from thermo.studies.records import Point
from thermo.studies.study import WHERE, Findings, Study
from thermo.training.bayes import METHODS, BayesConfig, Fitted, fit_bayes

GAP, END = 0.35, 1.0  # data lie at GAP < |x| < END
NOISE = 0.1
_DATA = 103  # which use of a seed draws the data
GRID = np.linspace(-END, END, 101)
SAMPLER = "sa-sgld"
# chosen by -ln p of held-out values, inside and outside the gap, of seeds 100 and 101
STEPS: Mapping[str, float] = {
    "adam": 0.01,
    "adam-prior": 0.01,
    "ensemble": 0.01,
    "sgld": 0.001,
    "sa-sgld": 0.003,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """rows : of training; both sides of the gap get half"""

    seed: int
    rows: int
    training: BayesConfig


@dataclass(frozen=True, slots=True)
class GapsMeasured:
    """outside, inside : mean ln p of 500 held-out values, nats
    covered : share of those inside the gap within the middle 90 % of what is predicted
    mean, sd : of what is predicted on GRID, seed 0's is drawn
    """

    series: str
    seed: int
    outside: float
    inside: float
    covered: float
    updates: int
    seconds: float
    mean: list[float]
    sd: list[float]


def truth(x: np.ndarray) -> np.ndarray:
    """The curve that data lie about."""
    return np.asarray(np.sin(4 * x) + 0.5 * x)


def gap_data(rows: int, seed: int, *, inside: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(n, 1) x, outside the gap or inside, and y with its noise."""
    rng = np.random.default_rng([seed, _DATA, inside])
    side = rng.choice([-1.0, 1.0], rows)
    x = side * (rng.uniform(0, GAP, rows) if inside else rng.uniform(GAP, END, rows))
    return x[:, None], (truth(x) + NOISE * rng.standard_normal(rows))[:, None]


def log_likelihood(fitted: Fitted, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) nats of values y (n, 1): the members' normal densities, mixed."""
    z = (y[None] - fitted.each(x.astype(np.float32)).astype(float))[..., 0] / NOISE
    each = -(z**2) / 2 - np.log(NOISE * np.sqrt(2 * np.pi))
    return np.asarray(logsumexp(each, axis=0, b=fitted.share[:, None]))


def _measure(point: Point, common: None, checkpoint: Path, model: Path) -> GapsMeasured:
    trial: Trial = point.config
    fitted = fit_bayes(*gap_data(trial.rows, trial.seed), trial.training)
    outside, inside = gap_data(500, trial.seed + 10_000), gap_data(500, trial.seed + 10_000, inside=True)
    rng = np.random.default_rng([trial.seed, _DATA, 2])
    each = fitted.each(inside[0].astype(np.float32))[..., 0]
    member = rng.choice(fitted.share.size, 2000, p=fitted.share)
    drawn = each[member] + NOISE * rng.standard_normal((2000, 1))
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    shown = fitted.each(GRID[:, None].astype(np.float32))[..., 0].astype(float)
    mean = fitted.share @ shown
    return GapsMeasured(
        point.series,
        trial.seed,
        float(log_likelihood(fitted, *outside).mean()),
        float(log_likelihood(fitted, *inside).mean()),
        float(np.mean((inside[1][:, 0] > low) & (inside[1][:, 0] < high))),
        fitted.updates,
        fitted.seconds,
        mean.tolist(),
        np.sqrt(fitted.share @ (shown - mean) ** 2 + NOISE**2).tolist(),
    )


def run_gaps(
    folder: Path,
    *,
    rows: int = 60,
    epochs: int = 10_000,
    hidden: int = 50,
    n_seeds: int = 5,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every method at every seed."""
    points = []
    for method in METHODS:
        for seed in range(n_seeds):
            training = BayesConfig(
                epochs=epochs,
                batch=rows,
                seed=seed,
                method=method,
                hidden=hidden,
                prior=2.0,
                step=STEPS[method],
                noise=NOISE,
                draws=100,
            )
            points.append(Point(method, Trial(seed, rows, training)))
    measured = run_all(
        [(point.key(None), point) for point in points],
        folder,
        GapsMeasured,
        _measure,
        None,
        told=lambda m: f"{m.series}: ln p inside the gap {m.inside:.3f}",
        label=f"{len(points)} regressions",
        executor=executor,
        progress=progress,
    )
    tests = paired(measured)
    result = {"points": [asdict(m) for m in measured], "tests": tests}
    return Findings(result, (gaps_table(measured, tests, rows),), {"bayes-gaps": figure(measured, rows)})


def _of(measured: Sequence[GapsMeasured], series: str, name: str) -> np.ndarray:
    return np.array([getattr(m, name) for m in measured if m.series == series], float)


def paired(measured: Sequence[GapsMeasured]) -> list[dict[str, Any]]:
    """The sampler's ln p inside the gap less each rival's, seed by seed; p of Student's paired test."""
    found: list[dict[str, Any]] = []
    ours = _of(measured, SAMPLER, "inside")
    for rival in dict.fromkeys(m.series for m in measured if m.series != SAMPLER):
        theirs = _of(measured, rival, "inside")
        p = float(ttest_rel(ours, theirs).pvalue) if ours.size > 2 else None
        found.append({"rival": rival, "difference": float(np.mean(ours - theirs)), "p": p})
    return found


def gaps_table(measured: Sequence[GapsMeasured], tests: Sequence[Mapping[str, Any]], rows: int) -> Table:
    """A row a method: means and standard errors over seeds."""
    found = []
    for series in dict.fromkeys(m.series for m in measured):
        columns = [_of(measured, series, name) for name in ("outside", "inside")]
        test = next((t for t in tests if t["rival"] == series), None)
        found.append(
            (
                series,
                *(f"{v.mean():.2f}" + _error(v) for v in columns),
                f"{100 * _of(measured, series, 'covered').mean():.0f}",
                "" if test is None or test["p"] is None else f"{test['p']:.2g}",
                f"{_of(measured, series, 'seconds').mean():.1f}",
            )
        )
    return Table(
        (
            "method",
            "ln p outside the gap",
            "ln p inside",
            "of those within 90 %",
            f"p, {SAMPLER} differs",
            "seconds",
        ),
        tuple(found),
        (1, 2, 3, 4, 5),
        f"{rows} values on both sides of the gap |x| < {GAP:g}, {len({m.seed for m in measured})} seeds, "
        "mean ± standard error; nats a held-out value; paired by seed, two-sided, Student",
    )


def _error(values: np.ndarray) -> str:
    return "" if values.size < 2 else f" ± {values.std(ddof=1) / np.sqrt(values.size):.2f}"


def figure(measured: Sequence[GapsMeasured], rows: int) -> Figure:
    """What every method predicts at seed 0: mean and two standard deviations."""
    shown = [m for m in measured if m.seed == 0]
    drawn = Figure(figsize=(2.3 * len(shown), 2.6), layout="constrained")
    x, y = gap_data(rows, 0)
    for k, (axes, m) in enumerate(
        zip(np.ravel(drawn.subplots(1, len(shown), sharey=True)), shown, strict=True)
    ):
        dress(axes)
        mean, sd = np.array(m.mean), np.array(m.sd)
        axes.fill_between(GRID, mean - 2 * sd, mean + 2 * sd, color=COLOURS[k], alpha=0.25, linewidth=0)
        axes.plot(GRID, mean, color=COLOURS[k])
        axes.plot(GRID, truth(GRID), "--", color=MUTED, linewidth=1)
        axes.plot(x[:, 0], y[:, 0], ".", color="black", markersize=3)
        axes.set_title(m.series, fontsize=9)
        axes.set_ylim(-2.5, 2.5)
        axes.set_xlabel("x")
        axes.axvspan(-GAP, GAP, color=MUTED, alpha=0.12, linewidth=0)
        if k == 0:
            axes.set_ylabel("y; dashed: the truth")
    return drawn


STUDY = Study(
    "bayes-gaps",
    """What methods say between the data: a regression with a gap, log likelihood inside and outside it.

The network, its noise and prior, and the number of passes are those of every method.

Example: thermoc study bayes-gaps -o runs/gaps""",
    (
        Option("rows", "--rows", int, 60, "Values on both sides of the gap together.", min=4),
        Option("epochs", "--epochs", int, 10_000, "Passes over them, of all members and draws.", min=5),
        Option("hidden", "--hidden", int, 50, "Hidden units.", min=1),
        Option("n_seeds", "--seeds", int, 5, "Seeds.", min=1),
        *WHERE,
    ),
    run_gaps,
)
