"""Digital designs as rows of an estimate's table."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from thermo.energy.baselines import Baseline
from thermo.report.text import si

BASELINE_HEAD = ("digital design", "accuracy", "node", "settled", "arithmetic", "weight reads", "total")
RIGHT = (1, 3, 4, 5, 6)
"""Columns of numbers."""


def baseline_rows(baselines: Sequence[Baseline], chosen: Collection[int]) -> list[tuple[str, ...]]:
    """One a design; chosen : the id of each design that something is compared with.

    settled : of a circuit, without the transitions before it settles, which `arithmetic` counts
    """
    return [
        (
            b.name + (" <- compared with" if id(b) in chosen else ""),
            f"{100 * b.accuracy:.2f} %",
            b.node,
            "" if b.settled is None else si(b.settled, "J"),
            si(b.energy.arithmetic, "J"),
            si(b.energy.weight_memory, "J"),
            si(b.energy.total, "J"),
        )
        for b in baselines
    ]
