"""Quadratic models of others, with plus signs and spin or binary variables, and back.

    E = offset + sum_i a_i v_i + sum_(i<j) b_ij v_i v_j,    v = s (+-1) or v = x = (1 + s) / 2

as in dimod's BQM and QUBO. For spins h = -a and J = -b. For binary variables
h_i = -a_i / 2 - sum_j b_ij / 4, J = -b / 4, and the offset gains sum a / 2 + sum b / 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.families.ising import IsingModel, from_edges


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """linear : (n,); quadratic : (m,) of the pairs (row, col); vartype : "spin" or "binary"."""

    linear: np.ndarray
    row: np.ndarray
    col: np.ndarray
    quadratic: np.ndarray
    offset: float
    vartype: str


def from_quadratic(
    linear: Any,
    row: Any,
    col: Any,
    quadratic: Any,
    *,
    offset: float = 0.0,
    vartype: str = "spin",
    **facts: Any,
) -> IsingModel:
    """The Ising model with the same energies; terms of one pair are added up.

    A pair of one variable with itself is x^2 = x of a binary variable, and s^2 = 1 of a spin.

    Raises NetlistError as IsingModel.
    """
    a = np.array(linear, dtype=np.float64)
    i, j, b = np.array(row, np.int64), np.array(col, np.int64), np.array(quadratic, np.float64)
    own = i == j
    if own.any() and ((i >= 0) & (i < a.size)).all():
        if vartype == "binary":
            np.add.at(a, i[own], b[own])
        else:
            offset = offset + float(b[own].sum())
        i, j, b = i[~own], j[~own], b[~own]
    if vartype == "spin":
        h, J = -a, -b
    else:
        h, J = -a / 2, -b / 4
        if i.size and ((np.minimum(i, j) >= 0) & (np.maximum(i, j) < a.size)).all():
            np.add.at(h, i, -b / 4)
            np.add.at(h, j, -b / 4)
        offset = offset + float(a.sum()) / 2 + float(b.sum()) / 4
    return from_edges(h + 0.0, i, j, J + 0.0, offset=float(offset), vartype=vartype, **facts)


def to_quadratic(model: IsingModel, vartype: str | None = None) -> Quadratic:
    """The model in plus signs, in `vartype` or its own; energies stay, the offset too."""
    vartype = model.vartype if vartype is None else vartype
    if vartype == "spin":
        return Quadratic(-model.h + 0.0, model.row, model.col, -model.J + 0.0, model.offset, "spin")
    # s = 2 x - 1: -h s = -2 h x + h, -J s s' = -4 J x x' + 2 J (x + x') - J
    linear = -2.0 * model.h
    np.add.at(linear, model.row, 2.0 * model.J)
    np.add.at(linear, model.col, 2.0 * model.J)
    offset = model.offset + float(model.h.sum()) - float(model.J.sum())
    return Quadratic(linear + 0.0, model.row, model.col, -4.0 * model.J + 0.0, offset, "binary")
