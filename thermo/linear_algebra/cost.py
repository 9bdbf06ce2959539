"""What a measurement would take on an array of RC cells: seconds, joules, and the periphery."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compiler.families.gaussian import gaussian
from hw_models.device import Device, conversion_time, periphery
from thermo.linear_algebra.machine import LinearAlgebraError
from thermo.linear_algebra.measurement import Measurement


@dataclass(frozen=True, slots=True)
class AnalogCost:
    """Seconds and joules on a device.

    seconds : of the physics, copies side by side; machine_seconds : one after the other, with its
        converters; unit_seconds : of one unit of 1 / A
    physics : J, heat of all copies, or None where it was not measured; input_drive, read_out,
        clocking, idle : J, see hw_models.device.periphery
    """

    device: str
    unit_seconds: float
    seconds: float
    machine_seconds: float
    physics: float | None
    input_drive: float
    read_out: float
    clocking: float
    idle: float

    @property
    def total(self) -> float:
        """J; without the physics where it was not measured."""
        return (self.physics or 0.0) + self.input_drive + self.read_out + self.clocking + self.idle

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "total": self.total}


def analog_cost(
    measurement: Measurement, A: Any, device: Device, *, analog_average: bool = False
) -> AnalogCost:
    """Cost of a measurement on `device`, whose typical cell has J2 = median(A_ii) / 2.

    Every entry of A and b is written once through a converter; cells are read `reads` times a
    machine, or once where the average is taken in analog (`analog_average`: an RC filter behind
    each cell, assumed; it makes means, not covariances). A determinant reads no cell: its work is
    metered at the supply, assumed free. Couplings beyond the diagonal load their cells on a real
    array (docs/physics.md#units), which is left out.
    """
    model = gaussian(A)
    diagonal = model.A.diagonal()
    j2 = 0.5 * float(np.median(diagonal))
    if not j2 > 0:
        raise LinearAlgebraError(f"the median of A's diagonal is {2 * j2:g}; an RC cell needs one above 0")
    kT = measurement.kT if measurement.kT > 0 else 1.0
    units = device.units(kT=kT, mobility=1.0, j2=j2)
    one = (measurement.time + measurement.burn_in) * units.time
    reads = min(1, measurement.reads) if analog_average else measurement.reads
    # cells in wells of A's diagonal stay within 3 sqrt(kT / 2 J2); converters are made for that
    volts = 6.0 * units.voltage * math.sqrt(kT / (2.0 * j2))
    around = periphery(
        device,
        n_inputs=model.A.nnz + model.n,
        n_outputs=model.n * reads,
        n_cells=model.n,
        n_phases=2,
        runs=measurement.machines,
        seconds=one,
        input_volts=volts,
        output_volts=volts,
    )
    heat = measurement.heat
    physics = None if heat is None else heat * kT * units.energy * measurement.machines
    converters = conversion_time(device, measurement.machines)
    return AnalogCost(
        device=device.name,
        unit_seconds=units.time,
        seconds=one,
        machine_seconds=one * measurement.machines + converters,
        physics=physics,
        input_drive=around.input_drive,
        read_out=around.read_out,
        clocking=around.clocking,
        idle=around.idle,
    )
