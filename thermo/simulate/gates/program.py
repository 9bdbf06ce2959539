"""From a GateNetlist to a gate program: what `thermo.kernels.gates.program` runs.

Buffers, inverters and constants vanish into the gates that read them; what nobody looks at is left
out. Gates are sorted by level and kind, so that one step runs many without a decision between them;
those that only a class sum reads are added up where they are computed and never stored; rows are
used again as soon as their last reader has run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.gates import GateNetlist, verify_gates
from thermo.kernels.gates.plan import ONE, ZERO, assign_rows, find_levels, mark_live, resolve
from thermo.kernels.gates.program import COUNTED, ROWS
from thermo.kernels.gates.vector import DEPTH, GROUP, ROWS_MOST

FIRST_INPUT = 2  # row 0 is all zeros, row 1 all ones
BLOCK = 64  # inputs are packed that many at a time
LONGEST = 128  # gates of a step, so that samples are fetched evenly; a multiple of GROUP
# operands with which a gate of each kind gives 0
_IDLE = {
    1: (ZERO, ZERO),
    2: (ZERO, ZERO),
    6: (ZERO, ZERO),
    7: (ZERO, ZERO),
    8: (ONE, ONE),
    9: (ZERO, ONE),
    11: (ZERO, ONE),
    14: (ONE, ONE),
}


@dataclass(frozen=True, slots=True, eq=False)
class GateProgram:
    """A netlist made ready to run; steps, code and nets as in thermo.kernels.gates.program.run_steps.

    n_rows : rows in use, FIRST_INPUT and the inputs (up to a multiple of BLOCK) included
    first_plane, n_bits : (n_classes,) int64, each class's counter; n_planes : of all counters
    output_rows : (n_outputs,) int64
    gate_row : (n_gates,) int64, the row with each gate's value or its complement, or -1 for a
        constant; only where every_gate, when rows are not used twice
    evaluated : gates that are run for each sample
    """

    netlist: GateNetlist
    steps: np.ndarray
    code: np.ndarray
    nets: np.ndarray
    n_rows: int
    first_plane: np.ndarray
    n_bits: np.ndarray
    n_planes: int
    output_rows: np.ndarray
    gate_row: np.ndarray
    every_gate: bool
    evaluated: int


def input_rows(netlist: GateNetlist) -> int:
    """Rows that hold the inputs."""
    return max(BLOCK, -(-netlist.n_inputs // BLOCK) * BLOCK)


def counters(netlist: GateNetlist) -> tuple[np.ndarray, np.ndarray, int]:
    """First plane and bits of each class's counter, and the planes of all."""
    sums = netlist.class_sums
    if sums is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    bits = np.array([int(n).bit_length() for n in np.diff(sums.indptr)], dtype=np.int64)
    # two stages of adders of DEPTH planes each
    planes = np.maximum(bits, 2 * DEPTH)
    return np.cumsum(planes) - planes, bits, int(planes.sum())


def prepare_gates(netlist: GateNetlist, *, every_gate: bool = False) -> GateProgram:
    """The program of a netlist; with every_gate each gate keeps its value in a row of its own.

    Raises NetlistError for a netlist that breaks an invariant, UnsupportedError for one that needs
    more than two million rows.
    """
    verify_gates(netlist)
    n, n_nets, roots = netlist.n_inputs, netlist.n_nets, netlist.roots
    shown = np.zeros(n_nets, dtype=bool)
    shown[roots] = True
    node = np.empty(n_nets, np.int64)
    inverted = np.empty(n_nets, np.int64)
    kind, x, y = np.zeros((3, netlist.n_gates), np.int64)
    resolve(netlist.op.astype(np.int64), netlist.a, netlist.b, n, shown, node, inverted, kind, x, y)
    live = np.full(n_nets, every_gate)
    live[node[roots][node[roots] >= 0]] = True
    mark_live(kind, x, y, n, live)
    run = np.flatnonzero((kind > 0) & live[n:])
    # a complement that is looked at is one gate more
    seen, flip = node[roots], inverted[roots]
    wanted = np.unique(seen[(seen >= 0) & (flip == 1)])
    extra = np.full(n_nets, ZERO)
    extra[wanted] = n_nets + np.arange(wanted.size)
    seen = np.where(seen >= 0, np.where(flip == 1, extra[seen], seen), np.where(flip, ONE, ZERO))
    gates = _Gates(
        kind=np.concatenate([kind[run], np.full(wanted.size, 8)]),
        x=np.concatenate([x[run], wanted]),
        y=np.concatenate([y[run], np.full(wanted.size, ZERO)]),
        out=np.concatenate([n + run, extra[wanted]]),
        n_nodes=n_nets + wanted.size,
    )
    return _schedule(netlist, gates, seen, node, every_gate)


@dataclass(frozen=True, slots=True, eq=False)
class _Gates:
    """Gates in topological order; operands are nodes (nets and complements) or constants."""

    kind: np.ndarray
    x: np.ndarray
    y: np.ndarray
    out: np.ndarray
    n_nodes: int


def _schedule(
    netlist: GateNetlist, gates: _Gates, roots: np.ndarray, node: np.ndarray, every_gate: bool
) -> GateProgram:
    """Sort the gates into steps and give them rows; roots : node of each of the netlist's roots."""
    n = netlist.n_inputs
    outputs, counted = roots[: netlist.n_outputs], roots[netlist.n_outputs :]
    sums = netlist.class_sums
    class_of = (
        np.zeros(0, np.int64) if sums is None else np.repeat(np.arange(sums.n_classes), np.diff(sums.indptr))
    )
    first_plane, n_bits, n_planes = counters(netlist)
    planes = np.append(first_plane, n_planes)[1:] - first_plane

    # a gate whose one reader is a class sum is added where it is computed
    readers = np.zeros(gates.n_nodes, np.int64)
    for operand in (gates.x, gates.y):
        readers += np.bincount(operand[operand >= 0], minlength=gates.n_nodes)
    times = np.bincount(counted[counted >= 0], minlength=gates.n_nodes)
    alone = (times == 1) & (readers == 0) & (not every_gate)
    alone[outputs[outputs >= 0]] = False
    alone[:n] = False
    home = np.full(gates.n_nodes, -1)
    single = (counted >= 0) & alone[np.maximum(counted, 0)]
    home[counted[single]] = class_of[single]
    # what else is counted is kept until the end
    kept = np.zeros(gates.n_nodes, dtype=bool)
    kept[outputs[outputs >= 0]] = True
    kept[counted[(counted >= 0) & ~single]] = True

    level = np.zeros(gates.n_nodes, np.int64)
    find_levels(gates.x, gates.y, gates.out, level)
    classes, depth = home[gates.out], level[gates.out]
    order = np.lexsort((gates.x, gates.kind, classes, depth))
    steps, place, carries = _steps(depth[order], classes[order], gates.kind[order], first_plane, planes)
    real = place >= 0
    at = order[place]
    idle = np.array([_IDLE.get(k, (ZERO, ZERO)) for k in range(16)])
    runs = steps[steps[:, 0] != ROWS]
    kinds = np.repeat(runs[:, 0] % COUNTED, runs[:, 2] - runs[:, 1])
    x = np.where(real, gates.x[at], idle[kinds, 0])
    y = np.where(real, gates.y[at], idle[kinds, 1])
    out = np.full(place.size, -1)
    out[real] = np.where(classes[at[real]] >= 0, -1, gates.out[at[real]])

    row = np.full(gates.n_nodes, -1)
    row[:n] = FIRST_INPUT + np.arange(n)
    first = FIRST_INPUT + input_rows(netlist)
    n_rows = assign_rows(x, y, out, readers, kept, row, first, not every_gate)
    if n_rows + carries > ROWS_MOST:
        raise UnsupportedError(
            f"the circuit needs {n_rows + carries} rows at a time, at most {ROWS_MOST} can be "
            "numbered: cut it into circuits of fewer gates"
        )
    # constants have rows 0 and 1
    row_of = np.concatenate([row, [1, 0]])
    code = (row_of[x] | row_of[y] << 21 | np.where(out >= 0, row_of[out], 0) << 42).astype(np.uint64)
    steps, nets = _count_rows(steps, n_rows, row_of[counted[~single]], class_of[~single], first_plane, planes)
    gate_row = np.full(netlist.n_gates, -1)
    if every_gate:
        gate_row = row_of[node[n:]]
        gate_row[node[n:] < 0] = -1
    return GateProgram(
        netlist=netlist,
        steps=steps,
        code=code,
        nets=nets,
        n_rows=n_rows + carries,
        first_plane=first_plane,
        n_bits=n_bits,
        n_planes=n_planes,
        output_rows=row_of[outputs],
        gate_row=gate_row,
        every_gate=every_gate,
        evaluated=int(gates.out.size),
    )


def _steps(
    level: np.ndarray, classes: np.ndarray, kind: np.ndarray, first_plane: np.ndarray, planes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Runs of gates that are sorted by level, class and kind.

    Returns the steps (n_steps, 5), where the carries' rows count from 0 and ROWS steps give the
    number of carries as stop; the place of every instruction's gate in the order, -1 for padding;
    and the most carries at a time.
    """
    n = level.size
    change = np.flatnonzero((np.diff(level) != 0) | (np.diff(classes) != 0) | (np.diff(kind) != 0))
    starts = np.concatenate([[0], change + 1, [n]]) if n else np.zeros(1, np.int64)
    steps: list[tuple[int, int, int, int, int]] = []
    places: list[np.ndarray] = []
    used = carries = most = 0
    for s, (start, stop) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        c, size = int(classes[start]), stop - start
        padded = size if c < 0 else -(-size // GROUP) * GROUP
        places += [np.arange(start, stop), np.full(padded - size, -1)]
        plane = 0 if c < 0 else int(first_plane[c])
        for first in range(used, used + padded, LONGEST):
            last = min(first + LONGEST, used + padded)
            code = int(kind[start]) + (COUNTED if c >= 0 else 0)
            steps.append((code, first, last, plane, carries + (first - used) // GROUP))
        used += padded
        if c >= 0:
            carries += padded // GROUP
            most = max(most, carries)
            following = int(starts[s + 1])
            if following == n or classes[following] != c or level[following] != level[start]:
                steps.append((ROWS, 0, carries, plane + DEPTH, int(planes[c]) - DEPTH))
                carries = 0
    table = np.array(steps, dtype=np.int64).reshape(-1, 5)
    return table, np.concatenate([np.zeros(0, np.int64), *places]), most


def _count_rows(
    steps: np.ndarray,
    first_carry: int,
    rows: np.ndarray,
    classes: np.ndarray,
    first_plane: np.ndarray,
    planes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Steps with their lists of rows: the carries, and at the end what is counted as it stands."""
    lists: list[np.ndarray] = []
    used = 0

    def listed(numbers: np.ndarray) -> tuple[int, int]:
        nonlocal used
        padded = np.zeros(-(-numbers.size // GROUP) * GROUP, np.uint32)  # row 0 adds nothing
        padded[: numbers.size] = numbers
        lists.append(padded)
        used += padded.size
        return used - padded.size, used

    new = []
    for kind, start, stop, plane, last in steps.tolist():
        if kind == ROWS:
            start, stop = listed(first_carry + np.arange(stop))
        elif kind >= COUNTED:
            last += first_carry
        new.append((kind, start, stop, plane, last))
    for c in range(planes.size):
        here = rows[(classes == c) & (rows > 0)]
        if here.size:
            new.append((ROWS, *listed(here), int(first_plane[c]), int(planes[c])))
    table = np.array(new, dtype=np.int64).reshape(-1, 5)
    return table, np.concatenate([np.zeros(0, np.uint32), *lists])
