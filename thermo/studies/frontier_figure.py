"""The frontier as one figure: a panel a definition, and one for what cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from thermo.report.figures import COLOURS, MUTED, dress
from thermo.report.text import si
from thermo.studies.frontier_points import FrontierRow, on_front

PANELS = {
    "core": "two-input gates, core only, after -O2",
    "with_head": "two-input gates with head",
    "with_encoder_and_head": "two-input gates with encoder and head",
    "lut6_with_head": "tables of six inputs, core and head together",
    "45 nm": "J an answer, 45 nm",
}
MARKERS = {2: "o", 3: "D", 4: "s", 5: "v", 6: "^"}
FIRM = {"=": "x", "≤": "<", "≈": "$\\approx$"}
"""Markers of published counts."""
LABELLED = 8
"""Published names in a panel at most, those of highest accuracy."""


def frontier_figure(rows: Sequence[FrontierRow], data: str) -> Figure:
    """Test error, the small above, against each count on log axes; what no other beats is ringed and joined.

    Colours are encoders, markers inputs of a gate; bars one standard deviation over seeds, of one seed the
    samples' standard error. Published networks are grey, in the panels that their numbers allow; the last
    panel holds those that stand in none, or CPU minutes where there is none.
    """
    figure = Figure(figsize=(12.6, 7.6), layout="constrained")
    panels = figure.subplots(2, 3, sharey=True).ravel()
    encoders = list(dict.fromkeys(row.encoder for row in rows if row.ours))
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(encoders)}
    names = [
        _panel(axes, rows, name, label, colours)
        for axes, (name, label) in zip(panels, PANELS.items(), strict=False)
    ]
    odd = [row for row in rows if not row.ours and not row.counts]
    if odd:
        names.append(_odd(panels[-1], odd))
    else:
        _minutes(panels[-1], rows, colours)
    for axes in panels[::3]:
        axes.set_ylabel("test error, %")
    found = [_error(row) for row in rows]
    least = min(max(_error(row) - _bar(row), 0.5 * _error(row)) for row in rows)
    panels[0].set_yscale("log")
    panels[0].set_ylim(1.25 * max(found), least / 1.2)
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0)))
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    panels[0].yaxis.set_minor_formatter(NullFormatter())
    figure.suptitle(
        f"{data}: what no other point beats is ringed, under one definition at a time", fontsize=11
    )
    handles = _legend(rows, colours)
    ncols = len(handles) if len(handles) <= 6 else -(-len(handles) // 2)
    figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9)
    figure.draw_without_rendering()  # where points lie, names are placed by
    for made in names:
        apart(made)
    return figure


Names = tuple[Axes, list[Annotation], np.ndarray]
"""A panel, names of published networks in it, and all its points (n, 2)."""


def _panel(axes: Axes, rows: Sequence[FrontierRow], name: str, label: str, colours: dict[str, str]) -> Names:
    dress(axes)
    axes.set_xlabel(label)
    here = [row for row in rows if name in row.counts]
    points = np.array([(row.counts[name].value, _error(row)) for row in here]).reshape(-1, 2)
    if not here:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=MUTED)
        return axes, [], points
    for row in here:
        x, y = row.counts[name].value, _error(row)
        if row.ours:
            axes.errorbar(
                [x],
                [y],
                [_bar(row)],
                fmt=MARKERS[row.inputs],
                color=colours[row.encoder],
                markersize=5.5,
                elinewidth=0.8,
            )
        else:
            axes.plot([x], [y], marker=FIRM[row.counts[name].firm], color=MUTED, markersize=6.5)
    known = sorted((r for r in here if not r.ours), key=lambda r: -r.accuracy)[:LABELLED]
    named = [_named(axes, row, row.counts[name].value) for row in known]
    front = sorted(on_front(rows, name), key=lambda k: rows[k].counts[name].value)
    at = np.array([(rows[k].counts[name].value, _error(rows[k])) for k in front])
    axes.plot(at[:, 0], at[:, 1], "-", color="#444444", linewidth=0.8, zorder=1)
    axes.plot(
        at[:, 0], at[:, 1], "o", markerfacecolor="none", color="#444444", markersize=10, markeredgewidth=0.9
    )
    _log(axes, joules=name.endswith("nm"))
    return axes, named, points


def _error(row: FrontierRow) -> float:
    """Per cent, of a log axis: not quite 0 where no sample was wrong."""
    return 100 * max(1 - row.accuracy, 1e-5)


def _bar(row: FrontierRow) -> float:
    """Of the error: over seeds, of one seed over samples, 0 of a published one."""
    return 100 * ((row.error if row.spread is None else row.spread) or 0.0)


def _named(axes: Axes, row: FrontierRow, x: float) -> Annotation:
    return axes.annotate(
        row.network.split(",")[0],
        (x, _error(row)),
        xytext=(0, 0),
        textcoords="offset points",
        color=MUTED,
        fontsize=7,
        zorder=5,
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands about its point: in points to the right and up, and which side of it is there."""

    x: int
    y: int
    across: Literal["left", "right", "center"]
    up: Literal["top", "bottom"]

    def take(self, text: Annotation) -> None:
        text.set_position((self.x, self.y))
        text.set_horizontalalignment(self.across)
        text.set_verticalalignment(self.up)


PLACES = [
    place
    for d in (5, 10)
    for place in (
        Place(d, -d, "left", "top"),
        Place(d, d, "left", "bottom"),
        Place(-d, -d, "right", "top"),
        Place(-d, d, "right", "bottom"),
        Place(0, -d, "center", "top"),
        Place(0, d, "center", "bottom"),
    )
]
ROOM = 5.0
"""Points about another point that a name stays out of."""


def apart(names: Names) -> None:
    """Put each name where it covers least: other points, earlier names, the panel's edges.

    The figure must have been laid out.
    """
    axes, texts, points = names
    if not texts:
        return
    figure = axes.figure
    room = ROOM * figure.dpi / 72
    at, frame = axes.transData.transform(points), axes.get_window_extent()
    taken: list[Bbox] = [Bbox([p - room, p + room]) for p in at]
    for text in texts:
        found = []
        for number, place in enumerate(PLACES):
            place.take(text)
            box = text.get_window_extent()
            met = sum(_shared(box, other) for other in taken)
            outside = box.width * box.height - _shared(box, frame)
            found.append((met + outside, number, box))
        _, number, box = min(found, key=lambda f: f[:2])
        PLACES[number].take(text)
        taken.append(box)


def _shared(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    both = Bbox.intersection(a, b)
    return 0.0 if both is None else float(both.width * both.height)


def _odd(axes: Axes, rows: Sequence[FrontierRow]) -> Names:
    """Published sizes by definitions of their own."""
    dress(axes)
    named, points = [], []
    for row in rows:
        assert row.source is not None
        size = float(str(row.source["value"]))
        axes.plot([size], [_error(row)], "x", color=MUTED, markersize=6.5)
        named.append(_named(axes, row, size))
        points.append((size, _error(row)))
    axes.set_xlabel("published, not compared:\n" + "; ".join(dict.fromkeys(row.stated for row in rows)))
    _log(axes)
    return axes, named, np.array(points)


def _minutes(axes: Axes, rows: Sequence[FrontierRow], colours: dict[str, str]) -> None:
    dress(axes)
    for row in rows:
        if row.ours and row.cpu_minutes is not None:
            axes.plot([row.cpu_minutes], [_error(row)], MARKERS[row.inputs], color=colours[row.encoder])
    axes.set_xlabel("CPU minutes of training")
    axes.set_xlim(left=0)


def _log(axes: Axes, joules: bool = False) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.3, high * 1.6)  # names of published networks stand to the right
    few = np.log10(high / low) < 1.3
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: si(v, "J" if joules else "").strip()))


def _legend(rows: Sequence[FrontierRow], colours: dict[str, str]) -> list[Line2D]:
    found = [
        Line2D([], [], color=c, marker=".", linestyle="none", markersize=12, label=n)
        for n, c in colours.items()
    ]
    for k in sorted({row.inputs for row in rows if row.ours}):
        told = "gates of two inputs" if k == 2 else f"tables of {k} inputs"
        found.append(Line2D([], [], color="#444444", marker=MARKERS[k], linestyle="none", label=told))
    if any(not row.ours for row in rows):
        for firm, told in (("=", "published"), ("≤", "published, at most"), ("≈", "published, about")):
            found.append(Line2D([], [], color=MUTED, marker=FIRM[firm], linestyle="none", label=told))
    return found
