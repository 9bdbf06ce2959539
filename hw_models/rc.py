"""RC cells: a capacitor that relaxes through a resistor.

A dimensionless cell dx/dt = -mobility 2 J2 x is a capacitor C discharging through R, so that

    energy unit   E0 = k_B T / kT
    voltage unit  v0 = sqrt(2 J2 E0 / C)          J2 E0 = C v0^2 / 2
    time unit     t0 = 2 J2 mobility R C
    conductance of a coupling W_ij                 W_ij / (2 J2 R)

(derived in docs/physics.md#units). At kT = 0 there is no thermal unit of energy; the device's swing
is then the voltage unit and kT follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hw_models.constants import thermal_energy
from hw_models.converters import Converter
from hw_models.couplings import IDEAL, CouplingTechnology
from hw_models.device import Units
from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections
from hw_models.source import Quantity, check_figures, figures_of


@dataclass(frozen=True, slots=True)
class RCDevice:
    """An array of RC cells with its periphery.

    capacitance, resistance : of one cell; ambient : K
    swing : V, voltage of one unit of x where the netlist has kT = 0
    input_converter, output_converter : of one input value, of one output value; None: ideal, exact and free
    clock_energy : J per dynamic cell and phase of the schedule (switch drivers)
    static_power : W per dynamic cell (bias currents), drawn for as long as an inference lasts
    couplings : what they are made of
    imperfections : by what its couplings and biases differ from what is asked for
    """

    UNITS: ClassVar[Mapping[str, str]] = Frozen(
        {
            "capacitance": "F",
            "resistance": "ohm",
            "ambient": "K",
            "swing": "V",
            "clock_energy": "J",
            "static_power": "W",
        }
    )

    name: str
    summary: str
    capacitance: Quantity
    resistance: Quantity
    ambient: Quantity
    swing: Quantity
    input_converter: Converter | None
    output_converter: Converter | None
    clock_energy: Quantity
    static_power: Quantity
    couplings: CouplingTechnology = IDEAL
    imperfections: Imperfections = field(default_factory=Imperfections)

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name, those of the couplings as "couplings noise"."""
        return figures_of(self)

    def __post_init__(self) -> None:
        check_figures(self, ("capacitance", "resistance", "ambient", "swing"))

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "couplings": self.couplings.name,
            "figures": {
                k: f.describe() for k, f in {**self.figures(), **self.imperfections.law_figures()}.items()
            },
        }

    def energy_figures(self, kT: float) -> tuple[Quantity, ...]:
        """What the unit of energy of a netlist with this kT follows from."""
        return (self.ambient,) if kT > 0 else (self.capacitance, self.swing)

    @property
    def time_figures(self) -> tuple[Quantity, ...]:
        """What the unit of time follows from."""
        return self.capacitance, self.resistance

    def units(self, *, kT: float, mobility: float, j2: float) -> Units:
        """Units of a netlist with this kT, mobility and (typical) J2 on this device.

        Raises HardwareError if kT < 0 or J2 or the mobility is not positive.
        """
        if not (kT >= 0 and math.isfinite(kT)):
            raise HardwareError(f"device {self.name}: kT must be >= 0, got {kT}")
        if not (j2 > 0 and mobility > 0):
            raise HardwareError(
                f"device {self.name}: an RC cell needs J2 > 0 and mobility > 0, got J2 = {j2:g}, "
                f"mobility = {mobility:g}: the capacitor's own energy is J2 x^2"
            )
        thermal = thermal_energy(self.ambient.value)
        c, r = self.capacitance.value, self.resistance.value
        if kT > 0:
            energy = thermal / kT
            voltage = math.sqrt(2.0 * j2 * energy / c)
        else:
            voltage = self.swing.value
            energy = c * voltage**2 / (2.0 * j2)
        return Units(
            energy=energy,
            voltage=voltage,
            time=2.0 * j2 * mobility * r * c,
            conductance=1.0 / (2.0 * j2 * r),
            kT=thermal / energy,
        )

    def dimensionless(self, *, voltage: float, time: float, j2: float) -> tuple[float, float]:
        """(kT, mobility) of a netlist whose units of x and t are `voltage` (V) and `time` (s).

        The reverse of `units`: cells of this device with self-energy j2 x^2. Raises HardwareError
        unless all three are above 0.
        """
        if not (voltage > 0 and time > 0 and j2 > 0):
            raise HardwareError(
                f"device {self.name}: voltage, time and J2 must be > 0, got {voltage:g} V, {time:g} s, {j2:g}"
            )
        c, r = self.capacitance.value, self.resistance.value
        kT = thermal_energy(self.ambient.value) * 2.0 * j2 / (c * voltage**2)
        return kT, time / (2.0 * j2 * r * c)
