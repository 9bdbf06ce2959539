"""Where two designs cost the same: rate of answers, answers a reading of weights, runs an answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hw_models.device import Device
from hw_models.digital import DigitalNode
from thermo.energy.ledger import Design
from thermo.energy.machine import MachineRun
from thermo.energy.storage import stored

SLOWEST, FASTEST, A_DECADE = 1e-3, 1e12, 8
"""Answers a second between which equal costs are looked for, and points a decade."""

RUNS = 10_000


def equal_rates(one: Design, other: Design) -> tuple[float, ...]:
    """Answers a second at which both cost the same by their likely figures, in rising order.

    From the pause in which static power is all that counts to back to back.
    """

    def gap(log_rate: float) -> float:
        rate = 10.0**log_rate
        return one.price(one.likely, rate).total - other.price(other.likely, rate).total

    ends = math.log10(SLOWEST), math.log10(FASTEST)
    points = np.linspace(*ends, int((ends[1] - ends[0]) * A_DECADE) + 1)
    gaps = [gap(p) for p in points]
    return tuple(
        10.0 ** _root(gap, float(points[k]), float(points[k + 1]))
        for k in range(len(points) - 1)
        if gaps[k] * gaps[k + 1] < 0
    )


def equal_answers(
    one: Design, other: Design, storage: str, node: DigitalNode, rate: float | None = None
) -> float | None:
    """Answers that a reading of weights must serve for both to cost the same; None where none does.

    one, other : before their parameters were stored; fewer answers than 1 are none
    """

    def totals(design: Design) -> tuple[float, float]:
        """(J an answer however many share a reading, J of a reading)"""
        once, never = (stored(design, storage, node, n) for n in (1.0, math.inf))
        held = never.price(never.likely, rate).total
        return held, once.price(once.likely, rate).total - held

    (held, read), (other_held, other_read) = totals(one), totals(other)
    if held == other_held:
        return None
    answers = (read - other_read) / (other_held - held)
    return answers if answers >= 1 and math.isfinite(answers) else None


def affordable_runs(asked: MachineRun, device: Device, joules: float) -> int:
    """Runs of a machine an answer that cost no more than `joules`: 0 where one costs more already.

    A read-out follows every run; more than RUNS are not looked for.
    """

    def cost(runs: int) -> float:
        return replace(asked, runs=runs, physics=asked.physics * runs / asked.runs).price(device).total

    low, high = 0, RUNS
    if cost(high) <= joules:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= joules else (low, middle)
    return low


def _root(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where a gap of different signs at the two ends is 0, by halving."""
    rising = gap(high) > 0
    for _ in range(60):
        middle = (low + high) / 2
        if (gap(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2
