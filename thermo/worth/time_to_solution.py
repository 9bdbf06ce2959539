"""Time to solution: how long until one of repeated runs has reached the goal with some probability.

TTS = t ln(1 - share) / ln(1 - p) of runs that take t and reach the goal with probability p (Rønnow et al.,
Science 345, 420, 2014), at least t. Its interval is that of p (Clopper and Pearson, Biometrika 26, 404,
1934).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.special import betaincinv

from thermo.worth.errors import WorthError


@dataclass(frozen=True, slots=True)
class TimeToSolution:
    """hits of runs that reached the goal, each of which took `each` (seconds, sweeps, ...)

    value, low, high : in the unit of `each`, infinite where no run did; at level : of the interval
    """

    hits: int
    runs: int
    each: float
    value: float
    low: float
    high: float
    share: float
    level: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def time_to_solution(
    hits: int, runs: int, each: float, *, share: float = 0.99, level: float = 0.95
) -> TimeToSolution:
    """From how many of independent runs reached the goal.

    share : probability that the goal is reached in that time; level : of the interval
    Raises WorthError for counts and shares that cannot be.
    """
    if not (0 <= hits <= runs and runs >= 1):
        raise WorthError(f"{hits} of {runs} runs: hits are counted among at least one run")
    if not (0 < share < 1 and 0 < level < 1):
        raise WorthError(f"share and level must be between 0 and 1, got {share:g} and {level:g}")
    tail = (1 - level) / 2
    low = float(betaincinv(hits, runs - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, runs - hits, 1 - tail)) if hits < runs else 1.0

    def repeats(p: float) -> float:
        if p == 0:
            return math.inf
        return 1.0 if p >= share else math.log1p(-share) / math.log1p(-p)

    return TimeToSolution(
        hits, runs, each, each * repeats(hits / runs), each * repeats(high), each * repeats(low), share, level
    )
