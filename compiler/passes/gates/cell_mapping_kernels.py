"""Choice of a match for each phase of each gate, by area flow and by exact areas: arrays only.

Leaf literals of a match: net = leaves[net, cut, i], phase = bit i of negated[m].
"""

from __future__ import annotations

import numpy as np

from compiler.jit import njit

INVERT, SOURCE = -1, -2  # choices that are no match: an inverter, a primary input


@njit(widen=True, cache=True, nogil=True)
def cover(
    n,
    gates,
    roots,
    leaves,
    size,
    table,
    count,
    start,
    cell,
    leaf,
    negated,
    area,
    delay,
    inverter,
    fast,
    flow_rounds,
    exact_rounds,
):  # pragma: no cover - compiled
    """(choice, match, refs), each (n_nets, 2): what drives each phase and how often it is read."""
    n_nets = count.size
    choice = np.full((n_nets, 2), INVERT, dtype=np.int32)
    match = np.full((n_nets, 2), -1, dtype=np.int64)
    choice[:n, 0] = SOURCE
    guess = np.ones((n_nets, 2))
    for net in gates:
        for c in range(count[net]):
            if size[net, c] == 2:
                for p in range(2):
                    guess[leaves[net, c, 0], p] += 0.5
                    guess[leaves[net, c, 1], p] += 0.5
                break
    need = np.full((n_nets, 2), np.inf)
    refs = np.zeros((n_nets, 2), dtype=np.int64)
    limit = -1.0
    for turn in range(flow_rounds + fast):
        _choose_by_flow(
            n,
            gates,
            guess,
            leaves,
            table,
            count,
            start,
            cell,
            negated,
            area,
            delay,
            inverter,
            choice,
            match,
            need,
            fast and turn == 0,
        )
        refs[:] = 0
        _count_refs(n, gates, roots, leaves, size, negated, choice, match, refs)
        for net in range(n_nets):
            for p in range(2):
                guess[net, p] = (guess[net, p] + 2 * refs[net, p]) / 3
        if fast:
            limit = _required(
                n,
                gates,
                roots,
                leaves,
                size,
                cell,
                negated,
                delay,
                inverter,
                choice,
                match,
                refs,
                need,
                limit,
            )
    for _ in range(exact_rounds):
        _choose_exactly(
            n,
            gates,
            leaves,
            size,
            table,
            count,
            start,
            cell,
            negated,
            area,
            delay,
            inverter,
            choice,
            match,
            refs,
            need,
            fast,
        )
        if fast:
            _required(
                n,
                gates,
                roots,
                leaves,
                size,
                cell,
                negated,
                delay,
                inverter,
                choice,
                match,
                refs,
                need,
                limit,
            )
    return choice, match, refs


@njit(widen=True, cache=True, nogil=True)
def _choose_by_flow(
    n,
    gates,
    guess,
    leaves,
    table,
    count,
    start,
    cell,
    negated,
    area,
    delay,
    inverter,
    choice,
    match,
    need,
    hurry,
):  # pragma: no cover - compiled
    """Least area flow that meets `need` (or, in a hurry, least arrival) for both phases."""
    flow = np.zeros((count.size, 2))
    arrival = np.zeros((count.size, 2))
    for net in range(n):
        flow[net, 1], arrival[net, 1] = area[inverter] / max(guess[net, 1], 1.0), delay[inverter]
    for net in gates:
        best = np.full(2, np.inf)
        soonest = np.full(2, np.inf)
        for p in range(2):
            meets = False
            for c in range(count[net]):
                wanted = int(table[net, c]) ^ (0xFFFF * p)
                for m in range(start[wanted], start[wanted + 1]):
                    f, t = area[cell[m]], 0.0
                    for i in range(4):
                        x = leaves[net, c, i]
                        if x < 0:
                            break
                        q = (negated[m] >> i) & 1
                        f += flow[x, q]
                        t = max(t, arrival[x, q])
                    t += delay[cell[m]]
                    ok = t <= need[net, p] + 1e-15
                    if hurry:
                        better = t < soonest[p] or (t == soonest[p] and f < best[p])
                    elif ok == meets:
                        better = (
                            (f < best[p] or (f == best[p] and t < soonest[p])) if ok else (t < soonest[p])
                        )
                    else:
                        better = ok
                    if better:
                        best[p], soonest[p], meets = f, t, ok
                        choice[net, p], match[net, p] = c, m
        for p in range(2):
            f, t = best[1 - p] + area[inverter], soonest[1 - p] + delay[inverter]
            if hurry:
                better = t < soonest[p]
            else:
                late = soonest[p] > need[net, p] + 1e-15
                in_time = t <= need[net, p] + 1e-15
                better = in_time and (late or f < best[p])
            if better and choice[net, 1 - p] != INVERT:
                best[p], soonest[p] = f, t
                choice[net, p], match[net, p] = INVERT, -1
        for p in range(2):
            flow[net, p] = best[p] / max(guess[net, p], 1.0)
            arrival[net, p] = soonest[p]


@njit(widen=True, cache=True, nogil=True)
def _count_refs(n, gates, roots, leaves, size, negated, choice, match, refs):  # pragma: no cover - compiled
    """Readers of every phase in the cover of the roots."""
    for literal in roots:
        refs[literal >> 1, literal & 1] += 1
    for k in range(gates.size - 1, -1, -1):
        net = gates[k]
        for p in range(2):
            if refs[net, p] > 0 and choice[net, p] == INVERT:
                refs[net, 1 - p] += 1
        for p in range(2):
            if refs[net, p] > 0 and choice[net, p] >= 0:
                c = choice[net, p]
                for i in range(size[net, c]):
                    refs[leaves[net, c, i], (negated[match[net, p]] >> i) & 1] += 1
    for net in range(n):
        if refs[net, 1] > 0:
            refs[net, 0] += 1


@njit(widen=True, cache=True, nogil=True)
def _required(
    n, gates, roots, leaves, size, cell, negated, delay, inverter, choice, match, refs, need, limit
):  # pragma: no cover - compiled
    """Latest arrival of every phase in the cover with roots in time at `limit`, which is returned.

    limit : below 0 for the cover's own latest arrival
    """
    arrival = np.zeros(need.shape)
    arrival[:n, 1] = delay[inverter]
    for net in gates:
        for late in range(2):
            for p in range(2):
                if refs[net, p] == 0 or (choice[net, p] == INVERT) != (late == 1):
                    continue
                if late:
                    arrival[net, p] = arrival[net, 1 - p] + delay[inverter]
                    continue
                c, m = choice[net, p], match[net, p]
                for i in range(size[net, c]):
                    t = arrival[leaves[net, c, i], (negated[m] >> i) & 1]
                    arrival[net, p] = max(arrival[net, p], t)
                arrival[net, p] += delay[cell[m]]
    if limit < 0:
        limit = 0.0
        for literal in roots:
            limit = max(limit, arrival[literal >> 1, literal & 1])
    need[:] = np.inf
    for literal in roots:
        need[literal >> 1, literal & 1] = limit
    for k in range(gates.size - 1, -1, -1):
        net = gates[k]
        for p in range(2):
            if refs[net, p] > 0 and choice[net, p] == INVERT:
                need[net, 1 - p] = min(need[net, 1 - p], need[net, p] - delay[inverter])
        for p in range(2):
            if refs[net, p] > 0 and choice[net, p] >= 0:
                c, m = choice[net, p], match[net, p]
                for i in range(size[net, c]):
                    x, q = leaves[net, c, i], (negated[m] >> i) & 1
                    need[x, q] = min(need[x, q], need[net, p] - delay[cell[m]])
    return limit


@njit(widen=True, cache=True, nogil=True)
def _change(
    net, p, sign, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
):  # pragma: no cover - compiled
    """Add (sign 1) or remove (-1) the cone that drives a phase; the area that comes or goes.

    The phase itself must have no reader; what it reads is followed where its readers become one
    or none.
    """
    total = 0.0
    top = 1
    stack[0] = 2 * net + p
    while top > 0:
        top -= 1
        x, q = stack[top] >> 1, stack[top] & 1
        c = choice[x, q]
        if c == SOURCE:
            continue
        inputs = 1 if c == INVERT else int(size[x, c])
        total += area[inverter] if c == INVERT else area[cell[match[x, q]]]
        for i in range(inputs):
            if c == INVERT:
                y, r = x, 1 - q
            else:
                y, r = leaves[x, c, i], (negated[match[x, q]] >> i) & 1
            if sign > 0:
                if refs[y, r] == 0:
                    stack[top] = 2 * y + r
                    top += 1
                refs[y, r] += 1
            else:
                refs[y, r] -= 1
                if refs[y, r] == 0:
                    stack[top] = 2 * y + r
                    top += 1
    return total


@njit(widen=True, cache=True, nogil=True)
def _arrive(
    net, p, leaves, size, cell, negated, delay, inverter, choice, match, arrival
):  # pragma: no cover - compiled
    """When a phase is there, from the arrivals of what its choice reads."""
    c, m = choice[net, p], match[net, p]
    if c == INVERT:
        return arrival[net, 1 - p] + delay[inverter]
    late = 0.0
    for i in range(size[net, c]):
        late = max(late, arrival[leaves[net, c, i], (negated[m] >> i) & 1])
    return late + delay[cell[m]]


@njit(widen=True, cache=True, nogil=True)
def _choose_exactly(
    n,
    gates,
    leaves,
    size,
    table,
    count,
    start,
    cell,
    negated,
    area,
    delay,
    inverter,
    choice,
    match,
    refs,
    need,
    fast,
):  # pragma: no cover - compiled
    """For every phase in use the match (or inverter) that adds least to the rest of the cover.

    fast : only what is there when `need` says
    """
    stack = np.zeros(8 * count.size + 64, dtype=np.int64)
    arrival = np.zeros(need.shape)
    arrival[:n, 1] = delay[inverter]
    timing = (leaves, size, cell, negated, delay, inverter, choice, match, arrival)
    for net in gates:
        if fast:
            first = 1 if choice[net, 0] == INVERT else 0
            for p in (first, 1 - first):
                arrival[net, p] = _arrive(net, p, *timing)
        for p in range(2):
            if refs[net, p] == 0:
                continue
            other_inverts = choice[net, 1 - p] == INVERT
            readers = refs[net, p]
            now_c, now_m = choice[net, p], match[net, p]
            refs[net, p] = 0
            best = _change(
                net, p, -1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
            )
            best_c, best_m = now_c, now_m
            for c in range(count[net]):
                wanted = int(table[net, c]) ^ (0xFFFF * p)
                for m in range(start[wanted], start[wanted + 1]):
                    if area[cell[m]] >= best:
                        continue
                    choice[net, p], match[net, p] = c, m
                    if fast and _arrive(net, p, *timing) > need[net, p] + 1e-15:
                        continue
                    cost = _change(
                        net, p, 1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                    )
                    _change(
                        net, p, -1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                    )
                    if cost < best - 1e-12:
                        best, best_c, best_m = cost, c, m
            in_time = not fast or arrival[net, 1 - p] + delay[inverter] <= need[net, p] + 1e-15
            if not other_inverts and now_c != INVERT and in_time:
                choice[net, p], match[net, p] = INVERT, -1
                cost = _change(
                    net, p, 1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                )
                _change(
                    net, p, -1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                )
                if cost < best - 1e-12:
                    best, best_c, best_m = cost, INVERT, -1
            choice[net, p], match[net, p] = best_c, best_m
            _change(net, p, 1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack)
            refs[net, p] = readers
            if fast:
                arrival[net, p] = _arrive(net, p, *timing)
                if choice[net, p] == INVERT:
                    need[net, 1 - p] = min(need[net, 1 - p], need[net, p] - delay[inverter])
                elif choice[net, 1 - p] == INVERT:
                    arrival[net, 1 - p] = _arrive(net, 1 - p, *timing)
