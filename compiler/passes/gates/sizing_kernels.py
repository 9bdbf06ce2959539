"""Loops of sizing: arrivals of a circuit by tables of slew and load, and trials of other cells."""

from __future__ import annotations

import numpy as np

from compiler.jit import njit


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
def arrivals(
    n, order, cell, indptr, fanin, first, pins, edges, heads, axes, values, load, slew, arrival, worst
):  # pragma: no cover - compiled
    """Fill slew, arrival (n_nets, 2) in `order`; worst : (n_cells, 2) pins of latest arrival."""
    for k in order:
        for edge in range(2):
            arrival[n + k, edge] = -np.inf
            slew[n + k, edge] = 0.0
        for arc in range(first[cell[k]], first[cell[k] + 1]):
            net, before, after = fanin[indptr[k] + pins[arc]], edges[arc, 0], edges[arc, 1]
            own = load[n + k, after]
            late = arrival[net, before] + _read(axes, values, heads[2 * arc], slew[net, before], own)
            if late > arrival[n + k, after]:
                arrival[n + k, after] = late
                worst[k, after] = 2 * pins[arc] + before
            slew[n + k, after] = max(
                slew[n + k, after], _read(axes, values, heads[2 * arc + 1], slew[net, before], own)
            )
        for edge in range(2):
            if arrival[n + k, edge] < 0:
                arrival[n + k, edge] = 0.0


@njit(widen=True, cache=True, nogil=True)
def latest(arrival, roots):  # pragma: no cover - compiled
    """The last arrival of the roots."""
    found = 0.0
    for net in roots:
        found = max(found, arrival[net, 0], arrival[net, 1])
    return found


@njit(widen=True, cache=True, nogil=True)
def _lateness(arrival, roots, limit):  # pragma: no cover - compiled
    """Sum over roots of (arrival / limit)^32: the latest counts most, and its equals too."""
    found = 0.0
    for net in roots:
        x = max(arrival[net, 0], arrival[net, 1]) / limit
        x = x * x
        x = x * x
        x = x * x
        x = x * x
        found += x * x
    return found


@njit(widen=True, cache=True, nogil=True)
def _swap(k, new, cell, indptr, fanin, capacitance, load):  # pragma: no cover - compiled
    """Make cell k another, and its pins' loads those of it."""
    old = cell[k]
    for pin in range(indptr[k + 1] - indptr[k]):
        net = fanin[indptr[k] + pin]
        for edge in range(2):
            load[net, edge] += capacitance[new, pin, edge] - capacitance[old, pin, edge]
    cell[k] = new


@njit(widen=True, cache=True, nogil=True)
def quicken(
    n,
    order,
    cell,
    indptr,
    fanin,
    first,
    pins,
    edges,
    heads,
    axes,
    values,
    capacitance,
    load,
    slew,
    arrival,
    worst,
    roots,
    kin,
    kin_of,
    area,
    trials,
):  # pragma: no cover - compiled
    """Give cells of the latest path other sizes while that makes the circuit faster; trials that were made.

    kin_of[kin[c] : kin[c + 1]] : cells of the library that compute what c does
    """
    args = (
        n,
        order,
        cell,
        indptr,
        fanin,
        first,
        pins,
        edges,
        heads,
        axes,
        values,
        load,
        slew,
        arrival,
        worst,
    )
    arrivals(*args)
    made = 0
    better = True
    while better and made < trials:
        better = False
        limit = latest(arrival, roots)
        cost = _lateness(arrival, roots, limit)
        net, edge = roots[0], 0
        for root in roots:
            for e in range(2):
                if arrival[root, e] > arrival[net, edge]:
                    net, edge = root, e
        path = [np.int64(0) for _ in range(0)]
        while net >= n:
            path.append(net - n)
            step = worst[net - n, edge]
            net, edge = fanin[indptr[net - n] + step // 2], step % 2
        for k in path:
            old = cell[k]
            best, chosen = cost - 1e-3, old
            for at in range(kin[old], kin[old + 1]):
                new = kin_of[at]
                if new == old or made >= trials:
                    continue
                _swap(k, new, cell, indptr, fanin, capacitance, load)
                arrivals(*args)
                made += 1
                now = _lateness(arrival, roots, limit)
                if now < best or (now == best and area[new] < area[chosen]):
                    best, chosen = now, new
            if cell[k] != chosen:
                _swap(k, chosen, cell, indptr, fanin, capacitance, load)
            if chosen != old:
                better, cost = True, best
        arrivals(*args)
    return made


@njit(widen=True, cache=True, nogil=True)
def shrink(
    n,
    order,
    cell,
    indptr,
    fanin,
    first,
    pins,
    edges,
    heads,
    axes,
    values,
    capacitance,
    load,
    slew,
    arrival,
    worst,
    roots,
    kin,
    kin_of,
    area,
    limit,
    trials,
):  # pragma: no cover - compiled
    """Give cells smaller sizes where the circuit keeps to `limit`."""
    args = (
        n,
        order,
        cell,
        indptr,
        fanin,
        first,
        pins,
        edges,
        heads,
        axes,
        values,
        load,
        slew,
        arrival,
        worst,
    )
    made = 0
    for k in order[::-1]:
        old = cell[k]
        for at in range(kin[old], kin[old + 1]):
            new = kin_of[at]  # by area, the smallest first
            if area[new] >= area[old] or made >= trials:
                break
            _swap(k, new, cell, indptr, fanin, capacitance, load)
            arrivals(*args)
            made += 1
            if latest(arrival, roots) <= limit:
                break
            _swap(k, old, cell, indptr, fanin, capacitance, load)
    arrivals(*args)
    return made
