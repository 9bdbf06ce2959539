"""Sizes of the cells of a mapped circuit, and buffers: less delay than any one size of a function has.

Where the library gives tables of slew and load (a Liberty file does), cells on the latest path take the
size that makes the whole circuit fastest, one after another, as timing by these tables finds it; a net of
much load gets a buffer in front of its readers that have time; then every cell is made as small as the
delay that was reached allows. Sizes of a function are the library's cells with the same table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.cell_timing import path_delay
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist, verify_cells
from compiler.jit import compiled
from compiler.passes.gates.sizing_kernels import arrivals, latest, quicken, shrink
from hw_models.arcs import Table
from hw_models.cells import BUFFER, CellLibrary

TRIALS, CELLS = 20_000, 20_000_000
"""Other cells tried in one call, and cells times trials: a circuit of many cells gets fewer."""
BUFFERS = 24  # nets that are tried for a buffer, the latest path's of most load first
ROUNDS = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """A library's timing as columns: arcs first[c] : first[c + 1] of cell c, two tables an arc.

    kin, kin_of : sizes of each cell's function, smallest first; a cell of several outputs is alone
    """

    first: np.ndarray
    pins: np.ndarray
    edges: np.ndarray
    heads: np.ndarray
    axes: np.ndarray
    values: np.ndarray
    capacitance: np.ndarray
    kin: np.ndarray
    kin_of: np.ndarray
    area: np.ndarray

    @property
    def timing(self) -> tuple[np.ndarray, ...]:
        return self.first, self.pins, self.edges, self.heads, self.axes, self.values


def size_cells(netlist: CellNetlist) -> CellNetlist:
    """The circuit with other sizes and buffers, never slower by compiler.cell_timing.path_delay.

    A circuit whose cells have no tables of timing is returned as it is.
    """
    library = netlist.library
    used = np.unique(netlist.cell)
    shown = netlist.roots[netlist.roots >= netlist.n_inputs]
    if not shown.size or any(library.cells[index].timing is None for index in used.tolist()):
        return netlist
    tables = _columns(library)
    with compiled():
        best = _sized(netlist, tables)
        for _ in range(ROUNDS):
            wider = _sized(_buffered(best, tables), tables)
            if path_delay(wider) >= path_delay(best) * 0.999:
                break
            best = wider
    verify_cells(best)
    return best if path_delay(best) <= path_delay(netlist) else netlist


def _columns(library: CellLibrary) -> _Tables:
    first, pins, edges, heads = [0], [], [], []
    axes: list[float] = []
    values: list[float] = []

    def keep(table: Table) -> None:
        head = [len(axes), table.slews.size, len(axes) + table.slews.size, table.loads.size, len(values)]
        axes.extend([*table.slews.tolist(), *table.loads.tolist()])
        values.extend(table.values.ravel().tolist())
        heads.append(head)

    cells = library.cells
    capacitance = np.zeros((len(cells), max(cell.n_inputs for cell in cells), 2))
    for index, cell in enumerate(cells):
        if cell.timing is not None:
            capacitance[index, : cell.n_inputs] = cell.timing.capacitance
            for arc in cell.timing.arcs:
                pins.append(arc.pin)
                edges.append(arc.rises)
                keep(arc.delay)
                keep(arc.slew)
        first.append(len(pins))
    kin, kin_of = [0], []
    for index, cell in enumerate(cells):
        same = [
            k
            for k, other in enumerate(cells)
            if other.timing is not None
            and not other.macro
            and (other.n_inputs, other.table) == (cell.n_inputs, cell.table)
        ]
        kin_of += [index] if cell.macro or cell.timing is None else sorted(same, key=lambda k: cells[k].area)
        kin.append(len(kin_of))
    return _Tables(
        first=np.array(first),
        pins=np.array(pins, dtype=np.int64),
        edges=np.array(edges, dtype=np.int64).reshape(-1, 2),
        heads=np.array(heads, dtype=np.int64).reshape(-1, 5),
        axes=np.array(axes),
        values=np.array(values),
        capacitance=capacitance,
        kin=np.array(kin),
        kin_of=np.array(kin_of, dtype=np.int64),
        area=np.array([cell.area for cell in cells]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Columns that the kernels change."""

    order: np.ndarray
    cell: np.ndarray
    load: np.ndarray
    slew: np.ndarray
    arrival: np.ndarray
    worst: np.ndarray
    roots: np.ndarray


def _state(netlist: CellNetlist, tables: _Tables) -> _State:
    n, m = netlist.n_inputs, netlist.n_cells
    load = np.zeros((n + m, 2))
    first = netlist.first
    pins = np.diff(netlist.indptr)
    reader = np.repeat(np.arange(m), pins)
    place = np.arange(netlist.fanin.size) - netlist.indptr[reader]
    once = first[reader]
    np.add.at(load, netlist.fanin[once], tables.capacitance[netlist.cell[reader[once]], place[once]])
    np.add.at(load, netlist.roots[netlist.roots >= 0], netlist.library.load.value)
    slew, arrival = np.zeros((n + m, 2)), np.zeros((n + m, 2))
    slew[:n] = netlist.library.slew.value
    roots = np.unique(netlist.roots[netlist.roots >= n]).astype(np.int64)
    worst = np.zeros((m, 2), dtype=np.int64)
    return _State(np.arange(m), netlist.cell.astype(np.int64), load, slew, arrival, worst, roots)


def _sized(netlist: CellNetlist, tables: _Tables) -> CellNetlist:
    s, n = _state(netlist, tables), netlist.n_inputs
    trials = min(TRIALS, CELLS // max(netlist.n_cells, 1))
    same = (
        n,
        s.order,
        s.cell,
        netlist.indptr,
        netlist.fanin.astype(np.int64),
        *tables.timing,
        tables.capacitance,
        s.load,
        s.slew,
        s.arrival,
        s.worst,
        s.roots,
        tables.kin,
        tables.kin_of,
        tables.area,
    )
    quicken(*same, trials)
    shrink(*same, latest(s.arrival, s.roots), trials)
    return replace(netlist, cell=s.cell.astype(np.int32))


def _buffered(netlist: CellNetlist, tables: _Tables) -> CellNetlist:
    """With a buffer at each net of the latest path of which others than the path's own reader are read."""
    buffers = [k for k in _buffers(netlist.library) if netlist.library.cells[k].timing is not None]
    if not buffers:
        return netlist
    s, n = _state(netlist, tables), netlist.n_inputs
    fanin = netlist.fanin.astype(np.int64)
    arrivals(n, s.order, s.cell, netlist.indptr, fanin, *tables.timing, s.load, s.slew, s.arrival, s.worst)
    late = s.arrival[s.roots]
    at, edge = divmod(int(late.argmax()), 2)
    net, kept = int(s.roots[at]), {}
    while net >= n:
        step = int(s.worst[net - n, edge])
        reader = net - n
        net, edge = int(fanin[netlist.indptr[reader] + step // 2]), step % 2
        kept[net] = reader
    readers: dict[int, list[int]] = {net: [] for net in kept if net >= n}
    owner = np.repeat(np.arange(netlist.n_cells), np.diff(netlist.indptr))
    for place, read in enumerate(fanin.tolist()):
        if read in readers and owner[place] != kept[read]:
            readers[read].append(place)
    busy = [net for net, places in readers.items() if len(places) > 1]
    busy = sorted(busy, key=lambda net: -s.load[net].sum())[:BUFFERS]
    return _with_buffers(netlist, buffers[0], {net: readers[net] for net in busy})


def _with_buffers(netlist: CellNetlist, buffer: int, places: dict[int, list[int]]) -> CellNetlist:
    """A buffer behind each of these nets, which the places of `fanin` read in its stead."""
    if not places:
        return netlist
    n = netlist.n_inputs
    behind = sorted(places)
    # a buffer stands right behind the cell that drives it, one of an input before all cells
    where = np.maximum(np.array(behind) - n + 1, 0)
    moved = np.arange(n + netlist.n_cells)
    moved[n:] += np.searchsorted(where, np.arange(netlist.n_cells), side="right")
    fanin = moved[netlist.fanin]
    for k, net in enumerate(behind):
        fanin[places[net]] = n + where[k] + k
    origin = np.concatenate([np.arange(n), netlist.origin])[behind]
    inverted = np.concatenate([np.zeros(n, dtype=bool), netlist.inverted])[behind]
    sizes = np.insert(np.diff(netlist.indptr), where, 1)
    roots = np.where(netlist.roots >= 0, moved[np.maximum(netlist.roots, 0)], netlist.roots)
    one = netlist.instance.max(initial=-1) + 1 + np.arange(len(behind))
    return replace(
        netlist,
        cell=np.insert(netlist.cell, where, buffer).astype(np.int32),
        indptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        fanin=np.insert(fanin, netlist.indptr[where], moved[behind]).astype(np.int32),
        roots=roots.astype(np.int32),
        origin=np.insert(netlist.origin, where, origin).astype(np.int32),
        inverted=np.insert(netlist.inverted, where, inverted),
        instance=np.insert(netlist.instance, where, one).astype(np.int32),
    )


def limit_fan_out(netlist: CellNetlist, most: int) -> CellNetlist:
    """The circuit with buffers so that no net, an input's neither, has more than `most` readers.

    A root counts as a reader. Buffers are the library's smallest; a net's last readers get one, and that
    one's net its own in turn.

    Raises UnsupportedError for most below 2, for a net that more roots show, and a library without a buffer.
    """
    if most < 2:
        raise UnsupportedError(f"--max-fanout {most}: a buffer is a reader, too; allow 2 or more")
    buffers = _buffers(netlist.library)
    while True:
        n_nets = netlist.n_inputs + netlist.n_cells
        first = np.repeat(netlist.first, np.diff(netlist.indptr))  # a cell of several outputs reads once
        shown = np.bincount(netlist.roots[netlist.roots >= 0], minlength=n_nets)
        readers = np.bincount(netlist.fanin[first], minlength=n_nets) + shown
        busy = np.flatnonzero(readers > most)
        if not busy.size:
            verify_cells(netlist)
            return netlist
        if not buffers:
            raise UnsupportedError(f"library {netlist.library.name} has no buffer to keep --max-fanout with")
        if (shown >= most).any():
            raise UnsupportedError(
                f"{int(shown.max())} outputs show one net, which buffers cannot part: --max-fanout {most} is "
                "too few"
            )
        owner = np.repeat(np.arange(netlist.n_cells), np.diff(netlist.indptr))
        pin = np.arange(owner.size) - netlist.indptr[owner]
        places = {}
        for net in busy.tolist():
            read = np.flatnonzero(netlist.fanin == net)
            both = np.stack([netlist.instance[owner[read]], pin[read]])  # outputs of a cell share its pins
            _, number = np.unique(both, axis=1, return_inverse=True)
            number = number.reshape(-1)
            last = number > number.max() - (int(readers[net]) - most + 1)
            places[net] = read[last].tolist()
        netlist = _with_buffers(netlist, buffers[0], places)


def _buffers(library: CellLibrary) -> list[int]:
    """Places of a library's buffers, the smallest first."""
    found = [k for k, cell in enumerate(library.cells) if cell.n_inputs == 1 and cell.table == BUFFER]
    return sorted((k for k in found if not library.cells[k].macro), key=lambda k: library.cells[k].area)
