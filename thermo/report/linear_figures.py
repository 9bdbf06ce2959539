"""Figures of thermodynamic linear algebra."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from thermo.report.figures import COLOURS, _dress
from thermo.studies.linear_algebra import Curve


def linear_algebra_errors(panels: Sequence[tuple[str, Sequence[Curve]]]) -> Figure:
    """A panel for each (axis label, curves): errors to the exact answer as points, and the
    machines' own error estimates as lines."""
    figure = Figure(figsize=(4.2 * len(panels), 3.9), layout="constrained")
    colours: dict[str, str] = {}
    for k, (label, curves) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), k + 1)
        _dress(axes)
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
