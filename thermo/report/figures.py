"""Figures as SVG text, drawn without global state so that they can be made in any thread."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#0b62a4", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#3d9aa1", "#8c564b", "#444444")
MUTED = "#8a8f98"
_NO_METADATA = ("Date", "Creator", "Format", "Type")


@dataclass(frozen=True, slots=True)
class Series:
    """Points of accuracy (or another score) against heat, joined by a line.

    heat : kT per inference; score : per cent, or an error; spread : one standard deviation or None
    """

    label: str
    heat: Sequence[float]
    score: Sequence[float]
    spread: Sequence[float] | None = None
    control: bool = False


def _figure(width: float = 7.2, height: float = 4.0) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _dress(axes)
    return figure, axes


def _dress(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, which="major", color="#e6e8eb", linewidth=0.8)
    axes.set_axisbelow(True)


def save_png(figure: Figure, path: str) -> None:
    """Write the figure as a PNG of 160 dots per inch."""
    figure.savefig(path, dpi=160, format="png")


def svg(figure: Figure) -> str:
    """The figure as an <svg> element; the same figure gives the same text."""
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "thermoc", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata=dict.fromkeys(_NO_METADATA))
    text = out.getvalue()
    return text[text.index("<svg") :]


def accuracy_against_heat(
    series: Sequence[Series], *, score: str = "accuracy, %", lines: Sequence[tuple[str, float]] = ()
) -> Figure:
    """Score against mean heat per inference, heat on a log axis; controls dashed and grey.

    lines : (label, score) drawn across, for a digital baseline or a teacher
    """
    figure, axes = _figure()
    for k, s in enumerate(series):
        colour = MUTED if s.control else COLOURS[k % len(COLOURS)]
        order = np.argsort(s.heat)
        heat, value = np.asarray(s.heat)[order], np.asarray(s.score)[order]
        axes.plot(heat, value, "o--" if s.control else "o-", color=colour, label=s.label, markersize=5)
        if s.spread is not None:
            axes.errorbar(heat, value, np.asarray(s.spread)[order], fmt="none", ecolor=colour, capsize=2)
    for k, (label, level) in enumerate(lines):
        axes.axhline(level, color="#444444", linewidth=1, linestyle=(":", "-.")[k % 2])
        axes.annotate(
            f"{label}: {level:.1f}",
            (0.01, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize=8,
            color="#444444",
        )
    axes.set_xscale("log")
    axes.set_xlabel("mean heat per inference, kT")
    axes.set_ylabel(score)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def output_trajectories(
    times: np.ndarray, outputs: np.ndarray, labels: Sequence[str], truth: Sequence[str]
) -> Figure:
    """Output cells of a few samples against time, the true class's cell in colour.

    times : (n_times,); outputs : (n_times, n_samples, n_outputs); truth : class of each sample
    """
    n = outputs.shape[1]
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    for k in range(n):
        axes = figure.add_subplot(1, n, k + 1)
        _dress(axes)
        for j, label in enumerate(labels):
            right = label == truth[k]
            axes.plot(
                times,
                outputs[:, k, j],
                color=COLOURS[1] if right else MUTED,
                linewidth=1.8 if right else 0.7,
                zorder=3 if right else 2,
            )
        answer = labels[int(np.argmax(outputs[-1, k]))]
        axes.set_title(f"a “{truth[k]}”, read as “{answer}”", fontsize=8)
        axes.set_xlabel("time", fontsize=8)
        axes.tick_params(labelsize=7)
        if k == 0:
            axes.set_ylabel("output cell x", fontsize=8)
    return figure


def energy_breakdown(parts: Sequence[tuple[str, float]], baselines: Sequence[tuple[str, float]]):
    """Joules per inference, one bar a part on a log axis, digital baselines below."""
    rows = [(label, value, COLOURS[0]) for label, value in parts if value > 0]
    rows += [(label, value, MUTED) for label, value in baselines if value > 0]
    figure, axes = _figure(7.2, 0.6 + 0.34 * len(rows))
    place = np.arange(len(rows))[::-1]
    values = [r[1] for r in rows]
    axes.barh(place, values, color=[r[2] for r in rows], height=0.62)
    axes.set_yticks(place, [r[0] for r in rows], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 5, max(values) * 30)
    for y, v in zip(place, values, strict=True):
        axes.annotate(
            f"{v:.2g} J", (v, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.grid(False, axis="y")
    axes.set_xlabel("energy per inference, J")
    return figure


def device_spread(groups: Sequence[tuple[str, np.ndarray]], *, score: str = "accuracy, %"):
    """One strip of points a group (accuracies of single devices), its mean as a bar."""
    figure, axes = _figure(7.2, 3.4)
    for k, (_, values) in enumerate(groups):
        colour = COLOURS[k % len(COLOURS)]
        x = k + np.linspace(-0.18, 0.18, values.size)
        axes.plot(x, values, "o", color=colour, markersize=4, alpha=0.8)
        axes.hlines(values.mean(), k - 0.3, k + 0.3, color=colour, linewidth=2)
        axes.annotate(
            f"{values.mean():.2f}", (k + 0.31, values.mean()), va="center", fontsize=8, color=colour
        )
    axes.set_xticks(range(len(groups)), [g[0] for g in groups], fontsize=8)
    axes.set_xlim(-0.6, len(groups) - 0.2)
    axes.set_ylabel(score)
    axes.grid(False, axis="x")
    return figure
