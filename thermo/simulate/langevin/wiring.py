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
from compiler.ir.langevin import CellKind, CouplingKind, Couplings, LangevinNetlist
from compiler.ir.mutual import elements, mixing
from compiler.ir.reactive import check_reactive
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology, burden
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
        check_reactive(netlist, technology.name, WAY_OUT)
    if technology.ideal:
        return None

    def acting(group: Couplings) -> np.ndarray:
        return group.values if non_ideal is None else acting_couplings(netlist, group, non_ideal, device_seed)

    among, driven = magnitudes(netlist, non_ideal, device_seed)
    found = burden(technology, np.stack([among, among + driven]), j2=j2, voltage=units.voltage)
    load = found.load * (0.0 if has_resistors(netlist) else 1.0)
    excess, shared = np.array(found.excess), None
    if technology.mutual:
        pairs = elements(netlist, acting) * (technology.noise.value / (2.0 * j2))
        if pairs.nnz:
            excess = np.maximum(excess - np.asarray(abs(pairs).sum(axis=1)).ravel(), 0.0)
            shared = mixing(pairs)
    h = netlist.cells.h if non_ideal is None else acting_biases(netlist, non_ideal, device_seed)
    own = 1.0 + found.source * np.abs(np.asarray(h, dtype=np.float64)[~netlist.cells.frozen])
    return Wiring(technology.name, own, excess, load, found.reach, shared)


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
