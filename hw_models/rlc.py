"""RLC cells coupled by capacitors: the stochastic processing unit and its dual.

Two wirings, each with thermal noise of its resistors (Nyquist):

"nodes" (arXiv 2312.04836, second-hand): cell i is R, L and C in parallel from node i to ground, and
a capacitor joins each coupled pair of nodes. With flux phi (phi = L i) and voltage v

    d phi = v dt,   C dv = -(v / R + phi / L) dt + N(0, 2 k_B T / R dt),

C the Maxwell capacitance matrix. At rest cov(v) = k_B T C^-1 and cov(phi) = k_B T L.

"loops" (derived, the dual): cell i is a loop of R, L and C in series, and a capacitor shared by two
loops couples them. With charge q and current i = dq/dt

    L di = -(R i + S q) dt + N(0, 2 k_B T R dt),

S the elastance matrix. At rest cov(q) = k_B T S^-1 and cov(i) = k_B T / L.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hw_models.constants import thermal_energy
from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.source import Quantity, check_figures, figures_of

WIRINGS = ("nodes", "loops")


@dataclass(frozen=True, slots=True)
class RLCUnits:
    """What one dimensionless unit is: time s, capacitance F, voltage V; energy J = k_B T."""

    time: float
    capacitance: float
    voltage: float
    energy: float

    @property
    def resistance(self) -> float:
        """ohm"""
        return self.time / self.capacitance

    @property
    def inductance(self) -> float:
        """H"""
        return self.time**2 / self.capacitance

    @property
    def charge(self) -> float:
        """C"""
        return self.capacitance * self.voltage

    @property
    def flux(self) -> float:
        """V s"""
        return self.voltage * self.time


@dataclass(frozen=True, slots=True, eq=False)
class RLCArray:
    """n cells. resistance ohm, inductance H, capacitance F : (n,), all > 0; ambient K > 0

    coupling : (n, n) F, symmetric, 0 on the diagonal and where two cells are not coupled
    wiring : "nodes" or "loops", see the module's text
    """

    resistance: np.ndarray
    inductance: np.ndarray
    capacitance: np.ndarray
    coupling: np.ndarray
    ambient: float = 300.0
    wiring: str = "nodes"

    @staticmethod
    def make(
        n: int,
        *,
        resistance: Any,
        inductance: Any,
        capacitance: Any,
        coupling: Any = 0.0,
        ambient: float = 300.0,
        wiring: str = "nodes",
    ) -> RLCArray:
        """n cells from columns or numbers; a number for `coupling` couples every pair."""
        r, l, c = (
            np.array(np.broadcast_to(np.asarray(column, np.float64), (n,)))
            for column in (resistance, inductance, capacitance)
        )
        pairs = np.asarray(coupling, np.float64)
        if pairs.ndim == 0:
            pairs = float(pairs) * (1.0 - np.eye(n))
        return RLCArray(r, l, c, pairs, float(ambient), wiring)

    @property
    def n(self) -> int:
        return self.resistance.shape[0]

    def __post_init__(self) -> None:
        n = self.resistance.shape[0]
        if self.wiring not in WIRINGS:
            raise HardwareError(f"RLC array: wiring must be {' or '.join(WIRINGS)}, got {self.wiring!r}")
        for name, unit in (("resistance", "ohm"), ("inductance", "H"), ("capacitance", "F")):
            column = getattr(self, name)
            if column.shape != (n,):
                raise HardwareError(f"RLC array: {name} has shape {column.shape}; {n} cells need ({n},)")
            bad = ~(np.isfinite(column) & (column > 0))
            if bad.any():
                i = int(np.argmax(bad))
                raise HardwareError(f"RLC array: {name} of cell {i} must be > 0 {unit}, got {column[i]}")
        c = self.coupling
        if c.shape != (n, n):
            raise HardwareError(f"RLC array: coupling has shape {c.shape}; it must be ({n}, {n})")
        if not (np.isfinite(c).all() and (c >= 0).all()):
            raise HardwareError("RLC array: coupling capacitors must be finite and >= 0 F")
        if (c != c.T).any() or np.diagonal(c).any():
            raise HardwareError(
                "RLC array: coupling must be symmetric with a diagonal of 0: a capacitor joins two "
                "cells both ways"
            )
        if not (math.isfinite(self.ambient) and self.ambient > 0):
            raise HardwareError(f"RLC array: ambient must be > 0 K, got {self.ambient}")

    def maxwell(self) -> np.ndarray:
        """(n, n) F, Maxwell capacitance matrix: C_i + sum_j c_ij on the diagonal, -c_ij beside."""
        return np.asarray(np.diag(self.capacitance + self.coupling.sum(axis=1)) - self.coupling)

    def elastance(self) -> np.ndarray:
        """(n, n) 1/F of the loops: 1 / C_i + sum_j 1 / c_ij on the diagonal, -1 / c_ij beside."""
        joined = self.coupling > 0
        inverse = np.zeros_like(self.coupling)
        inverse[joined] = 1.0 / self.coupling[joined]
        return np.asarray(np.diag(1.0 / self.capacitance + inverse.sum(axis=1)) - inverse)

    def units(self) -> RLCUnits:
        """Units in which kT = 1 and the median uncoupled cell has L = C = 1."""
        c = float(np.median(self.capacitance))
        energy = thermal_energy(self.ambient)
        time = math.sqrt(float(np.median(self.inductance)) * c)
        return RLCUnits(time, c, math.sqrt(energy / c), energy)

    def quality(self) -> np.ndarray:
        """(n,) quality factor of each cell by itself: R sqrt(C / L), or its inverse in a loop."""
        q = self.resistance * np.sqrt(self.capacitance / self.inductance)
        return np.asarray(q if self.wiring == "nodes" else 1.0 / q)


@dataclass(frozen=True, slots=True)
class RLCUnit:
    """One cell of an array of equal ones, by its figures.

    resistance, inductance, capacitance : of the cell; coupling : F, of the largest coupling capacitor
    ambient : K; wiring : as of RLCArray

    Raises HardwareError for a figure that is not above 0.
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {"resistance": "ohm", "inductance": "H", "capacitance": "F", "coupling": "F", "ambient": "K"}
    )

    name: str
    summary: str
    resistance: Quantity
    inductance: Quantity
    capacitance: Quantity
    coupling: Quantity
    ambient: Quantity
    wiring: str = "nodes"

    def __post_init__(self) -> None:
        check_figures(self, ("resistance", "inductance", "capacitance", "coupling", "ambient"))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        figures = {k: f.describe() for k, f in self.figures().items()}
        return {"name": self.name, "summary": self.summary, "figures": figures}

    def array(self, n: int, couplings: Any = 0.0) -> RLCArray:
        """n cells; couplings : a share of the largest capacitor, a number or (n, n).

        Raises HardwareError for a share outside of 0 to 1.
        """
        shares = np.asarray(couplings, np.float64)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise HardwareError(f"RLC unit {self.name}: couplings must be shares, 0 to 1, got {couplings}")
        return RLCArray.make(
            n,
            resistance=self.resistance.value,
            inductance=self.inductance.value,
            capacitance=self.capacitance.value,
            coupling=shares * self.coupling.value,
            ambient=self.ambient.value,
            wiring=self.wiring,
        )
