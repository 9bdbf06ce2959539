"""Figures about circuits."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from thermo.report.figures import COLOURS, MUTED, _figure
from thermo.studies.faults import FaultPoint

NAMES = {"flip": "gates flip, probability a sample", "stuck_at": "gates stuck, share"}


def accuracy_against_fault_rate(points: Sequence[FaultPoint], chance: float) -> Figure:
    """Accuracy in per cent against the rate, one curve a kind, with the spread over draws.

    Points of rate 0 become a line across; chance : accuracy of a guess, a second one
    """
    figure, axes = _figure()
    for k, kind in enumerate(dict.fromkeys(p.kind for p in points)):
        here = sorted((p for p in points if p.kind == kind and p.rate > 0), key=lambda p: p.rate)
        axes.errorbar(
            [p.rate for p in here],
            [100 * p.mean for p in here],
            [100 * p.spread for p in here],
            fmt="o-",
            color=COLOURS[k],
            capsize=2,
            markersize=5,
            label=NAMES[kind],
        )
    clean = [100 * p.mean for p in points if p.rate == 0][:1]
    for label, level in [*(("no faults", c) for c in clean), ("a guess", 100 * chance)]:
        axes.axhline(level, color=MUTED, linewidth=1, linestyle=":")
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
    axes.set_xlabel("fault rate")
    axes.set_ylabel("accuracy, %")
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 0.15))
    return figure
