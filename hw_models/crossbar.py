"""Crossbar tiles as hardware: their devices, wires, amplifiers and converters, each figure with its source.

A tile is read with every row at a voltage of at most `voltage` for `read_time`; the currents of a pair of
columns are subtracted and integrated at a virtual ground, and one converter reads the pair. What its wires
do is hw_models.ir_drop; what its devices do beside what they were asked for is `imperfections`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hw_models.constants import thermal_energy
from hw_models.converters import Converter
from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections
from hw_models.ir_drop import Wires
from hw_models.source import Quantity, check_figures, figures_of

PREFIX = "crossbar-"
"""How the names of targets that are tiles begin: crossbar-64, crossbar-128x64."""


@dataclass(frozen=True, slots=True)
class CrossbarDevice:
    """What tiles are made of.

    conductance : S, of a device that is on; voltage : V, of a row at the end of its range; ambient : K
    read_time : s, that a read's currents are integrated
    row, column : ohm, of a wire from crossing to crossing; driver, sense : ohm, of a row's driver and of
        a column's amplifier
    amplifier_power : W of a pair of columns while it is read
    amplifier_noise : power of an amplifier's noise over that of its columns' devices, 1
    swing : V of a pair's full scale at its converter, integrated
    sharing : pairs of columns that take turns at one output converter
    input_converter, output_converter : of a row, of a pair of columns; None: ideal, exact and free
    add : J of a digital addition, comparison or activation of 8 bits; buffer : J of a bit that is kept
        between layers, written and read once
    device_area : m2 of a device with its wires; converter_area : m2 of an output converter
    imperfections : how its devices differ from what they were asked for
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {
            "conductance": "S",
            "voltage": "V",
            "ambient": "K",
            "read_time": "s",
            "row": "ohm",
            "column": "ohm",
            "driver": "ohm",
            "sense": "ohm",
            "amplifier_power": "W",
            "amplifier_noise": "1",
            "swing": "V",
            "sharing": "1",
            "add": "J",
            "buffer": "J/bit",
            "device_area": "m2",
            "converter_area": "m2",
        }
    )

    name: str
    summary: str
    conductance: Quantity
    voltage: Quantity
    ambient: Quantity
    read_time: Quantity
    row: Quantity
    column: Quantity
    driver: Quantity
    sense: Quantity
    amplifier_power: Quantity
    amplifier_noise: Quantity
    swing: Quantity
    sharing: Quantity
    input_converter: Converter | None
    output_converter: Converter | None
    add: Quantity
    buffer: Quantity
    device_area: Quantity
    converter_area: Quantity
    imperfections: Imperfections = field(default_factory=Imperfections)

    def __post_init__(self) -> None:
        check_figures(self, ("conductance", "voltage", "ambient", "read_time", "swing", "sharing"))

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""
        return figures_of(self)

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "figures": {
                k: f.describe() for k, f in (self.figures() | self.imperfections.law_figures()).items()
            },
        }

    @property
    def wires(self) -> Wires:
        """Resistances of its wires."""
        return Wires(self.row.value, self.column.value, self.driver.value, self.sense.value)

    def noise(self, conductance: Any) -> Any:
        """A rms, of a read of columns whose devices sum to `conductance` (S), amplifier included.

        White noise of power spectral density 4 kT G (1 + amplifier_noise), averaged over a read: half of it
        over the time.
        """
        density = 4.0 * thermal_energy(self.ambient.value) * conductance * (1.0 + self.amplifier_noise.value)
        return (density / (2.0 * self.read_time.value)) ** 0.5


@dataclass(frozen=True, slots=True)
class CrossbarTarget:
    """Tiles of so many rows and columns that an ordinary network is laid out on."""

    name: str
    rows: int
    columns: int


def crossbar_target(name: str) -> CrossbarTarget | None:
    """The target of a name crossbar-N or crossbar-ROWSxCOLUMNS; None for another name.

    Raises HardwareError for a size that no tile can have.
    """
    if not name.startswith(PREFIX):
        return None
    words = name.removeprefix(PREFIX).split("x")
    sizes = [int(word) if word.isdecimal() and len(word) < 6 else 0 for word in words]
    if len(sizes) not in (1, 2) or min(sizes) < 2:
        raise HardwareError(
            f"target {name!r}: give the rows and columns of a tile, 2 or more, as in {PREFIX}64 or "
            f"{PREFIX}128x64"
        )
    return CrossbarTarget(name, sizes[0], sizes[-1])


def read_seconds(device: CrossbarDevice) -> float:
    """s of one read: input conversion, integration, and the turns at an output converter."""
    times = [0.0 if c is None else c.time for c in (device.input_converter, device.output_converter)]
    return times[0] + device.read_time.value + math.ceil(device.sharing.value) * times[1]
