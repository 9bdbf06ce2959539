"""Schedules as sources: what is the same throughout is constant, what changes is piecewise linear."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.langevin import Phase

LINE = 8  # nodes a line of a list
EDGE = 1e-6  # of the shorter phase beside it: how long a switch takes


def number(value: float) -> str:
    """Ten digits: more than a float32 weight has, and than ngspice's tolerances ask for."""
    return f"{value:.10g}"


def times(schedule: Sequence[Phase], unit: float) -> list[float]:
    """(P + 1) s at which phases begin and the last one ends."""
    out = [0.0]
    for phase in schedule:
        out.append(out[-1] + phase.duration * unit)
    return out


def wave(levels: Sequence[tuple[float, float]], at: Sequence[float]) -> str:
    """A source's value through the phases, `levels` at the start and end of each: "DC v" or "PWL(...)"."""
    flat = {value for pair in levels for value in pair}
    if len(flat) == 1:
        return f"DC {number(flat.pop())}"
    points: list[tuple[float, float]] = []
    for k, (first, last) in enumerate(levels):
        length = at[k + 1] - at[k]
        before = at[k] - at[k - 1] if k else length
        if points and points[-1][1] != first:
            points.append((at[k] + EDGE * min(length, before), first))
        elif not points:
            points.append((at[k], first))
        points.append((at[k + 1], last))
    kept = [p for i, p in enumerate(points) if i in (0, len(points) - 1) or not _between(points, i)]
    return "PWL(" + " ".join(f"{number(t)} {number(v)}" for t, v in kept) + ")"


def _between(points: list[tuple[float, float]], i: int) -> bool:
    """Whether a point lies inside a level stretch and says nothing."""
    return points[i - 1][1] == points[i][1] == points[i + 1][1]
