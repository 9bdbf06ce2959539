"""Map a circuit to the cells of a library, with real inverters.

Every two-input gate may show its value or the complement. For each of these two phases the best
match of a cut (`cell_cuts`) with a cell (`cell_matches`) is chosen, or
an inverter behind the other phase. Best is the least area flow: the cell's area plus that of what
it reads, each divided by its fan-out in the cover before (V. Manohararajah, S. D. Brown and
Z. G. Vranesic, Heuristics for area minimization in LUT-based FPGA technology mapping, IEEE TCAD
25(11), 2006); after that exact area: what a match would add to the cover as it stands. With
objective="delay" arrival comes first, and both areas only count where there is slack.
"""

from __future__ import annotations

import numpy as np

from compiler.cell_counts import cell_area
from compiler.errors import NetlistError
from compiler.ir.cells import CONSTANT_0, CONSTANT_1, CellNetlist, verify_cells
from compiler.ir.gates import TWO_INPUT, XNOR, XOR, GateNetlist
from compiler.ir.kinds import expect
from compiler.jit import interpreted_if_cheap, njit
from compiler.passes.gates.cell_adders import adder_cells, choose_phases, cut_open, find_adders, put_back
from compiler.passes.gates.cell_cuts import Subject, cut_circuit
from compiler.passes.gates.cell_matches import XOR_TABLE, Matches, find_matches
from compiler.passes.gates.expand_xor import expand_xor
from hw_models.cells import CellLibrary

OBJECTIVES = ("area", "delay")
INTERPRETED = 3e-4  # CPU seconds a gate without compiled kernels
FLOW_ROUNDS, EXACT_ROUNDS = 3, 2
_INVERT, _SOURCE = -1, -2  # choices that are no match: an inverter, a primary input


def map_cells(
    circuit: GateNetlist | Subject,
    library: CellLibrary,
    *,
    objective: str = "area",
    adders: bool = True,
    rounds: int = FLOW_ROUNDS,
) -> CellNetlist:
    """The circuit in cells of the library; every root keeps its function.

    circuit : a netlist, or what cut_circuit made of it (to map it to several libraries)
    objective : "area", or "delay" (least sum of cell delays at the library's load, then area)
    rounds : by area flow, before exact areas; more are not always better

    Where no cell computes xor, the subject mapped (CellNetlist.subject) is the circuit with its
    exclusive gates expanded. Cells of more than four inputs are not used. With objective "area" and
    `adders`, full and half adders of two outputs are tried where the library has them, and kept if
    the whole becomes smaller.

    Raises NetlistError for another objective, HardwareError as find_matches,
    UnsupportedError for what is no circuit of gates.
    """
    if not isinstance(circuit, Subject):
        expect(circuit, "gates", "map_cells", "map the circuit of gates itself")
    if objective not in OBJECTIVES:
        raise NetlistError(
            f"cell mapping: objective {objective!r} is unknown; choose one of {', '.join(OBJECTIVES)}"
        )
    fast = objective == "delay"
    matches = find_matches(library, fast)
    subject = circuit if isinstance(circuit, Subject) else cut_circuit(circuit)
    mapped = _map(subject, library, matches, fast, rounds)
    if fast or not adders:
        return mapped
    cells = adder_cells(library)
    least, best = cell_area(mapped), None
    for widths in [(width,) for width in sorted(cells)[-1:]] + [(2, 3)] * (len(cells) > 1):
        found = choose_phases(find_adders(subject, widths), cells, subject.netlist.n_inputs)
        if not found:
            continue
        rest = _map(cut_circuit(cut_open(subject.netlist, found, cells)), library, matches, fast, rounds)
        area = cell_area(rest) + sum(cells[len(adder.leaves)].area for adder in found)
        if area < least:
            least, best = area, (rest, found)
    return mapped if best is None else put_back(best[0], subject.netlist, best[1], cells)


def _map(subject: Subject, library: CellLibrary, matches: Matches, fast: bool, rounds: int) -> CellNetlist:
    if not matches.computes(XOR_TABLE) and np.isin(subject.netlist.op, (XOR, XNOR)).any():
        subject = cut_circuit(expand_xor(subject.netlist))
    roots = subject.literals[subject.netlist.roots]
    two_input = np.flatnonzero(TWO_INPUT[subject.netlist.op]) + subject.netlist.n_inputs
    with interpreted_if_cheap(INTERPRETED * two_input.size, _cover, compiling=8.0):
        choice, match, refs = _cover(
            subject.netlist.n_inputs,
            two_input,
            roots[roots >= 0],
            subject.leaves,
            subject.size,
            subject.table,
            subject.count,
            matches.start,
            matches.cell,
            matches.leaf,
            matches.negated,
            matches.area,
            matches.delay,
            matches.inverter,
            fast,
            rounds,
            EXACT_ROUNDS,
        )
    mapped = _build(subject, library, matches, choice, match, refs)
    verify_cells(mapped)
    return mapped


def _build(
    subject: Subject,
    library: CellLibrary,
    matches: Matches,
    choice: np.ndarray,
    match: np.ndarray,
    refs: np.ndarray,
) -> CellNetlist:
    """Cells of the cover in topological order."""
    n = subject.netlist.n_inputs
    net_of = np.full((subject.netlist.n_nets, 2), -1, dtype=np.int64)
    net_of[:n, 0] = np.arange(n)
    cells: list[int] = []
    fanin: list[int] = []
    indptr = [0]
    origin: list[int] = []
    inverted: list[bool] = []

    def add(cell: int, nets: list[int], net: int, phase: int) -> None:
        net_of[net, phase] = n + len(cells)
        cells.append(cell)
        fanin.extend(nets)
        indptr.append(len(fanin))
        origin.append(net)
        inverted.append(bool(phase))

    for net in np.flatnonzero(refs.any(axis=1)).tolist():
        # the phase an inverter makes comes after the one it reads
        for phase in (1, 0) if choice[net, 0] == _INVERT else (0, 1):
            if not refs[net, phase] or choice[net, phase] == _SOURCE:
                continue
            if choice[net, phase] == _INVERT:
                add(matches.inverter, [int(net_of[net, 1 - phase])], net, phase)
                continue
            cut, m = int(choice[net, phase]), int(match[net, phase])
            pins = matches.leaf[m, : library.cells[matches.cell[m]].n_inputs].tolist()
            negated = int(matches.negated[m])
            nets = [int(net_of[subject.leaves[net, cut, i], negated >> i & 1]) for i in pins]
            add(int(matches.cell[m]), nets, net, phase)
    roots = [
        (CONSTANT_1 if literal == -1 else CONSTANT_0)
        if literal < 0
        else int(net_of[literal >> 1, literal & 1])
        for literal in subject.literals[subject.netlist.roots].tolist()
    ]
    return CellNetlist(
        library=library,
        input_names=subject.netlist.input_names,
        output_names=subject.netlist.output_names,
        cell=np.array(cells, dtype=np.int32),
        indptr=np.array(indptr, dtype=np.int64),
        fanin=np.array(fanin, dtype=np.int32),
        roots=np.array(roots, dtype=np.int32),
        subject=subject.netlist,
        origin=np.array(origin, dtype=np.int32),
        inverted=np.array(inverted, dtype=bool),
        instance=np.arange(len(cells), dtype=np.int32),
    )


# --- kernels: arrays only ----------------------------------------------------------------------
# leaf literals of a match: net = leaves[net, cut, i], phase = bit i of negated[m]


@njit(widen=True, cache=True, nogil=True)
def _cover(
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
    choice = np.full((n_nets, 2), _INVERT, dtype=np.int32)
    match = np.full((n_nets, 2), -1, dtype=np.int64)
    choice[:n, 0] = _SOURCE
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
            if better and choice[net, 1 - p] != _INVERT:
                best[p], soonest[p] = f, t
                choice[net, p], match[net, p] = _INVERT, -1
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
            if refs[net, p] > 0 and choice[net, p] == _INVERT:
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
                if refs[net, p] == 0 or (choice[net, p] == _INVERT) != (late == 1):
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
            if refs[net, p] > 0 and choice[net, p] == _INVERT:
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
        if c == _SOURCE:
            continue
        inputs = 1 if c == _INVERT else int(size[x, c])
        total += area[inverter] if c == _INVERT else area[cell[match[x, q]]]
        for i in range(inputs):
            if c == _INVERT:
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
    if c == _INVERT:
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
            first = 1 if choice[net, 0] == _INVERT else 0
            for p in (first, 1 - first):
                arrival[net, p] = _arrive(net, p, *timing)
        for p in range(2):
            if refs[net, p] == 0:
                continue
            other_inverts = choice[net, 1 - p] == _INVERT
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
            if not other_inverts and now_c != _INVERT and in_time:
                choice[net, p], match[net, p] = _INVERT, -1
                cost = _change(
                    net, p, 1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                )
                _change(
                    net, p, -1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack
                )
                if cost < best - 1e-12:
                    best, best_c, best_m = cost, _INVERT, -1
            choice[net, p], match[net, p] = best_c, best_m
            _change(net, p, 1, n, leaves, size, cell, negated, area, inverter, choice, match, refs, stack)
            refs[net, p] = readers
            if fast:
                arrival[net, p] = _arrive(net, p, *timing)
                if choice[net, p] == _INVERT:
                    need[net, 1 - p] = min(need[net, 1 - p], need[net, p] - delay[inverter])
                elif choice[net, 1 - p] == _INVERT:
                    arrival[net, 1 - p] = _arrive(net, 1 - p, *timing)
