"""Chains of ands and of exclusive ors as trees: what comes last is joined last (as ABC's balance)."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from compiler.circuits.builder import Builder
from compiler.ir.gates import AND, CONST0, CONST1, NOT, READS_A, TWO_INPUT, XNOR, XOR, GateNetlist

_CONSTANT = -2  # literal of 0, in the old netlist


def balance(netlist: GateNetlist) -> GateNetlist:
    """The same functions with less depth where a gate's operand is read by it alone and is of its kind.

    An or is an and of complements; of the operands of a tree the two that are there first are joined first.
    What nobody looks at is left out.
    """
    n = netlist.n_inputs
    known = [2 * net for net in range(n)]  # literal of a node, complements and buffers looked through
    fan: list[tuple[int, int, int]] = [(0, 0, 0)] * n  # kind, and literals of both operands
    for op, a, b in zip(netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist(), strict=True):
        node = len(known)
        kind, operands, flip = 0, (0, 0), 0
        if TWO_INPUT[op]:
            kind, (left, right, flip) = _form(op)
            operands = known[a] ^ left, known[b] ^ right
            known.append(2 * node + flip)
        elif op in (CONST0, CONST1):
            known.append(_CONSTANT + (op == CONST1))
        else:
            known.append(known[a] ^ (op == NOT) if READS_A[op] else known[b] ^ (op != 5))
        fan.append((kind, *operands))
    roots = [known[net] for net in netlist.roots.tolist()]
    readers = [0] * len(known)
    for literal in roots:
        readers[literal >> 1] += literal >= 0
    live = [False] * len(known)
    for literal in roots:
        live[literal >> 1] |= literal >= 0
    for node in range(len(known) - 1, n - 1, -1):
        if live[node] and fan[node][0]:
            for literal in fan[node][1:]:
                if literal >= 0:
                    live[literal >> 1] = True
                    readers[literal >> 1] += 1
    inner = [False] * len(known)
    for node in range(n, len(known)):
        kind = fan[node][0]
        for literal in fan[node][1:] if live[node] and kind else ():
            under = literal >> 1
            if literal >= 0 and fan[under][0] == kind and readers[under] == 1:
                inner[under] = kind == XOR or not literal & 1
    return _joined(netlist, fan, roots, live, inner)


def _form(op: int) -> tuple[int, tuple[int, int, int]]:
    """(AND or XOR, complements of both operands and of the result) of a two-input gate."""
    if op in (XOR, XNOR):
        return XOR, (0, 0, int(op == XNOR))
    flip = int(bin(op).count("1") == 3)
    row = (15 - op if flip else op).bit_length() - 1  # 3 of f(0, 0), ..., 0 of f(1, 1)
    return AND, (row >> 1, row & 1, flip)


def _joined(
    netlist: GateNetlist,
    fan: list[tuple[int, int, int]],
    roots: list[int],
    live: list[bool],
    inner: list[bool],
) -> GateNetlist:
    n = netlist.n_inputs
    builder = Builder(netlist.input_names)
    made = [2 * net for net in range(n)] + [0] * (len(fan) - n)
    level = [0] * n
    constant: list[int] = []

    def new(literal: int) -> int:
        if literal < 0:
            if not constant:
                constant.append(builder.constant(0))
                level.append(0)
            return 2 * constant[0] + (literal & 1)
        return made[literal >> 1] ^ literal & 1

    for node in range(n, len(fan)):
        if not live[node] or inner[node] or not fan[node][0]:
            continue
        kind = fan[node][0]
        parity, leaves, left = 0, [], [*fan[node][1:]]
        while left:
            literal = left.pop()
            if literal >= 0 and inner[literal >> 1] and fan[literal >> 1][0] == kind:
                parity ^= literal & 1
                left += fan[literal >> 1][1:]
            else:
                leaves.append(new(literal))
        heap = [(level[literal >> 1], literal) for literal in leaves]
        heapify(heap)
        while len(heap) > 1:
            (_, x), (late, y) = heappop(heap), heappop(heap)
            net = builder.gate(kind, x, y)
            level.append(late + 1)
            heappush(heap, (late + 1, 2 * net))
        made[node] = heap[0][1] ^ (parity if kind == XOR else 0)
    shown = []
    for literal in roots:
        x = new(literal)
        if x & 1:
            level.append(level[x >> 1])
            x = 2 * builder.copy(x)
        shown.append(x >> 1)
    built = builder.netlist({f"r{k}": net for k, net in enumerate(shown)})
    return netlist.with_roots(built.outputs, op=built.op, a=built.a, b=built.b)
