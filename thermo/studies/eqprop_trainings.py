"""What the studies of training by equilibrium propagation share: options, rows, lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from thermo.options import Option
from thermo.report.page import Table
from thermo.studies.eqprop import OverSeeds, Trained, summarise

HIDDEN = Option("hidden", "--hidden", list[int], None, "Hidden layers; may be repeated.", min=1)
SEEDS = Option("seeds", "--seeds", int, 3, "Trainings of each row, seeds apart.", min=1)
EPOCHS = Option("epochs", "--epochs", int, None, "Of every training.", min=1)


def lines(x: Sequence[float], series: Sequence[tuple[str, list[OverSeeds]]], xlabel: str, **how: Any) -> Any:
    """A figure of means over seeds with their standard errors; how : of accuracy_lines."""
    from thermo.report.figures import accuracy_lines

    return accuracy_lines(
        x,
        [(label, [100 * m.accuracy for m in some]) for label, some in series],
        xlabel,
        "test accuracy, %",
        errors=[[100 * m.sem for m in some] for _, some in series],
        **how,
    )


def trainings(found: Sequence[Trained]) -> tuple[Mapping[str, Any], Table]:
    """(JSON's keys, a row for every series) of trainings over seeds."""
    means = summarise(found)
    rows = tuple(
        (
            m.series,
            f"{m.n}",
            "none" if not m.n else f"{100 * m.accuracy:.2f}",
            f"{100 * m.sem:.2f}" if m.n > 1 else "",
            f"{m.angle:.0f}°" if m.n else "",
            f"{m.residual:.1e}" if m.n else "",
            f"{m.seconds:.0f}" if m.n else "",
            m.failed.split(":")[-1].strip(),
        )
        for m in means
    )
    table = Table(
        ("training", "seeds", "test accuracy %", "± sem", "angle after", "residual", "seconds", "way out"),
        rows,
        (1, 2, 3, 4, 5, 6),
    )
    result = {"trainings": [asdict(t) for t in found], "series": [asdict(m) for m in means]}
    return result, table
