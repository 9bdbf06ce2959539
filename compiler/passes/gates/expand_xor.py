"""Exclusive gates as and-type gates, for libraries whose cells do not compute them."""

from __future__ import annotations

import numpy as np

from compiler.ir.gates import AND, NAND, NOR, OR, XNOR, XOR, GateNetlist

_JOINED = {XOR: OR, XNOR: NOR}


def expand_xor(netlist: GateNetlist) -> GateNetlist:
    """Every xor(a, b) as (a and n) or (b and n), n = nand(a, b): four NAND2 cells. All nets that are
    shown keep their function.
    """
    exclusive = (netlist.op == XOR) | (netlist.op == XNOR)
    if not exclusive.any():
        return netlist
    n = netlist.n_inputs
    place = np.concatenate([np.arange(n), n + np.cumsum(1 + 3 * exclusive) - 1]).astype(np.int32)
    op: list[int] = []
    a: list[int] = []
    b: list[int] = []
    for k in range(netlist.n_gates):
        kind = int(netlist.op[k])
        x, y = (-1 if net < 0 else int(place[net]) for net in (netlist.a[k], netlist.b[k]))
        if exclusive[k]:
            first = n + len(op)  # the nand, the two ands, and below what joins them
            op += [NAND, AND, AND]
            a += [x, x, y]
            b += [y, first, first]
            kind, x, y = _JOINED[kind], first + 1, first + 2
        op.append(kind)
        a.append(x)
        b.append(y)
    return netlist.with_roots(
        place[netlist.roots],
        op=np.array(op, dtype=np.uint8),
        a=np.array(a, dtype=np.int32),
        b=np.array(b, dtype=np.int32),
    )
