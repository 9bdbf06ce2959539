"""What an imperfect device suffers from, thing by thing, each as strong as is asked.

A strength multiplies what a law does: its spreads, shares, exponents and coefficients; 0 is a device
without it, 1 the law as it is. A remedy (compensation) is not something that a device suffers from: it
stays as it is. Bits lose one for every doubling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections, law_told
from hw_models.laws.law import Law, Stage, Where
from hw_models.source import Quantity, with_values

SPREADS = ("mismatch", "asymmetry", "bias_mismatch")
BITS = "bits"
_REMEDIES = (Stage.READ_OUT,)
_FIGURES: Mapping[str, tuple[str, ...]] = Frozen(
    {
        "programming": ("constant", "linear", "quadratic", "cubic", "quartic", "saturating"),
        "drift": (
            *("mean", "mean_slope", "mean_low", "mean_high"),
            *("spread", "spread_slope", "spread_low", "spread_high"),
        ),
        "relaxation": ("shift", "spread", "slope"),
        "read": ("scale", "cap"),
        "white-read": ("constant", "saturating"),
        "stuck-cells": ("off", "on"),
        "open-couplings": ("share",),
        "measured": ("scale",),
    }
)
"""Figures of a law that its strength multiplies. Of others what they do to a conductance is multiplied."""


def suffered(law: Imperfections) -> tuple[str, ...]:
    """Names of what a device suffers from when it is used: spreads, bits and laws."""
    numbers = [name for name in SPREADS if getattr(law, name)]
    bits = [BITS] if law.bits is not None else []
    return (*numbers, *bits, *(one.name for one in law.laws if _acts(one)))


def with_strength(law: Imperfections, strength: float, only: str | None = None) -> Imperfections:
    """The device with what it suffers from so many times as strong.

    only : one of `suffered`, the others then absent; None: all of them

    Raises HardwareError for a negative strength, a name that it does not suffer from, and a strength
    that takes a figure out of its range.
    """
    if not (math.isfinite(strength) and strength >= 0):
        raise HardwareError(f"strength must be a number >= 0, got {strength:g} (--strength 0.5,1,2)")
    names = suffered(law)
    if only is not None and only not in names:
        raise HardwareError(f"the device has no {only!r}; it has {', '.join(names) or 'nothing of the kind'}")

    def of(name: str) -> float:
        return strength if only in (None, name) else 0.0

    laws = [made for one in law.laws if _acts(one) and (made := _stronger(one, of(one.name))) is not None]
    remedies = [one for one in law.laws if one.stage in _REMEDIES] if laws else []
    return replace(
        law,
        **{name: getattr(law, name) * of(name) for name in SPREADS},
        bits=None if law.bits is None or not of(BITS) else _fewer(law.bits, of(BITS)),
        laws=(*laws, *remedies),
    )


def depends_on_time(law: Imperfections, times: tuple[float, ...]) -> bool:
    """Whether any of these times after programming makes a difference to its conductances.

    Raises HardwareError where a law has nothing to say of a time.
    """
    g = np.linspace(0.0, 1.0, 33)
    cells = np.arange(g.size)
    where = Where(cells, cells + 1, 1, g, g)
    found = [[one.apply(g, where, 0, at) for one in law.laws] for at in (None, *times)]
    return any(not np.array_equal(a, b) for row in found for a, b in zip(row, found[0], strict=True))


def _acts(law: Law) -> bool:
    return law.stage != Stage.UPDATE and law.stage not in _REMEDIES


def _fewer(bits: int, strength: float) -> int:
    return min(max(round(bits - math.log2(strength)), 2), 24)


def _stronger(law: Any, strength: float) -> Any:
    """The law so many times as strong, None: absent."""
    if strength == 0 or strength == 1:
        return law if strength else None
    figures = law.figures()
    if law.name == "on-off":  # its effect is the off conductance, and what it clips
        share = 1.0 - min(1.0, strength * (1.0 - figures["share"].value))
        ratio = figures["ratio"].value / strength
        if not (ratio > 1 and share > 0):
            raise HardwareError(
                f"law on-off: {strength:g} times as strong leaves no range (ratio "
                f"{figures['ratio'].value:g}, share {figures['share'].value:g}): choose a smaller --strength"
            )
        return with_values(law, {"ratio": ratio, "share": share})
    if law.name in _FIGURES:
        return with_values(law, {name: strength * figures[name].value for name in _FIGURES[law.name]})
    return Multiplied(law, strength)


@dataclass(frozen=True, slots=True)
class Multiplied:
    """A law whose change of a conductance is multiplied: g + strength (law(g) - g), at least 0."""

    law: Law
    strength: float

    @property
    def name(self) -> str:
        return self.law.name

    @property
    def stage(self) -> Stage:
        return self.law.stage

    def to_dict(self) -> dict[str, Any]:
        """Made of JSON's types."""
        return {**law_told(self.law), "times": self.strength}

    def figures(self) -> dict[str, Quantity]:
        """Those of the law."""
        return self.law.figures()

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """See hw_models.laws.law.Law."""
        return np.maximum(g + self.strength * (self.law.apply(g, where, seed, at) - g), 0.0)
