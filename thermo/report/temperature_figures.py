"""Accuracy of a machine in its bath, over temperature and over heat."""

from __future__ import annotations

from matplotlib.figure import Figure

from hw_models.constants import thermal_energy
from thermo.report.figures import COLOURS, MUTED, _dress
from thermo.studies.eqprop_temperature import TemperatureStudy


def accuracy_over_temperature(study: TemperatureStudy, chance: float) -> Figure:
    """Two panels: accuracy over kT and over heat per inference, a curve for each window.

    chance : accuracy of a guess; bars are standard errors over samples
    """
    figure = Figure(figsize=(10.4, 4.0), layout="constrained")
    left, right = (figure.add_subplot(1, 2, k + 1) for k in range(2))
    windows = sorted({r.window for r in study.readings})
    cold = [r for r in study.readings if r.kT == 0]
    thermal = thermal_energy(study.ambient)
    for a in (left, right):
        _dress(a)
        a.axhline(100 * chance, color=MUTED, linewidth=0.8, linestyle=":")
        if cold:
            a.axhline(100 * cold[0].accuracy, color=MUTED, linewidth=0.8)
    for k, window in enumerate(windows):
        warm = [r for r in study.readings if r.window == window and r.kT > 0]
        label = f"average over {window:g}" if window else "one instant"
        for a, x in (
            (left, [(r.kT, r) for r in warm]),
            (right, [(r.above_idle_kT * thermal, r) for r in warm if r.above_idle_kT > 0]),
        ):
            a.errorbar(
                [v for v, _ in x],
                [100 * r.accuracy for _, r in x],
                [100 * r.sem for _, r in x],
                fmt="o-",
                markersize=3.5,
                linewidth=1.3,
                color=COLOURS[k % len(COLOURS)],
                label=label,
            )
    for a in (left, right):
        a.set_xscale("log")
        a.set_ylim(bottom=0)
    left.set_xlabel("kT, units of the netlist's energy")
    left.set_ylabel("accuracy of one inference, %")
    right.set_xlabel(f"heat per inference above idle at {study.ambient:g} K, J")
    left.legend(frameon=False, fontsize=8, title=f"relaxation {study.relaxation:g}, then", title_fontsize=8)
    if cold:
        right.annotate(
            "kT = 0",
            (0.98, 100 * cold[0].accuracy),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            ha="right",
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )
    return figure
