"""A figure never travels without its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from hw_models.errors import HardwareError

KINDS = ("exact", "measured", "code", "paper", "derived", "second-hand", "memory", "assumed")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from and how firm it is.

    kind : one of KINDS, firmest first (docs/references.md says what each means);
    ref : paper, data sheet or reasoning; locator : page, table
    """

    kind: str
    ref: str
    locator: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise HardwareError(f"source kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.ref:
            raise HardwareError(f"a source of kind {self.kind} must name its reference, got none")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit and source."""

    value: float
    unit: str
    source: Source

    def describe(self) -> dict[str, object]:
        """Value, unit, firmness and reference, made of JSON's types."""
        ref = f"{self.source.ref}, {self.source.locator}".rstrip(", ")
        return {"value": self.value, "unit": self.unit, "kind": self.source.kind, "ref": ref}


def figures_of(device: Any) -> dict[str, Quantity]:
    """Every figure of a device's dataclass by its name."""
    found = {f.name: getattr(device, f.name) for f in fields(device)}
    return {name: value for name, value in found.items() if isinstance(value, Quantity)}


def check_figures(device: Any, positive: tuple[str, ...]) -> None:
    """Raise HardwareError for a figure that is not finite, below 0, or 0 where it is `positive`."""
    for name, figure in figures_of(device).items():
        above = name in positive
        bad = figure.value <= 0 if above else figure.value < 0
        if bad or not math.isfinite(figure.value):
            raise HardwareError(
                f"device {device.name}: {name} must be {'> 0' if above else '>= 0'} "
                f"{figure.unit}, got {figure.value}"
            )
