"""What one volt, second, siemens and farad of a deck are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import CellKind, LangevinNetlist, Order


@dataclass(frozen=True, slots=True)
class Scale:
    """Units of the netlist in the deck's SI units.

    voltage : V of one unit of x; time : s of one unit; conductance : S of one unit of W and of 2 J2
    capacitance : F of a cell, time conductance mobility; resistance : ohm, that of a typical cell
    name : device, "" where the deck is dimensionless
    """

    voltage: float
    time: float
    conductance: float
    capacitance: float
    resistance: float
    name: str = ""

    @property
    def physical(self) -> bool:
        return bool(self.name)

    @property
    def current(self) -> float:
        """A of one unit of force."""
        return self.conductance * self.voltage


def scale_of(netlist: LangevinNetlist, device: Any) -> tuple[Scale, float]:
    """Units of a deck, and the kT that the netlist has in them.

    They are those of the device, at whose swing a netlist of kT = 0 has a temperature; without one 1 V, 1 s
    and 1 S, and a capacitor of 1 / mobility.

    Raises UnsupportedError for cells that are no RC cells, HardwareError for those that the device
    cannot hold.
    """
    cells, dynamic = netlist.cells, ~netlist.cells.frozen
    j2 = float(np.median(cells.j2[dynamic]))
    if device is None:
        resistance = 1.0 / (2.0 * j2) if j2 > 0 else 1.0
        return Scale(1.0, 1.0, 1.0, 1.0 / netlist.mobility, resistance), netlist.kT
    for column, other, what in (
        (cells.order, Order.UNDERDAMPED, "has inertia"),
        (cells.kind, CellKind.PHASE, "is an angle"),
    ):
        bad = dynamic & (column == other)
        if bad.any():
            raise UnsupportedError(
                f"cell {int(np.argmax(bad))} {what}; device {device.name} is an array of RC cells: leave "
                "the device out for a dimensionless deck"
            )
    if netlist.noise is not None:
        raise UnsupportedError(
            f"the netlist has a noise matrix, which the RC cells of device {device.name} do not have: "
            "leave the device out for a dimensionless deck"
        )
    if not (hasattr(device, "capacitance") and hasattr(device, "resistance")):
        raise UnsupportedError(
            f"device {device.name} has no capacitance and resistance; choose an array of RC cells"
        )
    units = device.units(kT=netlist.kT, mobility=netlist.mobility, j2=j2)
    scale = Scale(
        voltage=units.voltage,
        time=units.time,
        conductance=units.conductance,
        capacitance=float(device.capacitance.value),
        resistance=float(device.resistance.value),
        name=device.name,
    )
    return scale, units.kT
