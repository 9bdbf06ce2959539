"""The slowest path through a circuit of library cells.

Where the library gives tables for every pin and edge (a Liberty file does), delays and slews are read
from them as OpenSTA does it: the slew of a net is the largest of what its arcs make, an arc's delay is
read at its pin's slew and the load that the output really drives, and arrivals of rising and falling
edges are kept apart. Elsewhere a cell has one delay, linear in its load (compiler.cell_counts).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.cell_counts import cell_delays, longest_path
from compiler.ir.cells import CellNetlist
from hw_models.arcs import Arc, Timing


def tells_delays(netlist: CellNetlist) -> bool:
    """Whether its library says of every cell in use what path_delay needs."""
    cells = [netlist.library.cells[index] for index in np.unique(netlist.cell).tolist()]
    figures = [(cell.delay, cell.slope, cell.capacitance) for cell in cells]
    return all(cell.timing is not None for cell in cells) or not any(None in told for told in figures)


def path_delay(netlist: CellNetlist) -> float:
    """s from an input to a root, the longest; inputs change with the library's slew.

    Raises UnsupportedError as cell_delays.
    """
    timings = [netlist.library.cells[index].timing for index in range(len(netlist.library.cells))]
    if any(timings[index] is None for index in np.unique(netlist.cell).tolist()):
        return longest_path(netlist, cell_delays(netlist))
    arrival = _arrivals(netlist, timings)
    shown = netlist.roots[netlist.roots >= 0]
    return float(arrival[shown].max()) if shown.size else 0.0


def _arrivals(netlist: CellNetlist, timings: list[Timing | None]) -> np.ndarray:
    """(n_nets, 2) s of the latest falling and rising edge of every net."""
    n = netlist.n_inputs
    load = _loads(netlist, timings)
    arrival = np.zeros(load.shape)
    slew = np.zeros(load.shape)
    slew[:n] = netlist.library.slew.value
    for index, cells in _waves(netlist):
        timing = timings[index]
        assert timing is not None
        arrival[n + cells] = -np.inf
        for arc in timing.arcs:
            _take(arc, netlist.fanin[netlist.indptr[cells] + arc.pin], n + cells, load, arrival, slew)
    return np.maximum(arrival, 0.0)  # an output that never makes this edge


def _take(
    arc: Arc, pins: np.ndarray, nets: np.ndarray, load: np.ndarray, arrival: np.ndarray, slew: np.ndarray
) -> None:
    """Let one arc of many equal cells move their outputs' arrival and slew. pins, nets : (k,)"""
    before, after = arc.rises
    at = slew[pins, before], load[nets, after]
    arrival[nets, after] = np.maximum(arrival[nets, after], arrival[pins, before] + arc.delay.read(*at))
    slew[nets, after] = np.maximum(slew[nets, after], arc.slew.read(*at))


def _waves(netlist: CellNetlist) -> Iterator[tuple[int, np.ndarray]]:
    """(index into the library, cells) of equal cells of one level, level after level."""
    level = [0] * netlist.n_inputs
    fanin, ends = netlist.fanin.tolist(), netlist.indptr.tolist()
    for k in range(netlist.n_cells):
        level.append(1 + max(level[net] for net in fanin[ends[k] : ends[k + 1]]))
    own = np.array(level[netlist.n_inputs :], dtype=np.int64)
    order = np.lexsort((netlist.cell, own))
    key = np.stack([own[order], netlist.cell[order]])
    cuts = 1 + np.flatnonzero((key[:, 1:] != key[:, :-1]).any(axis=0))
    for cells in np.split(order, cuts):
        if cells.size:
            yield int(netlist.cell[cells[0]]), cells


def _loads(netlist: CellNetlist, timings: list[Timing | None]) -> np.ndarray:
    """(n_nets, 2) F that a falling and a rising edge of every net drives."""
    load = np.zeros((netlist.n_inputs + netlist.n_cells, 2))
    for index in np.unique(netlist.cell).tolist():
        timing = timings[index]
        assert timing is not None
        cells = np.flatnonzero((netlist.cell == index) & netlist.first)
        for pin, capacitance in enumerate(timing.capacitance):
            np.add.at(load, netlist.fanin[netlist.indptr[cells] + pin], capacitance)
    np.add.at(load, netlist.roots[netlist.roots >= 0], netlist.library.load.value)
    return load
