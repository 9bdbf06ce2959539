"""Read noise: 1/f noise of a cell, accumulated from its programming to the read, drawn anew a read.

    g <- max(0, g (1 + q(g) sqrt(ln((t + t0 + t_read) / (2 t_read))) xi))
    q(g) = min(cap, scale / g^power), g the programmed conductance

the form of Joshi and others, Nat. Commun. 11, 2473 (2020), and of IBM's aihwkit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.laws.law import NOTHING, UNIT, Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of

LEAST = 1e-3
"""g^power that a smaller one counts as."""


@dataclass(frozen=True, slots=True)
class ReadNoise:
    """scale, power, cap : of the relative noise q; t_read : s, a read takes; t0 : s, first read

    Raises HardwareError for a figure that is negative, or a time that is not above 0.
    """

    scale: Quantity
    power: Quantity
    cap: Quantity
    t_read: Quantity
    t0: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units("scale", "power", "cap", t_read="s", t0="s")
    name: ClassVar[str] = "read"
    stage: ClassVar[Stage] = Stage.READ

    def __post_init__(self) -> None:
        check_law(self, ("t_read", "t0"))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def sigma(self, programmed: np.ndarray, at: float | None) -> np.ndarray:
        """Relative standard deviation of a read at `at`."""
        power = np.maximum(np.abs(programmed) ** self.power.value, LEAST)
        q = np.minimum(self.scale.value / power, self.cap.value)
        t, t_read = (at or 0.0) + self.t0.value, self.t_read.value
        return np.asarray(q * math.sqrt(max(math.log((t + t_read) / (2.0 * t_read)), 0.0)))

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        xi = where.normals(self.name, "noise", seed, each_read=True)
        return np.maximum(g * (1.0 + self.sigma(where.programmed, at) * xi), 0.0)


@dataclass(frozen=True, slots=True)
class WhiteRead:
    """Noise of a read that knows no time: g <- max(0, g + (constant + saturating (1 - exp(-g / knee))) xi).

    constant, saturating : standard deviation, relative to the on conductance; knee : relative
    Raises HardwareError for a figure that is negative, or a knee of 0.
    """

    constant: Quantity
    saturating: Quantity = NOTHING
    knee: Quantity = UNIT

    UNITS: ClassVar[Mapping[str, str]] = units("constant", "saturating", "knee")
    name: ClassVar[str] = "white-read"
    stage: ClassVar[Stage] = Stage.READ

    def __post_init__(self) -> None:
        check_law(self, ("knee",))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        sigma = self.constant.value - self.saturating.value * np.expm1(-g / self.knee.value)
        return np.maximum(g + sigma * where.normals(self.name, "noise", seed, each_read=True), 0.0)
