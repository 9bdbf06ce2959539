"""What a device's couplings do to a netlist's cells: noise, load and range beside the ideal equation.

    dx_i = mobility f_i dt + sqrt(2 mobility kT (1 + e_i)) dW_i
    f_i  = ideal force of what couplings show, phi within the reach, - l_i x_i

with e_i and l_i in proportion to the couplings that are on: |s| times those among the cells, and |s| times
those from inputs in phases whose inputs are on. docs/physics.md#couplings-as-circuits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import CellKind, CouplingKind, LangevinNetlist
from compiler.ir.symmetry import matrix
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology, burden
from hw_models.device import Device, Units
from hw_models.imperfect import Imperfections
from thermo.simulate.device import acting_couplings
from thermo.simulate.langevin.refusals import is_underdamped

WAY_OUT = "couplings = ideal (--couplings ideal) runs the ideal equation"
SYMMETRY = 1e-6  # largest |W_ij - W_ji| over largest |W| that counts as rounding


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """Couplings of a technology, at coupling scale 1.

    excess, load : (2, n) of dynamic cells with inputs off and on: noise power over the cell's own, and
        stiffness; reach : largest state that couplings show
    """

    name: str
    excess: np.ndarray
    load: np.ndarray
    reach: float

    @property
    def has_potential(self) -> bool:
        """Whether they leave the force the gradient that it is."""
        return not (np.isfinite(self.reach) or self.load.any())

    def sigma(self, s: float, on: bool) -> np.ndarray:
        """(n, 1) standard deviation of each cell's noise over its own."""
        return np.sqrt(1.0 + abs(s) * self.excess[int(on)])[:, None]

    def stiffness(self, s: float, on: bool) -> np.ndarray:
        """(n, 1) load of each cell."""
        return np.asarray(abs(s) * self.load[int(on)])[:, None]


def typical_j2(netlist: LangevinNetlist) -> float:
    """Median J2 of the cells that move."""
    return float(np.median(netlist.cells.j2[~netlist.cells.frozen]))


def device_units(netlist: LangevinNetlist, device: Device) -> Units:
    """The netlist's units on the device. HardwareError where the device cannot hold it."""
    return device.units(kT=netlist.kT, mobility=netlist.mobility, j2=typical_j2(netlist))


def magnitudes(
    netlist: LangevinNetlist, non_ideal: Imperfections | None = None, device_seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) sums of |W| of the dynamic cells over couplings among them, and (n,) over those from inputs."""
    frozen = netlist.cells.frozen
    sums = np.zeros((2, netlist.n_cells))
    for group in (g for g in netlist.couplings if len(g)):
        values = np.asarray(group.values)
        if non_ideal is not None:
            values = acting_couplings(netlist, group, non_ideal, device_seed)
        for side, chosen in enumerate((~frozen[group.indices], frozen[group.indices])):
            sums[side] += np.bincount(
                group.rows[chosen], np.abs(values[chosen]).astype(np.float64), netlist.n_cells
            )
    return sums[0, ~frozen], sums[1, ~frozen]


def has_resistors(netlist: LangevinNetlist) -> bool:
    """Whether it is a network of resistors by itself: it has resistive couplings."""
    return any(len(g) and g.kind == CouplingKind.RESISTIVE for g in netlist.couplings)


def technology_of(netlist: LangevinNetlist, device: Device) -> CouplingTechnology:
    """What the netlist's couplings are on the device: resistors where it is a network of them."""
    own = device.couplings
    return COUPLING_TECHNOLOGIES.get("resistor") if has_resistors(netlist) and own.name != "ideal" else own


def wire(
    netlist: LangevinNetlist, device: Device, non_ideal: Imperfections | None = None, device_seed: int = 0
) -> Wiring | None:
    """The netlist's couplings as the device makes them; None where its cells obey the ideal equation.

    A network of resistors has its loads in its own J2 and couplings: noise alone is added.

    Raises UnsupportedError for cells and couplings that the technology cannot make, HardwareError
    where the device cannot hold the cells.
    """
    technology = technology_of(netlist, device)
    if technology.name == "ideal" or not netlist.n_couplings:
        return None
    _check(netlist, technology)
    units, j2 = device_units(netlist, device), typical_j2(netlist)
    if technology.reactive:
        _check_reactive(netlist, technology)
    if technology.ideal:
        return None
    among, driven = magnitudes(netlist, non_ideal, device_seed)
    found = burden(technology, np.stack([among, among + driven]), j2=j2, voltage=units.voltage)
    load = found.load * (0.0 if has_resistors(netlist) else 1.0)
    return Wiring(technology.name, found.excess, load, found.reach)


def _check(netlist: LangevinNetlist, technology: CouplingTechnology) -> None:
    """Refuse what is no circuit of overdamped cells and linear or resistive couplings."""
    what = f"couplings made as {technology.name}"
    cells = netlist.cells
    phases = ~cells.frozen & (cells.kind != CellKind.CONTINUOUS)
    if phases.any():
        raise UnsupportedError(
            f"{what} join voltages, but cell {int(np.argmax(phases))} is a "
            f"{CellKind(int(cells.kind[np.argmax(phases)])).name.lower()} cell; {WAY_OUT}"
        )
    if is_underdamped(netlist):
        raise UnsupportedError(f"{what} belong to overdamped RC cells, and these are underdamped; {WAY_OUT}")
    if netlist.noise is not None:
        raise UnsupportedError(
            f"{what} bring noise of their own, but the netlist has a noise matrix; {WAY_OUT}"
        )
    for group in netlist.couplings:
        if len(group) and group.kind not in (CouplingKind.LINEAR, CouplingKind.RESISTIVE):
            raise UnsupportedError(
                f"{what} are linear or resistive; {group.kind.name.lower()} ones have no circuit here: "
                f"{WAY_OUT}"
            )


def _check_reactive(netlist: LangevinNetlist, technology: CouplingTechnology) -> None:
    """Capacitors between cells: symmetric, and an energy that charges can have."""
    dynamic = np.flatnonzero(~netlist.cells.frozen)
    curved = netlist.cells.activation[dynamic] != 0
    if curved.any():
        raise UnsupportedError(
            f"{technology.name} couplings are charges, but cell {int(dynamic[np.argmax(curved)])} shows an "
            f"activation of its state; take transconductors, or {WAY_OUT}"
        )
    w = np.zeros((dynamic.size, dynamic.size))
    for group in (g for g in netlist.couplings if len(g)):
        w += matrix(group)[dynamic][:, dynamic].toarray()
    odd = np.abs(w - w.T)
    if odd.max(initial=0.0) > SYMMETRY * np.abs(w).max(initial=0.0):
        i, j = np.unravel_index(int(np.argmax(odd)), w.shape)
        raise UnsupportedError(
            f"{technology.name} couplings act both ways, but ({dynamic[i]}, {dynamic[j]}) is {w[i, j]:g} and "
            f"({dynamic[j]}, {dynamic[i]}) is {w[j, i]:g}; make the netlist symmetric, or {WAY_OUT}"
        )
    j2 = netlist.cells.j2[dynamic]
    least = float(np.linalg.eigvalsh(2.0 * np.diag(j2) - (w + w.T) / 2)[0])
    if not least > 0:
        factor = 2.0 * float(j2.min()) / (2.0 * float(j2.min()) - least)
        raise UnsupportedError(
            f"{technology.name} couplings need a positive definite matrix of capacitances: the smallest "
            f"eigenvalue of 2 J2 - W is {least:.4g}; couplings {factor:.2g} times as large, or J2 larger by "
            f"{-least / 2:.3g}, would do; else take transconductors, or {WAY_OUT}"
        )
