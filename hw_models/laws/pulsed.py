"""Pulsed updates: a coupling in training moves in steps that depend on where it is, up unlike down.

A wanted change D becomes n = floor(|D| / step + u) pulses, u uniform in [0, 1), of w in units of the on
conductance; each of them moves it by

    up    w <- w + d (1 + asymmetry) (1 - slope_up w / high) (1 + cycle xi)
    down  w <- w - d (1 - asymmetry) (1 - slope_down w / low) (1 + cycle xi)

and low <= w <= high always; d, high and low are the cell's own, spread about their figures. A slope of 1 is
"soft bounds", 0 constant steps: the linear-step device of Gong and others, Nat. Commun. 9, 2102 (2018), and
of IBM's aihwkit. n pulses are one formula: the recursion is linear, and its noises add up as one normal of
variance n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import NOTHING, UNIT, Stage, Where, check_law, stream_key, units
from hw_models.normals import standard_normals
from hw_models.source import Quantity, figures_of

LEAST = 0.05
"""Share of its figure below which no cell's step or bound lies."""


@dataclass(frozen=True, slots=True)
class PulsedUpdate:
    """step : of one pulse in the middle; asymmetry : of up against down; slope_up, slope_down : see above
    low, high : bounds, low below 0 and high above; all relative to the on conductance
    step_spread, bound_spread, asymmetry_spread : from cell to cell, of step and bounds relative
    cycle : from pulse to pulse, relative
    headroom : what |W| the on conductance stands for, over the largest of a layer before training

    Raises HardwareError for a figure out of its range.
    """

    step: Quantity
    low: Quantity
    high: Quantity
    slope_up: Quantity = UNIT
    slope_down: Quantity = UNIT
    asymmetry: Quantity = NOTHING
    step_spread: Quantity = NOTHING
    bound_spread: Quantity = NOTHING
    asymmetry_spread: Quantity = NOTHING
    cycle: Quantity = NOTHING
    headroom: Quantity = UNIT

    UNITS: ClassVar[Mapping[str, str]] = units(
        *("step", "low", "high", "slope_up", "slope_down", "asymmetry", "step_spread"),
        *("bound_spread", "asymmetry_spread", "cycle", "headroom"),
    )
    name: ClassVar[str] = "pulsed"
    stage: ClassVar[Stage] = Stage.UPDATE

    def __post_init__(self) -> None:
        check_law(self, ("step", "high", "headroom"), ("low", "asymmetry"))
        if not self.low.value < 0:
            raise HardwareError(f"law pulsed: low must be below 0, got {self.low.value:g}")
        if not abs(self.asymmetry.value) < 1:
            raise HardwareError(
                f"law pulsed: asymmetry must be between -1 and 1, got {self.asymmetry.value:g}"
            )
        for name in ("slope_up", "slope_down"):
            if getattr(self, name).value > 1:
                raise HardwareError(
                    f"law pulsed: {name} must be at most 1, got {getattr(self, name).value:g}"
                )

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """What is written and read is left as it is: `moved` is the law."""
        return g

    def moved(
        self, w: np.ndarray, wanted: np.ndarray, driven: np.ndarray, driving: np.ndarray, seed: int, time: int
    ) -> np.ndarray:
        """w after the pulses for the wanted changes, of device `seed`; pure.

        w, wanted : relative to the on conductance; driven, driving : cells, that broadcast to their shape
        time : which update this is
        """

        from scipy.special import ndtr  # what reads laws alone should not wait for it

        def xi(draw: str, update: int = 0) -> np.ndarray:
            return standard_normals(stream_key(self.name, draw, seed, read=update), driven, driving)

        d = self.step.value * self._spread(self.step_spread, xi, "step")
        high = self.high.value * self._spread(self.bound_spread, xi, "high")
        low = self.low.value * self._spread(self.bound_spread, xi, "low")
        skew: Any = self.asymmetry.value
        if self.asymmetry_spread.value:
            skew = np.clip(skew + self.asymmetry_spread.value * xi("asymmetry"), -0.95, 0.95)
        n = np.floor(np.abs(wanted) / self.step.value + ndtr(xi("pulses", 1 + time)))
        up = wanted > 0
        d = d * np.where(up, 1.0 + skew, -(1.0 - skew))
        rate = np.where(up, self.slope_up.value / high, self.slope_down.value / low)
        # w <- w + d (1 - rate w) n times: the distance from 1 / rate falls by 1 - d rate a pulse
        fall = np.clip(1.0 - d * rate, 0.0, 1.0) ** n
        with np.errstate(divide="ignore", invalid="ignore"):
            made = np.where(rate == 0.0, w + n * d, 1.0 / rate + (w - 1.0 / rate) * fall)
        if self.cycle.value:
            each = np.abs(d * np.maximum(1.0 - rate * w, 0.0)) * self.cycle.value
            made = made + each * np.sqrt(n) * xi("cycle", 1 + time)
        # what is not pulsed stays, also where it was written beyond the cell's bounds
        return np.where(n > 0, np.clip(made, low, high), w)

    @staticmethod
    def _spread(figure: Quantity, xi: Any, draw: str) -> Any:
        return np.maximum(1.0 + figure.value * xi(draw), LEAST) if figure.value else 1.0
