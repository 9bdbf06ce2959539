"""Terms of any degree as an Ising model with auxiliary spins.

    E = offset + sum over terms of c v_1 v_2 ... v_k,    v = s (+-1) or v = x = (1 + s) / 2

A product of bits y_1 ... y_k of degree 3 and more is the minimum of a quadratic function over auxiliary
bits w. Where c < 0 it has one (Freedman and Drineas, CVPR 2005; formula from memory, enumerated in tests),

    c y_1 ... y_k = min_w  -c w (k - 1 - S_1),

else floor((k - 1) / 2) (Ishikawa 2011, doi 10.1109/TPAMI.2010.91),

    c y_1 ... y_k = min_w  c (S_2 + sum_i w_i (c_i (2 i - S_1) - 1)),   S_1 = sum y, S_2 = sum of pairs,

c_i = 1 for the last i of an odd k, else 2. No penalty is chosen: at the best auxiliary bits energies are
those of the terms. Products of spins are written out in bits, so that one of three has one auxiliary
spin, one of four has five.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel, from_edges
from compiler.ir.goals import Polynomial

MOST_SPINS = 12  # in a product that is written out in bits, 2^k products


@dataclass(slots=True)
class Products:
    """An energy of products of bits, on `n` spins so far; auxiliary ones are added at the end."""

    n: int
    offset: float = 0.0
    h: list[tuple[int, float]] = field(default_factory=list)
    pairs: list[tuple[int, int, float]] = field(default_factory=list)

    def add(self, weight: float, bits: Iterable[tuple[int, float]]) -> None:
        """weight times the product of bits (i, sign), each (1 + sign s_i) / 2 of another spin."""
        t = list(bits)
        k = len(t)
        if k > 2 and weight < 0:
            size, w = -weight, self._auxiliary()
            self.offset += size * (k - 2) / 4
            self.h.append((w, -size * (k - 2) / 4))
            self.h += [(i, sign * size / 4) for i, sign in t]
            self.pairs += [(i, w, sign * size / 4) for i, sign in t]
            return
        steps = [(i, 1 if k == 2 * i + 1 else 2) for i in range(1, (k - 1) // 2 + 1)]
        self.offset += weight * (k * (k - 1) / 8 if k > 1 else 1.0 - k / 2)
        own = 0.5 if k == 1 else (k - 1 - sum(c for _, c in steps)) / 4
        self.h += [(i, -sign * own * weight) for i, sign in t]
        self.pairs += [(i, j, -a * b * weight / 4) for p, (i, a) in enumerate(t) for j, b in t[p + 1 :]]
        for step, c in steps:
            w = self._auxiliary()
            rest = c * (2 * step - k / 2) - 1
            self.offset += weight * rest / 2
            self.h.append((w, -weight * rest / 2))
            self.pairs += [(i, w, sign * weight * c / 4) for i, sign in t]

    def _auxiliary(self) -> int:
        self.n += 1
        return self.n - 1

    def model(self, **facts: Any) -> IsingModel:
        """The Ising model; facts as of from_edges."""
        fields = np.zeros(self.n)
        np.add.at(fields, np.array([i for i, _ in self.h], dtype=np.int64), [v for _, v in self.h])
        ends = np.array([(i, j) for i, j, _ in self.pairs], dtype=np.int64).reshape(-1, 2)
        weights = [v for *_, v in self.pairs]
        return from_edges(fields, ends[:, 0], ends[:, 1], weights, offset=self.offset, **facts)


def from_polynomial(
    variables: int,
    terms: Mapping[tuple[int, ...], float],
    *,
    vartype: str = "binary",
    names: tuple[str, ...] = (),
    **facts: Any,
) -> IsingModel:
    """The model whose energy, at the best auxiliary spins, is that of the terms.

    terms : {variables of a product, () for the constant: coefficient}; x^2 = x, s^2 = 1
    names : of the variables, or empty. Auxiliary spins come after them, called auxiliary 1, 2, ...

    Raises NetlistError for variables that do not exist, coefficients that are not finite, a vartype
    other than spin and binary, and products of more than 12 spins.
    """
    if vartype not in ("spin", "binary"):
        raise NetlistError(f"polynomial: vartype must be spin or binary, got {vartype!r}")
    made = Products(variables)
    distinct: dict[tuple[int, ...], float] = {}
    for term, c in terms.items():
        if bad := [v for v in term if not 0 <= v < variables]:
            raise NetlistError(
                f"polynomial: term {term} names variable {bad[0]}; variables are 0 to {variables - 1}"
            )
        if not np.isfinite(c):
            raise NetlistError(f"polynomial: term {term} has the coefficient {c}; it must be finite")
        members = tuple(sorted(v for v in set(term) if vartype == "binary" or term.count(v) % 2))
        distinct[members] = distinct.get(members, 0.0) + float(c)
        if vartype == "binary":
            made.add(float(c), [(v, 1.0) for v in members])
        else:
            _add_spins(made, float(c), list(members))
    products = [t for t, c in distinct.items() if t and c]
    if max(map(len, products), default=0) > 2:
        facts = {"goal": Polynomial.of(variables, products, [distinct[t] for t in products]), **facts}
    if names:
        names = (*names, *(f"auxiliary {k + 1}" for k in range(made.n - variables)))
    return made.model(vartype=vartype, names=names, **facts)


def _add_spins(made: Products, c: float, spins: list[int]) -> None:
    """c times a product of spins, each 2 y - 1 of its bit or 1 - 2 y of its opposite."""
    k = len(spins)
    if k > MOST_SPINS:
        raise NetlistError(f"polynomial: a product of {k} spins; up to {MOST_SPINS} are written out in bits")
    sign = -1.0 if k % 2 and c > 0 else 1.0  # the whole product then has a coefficient below 0, if it can
    for size in range(k + 1):
        weight = c * sign**k * (-1.0) ** (k - size) * 2.0**size
        for part in combinations(spins, size):
            made.add(weight, [(v, sign) for v in part])
