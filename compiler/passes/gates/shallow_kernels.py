"""Compiled part of shallow.py: cuts of six leaves, a cover of least depth, and its plans as gates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.cell_cuts import within
from compiler.passes.gates.covers import INPUTS, ONES, depends, moved
from compiler.passes.gates.shallow_plans import LATE, make_plan
from compiler.passes.gates.xag import AND_NODE, link, make, remove

CUTS = 8  # kept a node, that of its own operands first
FAR = 60  # levels before the latest at which a leaf no longer counts
_WEIGHT = 0.5 ** np.arange(FAR + 1)


class Graph(NamedTuple):
    """And-gates in topological order with a cover. Nodes are 0 the constant, inputs, then gates.

    fan : (gates, 2) literals; roots : literals; n : nodes that are no gates
    leaves : (nodes, CUTS, INPUTS) int32, ascending; size, table : (nodes, CUTS); cuts : (nodes,) their number
    chosen : (nodes,) cut that the cover takes; readers : of the node in the cover
    level, need : when the node is there, and when it must be; guess, flow : expected readers, area flow
    """

    fan: np.ndarray
    roots: np.ndarray
    n: int
    leaves: np.ndarray
    size: np.ndarray
    table: np.ndarray
    cuts: np.ndarray
    chosen: np.ndarray
    readers: np.ndarray
    level: np.ndarray
    need: np.ndarray
    guess: np.ndarray
    flow: np.ndarray


@njit(widen=True, cache=True)
def _leaf(g, node, c, i):  # pragma: no cover - compiled
    """Leaf i of a cut, or -1; cut -1 is the node itself."""
    if c < 0:
        return node if i == 0 else -1
    return np.int64(g.leaves[node, c, i]) if i < g.size[node, c] else -1


@njit(widen=True, cache=True)
def _union(g, a, i, b, j, into):  # pragma: no cover - compiled
    """Leaves of cut i of a and cut j of b, ascending; their number, or one above INPUTS if too many."""
    n, p, q = 0, 0, 0
    while True:
        x = _leaf(g, a, i, p) if p < INPUTS else -1
        y = _leaf(g, b, j, q) if q < INPUTS else -1
        if x < 0 and y < 0:
            return n
        if n == INPUTS:
            return n + 1
        if y < 0 or (0 <= x <= y):
            into[n] = x
            p += 1
            if x == y:
                q += 1
        else:
            into[n] = y
            q += 1
        n += 1


@njit(widen=True, cache=True)
def _over(g, literal, c, leaves, size):  # pragma: no cover - compiled
    """The literal's function of cut c as one of `leaves`, which hold the cut's."""
    node = literal >> 1
    own = 1 if c < 0 else np.int64(g.size[node, c])
    table = ONES[0] if c < 0 else g.table[node, c]
    to = size - 1
    for i in range(own - 1, -1, -1):
        leaf = _leaf(g, node, c, i)
        while leaves[to] != leaf:
            to -= 1
        if to != i:
            table = moved(table, i, to)
        to -= 1
    return ~table if literal & 1 else table


@njit(widen=True, cache=True)
def _store(g, node, c, table, leaves, size):  # pragma: no cover - compiled
    """Write cut c without the leaves that the function does not depend on; whether any is left."""
    kept = 0
    for i in range(size):
        if not depends(table, i):
            continue
        if kept != i:
            table = moved(table, kept, i)
        g.leaves[node, c, kept] = leaves[i]
        kept += 1
    g.size[node, c] = kept
    g.table[node, c] = table
    return kept > 0


@njit(widen=True, cache=True)
def _copy(leaves, into):  # pragma: no cover - compiled
    """into <- leaves; an assignment of rows would compile its error message, too."""
    for i in range(INPUTS):
        into[i] = leaves[i]


@njit(widen=True, cache=True)
def _find_cuts(g, node, kept, sizes, keys, parts, joined):  # pragma: no cover - compiled
    """Cuts of a gate: its operands, and those whose leaves are early.

    Of cuts, those with least sum of 2^level are kept, the least level of any tree that reads all leaves.
    kept : (CUTS, INPUTS), sizes, keys (CUTS,), parts (CUTS, 2) scratch, joined (INPUTS,)
    """
    p, q = g.fan[node - g.n, 0], g.fan[node - g.n, 1]
    a, b = p >> 1, q >> 1
    late = max(g.level[a], g.level[b])
    found = 0
    for i in range(-1, g.cuts[a]):
        for j in range(-1, g.cuts[b]):
            size = _union(g, a, i, b, j, joined)
            if size > INPUTS:
                continue
            key = 0.0
            for k in range(size):
                key += _WEIGHT[max(0, min(late - g.level[joined[k]], FAR))]
            if i == -1 and j == -1:
                key = -1.0  # the operands come first
            usable = True
            for c in range(found):
                if within(kept[c], sizes[c], joined, size):
                    usable = False
                    break
            if not usable:
                continue
            left = 0
            for c in range(found):
                if within(joined, size, kept[c], sizes[c]):
                    continue
                if left != c:
                    _copy(kept[c], kept[left])
                    sizes[left], keys[left] = sizes[c], keys[c]
                    parts[left, 0], parts[left, 1] = parts[c, 0], parts[c, 1]
                left += 1
            found = left
            at = found
            while at > 0 and (keys[at - 1] > key or (keys[at - 1] == key and sizes[at - 1] > size)):
                at -= 1
            if at == CUTS:
                continue
            found = min(found + 1, CUTS)
            for c in range(found - 1, at, -1):
                _copy(kept[c - 1], kept[c])
                sizes[c], keys[c] = sizes[c - 1], keys[c - 1]
                parts[c, 0], parts[c, 1] = parts[c - 1, 0], parts[c - 1, 1]
            _copy(joined, kept[at])
            sizes[at], keys[at] = size, key
            parts[at, 0], parts[at, 1] = i, j
    count = 0
    for c in range(found):
        one = _over(g, p, parts[c, 0], kept[c], sizes[c])
        two = _over(g, q, parts[c, 1], kept[c], sizes[c])
        if _store(g, node, count, one & two, kept[c], sizes[c]):
            count += 1
    g.cuts[node] = count


@njit(widen=True, cache=True)
def _plan_of(g, node, c, plan):  # pragma: no cover - compiled
    """make_plan of a cut with its leaves' levels."""
    size = np.int64(g.size[node, c])
    for i in range(size):
        plan.level[i] = g.level[g.leaves[node, c, i]]
    return make_plan(plan, g.table[node, c], size)


@njit(widen=True, cache=True)
def _bounds(g, node, c):  # pragma: no cover - compiled
    """Level and area flow that no plan of a cut comes below: those of a tree with a gate less than leaves."""
    size = np.int64(g.size[node, c])
    late, flow = 0, np.float64(size - 1)
    for i in range(size):
        leaf = g.leaves[node, c, i]
        late = max(late, g.level[leaf])
        flow += g.flow[leaf]
    total = 0.0
    for i in range(size):
        total += _WEIGHT[min(late - g.level[g.leaves[node, c, i]], FAR)]
    while total > 1.0:
        total *= 0.5
        late += 1
    return late, flow


@njit(widen=True, cache=True)
def _choose(g, plan, hurry):  # pragma: no cover - compiled
    """For every gate the cut of least level, or of least area flow that is there when it must be."""
    kept = np.zeros((CUTS, INPUTS), dtype=np.int64)
    sizes = np.zeros(CUTS, dtype=np.int64)
    keys = np.zeros(CUTS)
    parts = np.zeros((CUTS, 2), dtype=np.int64)
    joined = np.zeros(INPUTS, dtype=np.int64)
    for node in range(g.n, g.cuts.size):
        if hurry:
            _find_cuts(g, node, kept, sizes, keys, parts, joined)
        soonest, least, best = LATE, np.inf, 0
        meets = False
        for c in range(g.cuts[node]):
            early, flow = _bounds(g, node, c)
            if meets:
                hopeless = early > g.need[node] or flow > least or (flow == least and early >= soonest)
            else:
                hopeless = early > soonest or (early == soonest and flow >= least)
                hopeless = hopeless and (hurry or early > g.need[node])
            if hopeless:
                continue
            top = _plan_of(g, node, c, plan)
            if top < 0:
                continue
            level = plan.level[top >> 1]
            flow += plan.size[0] - (g.size[node, c] - 1)
            ok = not hurry and level <= g.need[node]
            if ok != meets:
                better = ok
            elif ok:
                better = flow < least or (flow == least and level < soonest)
            else:
                better = level < soonest or (level == soonest and flow < least)
            if better:
                soonest, least, best, meets = level, flow, c, ok
        g.chosen[node], g.level[node] = best, soonest
        g.flow[node] = least / max(g.guess[node], 1.0)


@njit(widen=True, cache=True)
def _settle(g, plan, limit):  # pragma: no cover - compiled
    """Readers in the cover of the roots, and when each node must be there; the limit.

    limit : level of the latest root, or below 0 for what it is
    """
    g.readers[:] = 0
    g.need[:] = LATE
    for literal in g.roots:
        g.readers[literal >> 1] += 1
        limit = max(limit, g.level[literal >> 1])
    for literal in g.roots:
        g.need[literal >> 1] = limit
    due = np.zeros(plan.level.size, dtype=np.int64)
    for node in range(g.cuts.size - 1, g.n - 1, -1):
        if g.readers[node] == 0:
            continue
        c = g.chosen[node]
        top = _plan_of(g, node, c, plan)
        due[:] = LATE
        due[top >> 1] = g.need[node]
        for k in range(plan.size[0] - 1, -1, -1):
            for side in range(2):
                under = plan.gate[k, side] >> 1
                due[under] = min(due[under], due[INPUTS + k] - 1)
        for i in range(g.size[node, c]):
            leaf = g.leaves[node, c, i]
            g.readers[leaf] += 1
            g.need[leaf] = min(g.need[leaf], due[i])
    for node in range(g.cuts.size):
        g.guess[node] = (g.guess[node] + 2 * g.readers[node]) / 3
    return limit


@njit(widen=True, cache=True)
def cover(g, plan, rounds):  # pragma: no cover - compiled
    """A cut for every gate: least depth of the roots, then in `rounds` least area flow; gates it takes.

    g.guess holds the nodes' readers
    """
    _choose(g, plan, True)
    limit = _settle(g, plan, -1)
    for _ in range(rounds):
        _choose(g, plan, False)
        _settle(g, plan, limit)
    total = 0
    for node in range(g.n, g.cuts.size):
        if g.readers[node] > 0:
            _plan_of(g, node, g.chosen[node], plan)
            total += plan.size[0]
    return total


@njit(widen=True, cache=True)
def build(g, plan, x):  # pragma: no cover - compiled
    """The cover's gates in an empty graph with the same inputs and roots."""
    literals = np.full(g.cuts.size, -1, dtype=np.int64)
    for node in range(g.n):
        literals[node] = 2 * node
    signals = np.zeros(plan.level.size, dtype=np.int64)
    for node in range(g.n, g.cuts.size):
        if g.readers[node] == 0:
            continue
        c = g.chosen[node]
        size = np.int64(g.size[node, c])
        for i in range(size):
            signals[i] = literals[g.leaves[node, c, i]]
            plan.level[i] = x.level[signals[i] >> 1]
        top = make_plan(plan, g.table[node, c], size)
        for k in range(plan.size[0]):
            p, q = plan.gate[k, 0], plan.gate[k, 1]
            signals[INPUTS + k] = make(x, AND_NODE, signals[p >> 1] ^ (p & 1), signals[q >> 1] ^ (q & 1))
        literals[node] = signals[top >> 1] ^ (top & 1)
    for k in range(g.roots.size):
        x.roots[k] = literals[g.roots[k] >> 1] ^ (g.roots[k] & 1)
        link(x, 2 * x.kind.size + k, x.roots[k] >> 1)
    for node in range(x.state[0]):
        if x.kind[node] == AND_NODE and x.refs[node] == 0:
            remove(x, node)
