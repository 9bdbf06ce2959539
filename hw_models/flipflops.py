"""Flip-flops: what holding a bit between two answers costs, from a Liberty file or a preset."""

from __future__ import annotations

from dataclasses import dataclass, fields

from hw_models.source import Quantity, Source

UNITS = {
    "area": "um2",
    "leakage": "W",
    "clock_energy": "J",
    "clock_capacitance": "F",
    "energy": "J",
    "capacitance": "F",
    "delay": "s",
    "setup": "s",
}


@dataclass(frozen=True, slots=True)
class FlipFlop:
    """A flip-flop with a clock and one data input.

    area : um2; leakage : W
    clock_energy : J inside it a clock period, both edges, whether or not its bit changes
    clock_capacitance : F of the clock's pin
    energy : J a change of its bit: what the data input draws and the output into the library's load,
        that load's C V^2 / 2 included
    capacitance : F of the data input; delay : s from the clock to the output; setup : s
    pins : names of the clock, the data input and the output, None where they are not known
    inverts : whether the output shows its bit's complement
    """

    name: str
    area: float
    leakage: float
    clock_energy: float
    clock_capacitance: float
    energy: float
    capacitance: float
    delay: float
    setup: float
    source: Source
    pins: tuple[str, str, str] | None = None
    inverts: bool = False

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name, the flip-flop's before it."""
        return {
            f"{self.name} {field.name}": Quantity(getattr(self, field.name), UNITS[field.name], self.source)
            for field in fields(self)
            if field.name in UNITS
        }
