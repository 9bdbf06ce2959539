"""How a device's couplings differ from the ones that were asked for: one law, one draw for all.

A device is a law and a seed. What a coupling is off by is a function of (seed, driven cell, driving
cell), as noise is one of (seed, trajectory, step, cell): blocks of layers, rows of a sparse matrix,
p-bits and couplings that share a parameter find the same machine, in whatever order they ask. A cell
is known by its number in the netlist that it is lowered to, or by the number it keeps where a pass
renumbers cells (compiler.ir.langevin.Cells.identity).

A coupling W is a pair of elements, of which one is asked for |W| over the largest |W| of its array and
the other for nothing; a conductance is one element. What was asked for is quantised, goes through the
laws in the order of their stages, each element for itself, and the difference of the pair, times the
array's largest |W| and what compensates for drift, is multiplied by `factors`. A coupling of exactly 0 has
no elements.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from hw_models.ages import seconds_of
from hw_models.errors import HardwareError
from hw_models.laws.compensation import Compensation
from hw_models.laws.families import LAWS
from hw_models.laws.law import MINUS, NOTHING, PLUS, UNIT, Law, Stage, check_laws, conductances
from hw_models.laws.on_off import OnOff
from hw_models.normals import make_key, standard_normals
from hw_models.source import Quantity, Source

_MISMATCH, _ASYMMETRY, _BIAS = range(3)  # streams


@dataclass(frozen=True, slots=True)
class Imperfections:
    """Imperfections of couplings and biases; the default is a perfect device.

    mismatch : relative standard deviation of every directed coupling, drawn independently:
        W_ij (1 + mismatch xi_ij); of a conductance, which is one element both ways, drawn once
    asymmetry : relative standard deviation of an antisymmetric part: W_ij (1 + a_ij) and
        W_ji (1 - a_ij), a_ij = asymmetry xi_ij; a coupling without a partner gets its own a_ij,
        and a conductance has none
    bits : resolution, uniform levels k max|W| / (2^(bits-1) - 1), k from -(2^(bits-1) - 1) to
        2^(bits-1) - 1; applied to what is written, before mismatch and asymmetry; None is exact
    bias_mismatch : relative standard deviation of every bias h
    laws : what else the elements of couplings obey (hw_models.laws), kept in the order in which they act
    at : s since the device was programmed, or a time as "1h"; None: just programmed
    read : which read of the device this is; read noise is drawn anew for each
    stated : those of the numbers that a device's file gave, by name, as figures with sources; not compared

    All but bits, laws, at and read are dimensionless. xi are independent standard normals.
    """

    mismatch: float = 0.0
    asymmetry: float = 0.0
    bits: int | None = None
    bias_mismatch: float = 0.0
    laws: tuple[Law, ...] = ()
    at: float | None = None
    read: int = 0
    stated: tuple[tuple[str, Quantity], ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("mismatch", "asymmetry", "bias_mismatch"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value >= 0):
                raise HardwareError(
                    f"non-ideality {name} must be a relative spread >= 0, got {value!r}; 0.1 means 10 %"
                )
        if self.bits is not None and (not isinstance(self.bits, int) or not 2 <= self.bits <= 24):
            raise HardwareError(
                f"non-ideality bits must be a whole number from 2 to 24 or none, got {self.bits!r}"
            )
        object.__setattr__(self, "laws", check_laws(self.laws))
        object.__setattr__(self, "at", seconds_of(self.at))
        if not isinstance(self.read, int) or self.read < 0:
            raise HardwareError(f"read must be a whole number >= 0, got {self.read!r}")

    @property
    def ideal(self) -> bool:
        return replace(self, at=None, read=0) == Imperfections()

    def law_figures(self) -> dict[str, Quantity]:
        """Figures of its laws, "drift mean", but terms that they do not have, and those stated of its
        numbers; no price rests on them.
        """
        stated = {name: q for name, q in self.stated if q.value == getattr(self, name)}
        every = ((f"{law.name} {k}", figure) for law in self.laws for k, figure in law.figures().items())
        return {**stated, **{name: figure for name, figure in every if figure not in (NOTHING, UNIT)}}

    def to_dict(self) -> dict[str, Any]:
        """Made of JSON's types; of laws, their names and the values of their figures."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        told = [law_told(law) for law in self.laws]
        return {**values, "laws": told}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Imperfections:
        """The reverse of to_dict, figures of laws with a source that says so; HardwareError names a
        field or a law that does not exist.
        """
        unknown = set(values) - {f.name for f in fields(Imperfections)}
        if unknown:
            raise HardwareError(
                f"non-ideality {sorted(unknown)[0]!r} does not exist; choose from "
                f"{', '.join(f.name for f in fields(Imperfections))}"
            )
        laws = tuple(one if hasattr(one, "apply") else _law_of(one) for one in values.get("laws", ()))
        return Imperfections(**{**values, "laws": laws})


def law_told(law: Law) -> dict[str, Any]:
    """Its name and its figures' values; of laws with more than figures, what their `to_dict` says."""
    if hasattr(law, "to_dict"):
        return dict(law.to_dict())
    return {"law": law.name, **{k: q.value for k, q in law.figures().items()}}


def _law_of(told: dict[str, Any]) -> Law:
    """A law of its name and figures' values, which have lost their sources."""
    told = dict(told)
    family = LAWS.get(told.pop("law"))
    if hasattr(family, "from_dict"):
        own: Law = family.from_dict(told)
        return own
    lost = Source("assumed", "as recorded, without its source")
    made: Law = family(**{name: Quantity(float(value), "1", lost) for name, value in told.items()})
    return made


def on_device(own: Imperfections, given: Imperfections | None, at: Any = None) -> Imperfections:
    """A device's own imperfections, where those given say nothing else, at a time.

    given : what of it is not at its default replaces the device's own

    Raises HardwareError for a time without a law that it could act on, or that is none.
    """
    asked = {} if given is None else {f.name: getattr(given, f.name) for f in fields(given)}
    usual = Imperfections()
    law = replace(own, **{name: value for name, value in asked.items() if value != getattr(usual, name)})
    if at is None:
        return law
    if not law.laws:
        raise HardwareError(
            f"at = {at!r} is a time since a device was programmed, but the device has no laws: leave --at "
            "out, or give a device that has them (--device pcm-crossbar)"
        )
    return replace(law, at=seconds_of(at))


def factors(law: Imperfections, seed: int, driven: Any, driving: Any, *, mutual: bool = False) -> np.ndarray:
    """float32 factors on the couplings of device `seed` from cells `driving` to cells `driven`.

    driven, driving : whole numbers >= 0 that broadcast; mutual : one element both ways, a conductance

    They are rounded to single precision once, so that a product with a single-precision weight is
    the same coupling in a float32 trainer and in a float64 simulation.
    Raises HardwareError for a negative seed.
    """
    _check_seed(seed)
    driven, driving = np.asarray(driven), np.asarray(driving)
    out = np.ones(np.broadcast_shapes(driven.shape, driving.shape))
    paired = law.asymmetry and not mutual
    if (mutual and law.mismatch) or paired:
        high, low = np.maximum(driven, driving), np.minimum(driven, driving)
    if law.mismatch:
        ends = (high, low) if mutual else (driven, driving)
        out *= 1.0 + law.mismatch * standard_normals(make_key(seed, _MISMATCH), *ends)
    if paired:
        # both directions of a pair find the same draw and take it with opposite signs
        xi = standard_normals(make_key(seed, _ASYMMETRY), high, low)
        out *= 1.0 + law.asymmetry * np.where(driven > driving, xi, -xi)
    return out.astype(np.float32)


def bias_factors(law: Imperfections, seed: int, cells: Any) -> np.ndarray:
    """float32 factors on the biases of these cells of device `seed`; HardwareError as `factors`."""
    _check_seed(seed)
    cells = np.asarray(cells)
    if not law.bias_mismatch:
        return np.ones(cells.shape, np.float32)
    xi = standard_normals(make_key(seed, _BIAS), cells, 0)
    return (1.0 + law.bias_mismatch * xi).astype(np.float32)


def quantise(weights: np.ndarray, bits: int | None, top: float | None = None) -> np.ndarray:
    """Weights rounded to the levels of `bits`, float64; without bits the weights themselves.

    top : size of the outermost level; None: of the largest |W|
    """
    if top is None:
        top = largest([weights])
    if bits is None or top == 0:
        return weights
    step = top / (2 ** (bits - 1) - 1)
    return np.asarray(np.round(weights.astype(np.float64) / step) * step)


Ends = tuple[Any, Any]
"""Cells (driven, driving) of a block of couplings, whole numbers that broadcast to its shape."""


def written(
    blocks: Sequence[np.ndarray],
    ends: Sequence[Ends],
    law: Imperfections,
    seed: int,
    *,
    top: float | None = None,
    mutual: bool = False,
) -> list[np.ndarray]:
    """What device `seed` has in the blocks of one array of couplings, before `factors`.

    blocks : of W; ends : cells of each; top : largest |W| of the array, None: of these blocks
    mutual : one element both ways, a conductance

    Quantised and under the laws; float64 where either acts, else the blocks themselves.
    Raises HardwareError for a negative seed.
    """
    _check_seed(seed)
    laws = _of_elements(law)
    if law.bits is None and not laws:
        return list(blocks)
    top = largest(blocks) if top is None else top
    asked = [quantise(w, law.bits, top) for w in blocks]
    if not laws or top == 0:
        return asked
    there = [np.flatnonzero(w) for w in blocks]
    parts = [
        _Elements.of(w, pair, k, top, mutual=mutual) for w, pair, k in zip(asked, ends, there, strict=True)
    ]
    now = [part.relative(laws, seed, law.at, law.read) for part in parts]
    scale = top
    if is_compensated(law):
        quiet = just_programmed(law).laws
        scale *= compensation(law, [part.relative(quiet, seed, None, 0) for part in parts], now, seed)
    out = []
    for w, k, relative in zip(blocks, there, now, strict=True):
        made = np.zeros(w.size)
        made[k] = relative * scale
        out.append(made.reshape(w.shape))
    return out


def elements(
    target: np.ndarray, driven: Any, driving: Any, law: Imperfections, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both elements (g+, g-) of every coupling of a block, over the on conductance of its array.

    target : couplings over the largest |W| of the array, -1 to 1, quantised where they are to be
    driven, driving : cells, whole numbers that broadcast to its shape

    Their difference times `unit_of` is what `written` and `factors` make of a coupling, before its
    compensation; a coupling of 0, too, has a pair here, of two elements that were asked for nothing.
    Mismatch scales both alike, to nothing at least. float64. Raises HardwareError for a negative seed.
    """
    _check_seed(seed)
    pair = [np.maximum(sign * target, 0.0) for sign in (PLUS, MINUS)]
    factor = np.maximum(factors(law, seed, driven, driving), 0.0).astype(np.float64)
    laws = _of_elements(law)
    if laws:
        driven, driving = (
            np.broadcast_to(np.asarray(e), target.shape).reshape(-1) for e in (driven, driving)
        )
        pair = [
            conductances(laws, g.reshape(-1), driven, driving, sign, seed, law.at, law.read).reshape(
                target.shape
            )
            for g, sign in zip(pair, (PLUS, MINUS), strict=True)
        ]
    return pair[0] * factor, pair[1] * factor


def unit_of(law: Imperfections, *, mutual: bool = False) -> float:
    """What a difference of relative conductances of 1 stands for, over the array's largest |W|."""
    return math.prod(one.unit(mutual) for one in law.laws if isinstance(one, OnOff))


def is_compensated(law: Imperfections) -> bool:
    """Whether read-outs are scaled to make up for drift."""
    return any(isinstance(one, Compensation) for one in law.laws)


def compensation(
    law: Imperfections, then: Iterable[np.ndarray], now: Iterable[np.ndarray], seed: int
) -> float:
    """What read-outs of an array are scaled by, of its couplings `just_programmed` and now."""
    laws = (one for one in law.laws if isinstance(one, Compensation))
    return math.prod(one.scale(then, now, seed, law.read) for one in laws)


def just_programmed(law: Imperfections) -> Imperfections:
    """The law of the same elements when they have just been programmed and nothing reads them."""
    quiet = tuple(one for one in _of_elements(law) if one.stage < Stage.READ)
    return replace(law, laws=quiet, at=None, read=0)


def _of_elements(law: Imperfections) -> tuple[Law, ...]:
    return tuple(one for one in law.laws if one.stage != Stage.UPDATE)


@dataclass(frozen=True, slots=True, eq=False)
class _Elements:
    """Elements of one block. target : (n,) relative couplings; driven, driving : (n,) their cells"""

    target: np.ndarray
    driven: np.ndarray
    driving: np.ndarray
    mutual: bool

    @staticmethod
    def of(w: np.ndarray, ends: Ends, there: np.ndarray, top: float, *, mutual: bool) -> _Elements:
        driven, driving = (np.asarray(e) for e in ends)
        if mutual:
            driven, driving = np.maximum(driven, driving), np.minimum(driven, driving)
        driven, driving = (np.broadcast_to(e, w.shape).reshape(-1)[there] for e in (driven, driving))
        return _Elements(w.reshape(-1)[there].astype(np.float64) / top, driven, driving, mutual)

    def relative(self, laws: Sequence[Law], seed: int, at: float | None, read: int) -> np.ndarray:
        """(n,) couplings over the array's largest."""

        unit = math.prod(one.unit(self.mutual) for one in laws if isinstance(one, OnOff))

        def side(sign: int, target: np.ndarray) -> np.ndarray:
            return conductances(laws, target, self.driven, self.driving, sign, seed, at, read)

        if self.mutual:
            return unit * np.sign(self.target) * side(PLUS, np.abs(self.target))
        plus, minus = (side(sign, np.maximum(sign * self.target, 0.0)) for sign in (PLUS, MINUS))
        return unit * (plus - minus)


def largest(blocks: Iterable[np.ndarray]) -> float:
    """Largest |W|, 0 if there are none."""
    return max((float(np.abs(w).max(initial=0.0)) for w in blocks), default=0.0)


def act(made: np.ndarray, factor: np.ndarray, dtype: Any) -> np.ndarray:
    """What drives: couplings of `written` times `factors`, rounded once to `dtype`."""
    return np.asarray(np.multiply(made, factor).astype(dtype, copy=False))


def perturb(
    weights: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    law: Imperfections,
    seed: int,
    array: np.ndarray | None = None,
    *,
    mutual: bool = False,
) -> np.ndarray:
    """The couplings of one device: `written`, then `act` with `factors`.

    weights, rows, cols : (nnz,), coupling k drives cell rows[k] from cell cols[k]
    array : (nnz,) which physical array each coupling sits in; arrays are written apart, each in
        the range of its own largest value. None: one array
    mutual : both directions are one element, see `factors`
    Returns (nnz,) of the same dtype.
    Raises HardwareError for a negative seed or columns of different lengths.
    """
    if not weights.shape == rows.shape == cols.shape or weights.ndim != 1:
        raise HardwareError(
            f"couplings: weights, rows and cols must be columns of one length, got shapes "
            f"{weights.shape}, {rows.shape} and {cols.shape}"
        )
    made = weights
    if law.bits is not None or law.laws:
        made = weights.astype(np.float64)
        for part in [slice(None)] if array is None else [array == k for k in np.unique(array)]:
            ends = [(rows[part], cols[part])]
            made[part] = written([weights[part]], ends, law, seed, mutual=mutual)[0]
    return act(made, factors(law, seed, rows, cols, mutual=mutual), weights.dtype)


def perturb_bias(bias: np.ndarray, law: Imperfections, seed: int, cells: np.ndarray) -> np.ndarray:
    """(n,) biases h of these cells (n,) of one device, of the same dtype; see bias_factors."""
    factor = bias_factors(law, seed, cells)
    return bias * factor if law.bias_mismatch else bias


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise HardwareError(f"device seed must be a whole number >= 0, got {seed}")
