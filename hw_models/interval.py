"""A low, a likely and a high value, and what a ratio of two such things may be called."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hw_models.errors import HardwareError


@dataclass(frozen=True, slots=True)
class Interval:
    """low <= likely <= high, all in one unit. Raises HardwareError for another order."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.likely <= self.high:
            raise HardwareError(
                f"an interval's low, likely and high value must rise, got {self.low:g}, {self.likely:g}, "
                f"{self.high:g}"
            )

    def spans(self, value: float) -> bool:
        """Whether the value lies strictly inside: of a ratio and 1, whether it is undecided."""
        return self.low < value < self.high

    def describe(self) -> dict[str, float]:
        """low, likely, high: JSON's keys."""
        return {"low": self.low, "likely": self.likely, "high": self.high}


def times(ratio: Interval) -> str:
    """How many times as much, in words that claim no more than the interval bears.

    "between 20 and 50 times", "undecided, between 0.5 and 3 times", "equal" where all three are 1.
    Two digits, rounded outwards.
    """
    if ratio.low == ratio.high:
        return "equal" if ratio.low == 1 else f"{_digits(ratio.low, round)} times"
    words = f"between {_digits(ratio.low, math.floor)} and {_digits(ratio.high, math.ceil)} times"
    return f"undecided, {words}" if ratio.spans(1.0) else words


def _digits(value: float, whole: object) -> str:
    """Two significant digits, thousands with commas."""
    if not math.isfinite(value) or value <= 0:
        return f"{value:g}"
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    rounded = whole(round(value / step, 6)) * step  # type: ignore[operator]
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:.2g}"
