"""Delay and slew of a cell from one pin to its output, tables over slew and load as Liberty has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Values over slew and load; an axis of one point is constant.

    slews : (m,) and loads : (n,), ascending; values : (m, n)
    """

    slews: np.ndarray
    loads: np.ndarray
    values: np.ndarray

    def at(self, slew: float, load: float) -> float:
        """Linear between the points, and beyond the ends."""
        return float(self.read(np.array([slew]), np.array([load]))[0])

    def read(self, slew: np.ndarray, load: np.ndarray) -> np.ndarray:
        """`at` of many places: slew, load (k,) -> (k,)."""
        (i, u), (j, v) = _place(self.slews, slew), _place(self.loads, load)
        below, beside = np.minimum(i + 1, self.slews.size - 1), np.minimum(j + 1, self.loads.size - 1)
        first = (1 - u) * self.values[i, j] + u * self.values[below, j]
        second = (1 - u) * self.values[i, beside] + u * self.values[below, beside]
        return (1 - v) * first + v * second

    def growth(self, slew: float, load: float) -> float:
        """d value / d load in the interval where `at` reads."""
        if self.loads.size < 2:
            return 0.0
        j = int(_place(self.loads, np.array([load]))[0][0])
        ends = [self.at(slew, float(self.loads[k])) for k in (j, j + 1)]
        return (ends[1] - ends[0]) / float(self.loads[j + 1] - self.loads[j])

    def scaled(self, slew: float, load: float, value: float) -> Table:
        """The same in other units, the axes and the values times these."""
        return Table(self.slews * slew, self.loads * load, self.values * value)


def _place(axis: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interval of each x and where in it, 0 to 1 between the ends."""
    if axis.size < 2:
        return np.zeros(x.size, dtype=np.int64), np.zeros(x.size)
    k = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, axis.size - 2)
    return k, (x - axis[k]) / (axis[k + 1] - axis[k])


@dataclass(frozen=True, slots=True, eq=False)
class Arc:
    """An edge of one input pin that makes an edge of the output.

    pin : its place among the cell's inputs; rises : the input's edge and the output's, 1 up, 0 down
    delay, slew : s over the input's slew (s) and the output's load (F); slew is the output's
    """

    pin: int
    rises: tuple[int, int]
    delay: Table
    slew: Table


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """Every arc of a cell's output, and what its input pins load their nets with.

    capacitance : (n_inputs, 2) F of each pin for a falling and a rising edge
    """

    arcs: tuple[Arc, ...]
    capacitance: np.ndarray
