"""A figure never travels without its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.interval import Interval

KINDS = ("exact", "measured", "code", "paper", "derived", "second-hand", "memory", "assumed")

SPREAD: Mapping[str, float] = Frozen(
    {
        "exact": 1.0,
        "measured": 1.1,
        "code": 1.1,
        "paper": 1.25,
        "derived": 1.5,
        "second-hand": 2.0,
        "memory": 2.0,
        "assumed": 3.0,
    }
)
"""By what factor either way a figure of each firmness may be off: a convention of ours, which
docs/references.md states. A figure whose interval is known gives its own low and high."""


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
    """A value with its unit and source.

    low, high : what it may be, given where that is known better than the firmness of its source
        says (both equal to the value: what a design chooses is not in doubt)

    Raises HardwareError unless low <= value <= high, and for one of them without the other.
    """

    value: float
    unit: str
    source: Source
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise HardwareError(
                f"figure of {self.value:g} {self.unit}: give low and high together, or neither"
            )
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise HardwareError(
                f"figure of {self.value:g} {self.unit} must lie between its low and high value, got "
                f"{self.low:g} and {self.high:g}"
            )

    @property
    def interval(self) -> Interval:
        """What it may be: the given low and high, else SPREAD by the firmness of its source."""
        if self.low is not None and self.high is not None:
            return Interval(self.low, self.value, self.high)
        if not math.isfinite(self.value):
            return Interval(self.value, self.value, self.value)
        spread = SPREAD[self.source.kind]
        low, high = sorted((self.value / spread, self.value * spread))
        return Interval(low, self.value, high)

    def describe(self) -> dict[str, object]:
        """Value, interval, unit, firmness and reference, made of JSON's types."""
        ref = f"{self.source.ref}, {self.source.locator}".rstrip(", ")
        between = self.interval
        return {
            "value": self.value,
            "low": between.low,
            "high": between.high,
            "unit": self.unit,
            "kind": self.source.kind,
            "ref": ref,
        }


def chosen(value: float, unit: str, why: str, tolerance: float = 0.0) -> Quantity:
    """A figure that the design sets, so that only manufacture moves it.

    tolerance : relative, either way; 0 for what is counted or set exactly (bits, a clock's period)
    """
    return Quantity(value, unit, Source("assumed", why), value * (1 - tolerance), value * (1 + tolerance))


def figures_of(device: Any) -> dict[str, Quantity]:
    """Every figure of a device's dataclass by its name.

    Those of its parts (fields with figures of their own) come with the field's name before theirs:
    "couplings noise", "input converter energy".
    """
    found: dict[str, Quantity] = {}
    for field in fields(device):
        value = getattr(device, field.name)
        if isinstance(value, Quantity):
            found[field.name] = value
        elif hasattr(value, "figures"):
            part = field.name.replace("_", " ")
            found |= {f"{part} {name}": figure for name, figure in value.figures().items()}
    return found


def with_values(thing: Any, values: Mapping[str, float]) -> Any:
    """The same device, converter or library with other values of some of its figures.

    values : by the names that its `figures()` have; sources stay, intervals follow from them

    Raises HardwareError for a name that it does not have.
    """
    if hasattr(thing, "with_values"):
        return thing.with_values(values)
    changed: dict[str, Any] = {}
    for name, value in values.items():
        field, inner = _field_of(thing, name)
        old = getattr(thing, field)
        if inner is None:
            changed[field] = Quantity(float(value), old.unit, old.source)
        else:
            changed[field] = with_values(changed.get(field, old), {inner: value})
    return replace(thing, **changed) if changed else thing


def _field_of(thing: Any, name: str) -> tuple[str, str | None]:
    """The field that a figure's name leads to, and the name inside that part."""
    for field in fields(thing):
        value = getattr(thing, field.name)
        part = field.name.replace("_", " ") + " "
        if isinstance(value, Quantity) and name == field.name:
            return field.name, None
        if name.startswith(part) and hasattr(value, "figures") and name[len(part) :] in value.figures():
            return field.name, name[len(part) :]
    raise HardwareError(
        f"{getattr(thing, 'name', type(thing).__name__)} has no figure {name!r}; its figures are "
        f"{', '.join(figures_of(thing))}"
    )


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
