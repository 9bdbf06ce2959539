"""Figures that more than one command draws, without global state so that any thread can."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, NullLocator

from hw_models.interval import Interval
from thermo.energy.ledger import Swing
from thermo.gradients.diagnose import Diagnosis
from thermo.training.ebm.errors import EbmError

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


def new_figure(width: float = 7.2, height: float = 4.0) -> tuple[Figure, Axes]:
    """A figure of one dressed panel; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give a panel the house's looks."""
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
        figure.savefig(out, format="svg", transparent=True, metadata=dict.fromkeys(_NO_METADATA))
    text = out.getvalue()
    return text[text.index("<svg") :]


def accuracy_against_heat(
    series: Sequence[Series], *, score: str = "accuracy, %", lines: Sequence[tuple[str, float]] = ()
) -> Figure:
    """Score against mean heat per inference, heat on a log axis; controls dashed and grey.

    lines : (label, score) drawn across, for a digital baseline or a teacher
    """
    figure, axes = new_figure()
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
        dress(axes)
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
    figure, axes = new_figure(7.2, 0.6 + 0.34 * len(rows))
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
    figure, axes = new_figure(7.2, 3.4)
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
    dress(axes)
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
    dress(axes)
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


def tornado(swings: Sequence[Swing], likely: float, shown: int = 10) -> Figure:
    """Joules of an answer with one figure at a time at its low and high value, the widest on top.

    likely : J with every figure at its likely value; shown : bars at most
    """
    # what moves the total by less than a hundredth of the widest bar cannot be seen
    some = [s for s in swings[:shown] if s.span > 0.01 * swings[0].span]
    figure, axes = new_figure(7.2, 0.9 + 0.34 * max(len(some), 1))
    place = np.arange(len(some))[::-1]
    for y, swing in zip(place, some, strict=True):
        for end, colour in ((swing.at_low, COLOURS[0]), (swing.at_high, COLOURS[1])):
            axes.barh(y, end - likely, left=likely, color=colour, height=0.62)
    axes.axvline(likely, color="#444444", linewidth=1)
    axes.set_yticks(place, [_wrapped(s.figure) for s in some], fontsize=8)
    ends = [e for s in some for e in (s.at_low, s.at_high)] + [likely]
    if min(ends) > 0 and max(ends) > 3 * min(ends):
        axes.set_xscale("log")
        few = max(ends) / min(ends) < 300
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
    axes.grid(False, axis="y")
    axes.set_xlabel("an answer with this figure at its low (blue) and high (red) value")
    return figure


def _wrapped(name: str) -> str:
    return "\n".join(textwrap.wrap(name, 34))


def ledger_bars(rows: Sequence[tuple[str, Interval, bool]]) -> Figure:
    """Joules of an answer of every design, likely and 5 to 95 %, on a log axis, the cheapest on top.

    rows : (name, J, whether it is one of the netlists asked about)
    """
    labels = [_wrapped(name) for name, _, _ in rows]
    lines = 1 + max(label.count("\n") for label in labels)
    figure, axes = new_figure(7.2, 0.9 + max(0.3, 0.16 * lines) * len(rows))
    place = np.arange(len(rows))[::-1]
    for y, (_, joules, given) in zip(place, rows, strict=True):
        colour = COLOURS[1] if given else COLOURS[0]
        axes.plot([joules.low, joules.high], [y, y], color=colour, linewidth=4, alpha=0.35)
        axes.plot([joules.likely], [y], "o" if given else "s", color=colour, markersize=6)
    axes.set_yticks(place, labels, fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(unit="J"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(False, axis="y")
    axes.set_xlabel("energy of an answer (red: the netlists, blue: digital designs)")
    return figure


@dataclass(frozen=True, slots=True)
class Sweep:
    """Accuracy of one netlist against one thing that may be worse than hoped for.

    name : of the netlist; what : is swept, with its unit; points : (value, accuracy, its error); at :
    the netlist's own value, or None; log : axis of the values; note : how it was measured
    """

    name: str
    what: str
    points: tuple[tuple[float, float, float], ...]
    at: float | None = None
    log: bool = False
    note: str = ""


def sweeps_figure(sweeps: Sequence[Sweep]) -> Figure:
    """Panels of accuracy, two a row."""
    lines = -(-len(sweeps) // 2)
    figure = Figure(figsize=(7.2, 2.5 * lines), layout="constrained")
    for k, sweep in enumerate(sweeps):
        axes = figure.add_subplot(lines, 2, k + 1)
        dress(axes)
        x, y, error = (np.array(column) for column in zip(*sweep.points, strict=True))
        axes.errorbar(x, 100 * y, 100 * error, fmt="o-", color=COLOURS[0], markersize=4, capsize=2)
        if sweep.log:
            axes.set_xscale("log")
        if sweep.at is not None:
            axes.axvline(sweep.at, color=MUTED, linewidth=1, linestyle="--")
        axes.set_ylim(0, 102)
        axes.set_xlabel(sweep.what, fontsize=8)
        axes.tick_params(labelsize=8)
        axes.set_xticks(x, [f"{v:g}" for v in x])
        axes.xaxis.set_minor_locator(NullLocator())
        if k % 2 == 0:
            axes.set_ylabel("accuracy, %", fontsize=8)
    return figure


GAP = 1  # pixels between images


def tile_images(images: np.ndarray, shape: tuple[int, ...], columns: int) -> np.ndarray:
    """One picture (height, width) of images (n, h w) in rows of `columns`, 0.5 between them."""
    if len(shape) != 2:
        raise EbmError(f"sample grid: images must be (height, width), got shape {shape}; give grey images")
    h, w = shape
    n = images.shape[0]
    rows = -(-n // columns)
    out = np.full((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP), 0.5)
    for k, image in enumerate(images):
        r, c = divmod(k, columns)
        out[r * (h + GAP) : r * (h + GAP) + h, c * (w + GAP) : c * (w + GAP) + w] = image.reshape(h, w)
    return out


def sample_grid(
    groups: Sequence[tuple[str, np.ndarray]], shape: tuple[int, ...], columns: int = 10
) -> Figure:
    """Panels of images side by side: (title, (n, h w) values in [0, 1])."""
    pictures = [(title, tile_images(images, shape, columns)) for title, images in groups]
    height = max(p.shape[0] / p.shape[1] for _, p in pictures)
    width = 4.0
    figure = Figure(figsize=(width * len(pictures), width * height + 0.4), layout="constrained")
    for k, (title, picture) in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), k + 1)
        axes.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure
