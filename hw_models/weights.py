"""What it costs to write one weight of a machine that is trained where it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from hw_models.digital import SRAM_45NM
from hw_models.errors import HardwareError
from hw_models.published import ARRAY, ARRAY_DEGREE, ARRAY_WRITE
from hw_models.registry import Registry
from hw_models.source import Quantity, Source


@dataclass(frozen=True, slots=True)
class WeightMemory:
    """Where couplings are kept. write : J for one coupling set to a new value"""

    name: str
    summary: str
    write: Quantity

    def __post_init__(self) -> None:
        if not (math.isfinite(self.write.value) and self.write.value >= 0):
            raise HardwareError(
                f"weight memory {self.name}: write must be >= 0 {self.write.unit}, got {self.write.value}"
            )

    def describe(self) -> dict[str, Any]:
        """Summary and the figure with its source."""
        return {"name": self.name, "summary": self.summary, "figures": {"write": self.write.describe()}}


_WORD = SRAM_45NM[0][1]

_MEMORIES = (
    WeightMemory(
        "sram-8bit",
        "8-bit weights in a small SRAM beside the array, converted where they act",
        Quantity(
            _WORD.value / 8,
            "J",
            Source(
                "derived",
                _WORD.source.ref,
                "an eighth of a 64-bit access to 8 kB; a write taken to cost as a read",
            ),
        ),
    ),
    WeightMemory(
        "capacitor-10fF",
        "weights as charge, refreshed by training itself",
        Quantity(10e-15 * 1.0**2, "J", Source("assumed", "C V^2, 10 fF at 1 V; driver not counted")),
    ),
    WeightMemory(
        "oxide-cell",
        "resistive memory, one programming pulse a write, no verify",
        Quantity(
            1.5 * 50e-6 * 50e-9, "J", Source("memory", "oxide resistive cell: pulse of 1.5 V, 50 uA, 50 ns")
        ),
    ),
    WeightMemory(
        "sampling-unit",
        "couplings of a pre-silicon p-bit array: its write of a node, over the values that it sets",
        Quantity(
            ARRAY_WRITE.value / (ARRAY_DEGREE + 1),
            "J",
            Source("derived", ARRAY, f"{ARRAY_WRITE.source.locator}: a {ARRAY_DEGREE + 1}th of it"),
        ),
    ),
)

WEIGHT_MEMORIES = Registry("weight memory", [(m.name, m) for m in _MEMORIES])
