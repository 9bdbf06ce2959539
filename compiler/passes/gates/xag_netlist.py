"""Netlists as and-xor graphs and back."""

from __future__ import annotations

import numpy as np

from compiler.ir.gates import AND, CONST0, CONST1, NONE, NOT, XNOR, XOR, GateNetlist
from compiler.jit import njit
from compiler.passes.gates.xag import AND_NODE, DEAD, LEAF, XOR_NODE, Xag, empty, link, make, remove


@njit(widen=True, cache=True)
def _load(x, op, a, b, roots, n_inputs, ands):  # pragma: no cover - compiled
    literals = np.zeros(n_inputs + op.size, dtype=np.int64)
    for k in range(n_inputs):
        literals[k] = 2 * (k + 1)
    for k in range(op.size):
        o = op[k]
        p = literals[a[k]] if a[k] >= 0 else 0
        q = literals[b[k]] if b[k] >= 0 else 0
        if o == 0 or o == 15:
            result = np.int64(o & 1)
        elif o == 3 or o == 12:
            result = p ^ (o == 12)
        elif o == 5 or o == 10:
            result = q ^ (o == 10)
        elif o == 6 or o == 9:
            if ands:
                one = make(x, AND_NODE, p, q ^ 1)
                two = make(x, AND_NODE, p ^ 1, q)
                result = make(x, AND_NODE, one ^ 1, two ^ 1) ^ 1
            else:
                result = make(x, XOR_NODE, p, q)
            result ^= o == 9
        else:
            ones = (o & 1) + (o >> 1 & 1) + (o >> 2 & 1) + (o >> 3 & 1)
            lone = o if ones == 1 else 15 - o
            # the row that differs: 8 is (0, 0), 4 (0, 1), 2 (1, 0), 1 (1, 1)
            result = make(x, AND_NODE, p ^ (lone >= 4), q ^ (lone == 8 or lone == 2))
            result ^= ones == 3
        literals[n_inputs + k] = result
    for k in range(roots.size):
        x.roots[k] = literals[roots[k]]
        link(x, 2 * x.kind.size + k, x.roots[k] >> 1)
    for node in range(x.state[0]):
        if x.kind[node] != LEAF and x.kind[node] != DEAD and x.refs[node] == 0:
            remove(x, node)


def from_netlist(netlist: GateNetlist, *, ands: bool = False, room: float = 3.0) -> Xag:
    """The hashed graph of what the roots depend on.

    ands : xor-gates become three and-nodes each; room : capacity in times of the gates there are
    """
    nodes = netlist.n_gates * (3 if ands else 1)
    capacity = netlist.n_inputs + 1 + int(room * nodes) + 1000
    x = empty(netlist.n_inputs, netlist.roots.size, capacity)
    _load(x, netlist.op, netlist.a, netlist.b, netlist.roots, netlist.n_inputs, ands)
    return x


@njit(widen=True, cache=True)
def topological(x):  # pragma: no cover - compiled
    """Live gates, each after the nodes it reads."""
    order = np.empty(x.state[0], dtype=np.int32)
    count = 0
    x.state[1] += 1
    seen = x.state[1]
    stack = np.empty(4 * x.state[0] + 8, dtype=np.int32)
    for r in range(x.roots.size):
        top = 1
        stack[0] = x.roots[r] >> 1
        while top > 0:
            node = stack[top - 1]
            if x.kind[node] == LEAF or x.mark[node] == seen:
                top -= 1
                continue
            ready = True
            for slot in range(1, -1, -1):
                child = x.fan[node, slot] >> 1
                if x.kind[child] != LEAF and x.mark[child] != seen:
                    if top == stack.size or x.kind[child] == DEAD:
                        raise RuntimeError("the graph has a cycle or a dead operand")
                    stack[top] = child
                    top += 1
                    ready = False
            if ready:
                x.mark[node] = seen
                order[count] = node
                count += 1
                top -= 1
    return order[:count]


def to_netlist(x: Xag, netlist: GateNetlist) -> GateNetlist:
    """The graph as a netlist with the names, class sums and encoder of `netlist`."""
    order = topological(x)
    n = netlist.n_inputs
    number = np.full(int(x.state[0]), NONE, dtype=np.int64)
    number[1 : n + 1] = np.arange(n)
    number[order] = n + np.arange(order.size)
    fan = x.fan[order].astype(np.int64)
    p, q = fan[:, 0] & 1, fan[:, 1] & 1
    and_op = np.array([[AND, 2], [4, 8]])[p, q]  # the one row that gives 1
    xor_op = np.where(p ^ q, XNOR, XOR)
    op = np.where(x.kind[order] == AND_NODE, and_op, xor_op).astype(np.uint8)
    a, b = (number[fan[:, k] >> 1].astype(np.int32) for k in (0, 1))
    # roots that show a complement or a constant: one gate for all that show the same
    extra: dict[int, int] = {}
    ops: list[int] = []
    firsts: list[int] = []
    roots: list[int] = []
    for literal in x.roots.tolist():
        if literal > 1 and not literal & 1:
            roots.append(int(number[literal >> 1]))
            continue
        if literal not in extra:
            extra[literal] = n + order.size + len(ops)
            ops.append((CONST1 if literal else CONST0) if literal < 2 else NOT)
            firsts.append(NONE if literal < 2 else int(number[literal >> 1]))
        roots.append(extra[literal])
    return netlist.with_roots(
        np.array(roots, dtype=np.int32),
        op=np.concatenate([op, np.array(ops, dtype=np.uint8)]),
        a=np.concatenate([a, np.array(firsts, dtype=np.int32)]),
        b=np.concatenate([b, np.full(len(ops), NONE, dtype=np.int32)]),
    )
