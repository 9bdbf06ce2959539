"""Defects: cells that are stuck at one of their ends, and couplings that are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import NOTHING, UNIT, Stage, Where, check_law, stream_key, units
from hw_models.normals import standard_normals
from hw_models.source import Quantity, figures_of


@dataclass(frozen=True, slots=True)
class StuckCells:
    """off, on : shares of cells that are stuck there whatever is written; low, high : their conductances

    Raises HardwareError for shares that are negative or above 1 together.
    """

    off: Quantity
    on: Quantity
    low: Quantity = NOTHING
    high: Quantity = UNIT

    UNITS: ClassVar[Mapping[str, str]] = units("off", "on", "low", "high")
    name: ClassVar[str] = "stuck-cells"
    stage: ClassVar[Stage] = Stage.DEFECT

    def __post_init__(self) -> None:
        check_law(self)
        _check_shares(self.name, {"off": self.off.value, "on": self.on.value})

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        xi = where.normals(self.name, "stuck", seed)
        stuck = np.where(xi < _below(self.off.value), self.low.value, g)
        return np.where(xi >= _below(1.0 - self.on.value), self.high.value, stuck)


@dataclass(frozen=True, slots=True)
class OpenCouplings:
    """share : of couplings that are not connected, both cells of the pair

    Raises HardwareError for a share that is negative or above 1.
    """

    share: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units("share")
    name: ClassVar[str] = "open-couplings"
    stage: ClassVar[Stage] = Stage.DEFECT

    def __post_init__(self) -> None:
        check_law(self)
        _check_shares(self.name, {"share": self.share.value})

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        # one draw for both cells of a pair
        xi = standard_normals(stream_key(self.name, "open", seed), where.driven, where.driving)
        return np.where(xi < _below(self.share.value), 0.0, g)


def _check_shares(law: str, shares: dict[str, float]) -> None:
    if sum(shares.values()) > 1:
        told = " and ".join(f"{name} = {value:g}" for name, value in shares.items())
        raise HardwareError(f"law {law}: shares must be at most 1 together, got {told}")


def _below(share: float) -> float:
    """The normal that a share of draws lies below."""
    if share <= 0.0:
        return -np.inf
    return np.inf if share >= 1.0 else NormalDist().inv_cdf(share)
