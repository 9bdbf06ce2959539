"""Tables and curves from measured points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thermo.report.figures import Series
from thermo.report.page import Table
from thermo.studies.points import Measured


def by_series(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Points grouped by series, in order of appearance."""
    groups: dict[str, list[Measured]] = {}
    for m in measured:
        groups.setdefault(m.series, []).append(m)
    return groups


def seeds_table(measured: Sequence[Measured]) -> Table:
    """A row a series: mean and spread over its seeds."""
    rows = []
    for series, group in by_series(measured).items():
        accuracy = 100 * np.array([m.accuracy for m in group])
        halved = 100 * np.array([m.halved_accuracy for m in group])
        heat = np.array([m.heat for m in group])
        rows.append(
            (
                series,
                str(len(group)),
                _mean_spread(accuracy, ".2f"),
                _mean_spread(heat, ",.0f"),
                f"{max(m.largest_coupling for m in group):.1f}",
                _mean_spread(halved, ".2f"),
                f"{np.mean([m.halved_heat for m in group]):,.0f}",
                f"{np.mean([m.seconds for m in group]):.0f}",
            )
        )
    return Table(
        (
            "setting",
            "seeds",
            "test accuracy %",
            "heat kT",
            "largest J",
            "accuracy % at dt/2",
            "heat at dt/2",
            "train s",
        ),
        tuple(rows),
        tuple(range(1, 8)),
    )


def _mean_spread(values: np.ndarray, form: str) -> str:
    if values.size == 1:
        return f"{values[0]:{form}}"
    return f"{values.mean():{form}} ± {values.std(ddof=1):{form}}"


def pareto_series(measured: Sequence[Measured]) -> list[Series]:
    """One curve a width: series names are "64 hidden, lambda ..." and share what precedes ','."""
    curves: dict[str, list[Measured]] = {}
    for m in measured:
        curves.setdefault(m.series.split(",")[0], []).append(m)
    return [
        Series(
            name, [m.heat for m in group], [100 * m.accuracy for m in group], control="no couplings" in name
        )
        for name, group in curves.items()
    ]
