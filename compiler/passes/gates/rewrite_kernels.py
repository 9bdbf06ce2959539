"""Compiled part of rewrite.py: four-input cuts, and the exchange of cones for stored circuits."""

from __future__ import annotations

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.xag import AND_NODE, DEAD, LEAF, ROOM, hook, lookup, make, substitute, unhook

CUTS = 14  # kept a node, the one of the node itself first
CONE = 48  # nodes between a gate and the leaves of a cut, at most


@njit(widen=True, cache=True)
def expanded(table, size, leaves, into, into_size):  # pragma: no cover - compiled
    """Truth table over `leaves` as one over `into`, which holds them all; both ascend."""
    place = np.zeros(4, dtype=np.int64)
    j = 0
    for i in range(size):
        while into[j] != leaves[i]:
            j += 1
        place[i] = j
    result = 0
    for m in range(16):
        index = 0
        for i in range(size):
            index |= ((m >> place[i]) & 1) << i
        result |= ((table >> index) & 1) << m
    return result


@njit(widen=True, cache=True)
def _merged(a, size_a, b, size_b, into):  # pragma: no cover - compiled
    """Size of the union of two ascending lists, written to `into`, or 9 if above 4."""
    i = j = k = 0
    while i < size_a or j < size_b:
        if j == size_b or (i < size_a and a[i] < b[j]):
            value = a[i]
            i += 1
        elif i == size_a or b[j] < a[i]:
            value = b[j]
            j += 1
        else:
            value = a[i]
            i += 1
            j += 1
        if k == 4:
            return 9
        into[k] = value
        k += 1
    return k


@njit(widen=True, cache=True)
def self_cut(node, count, leaves, sizes, tables):  # pragma: no cover - compiled
    """The cut of every node: itself."""
    leaves[node, 0, 0] = node
    sizes[node, 0] = 1
    tables[node, 0] = 0xAAAA
    count[node] = 1


@njit(widen=True, cache=True)
def enumerate_cuts(x, node, count, leaves, sizes, tables):  # pragma: no cover - compiled
    """Fill in the cuts of a node from those of the nodes it reads."""
    self_cut(node, count, leaves, sizes, tables)
    p, q = x.fan[node, 0], x.fan[node, 1]
    a, b = p >> 1, q >> 1
    for child in (a, b):
        if count[child] == 0:
            self_cut(child, count, leaves, sizes, tables)
    joined = np.zeros(4, dtype=np.int32)
    for i in range(count[a]):
        for j in range(count[b]):
            size = _merged(leaves[a, i], sizes[a, i], leaves[b, j], sizes[b, j], joined)
            if size > 4:
                continue
            usable = True
            for k in range(size):
                if x.kind[joined[k]] == DEAD or joined[k] == node:
                    usable = False
            if not usable:
                continue
            # nothing that another cut of the node is part of
            for c in range(1, count[node]):
                if sizes[node, c] > size:
                    continue
                inside = 0
                for k in range(sizes[node, c]):
                    for m in range(size):
                        if leaves[node, c, k] == joined[m]:
                            inside += 1
                if inside == sizes[node, c]:
                    usable = False
                    break
            if not usable:
                continue
            if count[node] < leaves.shape[1]:
                slot = count[node]
                count[node] += 1
            else:
                slot = -1
                for c in range(1, count[node]):
                    if sizes[node, c] > size and (slot < 0 or sizes[node, c] > sizes[node, slot]):
                        slot = c
                if slot < 0:
                    continue
            one = expanded(tables[a, i], sizes[a, i], leaves[a, i], joined, size)
            two = expanded(tables[b, j], sizes[b, j], leaves[b, j], joined, size)
            if p & 1:
                one ^= 0xFFFF
            if q & 1:
                two ^= 0xFFFF
            tables[node, slot] = one & two if x.kind[node] == AND_NODE else one ^ two
            sizes[node, slot] = size
            for k in range(size):
                leaves[node, slot, k] = joined[k]


@njit(widen=True, cache=True)
def _closed(x, node, mark, stack):  # pragma: no cover - compiled
    """Whether every path down from `node` ends at a node marked `mark`, within CONE nodes."""
    x.state[1] += 1
    seen = x.state[1]
    stack[0] = node
    top = 1
    visited = 0
    while top > 0:
        top -= 1
        n = stack[top]
        visited += 1
        if visited > CONE:
            return False
        for slot in range(2):
            child = x.fan[n, slot] >> 1
            if x.mark[child] == mark or x.mark[child] == seen:
                continue
            if x.kind[child] == LEAF:
                return False
            x.mark[child] = seen
            stack[top] = child
            top += 1
    return True


@njit(widen=True, cache=True)
def _price(x, node, gates, size, signals, levels, most):  # pragma: no cover - compiled
    """(gates that a stored circuit would add, fresh ones among them, level, top literal or -1).

    signals : literals of the constant and the leaves, then room for the gates; -1 for a new one
    """
    added = fresh = 0
    for g in range(size):
        p, q = gates[g, 1], gates[g, 2]
        one, two = signals[p >> 1], signals[q >> 1]
        found = -1
        if one >= 0 and two >= 0:
            found = lookup(x, gates[g, 0], one ^ (p & 1), two ^ (q & 1))
        level = 1 + max(levels[p >> 1], levels[q >> 1])
        if found < 0:
            added += 1
            fresh += 1
        else:
            there = found >> 1
            if there == node:
                return 99, 0, 0, -1
            if x.refs[there] == 0 and x.kind[there] != LEAF:
                added += 1  # one of those that would die
            level = min(level, x.level[there])
        if added > most:
            return 99, 0, 0, -1
        signals[5 + g] = found
        levels[5 + g] = level
    return added, fresh, levels[4 + size], signals[4 + size]


@njit(widen=True, cache=True)
def rewrite_all(
    x, order, class_of, how, moves, first, sizes_of, gates_of, tops_of, zero, keep_depth, turn
):  # pragma: no cover - compiled
    """Try every gate of `order` (topological) once; the number of gates saved.

    class_of, how : by truth table, see npn; moves : (384, 5) permutation and flips of a move
    first : (n_classes + 1,) circuits of a class; sizes_of, gates_of, tops_of : circuits
    zero : whether to change cones that do not get smaller; turn : where to begin among circuits
    """
    capacity = x.kind.size
    count = np.zeros(capacity, dtype=np.int32)
    leaves = np.zeros((capacity, CUTS, 4), dtype=np.int32)
    sizes = np.zeros((capacity, CUTS), dtype=np.int8)
    tables = np.zeros((capacity, CUTS), dtype=np.int64)
    stack = np.zeros(4 * CONE + 8, dtype=np.int32)
    signals = np.zeros(5 + gates_of.shape[1], dtype=np.int64)
    levels = np.zeros(5 + gates_of.shape[1], dtype=np.int64)
    saved = 0
    for at in range(order.size):
        node = order[at]
        if x.kind[node] == DEAD:
            continue
        if x.state[0] + ROOM > capacity:
            break
        enumerate_cuts(x, node, count, leaves, sizes, tables)
        best_gain, best_level, best_cut, best_circuit = -1, 1 << 30, -1, -1
        for c in range(1, count[node]):
            if sizes[node, c] < 2:
                continue
            x.state[1] += 1
            mark = x.state[1]
            usable = True
            for k in range(sizes[node, c]):
                leaf = leaves[node, c, k]
                if x.kind[leaf] == DEAD:
                    usable = False
                x.mark[leaf] = mark
            if not usable or not _closed(x, node, mark, stack):
                continue
            dying = unhook(x, node, mark)
            if dying > 1 or sizes[node, c] > 2:
                table = tables[node, c]
                cls = class_of[table]
                _bind(x, node, c, leaves, sizes, how[table], moves, signals, levels)
                number = first[cls + 1] - first[cls]
                for step in range(number):
                    circuit = first[cls] + (step + turn) % number
                    wanted = max(best_gain, 0)
                    added, fresh, level, _ = _price(
                        x, node, gates_of[circuit], sizes_of[circuit], signals, levels, dying - wanted
                    )
                    if added > dying:
                        continue
                    if sizes_of[circuit] == 0:
                        level = levels[tops_of[circuit] >> 1]
                    gain = dying - added
                    if keep_depth and level > x.level[node]:
                        continue
                    if gain == 0 and (not zero or fresh == 0):
                        continue
                    if gain > best_gain or (gain == best_gain and level < best_level):
                        best_gain, best_level, best_cut, best_circuit = gain, level, c, circuit
            hook(x, node, mark)
        if best_cut < 0:
            continue
        table = tables[node, best_cut]
        _bind(x, node, best_cut, leaves, sizes, how[table], moves, signals, levels)
        start = x.state[0]
        for g in range(sizes_of[best_circuit]):
            p, q = gates_of[best_circuit, g, 1], gates_of[best_circuit, g, 2]
            signals[5 + g] = make(
                x, gates_of[best_circuit, g, 0], signals[p >> 1] ^ (p & 1), signals[q >> 1] ^ (q & 1)
            )
        top = tops_of[best_circuit]
        literal = signals[top >> 1] ^ (top & 1) ^ (how[table] & 1)
        for new in range(start, x.state[0]):
            enumerate_cuts(x, new, count, leaves, sizes, tables)
        if literal >> 1 != node:
            substitute(x, node, literal)
            saved += best_gain
    return saved


@njit(widen=True, cache=True)
def _bind(x, node, c, leaves, sizes, way, moves, signals, levels):  # pragma: no cover - compiled
    """Literals and levels of the inputs of the class's representative."""
    signals[0] = 0
    levels[0] = 0
    move = way >> 1
    for i in range(4):
        place = moves[move, i]
        if place < sizes[node, c]:
            leaf = leaves[node, c, place]
            signals[1 + i] = 2 * leaf + (moves[move, 4] >> i & 1)
            levels[1 + i] = x.level[leaf]
        else:  # the function does not depend on it
            signals[1 + i] = 0
            levels[1 + i] = 0
