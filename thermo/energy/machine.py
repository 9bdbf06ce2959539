"""The price of one inference of Langevin cells: what it asks of a device, at the device's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingCost, coupling_cost
from hw_models.device import Device, Units, conversion_time, periphery
from hw_models.source import with_values
from thermo.energy.ledger import Design, Parameters, Price, named, occupied, values_of


@dataclass(frozen=True, slots=True)
class MachineRun:
    """What one inference asked of a machine, in the netlist's own units.

    n_cells : dynamic ones; n_phases : of a run, its reset included; n_parameters : couplings and biases
    runs : of an inference; duration : of one run, reset included
    physics : energy of all runs of one inference, work of their cycles or else heat
    input_span, output_span : what converters have at full scale, in units of x
    kT, mobility, j2 : of the netlist, J2 of its typical cell
    n_couplings, strength : of the couplings, their number and the sum of their |W|
    resistors : whether the netlist is a network of resistors, whatever the device's couplings
    always_on : whether bias currents of couplings are never switched off; else they flow for as long as
        the cells relax and are reset
    """

    n_inputs: int
    n_outputs: int
    n_cells: int
    n_phases: int
    n_parameters: int
    runs: int
    duration: float
    physics: float
    input_span: float
    output_span: float
    kT: float
    mobility: float
    j2: float
    n_couplings: int = 0
    strength: float = 0.0
    resistors: bool = False
    always_on: bool = False

    def units(self, device: Device) -> Units:
        """The netlist's units on the device."""
        return device.units(kT=self.kT, mobility=self.mobility, j2=self.j2)

    def couplings(self, device: Device) -> CouplingCost:
        """Current, power and area of the couplings while they are on."""
        units, technology = self.units(device), device.couplings
        if self.resistors and technology.name != "ideal":
            technology = COUPLING_TECHNOLOGIES.get("resistor")
        return coupling_cost(
            technology,
            conductance=self.strength * units.conductance,
            count=self.n_couplings,
            rc=units.time / (2.0 * self.j2 * self.mobility),
        )

    def price(self, device: Device, rate: float | None = None) -> Price:
        """One inference on the device, see thermo.energy.ledger.Design.price."""
        units = self.units(device)
        seconds = self.duration * units.time
        around = periphery(
            device,
            n_inputs=self.n_inputs,
            n_outputs=self.n_outputs,
            n_cells=self.n_cells,
            n_phases=self.n_phases,
            runs=self.runs,
            seconds=seconds,
            input_volts=units.volts(self.input_span),
            output_volts=units.volts(self.output_span),
        )
        latency = self.runs * seconds + conversion_time(device, self.runs)
        couplings = self.couplings(device)
        on = occupied(latency, rate) if self.always_on else self.runs * seconds
        return Price(
            {
                "physics": self.physics * units.energy,
                "couplings": couplings.power * on,
                "input converters": around.input_drive,
                "output converters": around.read_out,
                "clock": around.clocking,
                "leakage": self.n_cells * device.static_power.value * occupied(latency, rate),
            },
            latency,
            couplings.area or None,
        )

    def design(
        self,
        device: Device,
        *,
        name: str,
        accuracy: float | None,
        accuracy_sem: float | None,
        n_samples: int,
        split: str,
        right: np.ndarray | None = None,
        bits: float = 8.0,
    ) -> Design:
        """The machine as a design that is priced on this device; bits : of a coupling that is stored."""

        def price(values: Mapping[str, float], rate: float | None) -> Price:
            return self.price(with_values(device, values_of(device.name, values)), rate)

        return Design(
            name=name,
            family="langevin",
            accuracy=accuracy,
            accuracy_sem=accuracy_sem,
            n_samples=n_samples,
            split=split,
            node="not stated",
            voltage=None,
            figures=named(device.name, device.figures()),
            price=price,
            parameters=Parameters(self.n_parameters, bits),
            right=right,
        )
