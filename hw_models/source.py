"""A figure never travels without its source."""

from __future__ import annotations

from dataclasses import dataclass

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
class Figure:
    """A value with its unit and source."""

    value: float
    unit: str
    source: Source

    def describe(self) -> dict[str, object]:
        """Value, unit, firmness and reference, made of JSON's types."""
        ref = f"{self.source.ref}, {self.source.locator}".rstrip(", ")
        return {"value": self.value, "unit": self.unit, "kind": self.source.kind, "ref": ref}
