"""Compiled part of lut_map.py: priority cuts of up to six leaves, and covers of the graph by them.

Nodes 0 .. n_inputs - 1 are inputs, node n_inputs + g reads fan[g, 0] and fan[g, 1], both earlier.
"""

from __future__ import annotations

import numpy as np

from compiler.jit import njit

CUTS = 8  # kept a node, beside the node itself
WIDEST = 6
DEPTH, FLOW, AREA = 0, 1, 2  # what a pass makes small first
FAR = 1 << 30


@njit(widen=True, cache=True)
def _join(a, size_a, b, size_b, into, k):  # pragma: no cover - compiled
    """Size of the union of two ascending lists, written to `into`, or 9 if above k."""
    i = j = n = 0
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
        if n == k:
            return 9
        into[n] = value
        n += 1
    return n


@njit(widen=True, cache=True)
def _refer(node, change, leaves, sizes, refs, n_inputs, stack):  # pragma: no cover - compiled
    """Add (1) or take away (-1) a use of the tables below `node`; how many come or go with it."""
    stack[0] = node
    top = 1
    area = 0
    while top > 0:
        top -= 1
        n = stack[top]
        area += 1
        for i in range(sizes[n]):
            leaf = leaves[n, i]
            if change < 0:
                refs[leaf] -= 1
            if leaf >= n_inputs and refs[leaf] == 0:
                stack[top] = leaf
                top += 1
            if change > 0:
                refs[leaf] += 1
    return area


@njit(widen=True, cache=True)
def _better(mode, one, two):  # pragma: no cover - compiled
    """Whether (delay, cost, size) `one` is better."""
    first, second = (0, 1) if mode == DEPTH else (1, 0)
    if one[first] != two[first]:
        return one[first] < two[first] - 1e-9
    if one[second] != two[second]:
        return one[second] < two[second] - 1e-9
    return one[2] < two[2]


@njit(widen=True, cache=True)
def _copy(source, out, size):  # pragma: no cover - compiled
    """out[:size] <- source[:size], which as an assignment would compile its error message too."""
    for i in range(size):
        out[i] = source[i]


@njit(widen=True, cache=True)
def cover(
    fan, n_inputs, k, mode, leaves, sizes, arrival, flow, refs, guess, required, n_passes
):  # pragma: no cover - compiled
    """One pass over the nodes: a better cut for each, no later than required.

    leaves, sizes : the chosen cut of every node (n_nodes, 6), in and out; arrival : tables on the
    longest path; flow : area flow; refs : tables that read a node in the present cover
    guess : readers to share the area among; required : latest arrival; n_passes : done before
    """
    n_nodes = n_inputs + fan.shape[0]
    cut_leaves = np.zeros((n_nodes, CUTS + 1, WIDEST), dtype=np.int32)
    cut_sizes = np.zeros((n_nodes, CUTS + 1), dtype=np.int32)
    count = np.zeros(n_nodes, dtype=np.int32)
    stack = np.zeros(n_nodes + 8, dtype=np.int32)
    score = np.zeros((CUTS + 1, 3))
    now = np.zeros(3)
    union = np.zeros(WIDEST, dtype=np.int32)
    kept = np.zeros(WIDEST, dtype=np.int32)
    for n in range(n_inputs):
        cut_leaves[n, 0, 0], cut_sizes[n, 0], count[n] = n, 1, 1
    for g in range(fan.shape[0]):
        node = n_inputs + g
        if mode == AREA and refs[node] > 0:
            _refer(node, -1, leaves, sizes, refs, n_inputs, stack)
        a, b = fan[g, 0], fan[g, 1]
        found = 0
        start = -1 if n_passes > 0 else 0  # the present cut first
        for i in range(start, count[a]):
            for j in range(count[b]):
                if i < 0:
                    if j > 0:
                        break
                    size = sizes[node]
                    _copy(leaves[node], union, size)
                else:
                    size = _join(
                        cut_leaves[a, i], cut_sizes[a, i], cut_leaves[b, j], cut_sizes[b, j], union, k
                    )
                    if size > k:
                        continue
                latest, cost = 0, 1.0
                for m in range(size):
                    latest = max(latest, arrival[union[m]])
                    cost += flow[union[m]]
                now[0], now[2] = latest + 1, size
                if now[0] > required[node]:
                    continue
                if mode == AREA:
                    before = sizes[node]
                    _copy(leaves[node], kept, WIDEST)
                    sizes[node] = size
                    _copy(union, leaves[node], size)
                    cost = float(_refer(node, 1, leaves, sizes, refs, n_inputs, stack))
                    _refer(node, -1, leaves, sizes, refs, n_inputs, stack)
                    sizes[node] = before
                    _copy(kept, leaves[node], WIDEST)
                now[1] = cost
                same = False
                for c in range(found):
                    if cut_sizes[node, c] == size:
                        equal = True
                        for m in range(size):
                            if cut_leaves[node, c, m] != union[m]:
                                equal = False
                        same = same or equal
                if same:
                    continue
                c = found
                while c > 0 and _better(mode, now, score[c - 1]):
                    c -= 1
                if c >= CUTS:
                    continue
                last = min(found, CUTS - 1)
                for m in range(last, c, -1):
                    _copy(cut_leaves[node, m - 1], cut_leaves[node, m], WIDEST)
                    cut_sizes[node, m] = cut_sizes[node, m - 1]
                    _copy(score[m - 1], score[m], 3)
                _copy(union, cut_leaves[node, c], size)
                cut_sizes[node, c] = size
                _copy(now, score[c], 3)
                found = min(found + 1, CUTS)
        sizes[node] = cut_sizes[node, 0]
        _copy(cut_leaves[node, 0], leaves[node], WIDEST)
        latest, cost = 0, 1.0
        for m in range(sizes[node]):
            latest = max(latest, arrival[leaves[node, m]])
            cost += flow[leaves[node, m]]
        arrival[node] = latest + 1
        flow[node] = cost / max(1.0, guess[node])
        if mode == AREA and refs[node] > 0:
            _refer(node, 1, leaves, sizes, refs, n_inputs, stack)
        # the node itself, for its readers
        cut_leaves[node, found, 0] = node
        cut_sizes[node, found] = 1
        count[node] = found + 1


@njit(widen=True, cache=True)
def count_uses(
    fan, n_inputs, roots, leaves, sizes, arrival, refs, required, target
):  # pragma: no cover - compiled
    """Fill in refs and required of the cover from the roots; (tables, depth).

    target : the depth that is asked for, at least that of the cover is taken
    """
    n_nodes = n_inputs + fan.shape[0]
    depth = 0
    refs[:] = 0
    for r in roots:
        refs[r] += 1
        depth = max(depth, arrival[r])
    required[:] = FAR
    for r in roots:
        required[r] = max(target, depth)
    tables = 0
    for node in range(n_nodes - 1, n_inputs - 1, -1):
        if refs[node] == 0:
            continue
        tables += 1
        for m in range(sizes[node]):
            leaf = leaves[node, m]
            refs[leaf] += 1
            required[leaf] = min(required[leaf], required[node] - 1)
    return tables, depth


@njit(widen=True, cache=True)
def cut_tables(fan, flips, is_xor, n_inputs, leaves, sizes, refs):  # pragma: no cover - compiled
    """(n_nodes,) uint64: tables of the used nodes over their cuts; see ir.luts for the bit order.

    flips : (n_gates, 2) complemented operands
    """
    n_nodes = n_inputs + fan.shape[0]
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    variables = np.array(
        [
            0xAAAAAAAAAAAAAAAA,
            0xCCCCCCCCCCCCCCCC,
            0xF0F0F0F0F0F0F0F0,
            0xFF00FF00FF00FF00,
            0xFFFF0000FFFF0000,
            0xFFFFFFFF00000000,
        ],
        dtype=np.uint64,
    )
    value = np.zeros(n_nodes, dtype=np.uint64)
    seen = np.full(n_nodes, -1, dtype=np.int64)
    result = np.zeros(n_nodes, dtype=np.uint64)
    stack = np.zeros(4 * n_nodes + 8, dtype=np.int32)
    for node in range(n_inputs, n_nodes):
        if refs[node] == 0:
            continue
        for m in range(sizes[node]):
            leaf = leaves[node, m]
            value[leaf] = variables[m]
            seen[leaf] = node
        stack[0] = node
        top = 1
        while top > 0:
            n = stack[top - 1]
            if seen[n] == node:
                top -= 1
                continue
            a, b = fan[n - n_inputs, 0], fan[n - n_inputs, 1]
            ready = True
            for child in (a, b):
                if seen[child] != node:
                    stack[top] = child
                    top += 1
                    ready = False
            if not ready:
                continue
            p = value[a] ^ (full if flips[n - n_inputs, 0] else np.uint64(0))
            q = value[b] ^ (full if flips[n - n_inputs, 1] else np.uint64(0))
            value[n] = p ^ q if is_xor[n - n_inputs] else p & q
            seen[n] = node
            top -= 1
        rows = np.uint64(1) << np.uint64(sizes[node])
        mask = full if rows >= np.uint64(64) else (np.uint64(1) << rows) - np.uint64(1)
        result[node] = value[node] & mask
    return result
