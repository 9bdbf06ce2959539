"""A graph of and- and xor-nodes with complemented edges that kernels change in place.

A literal is 2 * node + complement; node 0 is the constant 0, nodes 1 .. n_inputs are the inputs.
Every gate that depends on both operands is one node, whatever is complemented. No checks here: the
kernels trust xag_netlist.from_netlist; rewrite.py and resubstitute.py hold the passes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.jit import njit

LEAF, AND_NODE, XOR_NODE, DEAD = 0, 1, 2, 3
ROOM = 64  # nodes that must be free before a node is worked on


class Xag(NamedTuple):
    """Columns by node unless said otherwise; an edge is 2 * node + slot, or 2 * capacity + root.

    kind : LEAF, AND_NODE, XOR_NODE or DEAD; fan : (capacity, 2) literals
    refs : edges that read the node; level : an upper bound of the longest path to it
    first_edge, next_edge, last_edge : lists of those edges (last: the one before)
    bucket, chained : hash table of the nodes, hashed : whether a node is in it
    instead : the literal that took a dead node's place, or -1
    roots : literals by root; mark : (capacity,) for walks; stack, waiting : scratch
    state : [number of nodes, current mark]
    """

    kind: np.ndarray
    fan: np.ndarray
    refs: np.ndarray
    level: np.ndarray
    first_edge: np.ndarray
    next_edge: np.ndarray
    last_edge: np.ndarray
    bucket: np.ndarray
    chained: np.ndarray
    hashed: np.ndarray
    instead: np.ndarray
    roots: np.ndarray
    mark: np.ndarray
    stack: np.ndarray
    waiting: np.ndarray
    state: np.ndarray


def empty(n_inputs: int, n_roots: int, capacity: int) -> Xag:
    """A graph of inputs only, with room for `capacity` nodes."""
    size = 1 << max(8, int(capacity).bit_length())
    x = Xag(
        kind=np.full(capacity, DEAD, dtype=np.uint8),
        fan=np.zeros((capacity, 2), dtype=np.int32),
        refs=np.zeros(capacity, dtype=np.int32),
        level=np.zeros(capacity, dtype=np.int32),
        first_edge=np.full(capacity, -1, dtype=np.int32),
        next_edge=np.full(2 * capacity + n_roots, -1, dtype=np.int32),
        last_edge=np.full(2 * capacity + n_roots, -1, dtype=np.int32),
        bucket=np.full(size, -1, dtype=np.int32),
        chained=np.full(capacity, -1, dtype=np.int32),
        hashed=np.zeros(capacity, dtype=np.uint8),
        instead=np.full(capacity, -1, dtype=np.int32),
        roots=np.zeros(n_roots, dtype=np.int32),
        mark=np.zeros(capacity, dtype=np.int64),
        stack=np.zeros(capacity + 8, dtype=np.int32),
        waiting=np.zeros((2 * capacity + 8, 2), dtype=np.int32),
        state=np.array([n_inputs + 1, 0], dtype=np.int64),
    )
    x.kind[: n_inputs + 1] = LEAF
    return x


# --- the hash table and the edge lists -------------------------------------------------------


@njit(widen=True, cache=True, inline="never")
def _slot(x, kind, p, q):  # pragma: no cover - compiled
    h = np.uint64(p) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(q) * np.uint64(0xC2B2AE3D27D4EB4F)
    h = (h + np.uint64(kind)) * np.uint64(0xFF51AFD7ED558CCD)
    return np.int64((h >> np.uint64(32)) & np.uint64(x.bucket.size - 1))


@njit(widen=True, cache=True)
def _find(x, kind, p, q):  # pragma: no cover - compiled
    """Literal of the node kind(p, q), p < q, or -1; xor-nodes match whatever is complemented."""
    if kind == XOR_NODE:
        node = x.bucket[_slot(x, kind, p >> 1, q >> 1)]
        while node >= 0:
            if x.kind[node] == XOR_NODE and x.fan[node, 0] >> 1 == p >> 1 and x.fan[node, 1] >> 1 == q >> 1:
                return 2 * node + ((x.fan[node, 0] ^ x.fan[node, 1] ^ p ^ q) & 1)
            node = x.chained[node]
        return -1
    node = x.bucket[_slot(x, kind, p, q)]
    while node >= 0:
        if x.kind[node] == AND_NODE and x.fan[node, 0] == p and x.fan[node, 1] == q:
            return 2 * node
        node = x.chained[node]
    return -1


@njit(widen=True, cache=True)
def _node_slot(x, node):  # pragma: no cover - compiled
    if x.kind[node] == XOR_NODE:
        return _slot(x, XOR_NODE, x.fan[node, 0] >> 1, x.fan[node, 1] >> 1)
    return _slot(x, AND_NODE, x.fan[node, 0], x.fan[node, 1])


@njit(widen=True, cache=True)
def _enter(x, node):  # pragma: no cover - compiled
    slot = _node_slot(x, node)
    x.chained[node] = x.bucket[slot]
    x.bucket[slot] = node
    x.hashed[node] = 1


@njit(widen=True, cache=True)
def _leave(x, node):  # pragma: no cover - compiled
    if x.hashed[node] == 0:
        return
    slot = _node_slot(x, node)
    other = x.bucket[slot]
    if other == node:
        x.bucket[slot] = x.chained[node]
    else:
        while x.chained[other] != node:
            other = x.chained[other]
        x.chained[other] = x.chained[node]
    x.hashed[node] = 0


@njit(widen=True, cache=True)
def link(x, edge, node):  # pragma: no cover - compiled
    head = x.first_edge[node]
    x.next_edge[edge] = head
    x.last_edge[edge] = -1
    if head >= 0:
        x.last_edge[head] = edge
    x.first_edge[node] = edge
    x.refs[node] += 1


@njit(widen=True, cache=True)
def _unlink(x, edge, node):  # pragma: no cover - compiled
    before, after = x.last_edge[edge], x.next_edge[edge]
    if before >= 0:
        x.next_edge[before] = after
    else:
        x.first_edge[node] = after
    if after >= 0:
        x.last_edge[after] = before
    x.refs[node] -= 1


# --- making, replacing and removing nodes ----------------------------------------------------


@njit(widen=True, cache=True)
def trivial(kind, p, q):  # pragma: no cover - compiled
    """The literal that kind(p, q) is without a node, or -1; p <= q."""
    if kind == AND_NODE:
        if p == q:
            return p
        if p == q ^ 1 or p == 0:
            return 0
        if p == 1:
            return q
        return -1
    if p >> 1 == q >> 1:
        return (p ^ q) & 1
    if p <= 1:
        return q ^ p
    return -1


@njit(widen=True, cache=True)
def lookup(x, kind, p, q):  # pragma: no cover - compiled
    """The literal of kind(p, q) if it needs no new node, else -1."""
    if p > q:
        p, q = q, p
    known = trivial(kind, p, q)
    if known >= 0:
        return known
    return _find(x, kind, p, q)


@njit(widen=True, cache=True)
def make(x, kind, p, q):  # pragma: no cover - compiled
    """The literal of kind(p, q), by a new node if need be."""
    if p > q:
        p, q = q, p
    known = trivial(kind, p, q)
    if known >= 0:
        return known
    known = _find(x, kind, p, q)
    if known >= 0:
        return known
    node = x.state[0]
    x.state[0] += 1
    x.kind[node] = kind
    x.fan[node, 0], x.fan[node, 1] = p, q
    x.refs[node] = 0
    x.first_edge[node] = -1
    x.instead[node] = -1
    x.mark[node] = 0
    link(x, 2 * node, p >> 1)
    link(x, 2 * node + 1, q >> 1)
    x.level[node] = 1 + max(x.level[p >> 1], x.level[q >> 1])
    _enter(x, node)
    return np.int64(2 * node)


@njit(widen=True, cache=True)
def remove(x, node):  # pragma: no cover - compiled
    """Remove a node that nothing reads, and what only it kept alive."""
    top = 0
    x.stack[0] = node
    top = 1
    while top > 0:
        top -= 1
        node = x.stack[top]
        if x.kind[node] == LEAF or x.kind[node] == DEAD or x.refs[node] > 0:
            continue
        _leave(x, node)
        for slot in range(2):
            child = x.fan[node, slot] >> 1
            _unlink(x, 2 * node + slot, child)
            if x.refs[child] == 0:
                x.stack[top] = child
                top += 1
        x.kind[node] = DEAD


@njit(widen=True, cache=True)
def resolved(x, literal):  # pragma: no cover - compiled
    """The literal that stands for `literal` now."""
    while x.instead[literal >> 1] >= 0:
        literal = x.instead[literal >> 1] ^ (literal & 1)
    return literal


@njit(widen=True, cache=True)
def substitute(x, old, literal):  # pragma: no cover - compiled
    """Everything that reads `old` reads `literal`; nodes that become equal to others follow.

    `literal` must not depend on `old`.
    """
    capacity2 = 2 * x.kind.size
    top = 0
    x.waiting[0, 0], x.waiting[0, 1] = old, literal
    x.refs[literal >> 1] += 1  # held, so that it is not removed meanwhile
    top = 1
    while top > 0:
        top -= 1
        old, literal = x.waiting[top, 0], x.waiting[top, 1]
        held = literal >> 1
        literal = resolved(x, literal)
        if x.kind[old] != DEAD and x.instead[old] < 0 and literal >> 1 != old:
            # `instead` points forward only: followers of `old` end at `literal`
            x.instead[old] = literal
            new = literal >> 1
            x.level[new] = min(x.level[new], x.level[old]) if x.kind[new] != LEAF else 0
            while x.first_edge[old] >= 0:
                edge = x.first_edge[old]
                _unlink(x, edge, old)
                if edge >= capacity2:
                    x.roots[edge - capacity2] = literal ^ (x.roots[edge - capacity2] & 1)
                    link(x, edge, new)
                    continue
                parent, slot = edge >> 1, edge & 1
                _leave(x, parent)
                x.fan[parent, slot] = literal ^ (x.fan[parent, slot] & 1)
                link(x, edge, new)
                _reorder(x, parent)
                if x.instead[parent] >= 0:
                    continue
                p, q = x.fan[parent, 0], x.fan[parent, 1]
                known = trivial(x.kind[parent], p, q)
                if known < 0:
                    known = _find(x, x.kind[parent], p, q)
                if known >= 0:
                    x.waiting[top, 0], x.waiting[top, 1] = parent, known
                    x.refs[known >> 1] += 1
                    top += 1
                else:
                    _enter(x, parent)
        if x.refs[old] == 0:
            remove(x, old)
        x.refs[held] -= 1
        if x.refs[held] == 0:
            remove(x, held)


@njit(widen=True, cache=True)
def _reorder(x, node):  # pragma: no cover - compiled
    """Put the smaller literal first; the edges swap with their slots."""
    p, q = x.fan[node, 0], x.fan[node, 1]
    if p <= q:
        return
    _unlink(x, 2 * node, p >> 1)
    _unlink(x, 2 * node + 1, q >> 1)
    x.fan[node, 0], x.fan[node, 1] = q, p
    link(x, 2 * node, q >> 1)
    link(x, 2 * node + 1, p >> 1)


# --- cones -----------------------------------------------------------------------------------


@njit(widen=True, cache=True)
def unhook(x, node, leaf_mark):  # pragma: no cover - compiled
    """Take away the references that only `node` keeps alive; the nodes that would die.

    Nodes marked `leaf_mark` are stopped at. `hook` undoes it.
    """
    count = 0
    top = 1
    x.stack[0] = node
    while top > 0:
        top -= 1
        n = x.stack[top]
        count += 1
        for slot in range(2):
            child = x.fan[n, slot] >> 1
            x.refs[child] -= 1
            if x.refs[child] == 0 and x.kind[child] != LEAF and x.mark[child] != leaf_mark:
                x.stack[top] = child
                top += 1
    return count


@njit(widen=True, cache=True)
def hook(x, node, leaf_mark):  # pragma: no cover - compiled
    """Undo `unhook`."""
    top = 1
    x.stack[0] = node
    while top > 0:
        top -= 1
        n = x.stack[top]
        for slot in range(2):
            child = x.fan[n, slot] >> 1
            if x.refs[child] == 0 and x.kind[child] != LEAF and x.mark[child] != leaf_mark:
                x.stack[top] = child
                top += 1
            x.refs[child] += 1
