"""Programming noise: a cell is written to what was asked for and a spread that depends on it.

    g <- max(0, g + sigma xi)
    sigma = constant + linear g + quadratic g^2 + cubic g^3 + quartic g^4 + saturating (1 - exp(-g / knee))

of the conductance g asked for, relative to the on conductance. The polynomial is the form of Joshi and
others, Nat. Commun. 11, 2473 (2020), and of IBM's aihwkit; the saturating term that of Sandia's CrossSim for
charge traps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import NOTHING, UNIT, Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of

POWERS = ("linear", "quadratic", "cubic", "quartic")


@dataclass(frozen=True, slots=True)
class ProgrammingNoise:
    """constant, linear, quadratic, cubic, quartic, saturating : of the standard deviation, relative to the on
    conductance; knee : conductance above which the last of them saturates.

    Raises HardwareError where the standard deviation is negative for a conductance of the range.
    """

    constant: Quantity
    linear: Quantity = NOTHING
    quadratic: Quantity = NOTHING
    cubic: Quantity = NOTHING
    quartic: Quantity = NOTHING
    saturating: Quantity = NOTHING
    knee: Quantity = UNIT

    UNITS: ClassVar[Mapping[str, str]] = units("constant", *POWERS, "saturating", "knee")
    name: ClassVar[str] = "programming"
    stage: ClassVar[Stage] = Stage.PROGRAMMING

    def __post_init__(self) -> None:
        check_law(self, ("knee",), ("constant", *POWERS, "saturating"))
        grid = np.linspace(0.0, 1.0, 101)
        sigma = self.sigma(grid)
        if sigma.min() < 0:
            k = int(np.argmin(sigma))
            raise HardwareError(
                f"law programming: the standard deviation must be >= 0, got {sigma[k]:.4g} at a conductance "
                f"of {grid[k]:g}; raise constant"
            )

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def sigma(self, g: np.ndarray) -> np.ndarray:
        """Standard deviation of cells written to g."""
        terms = [self.constant.value, *(getattr(self, name).value for name in POWERS)]
        while len(terms) > 1 and terms[-1] == 0.0:
            terms.pop()
        out = np.full_like(g, terms[-1])
        for term in reversed(terms[:-1]):
            out *= g
            out += term
        if self.saturating.value:
            out -= self.saturating.value * np.expm1(-g / self.knee.value)
        return out

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        xi = where.normals(self.name, "written", seed)
        return np.maximum(g + self.sigma(where.target) * xi, 0.0)
