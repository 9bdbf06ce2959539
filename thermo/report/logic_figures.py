"""Accuracy of logic-gate networks against their gates and against minutes of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from thermo.report.figures import COLOURS, MUTED, _dress


def accuracy_against_gates(
    gates: Sequence[int],
    minutes: Sequence[float],
    accuracy: Sequence[float],
    *,
    published: Sequence[tuple[str, int, float]] = (),
) -> Figure:
    """Two panels with every training as a point.

    accuracy : per cent; published : (who, gates, per cent) drawn beside, in the first panel
    """
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    sizes, score = np.asarray(gates), np.asarray(accuracy)
    each = np.unique(sizes)
    for panel, values in zip(axes, (sizes, np.asarray(minutes)), strict=True):
        _dress(panel)
        for k, size in enumerate(each):
            mine = sizes == size
            colour = COLOURS[k % len(COLOURS)]
            panel.plot(values[mine], score[mine], "o", color=colour, markersize=4, label=f"{size:,} gates")
    for who, size, value in published:
        axes[0].plot([size], [value], "x", color=MUTED, markersize=7)
        axes[0].annotate(
            who, (size, value), xytext=(4, -10), textcoords="offset points", color=MUTED, fontsize=7
        )
    ticks = sorted({*each.tolist(), *(size for _, size, _ in published)})
    axes[0].set_xscale("log")
    axes[0].set_xticks(ticks, [f"{size:,}" for size in ticks])
    axes[0].minorticks_off()
    axes[0].set_xlabel("gates")
    axes[1].set_xlim(0, 1.05 * max(minutes))
    axes[0].set_ylabel("test accuracy, %")
    axes[1].set_xlabel("minutes of training")
    axes[1].legend(frameon=False, fontsize=8)
    return figure
