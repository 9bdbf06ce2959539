"""How far each estimator of the gradient is from implicit differentiation, and where it stalls."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from compiler.families.hopfield import HopfieldNetwork
from thermo.gradients.estimators import How, estimate
from thermo.gradients.homeostasis import homeostatic_loss, jacobian_angle
from thermo.gradients.radius import cauchy_radius
from thermo.gradients.reference import implicit_gradient, response
from thermo.gradients.system import System, cosine, from_network, relative_error
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.page import Table
from thermo.studies.jobs import run_all
from thermo.studies.study import WHERE, Findings, Study
from thermo.training.eqprop.layers import rotate

SIZES = (8, 16, 12, 4)
BETAS = (0.8, 0.4, 0.2, 0.1, 0.05, 0.025, 0.0125)
POINTS = tuple(range(1, 15))
ANGLES = (0.0, 30.0, 60.0, 90.0)
HOMEOSTASIS = (0, 10, 30, 100, 300, 1000)
NAMES = ("positive", "negative", "centred", "coupled-centred", "contrastive")


@dataclass(frozen=True, slots=True)
class Row:
    """One estimate: its setting, relative error and cosine to the implicit gradient, residual."""

    estimator: str
    beta: float
    points: int
    error: float
    cosine: float
    residual: float


@dataclass(frozen=True, slots=True)
class AngleRow:
    """One asymmetric system.

    angle : between w and its transpose, degrees; steps : homeostatic steps taken before
    exact_cosine : of -(du/dbeta) u with the exact du/dbeta, to the true gradient
    cauchy_error : of the Cauchy sum's du/dbeta to the exact one; cauchy_cosine : to the truth
    asymep_error, asymep_cosine : of AsymEP to the true gradient
    """

    angle: float
    steps: int
    loss: float
    exact_cosine: float
    cauchy_error: float
    cauchy_cosine: float
    asymep_error: float
    asymep_cosine: float


@dataclass(frozen=True, slots=True)
class GradientStudy:
    """nudges : over beta and N on the symmetric system; angles : without homeostasis, over angles;
    homeostasis : at the largest angle, over steps; radius : where the Cauchy sum stops converging
    """

    nudges: tuple[Row, ...]
    angles: tuple[AngleRow, ...]
    homeostasis: tuple[AngleRow, ...]
    radius: float


def skewed_network(
    sizes: Sequence[int] = SIZES,
    *,
    activation: str = "sigmoid",
    gain: float = 2.0,
    angle: float = 0.0,
    seed: int = 1,
) -> HopfieldNetwork:
    """A small random network without any symmetry that could hide a sign error.

    angle : backward weights are cos(angle) W^T + sin(angle) R, R random, orthogonal to W^T and of
        its norm, so that the angle between them is exactly that (after Laborieux and Zenke's code)
    """
    rng = np.random.default_rng([seed, 5])
    pairs = list(pairwise(sizes))
    weights = [gain * rng.normal(0.05, 1.0, (o, i)) / np.sqrt(i) for i, o in pairs]
    biases = tuple(rng.normal(-0.3, 0.5, o) for _, o in pairs)
    backward = None
    if angle:
        backward = tuple(rotate(w.T, angle, rng) for w in weights[1:])
    return HopfieldNetwork(tuple(weights), biases, activation, backward)


def batch(n_in: int, n_out: int, n: int = 6, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """n random inputs in [0, 1] and one-hot targets."""
    rng = np.random.default_rng([seed, 6])
    return rng.uniform(0, 1, (n, n_in)), np.eye(n_out)[rng.integers(0, n_out, n)]


def nudge_rows(
    system: System,
    x: np.ndarray,
    y: np.ndarray,
    *,
    betas: Sequence[float] = BETAS,
    points: Sequence[int] = POINTS,
    names: Sequence[str] = NAMES,
) -> list[Row]:
    """Every estimator over beta, the holomorphic one over N as well."""
    truth, _ = implicit_gradient(system, x, y)
    rows = []
    for beta in betas:
        asked = [(name, 2 if name in ("centred", "coupled-centred") else 1) for name in names]
        asked += [("holomorphic", k) for k in points if system.sigma.holomorphic]
        for name, k in asked:
            e = estimate(name, system, x, y, How(beta=beta, points=k))
            rows.append(
                Row(name, beta, k, relative_error(e.gradient, truth), cosine(e.gradient, truth), e.residual)
            )
    return rows


def angle_row(
    system: System, x: np.ndarray, y: np.ndarray, *, steps: int = 0, beta: float = 0.2, points: int = 8
) -> AngleRow:
    """The figures of one asymmetric system."""
    free = replace(system, tied=False)
    truth, rest = implicit_gradient(free, x, y)
    exact = response(free, rest.u, x, -free.error(rest.u, y))
    how = How(beta=beta, points=points)
    cauchy, twisted = (estimate(n, free, x, y, how) for n in ("generalised-cauchy", "asymep"))
    assert cauchy.response is not None
    return AngleRow(
        jacobian_angle(free),
        steps,
        homeostatic_loss(free)[0],
        cosine(free.local(-exact, rest.u, x), truth),
        float(np.linalg.norm(cauchy.response - exact) / np.linalg.norm(exact)),
        cosine(cauchy.gradient, truth),
        relative_error(twisted.gradient, truth),
        cosine(twisted.gradient, truth),
    )


def symmetrise(system: System, steps: int, *, rate: float = 0.2, draws: int = 5) -> System:
    """The system after `steps` of gradient descent on the homeostatic loss alone, from `draws`
    random vectors a step, at rate / (1 + step / 50): a symmetric w has loss 0 for every vector, but
    its masked gradient is 0 in the mean only.
    """
    system = replace(system, tied=False)
    for k in range(steps):
        _, g = homeostatic_loss(system, draws, seed=k)
        system = replace(system, w=system.w - rate / (1 + k / 50) * g.w)
    return system


def fitted_slope(rows: Sequence[Row], name: str, points: int, floor: float = 1e-11) -> float:
    """Slope of log error against log beta over the three smallest nudges above rounding; nan where
    there are fewer.
    """
    some = sorted(
        (r for r in rows if r.estimator == name and r.points == points and r.error > floor),
        key=lambda r: r.beta,
    )[:3]
    if len(some) < 3:
        return float("nan")
    b, e = np.log([[r.beta, r.error] for r in some]).T
    return float(np.polyfit(b, e, 1)[0])


@dataclass(frozen=True, slots=True)
class GradientPoint:
    """One of the study's systems.

    kind : "nudges", every estimator on the symmetric one; "angle", `at` degrees; "homeostasis", `at` steps
        from the largest angle
    """

    kind: str
    at: float
    seed: int
    activation: str
    gain: float

    @property
    def name(self) -> str:
        """Of its record."""
        whole = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.kind}-{self.at:g}-{whole[:12]}"


@dataclass(frozen=True, slots=True)
class GradientFound:
    """Rows of one point; radius : of nudges, else nan"""

    nudges: tuple[Row, ...] = ()
    angles: tuple[AngleRow, ...] = ()
    radius: float = math.nan


def run_gradient_study(
    folder: Path,
    *,
    seed: int = 1,
    activation: str = "sigmoid",
    gain: float = 2.0,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> GradientStudy:
    """Everything docs/eqprop.md#study shows; a few seconds.

    Raises PointError where a nudge is too strong or does not settle.
    """
    rest = seed, activation, gain
    points = [GradientPoint("nudges", 0.0, *rest)]
    points += [GradientPoint("angle", angle, *rest) for angle in ANGLES]
    points += [GradientPoint("homeostasis", float(steps), *rest) for steps in HOMEOSTASIS]
    nudges, *others = run_all(
        [(point.name, point) for point in points],
        folder,
        _gradients,
        _measure,
        None,
        told=lambda f: "nudges" if f.nudges else f"{f.angles[0].angle:.0f} degrees",
        label="gradient study",
        executor=executor,
        progress=progress,
    )
    rows = [row for found in others for row in found.angles]
    return GradientStudy(nudges.nudges, tuple(rows[: len(ANGLES)]), tuple(rows[len(ANGLES) :]), nudges.radius)


def _measure(point: GradientPoint, *_: Any) -> GradientFound:
    x, y = batch(SIZES[0], SIZES[-1], seed=point.seed)
    angle = {"nudges": 0.0, "angle": point.at, "homeostasis": max(ANGLES)}[point.kind]
    net = skewed_network(activation=point.activation, gain=point.gain, seed=point.seed, angle=angle)
    system = from_network(net)
    if point.kind == "nudges":
        return GradientFound(tuple(nudge_rows(system, x, y)), (), cauchy_radius(system, x, y))
    steps = int(point.at) if point.kind == "homeostasis" else 0
    if point.kind == "homeostasis":
        system = symmetrise(system, steps)
    return GradientFound((), (angle_row(system, x, y, steps=steps),))


def _gradients(nudges: list[dict], angles: list[dict], radius: float) -> GradientFound:
    """Of a record."""
    return GradientFound(tuple(Row(**r) for r in nudges), tuple(AngleRow(**r) for r in angles), radius)


def run_gradients(
    folder: Path,
    *,
    activation: str = "sigmoid",
    gain: float = 2.0,
    seed: int = 1,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Every estimator, each system a point."""
    study = run_gradient_study(
        folder, seed=seed, activation=activation, gain=gain, progress=progress, executor=executor
    )
    figure = gradient_errors(study)
    return Findings(asdict(study), tuple(gradient_tables(study)), {"eqprop-gradients": figure})


def gradient_tables(study: GradientStudy) -> list[Table]:
    """Errors over beta, errors over N, and the asymmetric systems."""
    betas = sorted({r.beta for r in study.nudges}, reverse=True)
    keys = dict.fromkeys((r.estimator, r.points) for r in study.nudges)
    found = {(r.estimator, r.points, r.beta): r.error for r in study.nudges}
    rows = []
    for name, points in keys:
        if name == "holomorphic" and points not in (1, 2, 3, 4, 6, 8, 12):
            continue
        label = f"{name}, N = {points}" if name == "holomorphic" else name
        slope = ""
        if name not in ("contrastive", "coupled-centred"):
            slope = f"{fitted_slope(study.nudges, name, points):.2f}"
        rows.append((label, *(f"{found[name, points, b]:.1e}" for b in betas), slope))
    first = Table(
        ("estimator", *(f"β = {b:g}" for b in betas), "slope"),
        tuple(rows),
        tuple(range(1, len(betas) + 2)),
        "Relative error to implicit differentiation; slope of log error over log β, three smallest"
        f" above rounding. Cauchy sums converge for |β| < {study.radius:.2g} (fitted)",
    )
    rows = [
        (
            f"{r.angle:.0f}°",
            f"{r.steps}",
            f"{r.loss:.1e}",
            f"{r.cauchy_error:.1e}",
            f"{r.cauchy_cosine:.4f}",
            f"{r.exact_cosine:.4f}",
            f"{r.asymep_error:.1e}",
            f"{r.asymep_cosine:.6f}",
        )
        for r in (*study.angles, *study.homeostasis)
    ]
    second = Table(
        (
            "angle",
            "homeostatic steps",
            "loss",
            "Cauchy to exact du/dβ",
            "its cosine",
            "exact's cosine",
            "AsymEP error",
            "AsymEP cosine",
        ),
        tuple(rows),
        tuple(range(8)),
        "Asymmetric couplings, N = 8, |β| = 0.2; cosines to the true gradient",
    )
    return [first, second]


SHOWN = (
    ("positive", 1, "one-sided, β > 0"),
    ("negative", 1, "one-sided, β < 0"),
    ("centred", 2, "centred (±β)"),
    ("holomorphic", 4, "holomorphic, N = 4"),
    ("holomorphic", 8, "holomorphic, N = 8"),
)


def gradient_errors(study: GradientStudy) -> Figure:
    """Three panels: error over beta, error over N, cosine over homeostatic steps at 90 degrees."""
    figure = Figure(figsize=(12.0, 3.9), layout="constrained")
    axes = [figure.add_subplot(1, 3, k + 1) for k in range(3)]
    for a in axes:
        dress(a)
    for k, (name, points, label) in enumerate(SHOWN):
        rows = [r for r in study.nudges if r.estimator == name and r.points == points]
        axes[0].loglog(
            [r.beta for r in rows], [r.error for r in rows], "o-", color=COLOURS[k], label=label, markersize=4
        )
    axes[0].xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_xlabel("nudge β")
    axes[0].set_ylabel("relative error to implicit differentiation")
    axes[0].legend(frameon=False, fontsize=8)
    betas = sorted({r.beta for r in study.nudges}, reverse=True)[:4]
    for k, beta in enumerate(betas):
        rows = [r for r in study.nudges if r.estimator == "holomorphic" and r.beta == beta]
        axes[1].semilogy(
            [r.points for r in rows],
            [r.error for r in rows],
            "o-",
            color=COLOURS[k],
            label=f"|β| = {beta:g}",
            markersize=4,
        )
    axes[1].set_xlabel("points N on the circle")
    axes[1].set_ylabel("relative error, holomorphic")
    axes[1].legend(frameon=False, fontsize=8)
    steps = np.array([r.steps for r in study.homeostasis]) + 1
    axes[2].semilogx(
        steps,
        [r.cauchy_cosine for r in study.homeostasis],
        "o-",
        color=COLOURS[0],
        label="Cauchy du/dβ (generalised EP)",
        markersize=4,
    )
    axes[2].semilogx(
        steps,
        [r.asymep_cosine for r in study.homeostasis],
        "s-",
        color=COLOURS[2],
        label="AsymEP",
        markersize=4,
    )
    axes[2].axhline(1.0, color=MUTED, linewidth=0.8)
    axes[2].set_xlabel("homeostatic steps + 1, start at 90°")
    axes[2].set_ylabel("cosine to the true gradient")
    axes[2].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


STUDY = Study(
    "eqprop-gradients",
    """Relative error of every gradient estimator over nudge, points and asymmetry; one figure.

A skewed 8-16-12-4 network in float64 against implicit differentiation.

Example: thermoc study eqprop-gradients -o runs/gradients""",
    (
        Option("activation", "--activation", str, "sigmoid", "sigmoid or tanh (holomorphic ones)."),
        Option("gain", "--gain", float, 2.0, "Size of the couplings; 2 feeds back clearly.", min=0),
        Option("seed", "--seed", int, 1, "Seed of everything random.", min=0),
        *WHERE,
    ),
    run_gradients,
)
