"""Cuts of up to four nets with the function of each, for cell mapping.

A cut of a net is a set of earlier nets (leaves) that determine it. Enumerated bottom up from the
cuts of a gate's operands (J. Cong and Y. Ding, FlowMap, IEEE TCAD 13, 1994), the smallest MAX_CUTS
of each net kept. A table is 16 bits: bit sum_i v_i 2^i is the value where leaf i has value v_i;
leaves ascend, and a table of fewer than four leaves repeats.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.gates import BUF, CONST0, CONST1, NOT, TWO_INPUT, GateNetlist
from compiler.jit import interpreted_if_cheap, njit
from compiler.passes.gates.local import fold_constants, hash_structurally, remove_buffers, sweep_dead

LEAVES = 4
MAX_CUTS = 12
INTERPRETED = 3e-4  # CPU seconds a gate without compiled kernels
FULL = 0xFFFF


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A simplified circuit with the cuts of every net.

    literals : (n_nets,) int32, 2 net + complemented of the two-input gate or input that a net
        shows; -2 and -1 for the constants 0 and 1
    leaves : (n_nets, MAX_CUTS, 4) int32; size : (n_nets, MAX_CUTS) int8; table : uint16
    count : (n_nets,) int16, cuts of the net (none of an input)
    """

    netlist: GateNetlist
    literals: np.ndarray
    leaves: np.ndarray
    size: np.ndarray
    table: np.ndarray
    count: np.ndarray


def cut_circuit(netlist: GateNetlist) -> Subject:
    """Simplify a circuit (constants, buffers, double gates, dead ones) and enumerate its cuts."""
    for step in (fold_constants, remove_buffers, hash_structurally, sweep_dead):
        netlist = step(netlist)
    n = netlist.n_inputs
    literals = np.arange(0, 2 * netlist.n_nets, 2, dtype=np.int32)
    for k in np.flatnonzero(~TWO_INPUT[netlist.op]).tolist():
        op, a, b = int(netlist.op[k]), int(netlist.a[k]), int(netlist.b[k])
        if op in (CONST0, CONST1):
            literals[n + k] = -1 if op == CONST1 else -2
        else:
            source = literals[a if op in (BUF, NOT) else b]
            literals[n + k] = source ^ int(op in (NOT, 10))
    shape = (netlist.n_nets, MAX_CUTS)
    leaves = np.full((*shape, LEAVES), -1, dtype=np.int32)
    size, table = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.uint16)
    count = np.zeros(netlist.n_nets, dtype=np.int16)
    with interpreted_if_cheap(INTERPRETED * netlist.n_gates, _enumerate, compiling=3.0):
        _enumerate(netlist.op, netlist.a, netlist.b, TWO_INPUT, n, literals, leaves, size, table, count)
    return Subject(netlist, literals, leaves, size, table, count)


@njit(widen=True, cache=True, nogil=True)
def _spread(table, size, place):  # pragma: no cover - compiled
    """The table with leaf i moved to place[i]."""
    out = 0
    for m in range(16):
        index = 0
        for i in range(size):
            index |= ((m >> place[i]) & 1) << i
        out |= ((table >> index) & 1) << m
    return out


@njit(widen=True, cache=True, nogil=True)
def _combine(op, x, y):  # pragma: no cover - compiled
    out = 0
    if op & 8:
        out |= ~x & ~y
    if op & 4:
        out |= ~x & y
    if op & 2:
        out |= x & ~y
    if op & 1:
        out |= x & y
    return out & 0xFFFF


@njit(widen=True, cache=True, nogil=True)
def _without_idle(table, leaves, size):  # pragma: no cover - compiled
    """Drop leaves that the table does not depend on; (table, size), leaves changed in place."""
    i = 0
    place = np.zeros(4, dtype=np.int64)
    while i < size:
        step = 1 << i
        same = True
        for m in range(16):
            if ((table >> m) ^ (table >> (m ^ step))) & 1:
                same = False
        if same:
            for j in range(i, size - 1):
                leaves[j] = leaves[j + 1]
            size -= 1
            for j in range(size):  # leaf j of the result stands where it stood
                place[j] = j if j < i else j + 1
            out = 0
            for m in range(16):
                index = 0
                for j in range(size):
                    index |= ((m >> j) & 1) << place[j]
                out |= ((table >> index) & 1) << m
            table = out
        else:
            i += 1
    return table, size


@njit(widen=True, cache=True, nogil=True)
def within(a, size_a, b, size_b):  # pragma: no cover - compiled
    """Whether every leaf of a is a leaf of b."""
    if size_a > size_b:
        return False
    j = 0
    for i in range(size_a):
        while j < size_b and b[j] < a[i]:
            j += 1
        if j == size_b or b[j] != a[i]:
            return False
    return True


@njit(widen=True, cache=True, nogil=True)
def _copy(leaves, out):  # pragma: no cover - compiled
    """out <- leaves of one cut; an assignment of rows would compile its error message too."""
    for i in range(LEAVES):
        out[i] = leaves[i]


@njit(widen=True, cache=True, nogil=True)
def _enumerate(op, a, b, two_input, n, literals, leaves, size, table, count):
    # pragma: no cover - compiled
    most = size.shape[1]
    union = np.zeros(8, dtype=np.int32)
    places = np.zeros((2, 4), dtype=np.int64)
    own = np.zeros((2, 4), dtype=np.int32)
    for k in range(op.size):
        if not two_input[op[k]]:
            continue
        net = n + k
        x, y = a[k], b[k]
        found = 0
        for i in range(-1, count[x]):
            if i < 0:
                size_x, table_x = 1, 0xAAAA
                own[0, 0] = x
            else:
                size_x, table_x = int(size[x, i]), int(table[x, i])
                _copy(leaves[x, i], own[0])
            for j in range(-1, count[y]):
                if j < 0:
                    size_y, table_y = 1, 0xAAAA
                    own[1, 0] = y
                else:
                    size_y, table_y = int(size[y, j]), int(table[y, j])
                    _copy(leaves[y, j], own[1])
                # union of two ascending lists, with the place of each leaf
                p, q, total = 0, 0, 0
                while (p < size_x or q < size_y) and total <= 4:
                    take_x = q == size_y or (p < size_x and own[0, p] <= own[1, q])
                    take_y = p == size_x or (q < size_y and own[1, q] <= own[0, p])
                    union[total] = own[0, p] if take_x else own[1, q]
                    if take_x:
                        if total < 4:
                            places[0, p] = total
                        p += 1
                    if take_y:
                        if total < 4:
                            places[1, q] = total
                        q += 1
                    total += 1
                if total > 4:
                    continue
                made = _combine(
                    op[k], _spread(table_x, size_x, places[0]), _spread(table_y, size_y, places[1])
                )
                made, total = _without_idle(made, union, total)
                if total < 2:
                    continue
                found = _keep(net, made, union, total, leaves, size, table, found, most)
        count[net] = found


@njit(widen=True, cache=True, nogil=True)
def _keep(net, made, union, total, leaves, size, table, found, most):
    # pragma: no cover - compiled
    """Insert a cut by size unless one within it is known; the number of cuts then kept."""
    for c in range(found):
        if within(leaves[net, c], size[net, c], union, total):
            return found
    kept = 0  # cuts that contain the new one go
    for c in range(found):
        if not within(union, total, leaves[net, c], size[net, c]):
            if kept != c:
                _copy(leaves[net, c], leaves[net, kept])
                size[net, kept] = size[net, c]
                table[net, kept] = table[net, c]
            kept += 1
    found = kept
    at = found
    while at > 0 and size[net, at - 1] > total:
        at -= 1
    if at >= most:
        return found
    if found < most:
        found += 1
    for c in range(found - 1, at, -1):
        _copy(leaves[net, c - 1], leaves[net, c])
        size[net, c] = size[net, c - 1]
        table[net, c] = table[net, c - 1]
    for i in range(4):
        leaves[net, at, i] = union[i] if i < total else -1
    size[net, at] = total
    table[net, at] = made
    return found
