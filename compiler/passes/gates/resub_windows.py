"""Windows of resub_kernels.py: a cone of a gate, its truth tables, and the patterns that count."""

from __future__ import annotations

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.xag import AND_NODE, LEAF

LEAVES = 10
WORDS = 1 << (LEAVES - 6)
CONE = 100  # nodes of a window's cone, at most


@njit(widen=True, cache=True)
def projection_tables():  # pragma: no cover - compiled
    """(LEAVES, WORDS): the truth table of every leaf."""
    table = np.zeros((LEAVES, WORDS), dtype=np.uint64)
    for i in range(LEAVES):
        for p in range(64 * WORDS):
            if p >> i & 1:
                table[i, p >> 6] |= np.uint64(1) << np.uint64(p & 63)
    return table


@njit(widen=True, cache=True)
def reconvergent_cut(x, node, most, leaves, mark):  # pragma: no cover - compiled
    """A reconvergent cut of at most `most` leaves; marks the cone's nodes and leaves."""
    count = 0
    x.mark[node] = mark
    for slot in range(2):
        child = x.fan[node, slot] >> 1
        if x.mark[child] != mark:
            x.mark[child] = mark
            leaves[count] = child
            count += 1
    inner = 1
    while inner < CONE:
        best, best_new = -1, 3
        for i in range(count):
            leaf = leaves[i]
            if x.kind[leaf] == LEAF:
                continue
            new = 0
            for slot in range(2):
                if x.mark[x.fan[leaf, slot] >> 1] != mark:
                    new += 1
            if new < best_new or (new == best_new and best >= 0 and x.level[leaf] > x.level[leaves[best]]):
                best, best_new = i, new
        if best < 0 or count - 1 + best_new > most:
            break
        leaf = leaves[best]
        count -= 1
        leaves[best] = leaves[count]
        inner += 1
        for slot in range(2):
            child = x.fan[leaf, slot] >> 1
            if x.mark[child] != mark:
                x.mark[child] = mark
                leaves[count] = child
                count += 1
    return count


@njit(widen=True, cache=True)
def add_cone(x, node, place, mark, nodes, stack, count):  # pragma: no cover - compiled
    """Append the cone's nodes to `nodes` in topological order; place[n] is the position of n.

    The leaves are there already. Returns the new count.
    """
    stack[0] = node
    top = 1
    while top > 0:
        n = stack[top - 1]
        if place[n] >= 0:
            top -= 1
            continue
        ready = True
        for slot in range(2):
            child = x.fan[n, slot] >> 1
            if place[child] < 0:
                stack[top] = child
                top += 1
                ready = False
        if ready:
            place[n] = count
            nodes[count] = n
            count += 1
            top -= 1
    return count


@njit(widen=True, cache=True)
def fill_table(x, n, place, tables, words):  # pragma: no cover - compiled
    """The truth table of a node whose operands have theirs."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    p, q = x.fan[n, 0], x.fan[n, 1]
    flip_p = full if p & 1 else np.uint64(0)
    flip_q = full if q & 1 else np.uint64(0)
    a, b, out = place[p >> 1], place[q >> 1], place[n]
    if x.kind[n] == AND_NODE:
        for w in range(words):
            tables[out, w] = (tables[a, w] ^ flip_p) & (tables[b, w] ^ flip_q)
    else:
        for w in range(words):
            tables[out, w] = tables[a, w] ^ tables[b, w] ^ flip_p ^ flip_q


@njit(widen=True, cache=True)
def fill_care(leaves, count, group, rank, projections, words, care):  # pragma: no cover - compiled
    """Fill in the patterns that the encoder can make.

    Among inputs of one group (>= 0), a higher rank implies a lower one; equal ranks are equal.
    """
    for w in range(words):
        care[w] = np.uint64(0xFFFFFFFFFFFFFFFF)
    for i in range(count):
        for j in range(count):
            low, high = leaves[i], leaves[j]
            if i == j or low >= group.size or high >= group.size:
                continue
            if group[low] < 0 or group[low] != group[high] or rank[low] > rank[high]:
                continue
            for w in range(words):
                care[w] &= projections[i, w] | ~projections[j, w]
