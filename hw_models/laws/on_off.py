"""Finite range: a cell that is off conducts, and none conducts more than its array's largest.

    g <- off + (1 - off) min(|W| / (share max |W|), 1),  off = 1 / ratio

and a coupling is what is between its pair's conductances, so that off conductances alike cancel; a
conductance keeps its own. `share` below 1 clips the largest weights of an array and spreads the others
over the range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import UNIT, Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of


@dataclass(frozen=True, slots=True)
class OnOff:
    """ratio : of on to off conductance; share : of the largest |W| that the on conductance stands for

    Raises HardwareError for a ratio of 1 or less, or a share that is not above 0 and at most 1.
    """

    ratio: Quantity
    share: Quantity = UNIT

    UNITS: ClassVar[Mapping[str, str]] = units("ratio", "share")
    name: ClassVar[str] = "on-off"
    stage: ClassVar[Stage] = Stage.RANGE

    def __post_init__(self) -> None:
        check_law(self, ("ratio", "share"))
        if not self.ratio.value > 1:
            raise HardwareError(f"law on-off: ratio must be above 1, got {self.ratio.value:g}")
        if not self.share.value <= 1:
            raise HardwareError(f"law on-off: share must be at most 1, got {self.share.value:g}")

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    @property
    def off(self) -> float:
        """Conductance of a cell that is off."""
        return 1.0 / self.ratio.value

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        return np.asarray(self.off + (1.0 - self.off) * np.minimum(g / self.share.value, 1.0))

    def unit(self, mutual: bool) -> float:
        """What a difference of conductances of 1 stands for, over the array's largest |W|."""
        return self.share.value if mutual else self.share.value / (1.0 - self.off)


@dataclass(frozen=True, slots=True)
class Limits:
    """Conductances that no cell leaves, however it is programmed, relative to the on conductance.

    g <- clip(g, low, high). Raises HardwareError unless 0 <= low < high.
    """

    low: Quantity
    high: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units("low", "high")
    name: ClassVar[str] = "limits"
    stage: ClassVar[Stage] = Stage.LIMITS

    def __post_init__(self) -> None:
        check_law(self, ("high",))
        if not self.low.value < self.high.value:
            raise HardwareError(
                f"law limits: low must be below high, got {self.low.value:g} and {self.high.value:g}"
            )

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        return np.clip(g, self.low.value, self.high.value)
