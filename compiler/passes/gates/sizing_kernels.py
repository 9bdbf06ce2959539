"""Loops of sizing: arrivals by tables of slew and load, trials of other cells, places of buffers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.jit import njit

LATER = 1e9  # s, when what nobody reads must be there


class Timed(NamedTuple):
    """A circuit of cells and its timing; nets are n inputs and then one a cell, cells in topological order.

    cell : (n_cells,) int64; indptr, fanin : pins' nets
    reader_at : (n_nets + 1,), reader : cells that read each net; roots : nets of cells that are shown
    first, pins, edges, heads, axes, values, capacitance : of the library, see cell_sizing._Tables
    kin, kin_of, area : its cells of one function, the smallest first
    load, slew, arrival, need : (n_nets, 2) falling and rising; worst : (n_cells, 2) 2 pin + edge that is
        latest; dirty : (n_cells,) uint8
    log_net, log : nets changed since a trial began, with slews, arrivals and worst before
    """

    n: int
    cell: np.ndarray
    indptr: np.ndarray
    fanin: np.ndarray
    reader_at: np.ndarray
    reader: np.ndarray
    roots: np.ndarray
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
    load: np.ndarray
    slew: np.ndarray
    arrival: np.ndarray
    need: np.ndarray
    worst: np.ndarray
    dirty: np.ndarray
    log_net: np.ndarray
    log: np.ndarray


@njit(widen=True, cache=True, nogil=True)
def _read(axes, values, head, slew, load):  # pragma: no cover - compiled
    """hw_models.arcs.Table.at; head : (first slew, slews, first load, loads, first value)"""
    s, m, w, n, v = head[0], head[1], head[2], head[3], head[4]
    i, u = 0, 0.0
    if m > 1:
        while i < m - 2 and axes[s + i + 1] <= slew:
            i += 1
        u = (slew - axes[s + i]) / (axes[s + i + 1] - axes[s + i])
    j, t = 0, 0.0
    if n > 1:
        while j < n - 2 and axes[w + j + 1] <= load:
            j += 1
        t = (load - axes[w + j]) / (axes[w + j + 1] - axes[w + j])
    a = values[v + i * n + j]
    if m > 1:
        a += u * (values[v + (i + 1) * n + j] - a)
    if n == 1:
        return a
    b = values[v + i * n + j + 1]
    if m > 1:
        b += u * (values[v + (i + 1) * n + j + 1] - b)
    return a + t * (b - a)


@njit(widen=True, cache=True, nogil=True)
def _output(t, k, load0, load1, made):  # pragma: no cover - compiled
    """What cell k makes of these loads: made <- slews, arrivals and worst pins, falling and rising."""
    made[0], made[1], made[2], made[3], made[4], made[5] = 0.0, 0.0, -np.inf, -np.inf, 0.0, 0.0
    c = t.cell[k]
    for arc in range(t.first[c], t.first[c + 1]):
        net, before, after = t.fanin[t.indptr[k] + t.pins[arc]], t.edges[arc, 0], t.edges[arc, 1]
        load = load1 if after else load0
        slew = t.slew[net, before]
        late = t.arrival[net, before] + _read(t.axes, t.values, t.heads[2 * arc], slew, load)
        if late > made[2 + after]:
            made[2 + after] = late
            made[4 + after] = 2 * t.pins[arc] + before
        made[after] = max(made[after], _read(t.axes, t.values, t.heads[2 * arc + 1], slew, load))
    for edge in range(2):
        if made[2 + edge] < 0:
            made[2 + edge] = 0.0


@njit(widen=True, cache=True, nogil=True)
def arrivals(t):  # pragma: no cover - compiled
    """Fill slew, arrival and worst of every cell."""
    made = np.zeros(6)
    for k in range(t.cell.size):
        _output(t, k, t.load[t.n + k, 0], t.load[t.n + k, 1], made)
        for edge in range(2):
            t.slew[t.n + k, edge], t.arrival[t.n + k, edge] = made[edge], made[2 + edge]
            t.worst[k, edge] = np.int64(made[4 + edge])


@njit(widen=True, cache=True, nogil=True)
def latest(t):  # pragma: no cover - compiled
    """The last arrival of the roots."""
    found = 0.0
    for net in t.roots:
        found = max(found, t.arrival[net, 0], t.arrival[net, 1])
    return found


@njit(widen=True, cache=True, nogil=True)
def _lateness(t, limit):  # pragma: no cover - compiled
    """Sum over roots of (arrival / limit)^32: the latest counts most, and its equals too."""
    found = 0.0
    for net in t.roots:
        x = max(t.arrival[net, 0], t.arrival[net, 1]) / limit
        x = x * x
        x = x * x
        x = x * x
        x = x * x
        found += x * x
    return found


@njit(widen=True, cache=True, nogil=True)
def _swap(t, k, new):  # pragma: no cover - compiled
    """Make cell k another, and its pins' loads those of it."""
    old = t.cell[k]
    for pin in range(t.indptr[k + 1] - t.indptr[k]):
        net = t.fanin[t.indptr[k] + pin]
        for edge in range(2):
            t.load[net, edge] += t.capacitance[new, pin, edge] - t.capacitance[old, pin, edge]
    t.cell[k] = new


@njit(widen=True, cache=True, nogil=True)
def _try(t, k, new, made):  # pragma: no cover - compiled
    """Make cell k another and time what that changes; (nets logged, cells timed)."""
    _swap(t, k, new)
    t.dirty[k] = 1
    start, stop = k, k
    for at in range(t.indptr[k], t.indptr[k + 1]):
        driver = t.fanin[at] - t.n
        if driver >= 0:
            t.dirty[driver] = 1
            start = min(start, driver)
    logged, timed = 0, 0
    j = start
    while j <= stop:
        if t.dirty[j]:
            t.dirty[j] = 0
            timed += 1
            net = t.n + j
            _output(t, j, t.load[net, 0], t.load[net, 1], made)
            same = True
            for edge in range(2):
                if t.slew[net, edge] != made[edge] or t.arrival[net, edge] != made[2 + edge]:
                    same = False
            if not same or t.worst[j, 0] != made[4] or t.worst[j, 1] != made[5]:
                t.log_net[logged] = net
                for edge in range(2):
                    t.log[logged, edge] = t.slew[net, edge]
                    t.log[logged, 2 + edge] = t.arrival[net, edge]
                    t.log[logged, 4 + edge] = t.worst[j, edge]
                    t.slew[net, edge], t.arrival[net, edge] = made[edge], made[2 + edge]
                    t.worst[j, edge] = np.int64(made[4 + edge])
                logged += 1
            if not same:
                for at in range(t.reader_at[net], t.reader_at[net + 1]):
                    t.dirty[t.reader[at]] = 1
                    stop = max(stop, t.reader[at])
        j += 1
    return logged, timed


@njit(widen=True, cache=True, nogil=True)
def _undo(t, k, old, logged):  # pragma: no cover - compiled
    """Take a trial back."""
    _swap(t, k, old)
    for at in range(logged):
        net = t.log_net[at]
        for edge in range(2):
            t.slew[net, edge], t.arrival[net, edge] = t.log[at, edge], t.log[at, 2 + edge]
            t.worst[net - t.n, edge] = np.int64(t.log[at, 4 + edge])


@njit(widen=True, cache=True, nogil=True)
def quicken(t, work):  # pragma: no cover - compiled
    """Give cells of the latest path other sizes while that makes the circuit faster; cells timed.

    work : cells timed, about, before it ends
    """
    made = np.zeros(6)
    arrivals(t)
    done = t.cell.size
    better = True
    path = np.zeros(t.cell.size, dtype=np.int64)
    while better and done < work:
        better = False
        limit = latest(t)
        cost = _lateness(t, limit)
        net, edge = t.roots[0], 0
        for root in t.roots:
            for e in range(2):
                if t.arrival[root, e] > t.arrival[net, edge]:
                    net, edge = root, e
        steps = 0
        while net >= t.n:
            path[steps] = net - t.n
            steps += 1
            step = t.worst[net - t.n, edge]
            net, edge = t.fanin[t.indptr[net - t.n] + step // 2], step % 2
        for k in path[:steps]:
            old = t.cell[k]
            best, chosen = cost - 1e-3, old
            for at in range(t.kin[old], t.kin[old + 1]):
                new = t.kin_of[at]
                if new == old or done >= work:
                    continue
                logged, timed = _try(t, k, new, made)
                done += timed
                now = _lateness(t, limit)
                if now < best or (now == best and t.area[new] < t.area[chosen]):
                    best, chosen = now, new
                _undo(t, k, old, logged)
            if chosen != old:
                _, timed = _try(t, k, chosen, made)
                done += timed
                better, cost = True, best
    return done


@njit(widen=True, cache=True, nogil=True)
def shrink(t, limit, work):  # pragma: no cover - compiled
    """Give cells smaller sizes where the circuit keeps to `limit`; cells timed."""
    made = np.zeros(6)
    done = 0
    for k in range(t.cell.size - 1, -1, -1):
        old = t.cell[k]
        for at in range(t.kin[old], t.kin[old + 1]):
            new = t.kin_of[at]  # by area, the smallest first
            if t.area[new] >= t.area[old] or done >= work:
                break
            logged, timed = _try(t, k, new, made)
            done += timed
            if latest(t) <= limit:
                break
            _undo(t, k, old, logged)
    return done


@njit(widen=True, cache=True, nogil=True)
def needs(t, limit, pin_need):  # pragma: no cover - compiled
    """Fill need, and pin_need (pins, 2), the latest arrivals with which the roots keep to `limit`."""
    t.need[:] = LATER
    pin_need[:] = LATER
    for net in t.roots:
        t.need[net, 0] = t.need[net, 1] = limit
    for k in range(t.cell.size - 1, -1, -1):
        c = t.cell[k]
        for arc in range(t.first[c], t.first[c + 1]):
            place, before, after = t.indptr[k] + t.pins[arc], t.edges[arc, 0], t.edges[arc, 1]
            net = t.fanin[place]
            delay = _read(t.axes, t.values, t.heads[2 * arc], t.slew[net, before], t.load[t.n + k, after])
            due = t.need[t.n + k, after] - delay
            pin_need[place, before] = min(pin_need[place, before], due)
            t.need[net, before] = min(t.need[net, before], due)


@njit(widen=True, cache=True, nogil=True)
def _behind(t, buffer, slews, arrivals_in, load0, load1, out):  # pragma: no cover - compiled
    """Arrivals of both edges behind a buffer."""
    out[0], out[1] = -np.inf, -np.inf
    for arc in range(t.first[buffer], t.first[buffer + 1]):
        before, after = t.edges[arc, 0], t.edges[arc, 1]
        load = load1 if after else load0
        delay = _read(t.axes, t.values, t.heads[2 * arc], slews[before], load)
        out[after] = max(out[after], arrivals_in[before] + delay)


@njit(widen=True, cache=True, nogil=True)
def part(t, net, places, pin_need, buffers, most):  # pragma: no cover - compiled
    """How buffers best part the readers of a net: (slack gained, readers left on it, groups, buffer).

    places : pins that read the net, the least slack first; the others than those left on it read through
    `groups` buffers, as many each; most : groups at most
    """
    k = net - t.n
    readers = places.size
    made, out = np.zeros(6), np.zeros(2)
    shown = np.zeros(2)  # what is no reader's
    need = np.full((readers + 1, 2), LATER)  # of the first s readers
    rest = np.full((readers + 1, 2), LATER)  # of the others
    load = np.zeros((readers + 1, 2))  # of the first s readers
    root = np.full(2, LATER)
    owner = 0
    for s in range(readers):
        place = places[s]
        owner = np.searchsorted(t.indptr, place, side="right") - 1
        for e in range(2):
            load[s + 1, e] = load[s, e] + t.capacitance[t.cell[owner], place - t.indptr[owner], e]
            need[s + 1, e] = min(need[s, e], pin_need[place, e])
    for s in range(readers - 1, -1, -1):
        for e in range(2):
            rest[s, e] = min(rest[s + 1, e], pin_need[places[s], e])
    for e in range(2):
        shown[e] = t.load[net, e] - load[readers, e]
        if t.need[net, e] < need[readers, e]:  # a root's
            root[e] = t.need[net, e]
    now = min(t.need[net, 0] - t.arrival[net, 0], t.need[net, 1] - t.arrival[net, 1])
    best, left, groups, chosen = now, readers, 0, -1
    step = max(1, readers // 16)
    for s in range(0, readers, step):
        others = readers - s
        for b in buffers:
            for g in range(1, min(most, others) + 1):
                _output(
                    t,
                    k,
                    shown[0] + load[s, 0] + g * t.capacitance[b, 0, 0],
                    shown[1] + load[s, 1] + g * t.capacitance[b, 0, 1],
                    made,
                )
                share = np.ceil(others / g) / others
                _behind(
                    t,
                    b,
                    made[0:2],
                    made[2:4],
                    share * (load[readers, 0] - load[s, 0]),
                    share * (load[readers, 1] - load[s, 1]),
                    out,
                )
                slack = LATER
                for e in range(2):
                    slack = min(slack, min(need[s, e], root[e]) - made[2 + e], rest[s, e] - out[e])
                if slack > best:
                    best, left, groups, chosen = slack, s, g, b
    return best - now, left, groups, chosen
