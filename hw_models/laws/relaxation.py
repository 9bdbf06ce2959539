"""Relaxation: cells wander off what they were programmed to, with the logarithm of time.

    g <- max(0, g - shift l + max(0, spread + slope l) (1 - exp(-g0 / knee)) xi),  l = ln(t / t0)

from the time t0 on at which spread is told (before it: slope alone takes spread to 0), g0 the conductance
asked for; a knee of 0 is the same for all. A cell keeps its xi. The form that IBM's aihwkit has for ReRAM of
a conductive metal oxide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.laws.law import NOTHING, Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of


@dataclass(frozen=True, slots=True)
class Relaxation:
    """shift : fall of the mean; spread, slope : standard deviation at t0, and a unit of ln t; all relative to
    the on conductance; t0 : s; knee : relative, or 0

    Raises HardwareError for a figure that is negative, or a t0 that is not above 0.
    """

    shift: Quantity
    spread: Quantity
    slope: Quantity
    t0: Quantity
    knee: Quantity = NOTHING

    UNITS: ClassVar[Mapping[str, str]] = units("shift", "spread", "slope", "knee", t0="s")
    name: ClassVar[str] = "relaxation"
    stage: ClassVar[Stage] = Stage.DRIFT

    def __post_init__(self) -> None:
        check_law(self, ("t0",))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        if not at:
            return g
        log = math.log(at / self.t0.value)
        sigma = max(self.spread.value + self.slope.value * log, 0.0)
        state = -np.expm1(-where.target / self.knee.value) if self.knee.value else 1.0
        xi = where.normals(self.name, "wander", seed)
        return np.maximum(g - self.shift.value * max(log, 0.0) + sigma * state * xi, 0.0)
