"""Devices for Langevin cells: what an estimate asks of one, and what stands around an array of them.

A further kind of device is one class with these members, which hw_models.files makes of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hw_models.converters import Converter
from hw_models.couplings import CouplingTechnology
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections
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
    input_converter, output_converter : of one input value, of one output value; None: ideal, exact and free
    clock_energy : J per dynamic cell and phase of the schedule
    static_power : W per dynamic cell, drawn for as long as an inference lasts
    couplings : what they are made of
    imperfections : by what its couplings and biases differ from what is asked for
    """

    @property
    def name(self) -> str: ...
    @property
    def ambient(self) -> Quantity: ...
    @property
    def input_converter(self) -> Converter | None: ...
    @property
    def output_converter(self) -> Converter | None: ...
    @property
    def clock_energy(self) -> Quantity: ...
    @property
    def static_power(self) -> Quantity: ...
    @property
    def couplings(self) -> CouplingTechnology: ...
    @property
    def imperfections(self) -> Imperfections: ...

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


def conversion_time(device: Device, runs: int = 1) -> float:
    """s that `runs` runs of one inference wait for converters: inputs once, a read-out after every run."""
    times = [0.0 if c is None else c.time for c in (device.input_converter, device.output_converter)]
    return times[0] + runs * times[1]


def periphery(
    device: Device,
    *,
    n_inputs: int,
    n_outputs: int,
    n_cells: int,
    n_phases: int,
    runs: int,
    seconds: float,
    input_volts: float,
    output_volts: float,
) -> Periphery:
    """Energy of converters, switches and static currents for one inference of `runs` runs.

    seconds : time of one run on the machine; inputs are converted once, outputs after every run
    input_volts, output_volts : of their signals at full scale

        input_drive = n_inputs E_in(input_volts)         hw_models.converters; a line crosses n_cells columns
        read_out    = n_outputs runs E_out(output_volts)
        clocking    = n_cells n_phases runs clock_energy
        idle        = n_cells static_power latency
        latency     = runs seconds + conversion_time     its inverse, times runs, is the rate of conversions

    Raises HardwareError for a count below 0, less than one run, a negative time or a signal without volts.
    """
    counts = {"inputs": n_inputs, "outputs": n_outputs, "cells": n_cells, "phases": n_phases}
    for name, count in counts.items():
        if count < 0:
            raise HardwareError(f"periphery: number of {name} must be >= 0, got {count}")
    if runs < 1 or not seconds >= 0:
        raise HardwareError(f"periphery: runs must be >= 1 and seconds >= 0, got {runs} and {seconds}")
    latency = runs * seconds + conversion_time(device, runs)
    rate = 1.0 / latency if latency > 0 else None
    each_input = conversion_energy(device, "input", input_volts, columns=max(n_cells, 1), rate=rate)
    each_read = conversion_energy(device, "output", output_volts, rate=rate and runs * rate)
    return Periphery(
        input_drive=n_inputs * each_input,
        read_out=n_outputs * runs * each_read,
        clocking=n_cells * n_phases * runs * device.clock_energy.value,
        idle=n_cells * device.static_power.value * latency,
    )


def conversion_energy(
    device: Device, side: str, volts: float, *, columns: int = 1, rate: float | None = None
) -> float:
    """J of one conversion at the "input" or "output" side of a device, 0 where converters are ideal."""
    converter = device.input_converter if side == "input" else device.output_converter
    if converter is None:
        return 0.0
    return converter.energy(volts, columns=columns, rate=rate, ambient=device.ambient.value)
