"""The model that is bounded: fields and pairs in a unit in which its numbers are near 1.

Coefficients are floating-point numbers, each of which is exactly a fraction: what a bound claims holds
for these numbers, and rounding on the way is counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from compiler.passes.spins.model import logical_model, logical_netlist
from thermo.worth.errors import WorthError

U = 2.0**-53  # unit roundoff of float64


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """E(s) = offset - 2^exponent (sum_i h_i s_i + sum_e J_e s_row s_col), s = +-1.

    h : (n,) float64; row, col : (m,) int64, row < col, each pair once; J : (m,) float64, none 0
    exponent : the largest of |h| and |J| is in [0.5, 1); offset : in the model's unit
    inexact : a coefficient was so much smaller than the largest that scaling lost digits of it
    """

    h: np.ndarray
    row: np.ndarray
    col: np.ndarray
    J: np.ndarray
    exponent: int = 0
    offset: float = 0.0
    inexact: bool = False

    @staticmethod
    def of(h: Any, row: Any, col: Any, J: Any, offset: float = 0.0) -> Pairs:
        """From fields (n,) and couplings (m,) in the model's unit; WorthError unless all are finite."""
        h, J = np.array(h, dtype=np.float64), np.array(J, dtype=np.float64)
        row, col = np.asarray(row, dtype=np.int64), np.asarray(col, dtype=np.int64)
        if not (np.isfinite(h).all() and np.isfinite(J).all() and math.isfinite(offset)):
            raise WorthError("a bound needs finite fields, couplings and offset")
        some = J != 0
        low, high = np.minimum(row, col)[some], np.maximum(row, col)[some]
        if (low == high).any():
            raise WorthError(f"spin {low[np.argmax(low == high)]} is coupled to itself: add J to the offset")
        order = np.lexsort((high, low))
        low, high, J = low[order], high[order], J[some][order]
        if ((low[1:] == low[:-1]) & (high[1:] == high[:-1])).any():
            raise WorthError("two couplings join the same pair of spins: add their J up")
        largest = max(float(np.abs(h).max(initial=0.0)), float(np.abs(J).max(initial=0.0)))
        exponent = math.frexp(largest)[1]
        small_h, small_J = np.ldexp(h, -exponent), np.ldexp(J, -exponent)
        inexact = bool((np.ldexp(small_h, exponent) != h).any() or (np.ldexp(small_J, exponent) != J).any())
        return Pairs(small_h, low, high, small_J, exponent, float(offset), inexact)

    @staticmethod
    def of_netlist(netlist: LangevinNetlist) -> Pairs:
        """The model behind a netlist of p-bits, whatever it was lowered to, in the model's unit.

        Raises UnsupportedError if there is none: directed couplings, other cells, inputs.
        """
        model = logical_netlist(netlist)
        h, edges, J = logical_model(model)
        return Pairs.of(h, edges[:, 0], edges[:, 1], J, model.problem.offset if model.problem else 0.0)

    @property
    def n(self) -> int:
        return self.h.size

    def with_ghost(self) -> Pairs:
        """The same energies without fields: h_i couples spin i to one more spin, which is +1."""
        some = np.flatnonzero(self.h)
        if not some.size:
            return self
        row = np.concatenate([self.row, some])
        col = np.concatenate([self.col, np.full(some.size, self.n)])
        J = np.concatenate([self.J, self.h[some]])
        return Pairs(np.zeros(self.n + 1), row, col, J, self.exponent, inexact=self.inexact)

    def lost(self) -> float:
        """At least what scaling by 2^-exponent lost of tiny coefficients, in the scaled unit."""
        return (self.h.size + self.J.size) * 5e-324 if self.inexact else 0.0

    def weight(self) -> float:
        """At least the sum of |h| and |J|."""
        return above(np.abs(np.concatenate([self.h, self.J])))

    def energy(self, s: np.ndarray) -> Fraction:
        """The exact energy of one state (n,) of +-1, without offset, in the scaled unit."""
        terms = np.concatenate([self.h * s, self.J * s[self.row] * s[self.col]])
        # fsum rounds once; what it leaves out is summed again until nothing is left
        total = Fraction(0)
        rest = terms.tolist()
        while True:
            part = math.fsum(rest)
            total += Fraction(part)
            if part == 0.0:
                return -total
            rest.append(-part)

    def energies(self, states: np.ndarray) -> np.ndarray:
        """(k,) float64 energies of states (k, n), offset included, in the model's unit."""
        found = [math.ldexp(float(self.energy(s)), self.exponent) + self.offset for s in states]
        return np.array(found)

    def in_unit(self, energy: Fraction | float, *, down: bool = False) -> float:
        """An energy of the scaled unit in the model's, with its offset; rounded down if asked."""
        value = Fraction(energy)
        two = Fraction(2) ** abs(self.exponent)
        value = (value * two if self.exponent >= 0 else value / two) + Fraction(self.offset)
        try:
            number = float(value)
        except OverflowError:
            return -math.inf if value < 0 or down else math.inf
        return math.nextafter(number, -math.inf) if down and Fraction(number) > value else number


@dataclass(frozen=True, slots=True)
class Levels:
    """Energies that states can have, in the scaled unit: base + k step, k a whole number."""

    base: Fraction
    step: Fraction

    @staticmethod
    def of(pairs: Pairs) -> Levels | None:
        """Of coefficients that are small multiples of one number; None of others.

        With s = 1 - 2 x: E = E(1) + sum_i 2 (h_i + sum_j J_ij) x_i - sum_ij 4 J_ij x_i x_j.
        """
        values = np.concatenate([pairs.h, pairs.J])
        some = values[values != 0]
        if not some.size:
            return Levels(Fraction(0), Fraction(0))
        if pairs.inexact:
            return None
        mantissa, exponent = np.frexp(some)
        whole = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
        lowest = np.log2((whole & -whole).astype(np.float64)).astype(np.int64) + exponent - 53
        places = -int(lowest.min())
        if places > 40 or np.abs(values).sum() * 2.0**places > 2.0**58:
            return None
        h = np.ldexp(pairs.h, places).astype(np.int64)
        J = np.ldexp(pairs.J, places).astype(np.int64)
        turned = h.copy()
        np.add.at(turned, pairs.row, J)
        np.add.at(turned, pairs.col, J)
        step = int(np.gcd(np.gcd.reduce(2 * turned, initial=0), np.gcd.reduce(4 * J, initial=0)))
        unit = Fraction(1, 2**places) if places >= 0 else Fraction(2**-places)
        base = -(int(h.sum()) + int(J.sum())) * unit
        return Levels(base, step * unit) if step else Levels(base, Fraction(0))

    def lift(self, bound: Fraction) -> Fraction:
        """The least level that is not below a bound."""
        if self.step == 0:
            return self.base
        return self.base + math.ceil((bound - self.base) / self.step) * self.step


def below(values: Any) -> float:
    """At most the exact sum of some numbers (fsum rounds it once)."""
    total = math.fsum(np.asarray(values, dtype=np.float64).tolist())
    return math.nextafter(total, -math.inf) if total else 0.0


def above(values: Any) -> float:
    """At least the exact sum of some numbers."""
    total = math.fsum(np.asarray(values, dtype=np.float64).tolist())
    return math.nextafter(total, math.inf) if total else 0.0
