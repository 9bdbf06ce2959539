"""Measured cells as a law: what was measured where something was asked for, interpolated, with its spread.

A table of cells has one of three forms, conductances in S:

    target, measured            what was asked for, and what was read
    target, measured, time      likewise, so many s after programming
    pulses, measured            what a cell has after so many pulses from where it began

Targets fall in bins of equally many cells (or are their own bins, where each was asked for at least twice).
In each the error, measured - target, has a mean m and a standard deviation s, both interpolated linearly
between bins and held beyond the outermost ones; between times, linearly in log(1 + t / the first time).

    g <- max(0, g + scale (m(g) + s(g) xi) / on)

A cell keeps its xi over time: one that was programmed high stays high. Pulses: a cell gets as many as have
the mean nearest to what is asked for, and then has their mean and spread: g <- (mean + s xi) / on, scale 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import NOTHING, UNIT, Stage, Where, check_law, units
from hw_models.source import Quantity, Source, figures_of

FORMS = (("target", "measured"), ("target", "measured", "time"), ("pulses", "measured"))
"""Columns that a table may have."""
CELLS = 20
"""Cells of a bin, about."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """times : (T,) s, rising; centres : (B,) S, rising, or pulses; mean, spread : (T, B) S

    Of the error where targets were asked for, else of the conductance.
    """

    times: np.ndarray
    centres: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, slots=True)
class Measured:
    """columns : names and values of a table's columns, one of FORMS; source : of them
    on : S, what the on conductance stands for, by default the largest target, or mean after pulses
    scale : how many times the measured error acts

    Raises HardwareError for columns that are none of FORMS or too short, and values out of their range.
    """

    columns: tuple[tuple[str, tuple[float, ...]], ...] = field(repr=False)
    source: Source
    on: Quantity = NOTHING
    scale: Quantity = UNIT

    name: ClassVar[str] = "measured"
    stage: ClassVar[Stage] = Stage.PROGRAMMING
    UNITS: ClassVar[Mapping[str, str]] = units("scale", on="S")

    def __post_init__(self) -> None:
        columns = {name: np.asarray(values, dtype=np.float64) for name, values in self.columns}
        if set(columns) not in [set(form) for form in FORMS]:
            told = "; ".join(", ".join(form) for form in FORMS)
            raise HardwareError(f"law measured: columns must be {told}; got {', '.join(columns)}")
        if len({values.shape for values in columns.values()}) > 1:
            raise HardwareError("law measured: columns must be of one length")
        for name, values in columns.items():
            bad = ~(np.isfinite(values) & (values >= 0))
            if bad.any():
                k = int(np.argmax(bad))
                raise HardwareError(f"law measured: {name} must be >= 0, got {values[k]:g} in row {k + 1}")
        curve = _curve(columns)
        if self.on is NOTHING:
            top = columns["target"].max() if "target" in columns else curve.mean.max()
            object.__setattr__(
                self, "on", Quantity(float(top), "S", replace(self.source, locator="largest asked for"))
            )
        check_law(self, ("on",))

    @property
    def curve(self) -> Curve:
        """What its columns say, from target to target and from time to time."""
        return _curve({name: np.asarray(values, dtype=np.float64) for name, values in self.columns})

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    @property
    def pulsed(self) -> bool:
        """Whether cells were measured against pulses."""
        return any(name == "pulses" for name, _ in self.columns)

    def to_dict(self) -> dict[str, Any]:
        """Made of JSON's types: values of its figures, and its columns."""
        values = {name: figure.value for name, figure in self.figures().items()}
        return {"law": self.name, **values, "columns": {name: list(v) for name, v in self.columns}}

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> Measured:
        """The reverse of to_dict; figures have lost their sources and say so."""
        lost = Source("assumed", "as recorded, without its source")
        columns = tuple((name, tuple(map(float, v))) for name, v in told["columns"].items())
        figures = {name: Quantity(float(told[name]), unit, lost) for name, unit in Measured.UNITS.items()}
        return Measured(columns=columns, source=lost, **figures)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law; HardwareError for a time after the last that was measured."""
        xi = where.normals(self.name, "cell", seed)
        c, on = self.curve, self.on.value
        row = _row(c.times, at)
        if self.pulsed:
            nearest = np.abs(where.target[:, None] * on - c.mean[0]).argmin(axis=1)
            off = (c.mean[0][nearest] + c.spread[0][nearest] * xi) / on - where.target
        else:
            asked = where.target * on
            off = (
                np.interp(asked, c.centres, row(c.mean)) + np.interp(asked, c.centres, row(c.spread)) * xi
            ) / on
        return np.maximum(g + self.scale.value * off, 0.0)


def _row(times: np.ndarray, at: float | None) -> Any:
    """A function that interpolates (T, B) to (B,) at a time."""
    if at is None or times.size == 1:
        return lambda table: table[0]
    if at > times[-1]:
        raise HardwareError(
            f"law measured: cells were measured up to {times[-1]:g} s after programming, but at is "
            f"{at:g} s: measure longer, or describe what comes after by a law of drift"
        )
    unit = times[times > 0][0]
    x, ends = math.log1p(at / unit), np.log1p(times / unit)
    return lambda table: np.array([np.interp(x, ends, table[:, b]) for b in range(table.shape[1])])


def _curve(columns: Mapping[str, np.ndarray]) -> Curve:
    measured = columns["measured"]
    if measured.size < 2:
        raise HardwareError(f"law measured: a spread needs two cells or more, got {measured.size}")
    if "pulses" in columns:
        centres, of = np.unique(columns["pulses"], return_inverse=True)
        mean, spread = _moments(measured, of, centres.size, "pulses", centres)
        return Curve(np.zeros(1), centres, mean[None], spread[None])
    target = columns["target"]
    times, row = np.unique(columns.get("time", np.zeros(target.size)), return_inverse=True)
    alone, of, counts = np.unique(target, return_inverse=True, return_counts=True)
    if counts.size and counts.min() < 2 * times.size:
        bins = max(1, target.size // (CELLS * times.size))
        edges = np.unique(np.quantile(target, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
        of = np.searchsorted(edges, target, side="right")
        used, of = np.unique(of, return_inverse=True)
        alone = np.array([target[of == b].mean() for b in range(used.size)])
    parts = [
        _moments((measured - target)[row == t], of[row == t], alone.size, "target", alone)
        for t in range(times.size)
    ]
    return Curve(times, alone, np.array([p[0] for p in parts]), np.array([p[1] for p in parts]))


def _moments(
    values: np.ndarray, of: np.ndarray, n: int, what: str, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each of n groups; HardwareError where one has less than two cells."""
    counts = np.bincount(of, minlength=n)
    if counts.min() < 2:
        where = f" at {what} {centres[int(counts.argmin())]:.4g}"
        raise HardwareError(f"law measured: a spread needs two cells or more, got {counts.min()}{where}")
    mean = np.bincount(of, values, n) / counts
    squares = np.bincount(of, (values - mean[of]) ** 2, n)
    return mean, np.sqrt(squares / (counts - 1))
