"""Drift: conductances fall with a power of the time since they were programmed.

    g(t) = g ((t + t0) / t0)^-nu,  nu = |m(g) + s(g) xi|
    m(g) = clip(mean_slope ln g + mean, mean_low, mean_high), s(g) likewise, g the conductance asked for

the form of Joshi and others, Nat. Commun. 11, 2473 (2020), and of IBM's aihwkit; slopes of 0 make nu the
same law for every conductance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of

LEAST = 1e-7
"""Conductance that a smaller one counts as in the logarithm."""


@dataclass(frozen=True, slots=True)
class Drift:
    """mean, mean_slope, mean_low, mean_high : of the exponent's mean; spread, ... : of its deviation

    t0 : s, from programming to the reading that exponents are told from

    Raises HardwareError for a t0 that is not above 0, a negative spread and bounds that do not rise.
    """

    mean: Quantity
    mean_slope: Quantity
    mean_low: Quantity
    mean_high: Quantity
    spread: Quantity
    spread_slope: Quantity
    spread_low: Quantity
    spread_high: Quantity
    t0: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units(
        *(f"{part}{end}" for part in ("mean", "spread") for end in ("", "_slope", "_low", "_high")), t0="s"
    )
    name: ClassVar[str] = "drift"
    stage: ClassVar[Stage] = Stage.DRIFT

    def __post_init__(self) -> None:
        check_law(self, ("t0",), ("mean", "mean_slope", "spread", "spread_slope"))
        for part in ("mean", "spread"):
            low, high = getattr(self, f"{part}_low").value, getattr(self, f"{part}_high").value
            if not 0 <= low <= high:
                raise HardwareError(
                    f"law drift: {part}_low and {part}_high must rise from 0 or more, got {low:g} and "
                    f"{high:g}"
                )

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def exponents(self, where: Where, seed: int) -> np.ndarray:
        """(n,) nu of these cells."""
        log = np.log(np.maximum(where.target, LEAST))
        m = np.clip(self.mean_slope.value * log + self.mean.value, self.mean_low.value, self.mean_high.value)
        s = np.clip(
            self.spread_slope.value * log + self.spread.value, self.spread_low.value, self.spread_high.value
        )
        return np.abs(m + s * where.normals(self.name, "exponent", seed))

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        if not at:
            return g
        t0 = self.t0.value
        return np.asarray(g * ((at + t0) / t0) ** -self.exponents(where, seed))
