"""Sizes of the cells of a mapped circuit, and buffers: less delay than any one size of a function has.

Where the library gives tables of slew and load (a Liberty file does), cells on the latest path take the
size that makes the whole circuit fastest, one after another, as timing by these tables finds it; nets with
little time get buffers in front of all their readers, or of those that have most time, where that is
faster; then every cell is made as small as the delay that was reached allows. Sizes of a function are the
library's cells with the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compiler.cell_timing import path_delay
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist, verify_cells
from compiler.jit import compiled
from compiler.passes.gates.sizing_kernels import Timed, arrivals, latest, needs, part, quicken, shrink
from hw_models.arcs import Table
from hw_models.cells import BUFFER, CellLibrary

WORK = 10_000_000  # cells timed in one call, about: a circuit of many cells gets fewer trials
BUFFERED = 400  # nets that are tried for buffers at once, those of least slack first
NEAR = 0.05  # slack, in times of the delay, up to which a net is tried
GROUPS = 4  # buffers behind a net, at most
ROUNDS = 6


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


def _timed(netlist: CellNetlist, tables: _Tables) -> Timed:
    """What the kernels work on; nothing is timed yet."""
    n, m = netlist.n_inputs, netlist.n_cells
    load = np.zeros((n + m, 2))
    first = netlist.first
    pins = np.diff(netlist.indptr)
    reader = np.repeat(np.arange(m), pins)
    place = np.arange(netlist.fanin.size) - netlist.indptr[reader]
    once = first[reader]
    np.add.at(load, netlist.fanin[once], tables.capacitance[netlist.cell[reader[once]], place[once]])
    np.add.at(load, netlist.roots[netlist.roots >= 0], netlist.library.load.value)
    slew = np.zeros((n + m, 2))
    slew[:n] = netlist.library.slew.value
    by_net = np.argsort(netlist.fanin, kind="stable")
    return Timed(
        n=n,
        cell=netlist.cell.astype(np.int64),
        indptr=netlist.indptr,
        fanin=netlist.fanin.astype(np.int64),
        reader_at=np.searchsorted(netlist.fanin[by_net], np.arange(n + m + 1)),
        reader=reader[by_net],
        roots=np.unique(netlist.roots[netlist.roots >= n]).astype(np.int64),
        first=tables.first,
        pins=tables.pins,
        edges=tables.edges,
        heads=tables.heads,
        axes=tables.axes,
        values=tables.values,
        capacitance=tables.capacitance,
        kin=tables.kin,
        kin_of=tables.kin_of,
        area=tables.area,
        load=load,
        slew=slew,
        arrival=np.zeros((n + m, 2)),
        need=np.zeros((n + m, 2)),
        worst=np.zeros((m, 2), dtype=np.int64),
        dirty=np.zeros(m, dtype=np.uint8),
        log_net=np.zeros(m, dtype=np.int64),
        log=np.zeros((m, 6)),
    )


def _sized(netlist: CellNetlist, tables: _Tables) -> CellNetlist:
    t = _timed(netlist, tables)
    quicken(t, WORK)
    shrink(t, latest(t), WORK)
    return replace(netlist, cell=t.cell.astype(np.int32))


def _buffered(netlist: CellNetlist, tables: _Tables) -> CellNetlist:
    """With buffers behind the nets of little slack where that gives them more, by the tables."""
    found = [k for k in _buffers(netlist.library) if netlist.library.cells[k].timing is not None]
    if not found:
        return netlist
    t, n = _timed(netlist, tables), netlist.n_inputs
    arrivals(t)
    limit = latest(t)
    pin_need = np.zeros((netlist.fanin.size, 2))
    needs(t, limit, pin_need)
    slack = (t.need - t.arrival).min(axis=1)
    order = np.argsort(slack, kind="stable")
    near = order[(order >= n) & (slack[order] <= NEAR * limit)][:BUFFERED]
    pins = np.argsort(netlist.fanin, kind="stable")
    ends = np.searchsorted(netlist.fanin[pins], np.stack([near, near + 1]))
    owner = np.repeat(netlist.first, np.diff(netlist.indptr))
    places: list[tuple[int, int, list[int]]] = []
    for net, start, stop in zip(near.tolist(), *ends.tolist(), strict=True):
        own = pins[start:stop]
        if own.size < 2 or not owner[own].all():  # pins of cells of several outputs stay
            continue
        own = own[np.argsort((pin_need[own] - t.arrival[net]).min(axis=1), kind="stable")]
        gained, left, groups, buffer = part(t, net, own, pin_need, np.array(found), GROUPS)
        if gained > 1e-3 * limit:
            places += [(net, int(buffer), some.tolist()) for some in np.array_split(own[left:], groups)]
    return _with_buffers(netlist, places)


def _with_buffers(netlist: CellNetlist, places: Sequence[tuple[int, int, list[int]]]) -> CellNetlist:
    """Buffers behind nets, each (net, cell, places of `fanin` that read it in the net's stead)."""
    if not places:
        return netlist
    n = netlist.n_inputs
    places = sorted(places, key=lambda one: one[0])
    behind = np.array([net for net, _, _ in places])
    # a buffer stands right behind the cell that drives it, one of an input before all cells
    where = np.maximum(behind - n + 1, 0)
    moved = np.arange(n + netlist.n_cells)
    moved[n:] += np.searchsorted(where, np.arange(netlist.n_cells), side="right")
    fanin = moved[netlist.fanin]
    for k, (_, _, pins) in enumerate(places):
        fanin[pins] = n + where[k] + k
    origin = np.concatenate([np.arange(n), netlist.origin])[behind]
    inverted = np.concatenate([np.zeros(n, dtype=bool), netlist.inverted])[behind]
    sizes = np.insert(np.diff(netlist.indptr), where, 1)
    roots = np.where(netlist.roots >= 0, moved[np.maximum(netlist.roots, 0)], netlist.roots)
    one = netlist.instance.max(initial=-1) + 1 + np.arange(len(places))
    return replace(
        netlist,
        cell=np.insert(netlist.cell, where, [cell for _, cell, _ in places]).astype(np.int32),
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
        places = []
        for net in busy.tolist():
            read = np.flatnonzero(netlist.fanin == net)
            both = np.stack([netlist.instance[owner[read]], pin[read]])  # outputs of a cell share its pins
            _, number = np.unique(both, axis=1, return_inverse=True)
            number = number.reshape(-1)
            last = number > number.max() - (int(readers[net]) - most + 1)
            places.append((net, buffers[0], read[last].tolist()))
        netlist = _with_buffers(netlist, places)


def _buffers(library: CellLibrary) -> list[int]:
    """Places of a library's buffers, the smallest first."""
    found = [k for k, cell in enumerate(library.cells) if cell.n_inputs == 1 and cell.table == BUFFER]
    return sorted((k for k in found if not library.cells[k].macro), key=lambda k: library.cells[k].area)
