"""Figures of equilibrium propagation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from thermo.gradients.diagnose import Diagnosis
from thermo.report.figures import COLOURS, MUTED, _dress
from thermo.studies.eqprop_gradients import GradientStudy

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
        _dress(a)
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


def accuracy_lines(
    x: Sequence[float],
    series: Sequence[tuple[str, Sequence[float]]],
    xlabel: str,
    ylabel: str,
    *,
    errors: Sequence[Sequence[float]] | None = None,
    log: bool = False,
    dashed: int = 0,
) -> Figure:
    """Accuracies in per cent over one setting; errors : bars of each series; log : axis of x

    dashed : so many series are dashed, the next as many take the same colours
    """
    many = len(series) > 4
    figure = Figure(figsize=(8.4 if many else 6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    _dress(axes)
    for k, (label, values) in enumerate(series):
        axes.errorbar(
            x,
            values,
            None if errors is None else errors[k],
            fmt="o--" if k < dashed else "o-",
            label=label,
            markersize=4,
            color=COLOURS[(k % dashed if dashed else k) % len(COLOURS)],
            capsize=2,
        )
    if log:
        axes.set_xscale("log")
        axes.set_xticks(list(x), [f"{v:g}" for v in x])
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if many else {}
    axes.legend(frameon=False, fontsize=8, **beside)
    return figure


def diagnosis_errors(found: Diagnosis) -> Figure:
    """Relative error of every layer's gradient over the nudge, and where the Cauchy sum ends."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    _dress(axes)
    for k, layer in enumerate(dict.fromkeys(r.layer for r in found.layers)):
        rows = [r for r in found.layers if r.layer == layer]
        axes.loglog(
            [r.beta for r in rows], [r.error for r in rows], "o-", color=COLOURS[k], label=layer, markersize=4
        )
    if np.isfinite(found.radius):
        axes.axvline(
            found.radius,
            color=MUTED,
            linestyle="--",
            linewidth=1.0,
            label=f"no Cauchy sum beyond {found.radius:.3g}",
        )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("nudge β")
    axes.set_ylabel(f"relative error, {found.estimator}")
    axes.legend(frameon=False, fontsize=8)
    return figure
