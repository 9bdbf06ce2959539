"""Compensation of drift: all read-outs of an array are scaled by a read of reference inputs.

    alpha = sum |W(just programmed)| / sum |W(t)| (1 + error xi)

over the array's couplings, the second as they are in this read: the "global drift compensation" of Joshi
and others, Nat. Commun. 11, 2473 (2020), with one-hot inputs as in IBM's aihwkit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.laws.law import Stage, Where, check_law, stream_key, units
from hw_models.normals import standard_normals
from hw_models.source import Quantity, figures_of

_UNIT = 2.0**40  # sums of whole numbers do not depend on the order of couplings


@dataclass(frozen=True, slots=True)
class Compensation:
    """error : relative standard deviation of the reference's read."""

    error: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units("error")
    name: ClassVar[str] = "compensation"
    stage: ClassVar[Stage] = Stage.READ_OUT

    def __post_init__(self) -> None:
        check_law(self)

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """Leaves cells as they are: `scale` is of the whole array."""
        return g

    def scale(self, then: Iterable[np.ndarray], now: Iterable[np.ndarray], seed: int, read: int) -> float:
        """alpha, from the array's couplings (blocks of them) just programmed and now; 1 where all are 0."""
        before, after = _sum(then), _sum(now)
        if not (before and after):
            return 1.0
        xi = float(standard_normals(stream_key(self.name, "reference", seed, read=read), 0, 0))
        return before / after * (1.0 + self.error.value * xi)


def _sum(blocks: Iterable[np.ndarray]) -> int:
    return sum(int(np.rint(np.abs(w) * _UNIT).astype(np.int64).sum()) for w in blocks)
