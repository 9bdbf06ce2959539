"""What the circuit around a cell makes of its conductance: read voltage and temperature.

Nonlinear cells are read at one voltage V (inputs as widths of pulses), and were programmed at another V0:

    g <- g h(a V) / h(a V0),  h(u) = sinh(u) / u,  a = (1 - g) a_off + g a_on

(I proportional to sinh(a V): hopping and tunnelling; inputs as voltages see the range of couplings,
hw_models.couplings, instead). Conductances follow the temperature:

    g <- g (1 + c (shift + rate t + gradient (row / (rows - 1) - 1/2)))

row the driving cell's place in a tile of so many rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw_models.errors import HardwareError
from hw_models.laws.law import Stage, Where, check_law, units
from hw_models.source import Quantity, figures_of


@dataclass(frozen=True, slots=True)
class Nonlinear:
    """read, verify : V of a read, and of the read by which cells were programmed; off, on : 1/V, a of a cell
    that is off and of one that is on

    Raises HardwareError for a figure that is negative.
    """

    read: Quantity
    verify: Quantity
    off: Quantity
    on: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units(read="V", verify="V", off="1/V", on="1/V")
    name: ClassVar[str] = "nonlinear"
    stage: ClassVar[Stage] = Stage.CIRCUIT

    def __post_init__(self) -> None:
        check_law(self)

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        part = np.clip(where.programmed, 0.0, 1.0)
        a = self.off.value + (self.on.value - self.off.value) * part
        return np.asarray(g * (_rise(a * self.read.value) / _rise(a * self.verify.value)))


def _rise(u: np.ndarray) -> np.ndarray:
    """sinh(u) / u"""
    small = np.where(u == 0.0, 1.0, u)
    return np.where(u == 0.0, 1.0, np.sinh(small) / small)


@dataclass(frozen=True, slots=True)
class Temperature:
    """coefficient : 1/K; shift : K of the array over where it was programmed; rate : K/s; gradient : K from
    the first row of a tile to the last; rows : of a tile

    Raises HardwareError for fewer than two rows or a figure that is not finite.
    """

    coefficient: Quantity
    shift: Quantity
    rate: Quantity
    gradient: Quantity
    rows: Quantity

    UNITS: ClassVar[Mapping[str, str]] = units("rows", coefficient="1/K", shift="K", rate="K/s", gradient="K")
    name: ClassVar[str] = "temperature"
    stage: ClassVar[Stage] = Stage.CIRCUIT

    def __post_init__(self) -> None:
        check_law(self, ("rows",), ("coefficient", "shift", "rate", "gradient"))
        if self.rows.value != int(self.rows.value) or self.rows.value < 2:
            raise HardwareError(f"law temperature: rows must be a whole number >= 2, got {self.rows.value:g}")

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        rows = int(self.rows.value)
        place = where.driving % rows / (rows - 1.0) - 0.5
        warmth = self.shift.value + self.rate.value * (at or 0.0) + self.gradient.value * place
        return np.maximum(g * (1.0 + self.coefficient.value * warmth), 0.0)
