"""Compiled part of resubstitute.py: every gate's window, its divisors, and the exchange.

A window of a gate is a cone down to at most 10 leaves; its divisors are the leaves and the nodes
that are functions of them, but not of the gate, and that live on without the gate. Truth tables
take 2^leaves bits; patterns outside `care` may have any value.
"""

from __future__ import annotations

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.resub_search import is_divisor, one_gate, two_gates
from compiler.passes.gates.resub_windows import (
    CONE,
    LEAVES,
    WORDS,
    add_cone,
    fill_care,
    fill_table,
    projection_tables,
    reconvergent_cut,
)
from compiler.passes.gates.xag import AND_NODE, DEAD, ROOM, XOR_NODE, hook, make, remove, substitute, unhook

FANOUTS = 24  # readers of a divisor that are looked at


@njit(widen=True, cache=True)
def resubstitute_all(
    x, order, most_leaves, most_divisors, gates, ands, keep_depth, group, rank
):  # pragma: no cover - compiled
    """Try every gate of `order` once; the number of gates saved.

    gates : 0 to 2, gates of a new circuit at most; ands : no xor-nodes
    group, rank : by node for inputs (see fill_care)
    """
    projections = projection_tables()
    leaves = np.zeros(LEAVES + 2, dtype=np.int32)
    room = CONE + LEAVES + most_divisors + 8
    nodes = np.zeros(room, dtype=np.int32)
    place = np.full(x.kind.size, -1, dtype=np.int32)
    stack = np.zeros(4 * CONE + 64, dtype=np.int32)
    tables = np.zeros((room, WORDS), dtype=np.uint64)
    target = np.zeros(WORDS, dtype=np.uint64)
    rest = np.zeros(WORDS, dtype=np.uint64)
    within = np.zeros(WORDS, dtype=np.uint64)
    care = np.zeros(WORDS, dtype=np.uint64)
    divisors = np.zeros(room, dtype=np.int32)
    usable = np.zeros(room, dtype=np.uint8)  # by position: whether it is a divisor
    up = np.zeros(2 * room, dtype=np.int32)
    down = np.zeros(2 * room, dtype=np.int32)
    keys = np.zeros(room, dtype=np.uint64)
    answer = np.zeros(8, dtype=np.int64)
    saved = 0
    for at in range(order.size):
        node = order[at]
        if x.kind[node] == DEAD or x.refs[node] == 0:
            continue
        if x.state[0] + ROOM > x.kind.size:
            break
        x.state[1] += 1
        n_leaves = reconvergent_cut(x, node, most_leaves, leaves, x.state[1])
        words = 1 << max(0, n_leaves - 6)
        x.state[1] += 1
        leaf_mark = x.state[1]
        count = n_leaves
        for i in range(n_leaves):
            nodes[i] = leaves[i]
            place[leaves[i]] = i
            x.mark[leaves[i]] = leaf_mark
            for w in range(words):
                tables[i, w] = projections[i, w]
        fill_care(leaves, n_leaves, group, rank, projections, words, care)
        count = add_cone(x, node, place, leaf_mark, nodes, stack, count)
        for i in range(n_leaves, count):
            fill_table(x, nodes[i], place, tables, words)
        dying = unhook(x, node, leaf_mark)
        n_divisors = 0
        for i in range(count):
            n = nodes[i]
            alive = i < n_leaves or x.refs[n] > 0
            usable[i] = n != node and alive and (not keep_depth or x.level[n] < x.level[node])
            if usable[i]:
                divisors[n_divisors] = i
                n_divisors += 1
        hook(x, node, leaf_mark)
        # other functions of the divisors
        i = 0
        while i < n_divisors and n_divisors < most_divisors:
            n = nodes[divisors[i]]
            i += 1
            edge = x.first_edge[n]
            looked = 0
            while edge >= 0 and looked < FANOUTS and n_divisors < most_divisors:
                looked += 1
                if edge < 2 * x.kind.size:
                    s = edge >> 1
                    if place[s] < 0 and x.instead[s] < 0 and x.hashed[s]:
                        other = x.fan[s, 1 - (edge & 1)] >> 1
                        if (
                            place[other] >= 0
                            and other != node
                            and usable[place[other]]
                            and (not keep_depth or x.level[s] < x.level[node])
                        ):
                            place[s] = count
                            usable[count] = 1
                            nodes[count] = s
                            fill_table(x, s, place, tables, words)
                            divisors[n_divisors] = count
                            n_divisors += 1
                            count += 1
                edge = x.next_edge[edge]
        top = place[node]
        zero = one = True
        for w in range(words):
            target[w] = tables[top, w]
            zero = zero and (target[w] & care[w]) == 0
            one = one and (~target[w] & care[w]) == 0
        literal = np.int64(-1)
        gain = 0
        if zero or one:
            literal, gain = np.int64(one), dying
        if literal < 0:
            for k in range(n_divisors):
                match = is_divisor(tables, divisors[k], target, care, words)
                if match >= 0:
                    literal, gain = np.int64(2 * nodes[divisors[k]] + match), dying
                    break
        found = False
        if literal < 0 and gates >= 1 and dying >= 2:
            with_xor = not ands or dying > 3
            found = one_gate(
                tables, divisors, n_divisors, target, care, words, with_xor, up, down, keys, answer
            )
        if found:
            literal = _built(x, nodes, answer, ands)
            gain = dying - (3 if ands and answer[0] == XOR_NODE else 1)
        elif literal < 0 and gates >= 2 and dying >= 3:
            found = two_gates(
                tables,
                divisors,
                n_divisors,
                target,
                care,
                words,
                not ands,
                up,
                down,
                keys,
                answer,
                rest,
                within,
            )
            if found:
                inner = _built(x, nodes, answer, ands) ^ answer[6]
                p = answer[5]
                outer = 2 * nodes[p >> 1] + (p & 1)
                literal = make(x, answer[4], outer, inner) ^ answer[7]
                gain = dying - 2
        for i in range(count):
            place[nodes[i]] = -1
        if literal < 0 or literal >> 1 == node:
            continue
        if keep_depth and x.level[literal >> 1] > x.level[node]:
            remove(x, literal >> 1)
            continue
        substitute(x, node, literal)
        saved += gain
    return saved


@njit(widen=True, cache=True)
def _built(x, nodes, answer, ands):  # pragma: no cover - compiled
    """The literal of the gate in `answer`."""
    p = 2 * nodes[answer[1] >> 1] + (answer[1] & 1)
    q = 2 * nodes[answer[2] >> 1] + (answer[2] & 1)
    if ands and answer[0] == XOR_NODE:
        one = make(x, AND_NODE, p, q ^ 1)
        two = make(x, AND_NODE, p ^ 1, q)
        return make(x, AND_NODE, one ^ 1, two ^ 1) ^ 1 ^ answer[3]
    return make(x, answer[0], p, q) ^ answer[3]
