"""What the couplings of a netlist bring to its cells as circuits: noise, load, range (hw_models.couplings).

In a network of resistors (it has resistive couplings) the wells are resistors, too, among them those that
the linear couplings are: a node between sources +u and -u through g+ and g- has a linear coupling g+ - g-
and 2 J2 = g+ + g-. Its noise is that of the conductances that end at it, each once: 2 J2 + sum |g|, over
that of a typical well. Elsewhere a cell has a resistor of its own, and what couplings bring comes on top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist
from compiler.ir.mutual import elements, mixing
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology, burden

if TYPE_CHECKING:
    from scipy import sparse

LEAST = 1e-9  # of a cell's own noise, of cells without a resistor of their own: kernels divide by it


class Burdens(NamedTuple):
    """At coupling scale 1.

    own : (n_cells,) noise power of a cell's resistor and bias source, over that of a typical cell's resistor
    excess, load : (2, n_cells), while inputs are off, and while they are on: noise power over a typical
        cell's own, of what is not an element between two cells, and stiffness
    shared : (n_dynamic, m) noise of m sources that elements between cells are, in units of a typical cell's
        own, or None; reach : largest that they show, in units of x
    """

    own: np.ndarray
    excess: np.ndarray
    load: np.ndarray
    shared: np.ndarray | sparse.csr_matrix | None
    reach: float


def typical_j2(netlist: LangevinNetlist) -> float:
    """Median J2 of the cells that move."""
    return float(np.median(netlist.cells.j2[~netlist.cells.frozen]))


def has_resistors(netlist: LangevinNetlist) -> bool:
    """Whether it is a network of resistors by itself: it has resistive couplings."""
    return any(len(g) and g.kind == CouplingKind.RESISTIVE for g in netlist.couplings)


def technology_of(netlist: LangevinNetlist, own: CouplingTechnology) -> CouplingTechnology:
    """What the netlist's couplings are on a device with couplings `own`: resistors in a network of them."""
    return COUPLING_TECHNOLOGIES.get("resistor") if has_resistors(netlist) and own.name != "ideal" else own


def magnitudes(
    netlist: LangevinNetlist, values: Callable[[Couplings], np.ndarray], kind: CouplingKind | None = None
) -> np.ndarray:
    """(2, n_cells) sums of |W| by couplings among the dynamic cells, and by those from inputs.

    values : (nnz,) what a group's couplings are; kind : only those
    """
    sums = np.zeros((2, netlist.n_cells))
    for group in (g for g in netlist.couplings if len(g) and kind in (None, g.kind)):
        size, driven = np.abs(np.asarray(values(group))), netlist.cells.frozen[group.indices]
        for side, chosen in enumerate((~driven, driven)):
            sums[side] += np.bincount(group.rows[chosen], size[chosen].astype(np.float64), netlist.n_cells)
    return sums


def burdens(
    netlist: LangevinNetlist,
    technology: CouplingTechnology,
    *,
    voltage: float,
    values: Callable[[Couplings], np.ndarray],
    h: np.ndarray,
) -> Burdens:
    """Of couplings that technology_of says, on a device where a unit of x is `voltage` V.

    values : (nnz,) what a group's couplings are there; h : (n_cells,) biases
    """
    j2 = typical_j2(netlist)
    sums = magnitudes(netlist, values)
    own = np.ones(netlist.n_cells)
    if has_resistors(netlist):
        linear = magnitudes(netlist, values, CouplingKind.LINEAR)
        well = np.maximum(np.abs(2.0 * np.asarray(netlist.cells.j2, dtype=np.float64)) - linear[0], 0.0)
        # what an input drives beyond its cell's well is no resistor of it; all others stay where they are
        beyond = np.maximum(linear[1] - well, 0.0)
        sums = np.stack([sums.sum(axis=0) - linear[1] + beyond, np.zeros(netlist.n_cells)])
        own = np.maximum(well / (2.0 * j2), LEAST)
    found = burden(technology, np.cumsum(sums, axis=0), j2=j2, voltage=voltage)
    load = found.load * (0.0 if has_resistors(netlist) else 1.0)
    excess, shared = np.array(found.excess), None
    if technology.mutual:
        pairs = elements(netlist, values) * (technology.noise.value / (2.0 * j2))
        if pairs.nnz:
            alone = excess[:, ~netlist.cells.frozen] - np.asarray(abs(pairs).sum(axis=1)).ravel()
            excess[:, ~netlist.cells.frozen] = np.maximum(alone, 0.0)
            shared = mixing(pairs)
    own = own + found.source * np.abs(np.asarray(h, dtype=np.float64))
    return Burdens(own, excess, load, shared, float(found.reach))
