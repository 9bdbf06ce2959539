"""Devices for Langevin cells: what an estimate asks of one, and what stands around an array of them.

A further kind of device is one class with these members and a preset of it in hw_models.presets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hw_models.errors import HardwareError
from hw_models.source import Quantity


@dataclass(frozen=True, slots=True)
class Units:
    """What one dimensionless unit is.

    energy : J; voltage : V; time : s; conductance : S per unit of W; kT : thermal energy of the
    device in energy units (the netlist's own kT unless that is 0)
    """

    energy: float
    voltage: float
    time: float
    conductance: float
    kT: float

    def volts(self, x: Any) -> Any:
        """V of a state x; `state` is the reverse."""
        return x * self.voltage

    def state(self, volts: Any) -> Any:
        """x of a voltage."""
        return volts / self.voltage

    def joules(self, energy: Any) -> Any:
        """J of an energy in the netlist's units (not in kT)."""
        return energy * self.energy

    def seconds(self, time: Any) -> Any:
        """s of a time in the netlist's units."""
        return time * self.time


class Device(Protocol):
    """Hardware that relaxes as dimensionless cells do, with its periphery; RCDevice is one.

    ambient : K
    input_bits, input_energy : converter of one input value, J a bit; output_energy : J a conversion
    clock_energy : J per dynamic cell and phase of the schedule
    static_power : W per dynamic cell, drawn for as long as an inference lasts
    converter_time : s, added to the latency for input and read-out
    """

    @property
    def name(self) -> str: ...
    @property
    def ambient(self) -> Quantity: ...
    @property
    def input_bits(self) -> Quantity: ...
    @property
    def input_energy(self) -> Quantity: ...
    @property
    def output_energy(self) -> Quantity: ...
    @property
    def clock_energy(self) -> Quantity: ...
    @property
    def static_power(self) -> Quantity: ...
    @property
    def converter_time(self) -> Quantity: ...

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""

    def energy_figures(self, kT: float) -> tuple[Quantity, ...]:
        """What the unit of energy of a netlist with this kT follows from."""

    @property
    def time_figures(self) -> tuple[Quantity, ...]:
        """What the unit of time follows from."""

    def describe(self) -> dict[str, Any]:
        """Summary and every figure with its source, for `thermoc presets`."""

    def units(self, *, kT: float, mobility: float, j2: float) -> Units:
        """Units of a netlist with this kT, mobility and (typical) J2; HardwareError if it cannot
        hold such cells.
        """


@dataclass(frozen=True, slots=True)
class Periphery:
    """Joules per inference spent around the physics."""

    input_drive: float
    read_out: float
    clocking: float
    idle: float


def periphery(
    device: Device, *, n_inputs: int, n_outputs: int, n_cells: int, n_phases: int, runs: int, seconds: float
) -> Periphery:
    """Energy of converters, switches and static currents for one inference of `runs` runs.

    seconds : time of one run on the machine; inputs are converted once, outputs after every run

        input_drive = n_inputs input_bits input_energy
        read_out    = n_outputs runs output_energy
        clocking    = n_cells n_phases runs clock_energy
        idle        = n_cells static_power (runs seconds + (1 + runs) converter_time)

    Raises HardwareError for a count below 0, less than one run or a negative time.
    """
    counts = {"inputs": n_inputs, "outputs": n_outputs, "cells": n_cells, "phases": n_phases}
    for name, count in counts.items():
        if count < 0:
            raise HardwareError(f"periphery: number of {name} must be >= 0, got {count}")
    if runs < 1 or not seconds >= 0:
        raise HardwareError(f"periphery: runs must be >= 1 and seconds >= 0, got {runs} and {seconds}")
    return Periphery(
        input_drive=n_inputs * device.input_bits.value * device.input_energy.value,
        read_out=n_outputs * runs * device.output_energy.value,
        clocking=n_cells * n_phases * runs * device.clock_energy.value,
        idle=n_cells
        * device.static_power.value
        * (runs * seconds + device.converter_time.value * (1 + runs)),
    )
