"""How well a linear machine measures: error against time, temperature and condition number.

The exact answers are computed here, and only to grade with.
"""

from __future__ import annotations

import hashlib
import json
import time as clock
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.linalg import expm, solve_continuous_lyapunov

from compiler.errors import UnsupportedError
from hw_models.device import Device
from hw_models.presets import device_of
from thermo.linear_algebra import (
    Measurement,
    analog_cost,
    exponential,
    inverse,
    log_determinant,
    lyapunov,
    solve,
)
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, dress
from thermo.report.page import Table
from thermo.report.text import si
from thermo.studies.jobs import run_all
from thermo.studies.study import SEED, THREADS, WHERE, Findings, Study

OPERATIONS = ("solve", "inverse", "lyapunov", "exponential", "determinant")
TIMES = (4.0, 16.0, 64.0, 256.0)  # in units of the slowest relaxation
TEMPERATURES = (1e-4, 1e-2, 1.0, 100.0)
REST = 6.0  # burn-in, in the same units: exp(-6) of the start is left


@dataclass(frozen=True, slots=True)
class Setting:
    """One measurement. A has eigenvalues from 1 / condition to 1; time is in units of the slowest
    relaxation, condition / 1; kT matters to `solve` and `inverse` alone."""

    operation: str
    n: int
    condition: float
    time: float
    kT: float
    machines: int
    seed: int


@dataclass(frozen=True, slots=True)
class LinearPoint:
    """What a measurement gave. error : relative to the exact answer in the Frobenius norm (of a
    determinant, of its logarithm, absolute); own_error : the same of its own standard errors; z :
    root mean square deviation in standard errors
    time : of one machine, burn-in included, in units of 1 / A; heat : kT of one machine, or None
    cost : seconds and joules on the device, see thermo.linear_algebra.AnalogCost
    """

    setting: Setting
    error: float
    own_error: float
    z: float
    samples: float
    settled: bool
    time: float
    heat: float | None
    dissipated: float | None
    cost: dict[str, Any]
    seconds: float


def problem(n: int, condition: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, b, Q): eigenvalues of A spread evenly in their logarithm from 1 / condition to 1, turned
    at random; b normal; Q of rank n / 2."""
    rng = np.random.default_rng([seed, n])
    turn, _ = np.linalg.qr(rng.normal(size=(n, n)))
    a = turn @ np.diag(np.geomspace(1.0 / condition, 1.0, n)) @ turn.T
    root = rng.normal(size=(n, max(1, n // 2))) / np.sqrt(n)
    return 0.5 * (a + a.T), rng.normal(size=n), root @ root.T


def measure(setting: Setting, device: Device, threads: int | None = None) -> LinearPoint:
    """Run one measurement and grade it."""
    a, b, q = problem(setting.n, setting.condition, setting.seed)
    span = setting.time * setting.condition
    options: dict[str, Any] = dict(
        time=span,
        burn_in=REST * setting.condition,
        machines=setting.machines,
        seed=setting.seed,
        threads=threads,
    )
    began = clock.perf_counter()
    runs: dict[str, Callable[[], Measurement]] = {
        "solve": lambda: solve(a, b, kT=setting.kT, **options),
        "inverse": lambda: inverse(a, kT=setting.kT, **options),
        "lyapunov": lambda: lyapunov(a, q, **options),
        "exponential": lambda: exponential(a, 1.0, **options),
        "determinant": lambda: log_determinant(a, **options),
    }
    found = runs[setting.operation]()
    seconds = clock.perf_counter() - began
    exact: dict[str, Callable[[], Any]] = {
        "solve": lambda: np.linalg.solve(a, b),
        "inverse": lambda: np.linalg.inv(a),
        "lyapunov": lambda: solve_continuous_lyapunov(a, q),
        "exponential": lambda: expm(-a),
        "determinant": lambda: np.linalg.slogdet(a)[1],
    }
    want = np.asarray(exact[setting.operation]())
    size = 1.0 if setting.operation == "determinant" else float(np.linalg.norm(want))
    return LinearPoint(
        setting=setting,
        error=float(np.linalg.norm(found.value - want)) / size,
        own_error=float(np.linalg.norm(found.error)) / size,
        z=float(np.sqrt(np.mean(((found.value - want) / found.error) ** 2))),
        samples=found.samples,
        settled=found.settled,
        time=found.time + found.burn_in,
        heat=found.heat,
        dissipated=found.extra.get("dissipated_kT"),
        cost=analog_cost(found, a, device, analog_average=setting.operation == "solve").to_dict(),
        seconds=seconds,
    )


def settings(n: int, conditions: Sequence[float], machines: int, seeds: int, seed: int) -> list[Setting]:
    """Every measurement of the study: over time at the middle condition number for all operations,
    over kT for solve and inverse, over condition numbers for all."""
    middle = sorted(conditions)[len(conditions) // 2]
    base = Setting("solve", n, float(middle), TIMES[-2], 1.0, machines, seed)
    out: list[Setting] = []
    for operation in OPERATIONS:
        out += [replace(base, operation=operation, time=t) for t in TIMES]
        out += [replace(base, operation=operation, condition=float(c)) for c in conditions]
    for operation in ("solve", "inverse"):
        out += [replace(base, operation=operation, kT=k) for k in TEMPERATURES]
    return [replace(s, seed=seed + k) for s in dict.fromkeys(out) for k in range(seeds)]


def run_study(
    wanted: Sequence[Setting],
    folder: Path,
    device: Device,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[LinearPoint]:
    """Every point, from `folder` where it is there with the same settings and device, else measured
    and kept there; an interrupted study goes on where it stopped."""
    return run_all(
        [(_name(setting, device), setting) for setting in wanted],
        folder / "points",
        _point,
        partial(_measure, threads=threads),
        device,
        told=lambda p: f"{p.setting.operation}: {p.error:.2g}",
        label="linear algebra",
        executor=executor,
        progress=progress,
    )


def _name(setting: Setting, device: Device) -> str:
    text = json.dumps([asdict(setting), device.describe()], sort_keys=True)
    return f"{setting.operation}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _measure(setting: Setting, device: Device, *_: Path, threads: int | None) -> LinearPoint:
    return measure(setting, device, threads)


def _point(setting: dict[str, Any], **figures: Any) -> LinearPoint:
    return LinearPoint(Setting(**setting), **figures)


@dataclass(frozen=True, slots=True)
class Curve:
    """Root mean square errors over problems along one setting, and slopes fitted in logarithms: of
    the errors with its standard error, and of the machines' own estimates."""

    operation: str
    x: tuple[float, ...]
    error: tuple[float, ...]
    own_error: tuple[float, ...]
    slope: float
    slope_error: float
    own_slope: float


def curve(points: Sequence[LinearPoint], operation: str, along: str, at: Setting) -> Curve | None:
    """Errors of one operation along "time", "kT" or "condition", everything else as in `at`."""
    groups: dict[float, list[LinearPoint]] = {}
    for p in points:
        here = replace(p.setting, seed=at.seed, **{along: getattr(at, along)})
        if here == replace(at, operation=operation):
            groups.setdefault(getattr(p.setting, along), []).append(p)
    if len(groups) < 2:
        return None
    x = np.array(sorted(groups))
    seeds = min(len(g) for g in groups.values())
    errors = np.array([[p.error for p in groups[v][:seeds]] for v in x])
    own = np.array([[p.own_error for p in groups[v][:seeds]] for v in x])
    slope = _slope(x, errors)
    spread = float("nan")
    if seeds > 1:  # jackknife over problems
        left = np.array([_slope(x, np.delete(errors, k, axis=1)) for k in range(seeds)])
        spread = float(np.sqrt((seeds - 1) / seeds * np.sum((left - left.mean()) ** 2)))
    return Curve(
        operation,
        tuple(x.tolist()),
        tuple(_rms(errors).tolist()),
        tuple(_rms(own).tolist()),
        slope,
        spread,
        _slope(x, own),
    )


def _rms(errors: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.mean(errors**2, axis=1)))


def _slope(x: np.ndarray, errors: np.ndarray) -> float:
    """Of the logarithm of the root mean square over problems, (len(x), problems)."""
    return float(np.polyfit(np.log(x), np.log(_rms(errors)), 1)[0])


AXES = {
    "time": "measured for, in slowest relaxation times",
    "kT": "kT",
    "condition": "condition number of A (the run is longer by as much)",
}


def run_linear_algebra(
    folder: Path,
    *,
    n: int = 16,
    conditions: Sequence[float] | None = None,
    machines: int = 64,
    seeds: int = 8,
    device: str = "rc-1fF",
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every operation over measuring time, kT and condition number."""
    asked = list(conditions or [4.0, 16.0, 64.0])
    for c in asked:
        if not 1 < c <= 1e4:
            raise UnsupportedError(f"condition must be above 1 and at most 10000, got {c:g}")
    preset = device_of(device)
    wanted = settings(n, asked, machines, seeds, seed)
    points = run_study(wanted, folder, preset, threads=threads, progress=progress, executor=executor)
    middle = sorted(asked)[len(asked) // 2]
    base = Setting("solve", n, float(middle), TIMES[-2], 1.0, machines, seed)
    panels: list[tuple[str, list[Curve]]] = []
    for along, label in AXES.items():
        found = [curve(points, name, along, base) for name in OPERATIONS]
        curves = [c for c in found if c is not None]
        if curves:
            panels.append((label, curves))
    result = {
        "points": [asdict(p) for p in points],
        "curves": {label: [asdict(c) for c in curves] for label, curves in panels},
    }
    tables = accuracy_table(points, replace(base, time=TIMES[-1])), slopes_table(panels)
    return Findings(result, tables, {"linear-algebra": linear_algebra_errors(panels)})


def accuracy_table(points: list[LinearPoint], at: Setting) -> Table:
    """Mean figures over the seeds, at the longest time."""
    rows = []
    for name in OPERATIONS:
        here = [p for p in points if replace(p.setting, seed=at.seed) == replace(at, operation=name)]
        if not here:
            continue
        count = len(here)

        def mean(values: list[float], count: int = count) -> float:
            return sum(values) / count

        def root(values: list[float], count: int = count) -> float:
            return float((sum(v * v for v in values) / count) ** 0.5)

        joules = [p.cost["physics"] for p in here if p.cost["physics"] is not None]
        rows.append(
            (
                name,
                f"{root([p.error for p in here]):.2g}",
                f"{root([p.own_error for p in here]):.2g}",
                f"{root([p.z for p in here]):.2f}",
                f"{min(p.samples for p in here):,.0f}",
                f"{here[0].time:,.0f}",
                si(mean([p.cost["seconds"] for p in here]), "s"),
                si(mean(joules), "J") if len(joules) == count else "not measured",
                si(mean([p.cost["total"] for p in here]), "J"),
                f"{mean([p.seconds for p in here]):.2g} s",
            )
        )
    return Table(
        (
            "operation",
            "error",
            "own estimate",
            "z",
            "samples",
            "time of one machine",
            "on the device",
            "physics",
            "with periphery",
            "simulated in",
        ),
        tuple(rows),
        tuple(range(1, 10)),
        f"{at.n} cells, condition number {at.condition:g}, {at.machines} machines side by side, "
        f"kT {at.kT:g}: relative error to the exact answer (ln det: absolute), root mean square "
        f"over problems; energy of all machines",
    )


def slopes_table(panels: list[tuple[str, list[Curve]]]) -> Table:
    """How fast every error falls along each axis."""
    rows = [
        (
            label,
            c.operation,
            f"{c.slope:+.2f} ± {c.slope_error:.2f}",
            f"{c.own_slope:+.2f}",
            "  ".join(f"{e:.2g}" for e in c.error),
        )
        for label, curves in panels
        for c in curves
    ]
    return Table(
        ("along", "operation", "slope", "own slope", "errors"),
        tuple(rows),
        (),
        "Slope of the logarithm of the error, ± one standard error over problems; own slope: of "
        "the machines' own estimates",
    )


def linear_algebra_errors(panels: Sequence[tuple[str, Sequence[Curve]]]) -> Figure:
    """A panel for each (axis label, curves): errors to the exact answer as points, and the
    machines' own error estimates as lines."""
    figure = Figure(figsize=(4.2 * len(panels), 3.9), layout="constrained")
    colours: dict[str, str] = {}
    for k, (label, curves) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), k + 1)
        dress(axes)
        for curve in curves:
            colour = colours.setdefault(curve.operation, COLOURS[len(colours) % len(COLOURS)])
            name = f"{curve.operation}, slope {curve.slope:+.2f}"
            axes.loglog(curve.x, curve.error, "o", color=colour, markersize=4, label=name)
            axes.loglog(curve.x, curve.own_error, "-", color=colour, linewidth=1.0)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_minor_formatter(NullFormatter())
        if len(curves[0].x) < 5:
            axes.set_xticks(curves[0].x, [f"{x:g}" for x in curves[0].x])
        axes.set_xlabel(label)
        if k == 0:
            axes.set_title("points: error; lines: the machine's own estimate", fontsize=8)
            axes.set_ylabel("relative error (ln det: absolute)")
        axes.legend(frameon=False, fontsize=8)
    return figure


STUDY = Study(
    "linear-algebra",
    """Solve, invert, Lyapunov, exponential, determinant as measurements: error against time, kT and
condition number, beside the exact answers; a table and a figure.

Example: thermoc study linear-algebra -o runs/linear""",
    (
        Option("n", "--size", int, 16, "Cells: A is size x size.", min=2, max=256),
        Option("conditions", "--condition", list[float], None, "Condition numbers of A; may be repeated."),
        Option("machines", "--machines", int, 64, "Copies that run side by side.", min=16),
        Option("seeds", "--seeds", int, 8, "Problems of each setting.", min=2),
        Option("device", "--device", str, "rc-1fF", "Preset or file.toml for seconds and joules."),
        SEED,
        THREADS,
        *WHERE,
    ),
    run_linear_algebra,
    folder="Folder of the study; points in it are kept.",
)
