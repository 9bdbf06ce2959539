"""Area, leakage, loads and delays of a circuit of library cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist


@dataclass(frozen=True, slots=True, eq=False)
class CellColumns:
    """What every cell of a mapped circuit is and drives.

    area : um2, leakage : W, 0 for all but the first output of a cell; energy : J per output toggle;
    delay : s, both of the cell into its load
    load : F, pins that read each net (inputs first, then cells), named outputs counted as one
        NAND2 input each
    """

    area: np.ndarray
    energy: np.ndarray
    leakage: np.ndarray
    delay: np.ndarray
    load: np.ndarray


def cell_columns(netlist: CellNetlist) -> CellColumns:
    """Figures of every cell with the load it really drives:

        energy = cell energy + (load - library load) V^2 / 2
        delay  = cell delay + slope (load - library load)

    Raises UnsupportedError naming the first cell in use whose figure the library does not give.
    """
    area, energy, leakage = (_figure(netlist, name) for name in ("area", "energy", "leakage"))
    load, once = _loads(netlist), netlist.first
    beyond = load[netlist.n_inputs :] - netlist.library.load.value
    return CellColumns(
        area=area * once,
        energy=np.maximum(energy + beyond * netlist.library.switching, 0.0),
        leakage=leakage * once,
        delay=cell_delays(netlist),
        load=load,
    )


def cell_delays(netlist: CellNetlist) -> np.ndarray:
    """CellColumns.delay alone, of a library that need not tell energies; UnsupportedError as cell_columns."""
    delay, slope = _figure(netlist, "delay"), _figure(netlist, "slope")
    beyond = _loads(netlist)[netlist.n_inputs :] - netlist.library.load.value
    return np.maximum(delay + beyond * slope, 0.0)


def _figure(netlist: CellNetlist, name: str) -> np.ndarray:
    """(n_cells,) of each cell, what its library gives."""
    library = netlist.library
    column = np.zeros(len(library.cells))
    for index in np.unique(netlist.cell).tolist():
        value = getattr(library.cells[index], name)
        if value is None:
            raise UnsupportedError(
                f"library {library.name} gives no {name} of cell {library.cells[index].name}, "
                "which the circuit needs; take another library"
            )
        column[index] = value
    return column[netlist.cell]


def _loads(netlist: CellNetlist) -> np.ndarray:
    load = np.zeros(netlist.n_inputs + netlist.n_cells)
    pins = np.diff(netlist.indptr)
    np.add.at(load, netlist.fanin, np.repeat(_figure(netlist, "capacitance") * netlist.first, pins))
    np.add.at(load, netlist.roots[netlist.roots >= 0], netlist.library.load.value)
    return load


def cell_area(netlist: CellNetlist) -> float:
    """um2."""
    return float(sum(netlist.library.cells[index].area for index in netlist.cell[netlist.first].tolist()))


def longest_path(netlist: CellNetlist, delay: np.ndarray) -> float:
    """Largest sum of delays from an input to a root; delay : (n_cells,), in any unit."""
    n = netlist.n_inputs
    arrival = [0.0] * n
    fanin, ends = netlist.fanin.tolist(), netlist.indptr.tolist()
    for k, own in enumerate(delay.tolist()):
        arrival.append(own + max(arrival[net] for net in fanin[ends[k] : ends[k + 1]]))
    return max((arrival[net] for net in netlist.roots.tolist() if net >= 0), default=0.0)
