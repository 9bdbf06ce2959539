"""What a device's couplings do to a netlist's cells: noise, load and range beside the ideal equation.

    dx_i = mobility f_i dt + sqrt(2 mobility kT (1 + b_i + e_i)) dW_i
    f_i  = ideal force of what couplings show, phi within the reach, - l_i x_i

with e_i and l_i in proportion to the couplings that are on: |s| times those among the cells, and |s| times
those from inputs in phases whose inputs are on, and b_i to the bias |h_i|, always.
docs/physics.md#couplings-as-circuits.

Where one element couples two cells both ways its noise current leaves one and enters the other (it enters
both where W < 0, the element ending in the inverted cell). The noise is then

    sqrt(2 mobility kT) (sqrt(1 + b_i + |s| e_i) dW_i + sqrt(|s|) sum_e B_ie dW'_e),   B B^T = K,

K_ij = - noise W_ij / 2 J2 and K_ii = sum_j |K_ij| of those pairs, which e_i is without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from compiler.ir.burdens import burdens, technology_of, typical_j2
from compiler.ir.langevin import CellKind, CouplingKind, Couplings, LangevinNetlist
from compiler.ir.reactive import check_reactive
from hw_models.couplings import CouplingTechnology
from hw_models.device import Device, Units
from hw_models.imperfect import Imperfections
from thermo.simulate.device import acting_biases, acting_couplings
from thermo.simulate.langevin.refusals import is_underdamped

WAY_OUT = "couplings = ideal (--couplings ideal) runs the ideal equation"


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """Couplings of a technology, at coupling scale 1.

    own : (n,) noise power of a cell's resistor and bias source, over that of its resistor
    excess, load : (2, n) of dynamic cells with inputs off and on: noise power over the cell's own, of
        elements that are not between two of them, and stiffness; reach : largest state that couplings show
    shared : (n, m) B, noise of m independent sources in units of a cell's own: of a dense network a factor
        of K (m = n), of a sparse one its elements; None where there are none
    """

    name: str
    own: np.ndarray
    excess: np.ndarray
    load: np.ndarray
    reach: float
    shared: np.ndarray | sparse.csr_matrix | None = None

    @property
    def noisy(self) -> bool:
        """Whether they bring noise."""
        return self.shared is not None or bool(self.excess.any() or (self.own != 1.0).any())

    @property
    def has_potential(self) -> bool:
        """Whether they leave the force the gradient that it is."""
        return not (np.isfinite(self.reach) or self.load.any())

    def sigma(self, s: float, on: bool) -> np.ndarray:
        """(n, 1) standard deviation of the noise that is each cell's alone, over its own."""
        return np.sqrt(self.own + abs(s) * self.excess[int(on)])[:, None]

    def covariance(self, s: float, on: bool) -> np.ndarray:
        """(n, n) covariance of all noise, a cell's own being 1."""
        found = np.diag(self.sigma(s, on)[:, 0] ** 2)
        if self.shared is not None:
            mixed = self.shared @ self.shared.T
            found += abs(s) * (mixed if isinstance(mixed, np.ndarray) else mixed.toarray())
        return found

    def stiffness(self, s: float, on: bool) -> np.ndarray:
        """(n, 1) load of each cell."""
        return np.asarray(abs(s) * self.load[int(on)])[:, None]


def device_units(netlist: LangevinNetlist, device: Device) -> Units:
    """The netlist's units on the device. HardwareError where the device cannot hold it."""
    return device.units(kT=netlist.kT, mobility=netlist.mobility, j2=typical_j2(netlist))


def wire(
    netlist: LangevinNetlist, device: Device, non_ideal: Imperfections | None = None, device_seed: int = 0
) -> Wiring | None:
    """The netlist's couplings as the device makes them; None where its cells obey the ideal equation.

    A network of resistors has its loads in its own J2 and couplings: noise alone is added.

    Raises UnsupportedError for cells and couplings that the technology cannot make, HardwareError
    where the device cannot hold the cells.
    """
    technology = technology_of(netlist, device.couplings)
    if technology.name == "ideal" or not netlist.n_couplings:
        return None
    _check(netlist, technology)
    units = device_units(netlist, device)
    if technology.reactive:
        check_reactive(netlist, technology.name, WAY_OUT)
    if technology.ideal:
        return None

    def acting(group: Couplings) -> np.ndarray:
        return group.values if non_ideal is None else acting_couplings(netlist, group, non_ideal, device_seed)

    h = netlist.cells.h if non_ideal is None else acting_biases(netlist, non_ideal, device_seed)
    b = burdens(netlist, technology, voltage=units.voltage, values=acting, h=h)
    moving = ~netlist.cells.frozen
    excess, load = b.excess[:, moving], b.load[:, moving]
    return Wiring(technology.name, b.own[moving], excess, load, b.reach, b.shared)


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
