"""Values of a network as affine functions of what cells show: added, mapped, put together, taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.families.windows import NONE


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Affine functions of cells, one a value: sum_k parameters[tie[k]] shown(unit[k]) + bias.

    indptr : (n + 1,); unit : (nnz,) cells; tie : (nnz,) into parameters; bias : (n,) float64
    """

    indptr: np.ndarray
    unit: np.ndarray
    tie: np.ndarray
    parameters: np.ndarray
    bias: np.ndarray

    @property
    def n(self) -> int:
        return self.bias.size

    @property
    def row(self) -> np.ndarray:
        return np.repeat(np.arange(self.n), np.diff(self.indptr))


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Values that are one cell each, up to a factor: scale shown(unit) + shift, all (n,); NONE: shift."""

    unit: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @property
    def n(self) -> int:
        return self.unit.size

    def at(self, members: np.ndarray) -> Plain:
        """Those of `members`, 0 where there is NONE."""
        there = members != NONE
        return Plain(
            np.where(there, self.unit[members], NONE),
            np.where(there, self.scale[members], 0.0),
            np.where(there, self.shift[members], 0.0),
        )


Value = Rows | Plain


def make_rows(
    n: int, row: np.ndarray, unit: np.ndarray, tie: np.ndarray, w: np.ndarray, bias: np.ndarray
) -> Rows:
    """Rows of couplings in any order; those of one cell in one row are added up, zeros left out."""
    keep = (unit != NONE) & (w[tie] != 0)
    if not keep.all():
        row, unit, tie = row[keep], unit[keep], tie[keep]
    key = row.astype(np.int64) * (int(unit.max(initial=0)) + 1) + unit
    if key.size and (np.diff(key) <= 0).any():
        order = np.argsort(key, kind="stable")
        key, row, unit, tie = key[order], row[order], unit[order], tie[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        if first.size < key.size:
            total = np.add.reduceat(w[tie].astype(np.float64), first)
            row, unit = row[first], unit[first]
            w, tie = np.unique(total, return_inverse=True)
            if (w == 0).any():  # sums that cancel
                return make_rows(n, row, unit, tie, w, bias)
    return _counted(n, row, unit, tie, w, bias)


def _counted(
    n: int, row: np.ndarray, unit: np.ndarray, tie: np.ndarray, w: np.ndarray, bias: np.ndarray
) -> Rows:
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return Rows(indptr, unit, tie, w, np.array(np.broadcast_to(bias, (n,)), np.float64))


def _scaled(tie: np.ndarray, w: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(tie, parameters) of couplings times a factor each: a parameter for every pair that there is."""
    if (factor == 1.0).all():
        return tie, w
    by, which = np.unique(factor, return_inverse=True)
    found, tie = numbered(tie.astype(np.int64) * by.size + which, w.size * by.size)
    return tie, w[found // by.size] * by[found % by.size]


def numbered(codes: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """(those of 0, ..., top - 1 that occur, the place of each code among them)."""
    if top > 8 * codes.size + 1_000_000:
        return np.unique(codes, return_inverse=True)
    there = np.zeros(top, bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]


def as_rows(value: Value) -> Rows:
    if isinstance(value, Rows):
        return value
    w, tie = np.unique(value.scale, return_inverse=True)
    return make_rows(value.n, np.arange(value.n), value.unit, tie, w, value.shift)


def mapped(
    source: Plain,
    n: int,
    row: np.ndarray,
    column: np.ndarray,
    tie: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
) -> Rows:
    """The linear map of couplings from values `column` to rows, of what a source is of its cells."""
    shift = source.shift[column]
    if shift.any():
        bias = bias + np.bincount(row, weights=w[tie] * shift, minlength=n)
    tie, w = _scaled(tie, w, source.scale[column])
    return make_rows(n, row, source.unit[column], tie, w, bias)


def added(values: Sequence[Value], factors: Sequence[float]) -> Rows:
    """The sum of values of one size, each times its factor."""
    n, bias = values[0].n, np.zeros(values[0].n)
    row: list[np.ndarray] = []
    unit: list[np.ndarray] = []
    tie: list[np.ndarray] = []
    w: list[np.ndarray] = []
    first = 0
    for value, factor in zip(values, factors, strict=True):
        rows = as_rows(value)
        row.append(rows.row)
        unit.append(rows.unit)
        tie.append(rows.tie + first)
        w.append(rows.parameters if factor == 1.0 else rows.parameters * factor)
        first += rows.parameters.size
        bias = bias + factor * rows.bias
    return make_rows(
        n, np.concatenate(row), np.concatenate(unit), np.concatenate(tie), np.concatenate(w), bias
    )


def affine(value: Value, scale: np.ndarray, shift: np.ndarray) -> Value:
    """scale value + shift, both (n,)."""
    if isinstance(value, Plain):
        return Plain(value.unit, value.scale * scale, value.shift * scale + shift)
    tie, w = _scaled(value.tie, value.parameters, np.repeat(scale, np.diff(value.indptr)))
    return replace(value, tie=tie, parameters=w, bias=value.bias * scale + shift)


def stacked(values: Sequence[Value]) -> Value:
    """One after another."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(v, Plain) for v in values):
        return Plain(*(np.concatenate([getattr(v, k) for v in values]) for k in ("unit", "scale", "shift")))
    rows = [as_rows(v) for v in values]
    ends = np.cumsum([0, *(r.unit.size for r in rows)])
    firsts = np.cumsum([0, *(r.parameters.size for r in rows)])
    return Rows(
        np.concatenate([r.indptr[:-1] + e for r, e in zip(rows, ends, strict=False)] + [ends[-1:]]),
        np.concatenate([r.unit for r in rows]),
        np.concatenate([r.tie + f for r, f in zip(rows, firsts, strict=False)]),
        np.concatenate([r.parameters for r in rows]),
        np.concatenate([r.bias for r in rows]),
    )


def chosen(value: Value, members: np.ndarray) -> Value:
    if isinstance(value, Plain):
        return value.at(members)
    there = members != NONE
    lengths = np.where(there, np.diff(value.indptr)[members], 0)
    starts = np.where(there, value.indptr[:-1][members], 0)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
    bias = np.where(there, value.bias[members], 0.0)
    return Rows(indptr, value.unit[at], value.tie[at], value.parameters, bias)
