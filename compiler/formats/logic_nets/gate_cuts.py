"""Which nets of a circuit are functions of two or three others, and which of those are adders.

A net's cut is a set of at most three earlier nets that decide it; its table holds the net's value
in bit p for pattern p, whose bit i is leaf i. Cuts of a gate are unions of its operands' cuts
(Cong and Ding 1994, doi 10.1109/43.273754); the smallest CUTS of them are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.gates import READS_A, READS_B, TWO_INPUT, GateNetlist

CUTS = 12
FALSE, TRUE = -2, -1
"""Constant literals; others are 2 * net, + 1 for its complement."""

Cut = tuple[int, ...]
AND2 = {0b0001: (1, 1, 0), 0b0010: (0, 1, 0), 0b0100: (1, 0, 0), 0b1000: (0, 0, 0)}
AND2 |= {15 - t: (p, q, 1) for t, (p, q, _) in AND2.items()}
"""Table of two leaves -> (leaf 0 complemented, leaf 1 complemented, the result complemented)."""
XOR2 = {0b0110: 0, 0b1001: 1}
XOR3 = {0b10010110: 0, 0b01101001: 1}


def _majority(flips: tuple[int, int, int]) -> int:
    ones = (sum(((p >> i) & 1) ^ f for i, f in enumerate(flips)) >= 2 for p in range(8))
    return sum(int(one) << p for p, one in enumerate(ones))


MAJ3 = {_majority((p, q, r)): (p, q, r) for p in (0, 1) for q in (0, 1) for r in (0, 1)}
"""Table of three leaves -> which of them are complemented before the majority."""


@dataclass(frozen=True, slots=True)
class Logic:
    """A circuit without constants, buffers and inverters.

    literal : of every net: FALSE, TRUE, or 2 * root (+ 1), the root being an input or in `gates`
    gates : (op, a, b) of the gates with two different operands, both roots
    """

    literal: tuple[int, ...]
    gates: dict[int, tuple[int, int, int]]


def simplify(netlist: GateNetlist) -> Logic:
    """Constants, repeated operands, buffers and inverters resolved into literals."""
    literal = [2 * k for k in range(netlist.n_inputs)]
    gates: dict[int, tuple[int, int, int]] = {}
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for net, (op, a, b) in enumerate(zip(*columns, strict=True), netlist.n_inputs):
        x = literal[a] if READS_A[op] else FALSE
        y = literal[b] if READS_B[op] else FALSE
        table = [[_bit(op, i, j) for j in (0, 1)] for i in (0, 1)]  # of the literals' roots
        if x >= 0 and x & 1:
            table.reverse()
        if y >= 0 and y & 1:
            table = [row[::-1] for row in table]
        if x < 0:
            table = [table[x + 2]] * 2
        if y < 0:
            table = [[row[y + 2]] * 2 for row in table]
        if x >= 0 and y >= 0 and x >> 1 == y >> 1:  # one root: only equal values occur
            table = [[table[0][0]] * 2, [table[1][1]] * 2]
        id_ = 8 * table[0][0] + 4 * table[0][1] + 2 * table[1][0] + table[1][1]
        if TWO_INPUT[id_]:
            gates[net] = (id_, x >> 1, y >> 1)
            literal.append(2 * net)
        elif READS_A[id_]:
            literal.append((x & ~1) + (table[0][0]))
        elif READS_B[id_]:
            literal.append((y & ~1) + (table[0][0]))
        else:
            literal.append(TRUE if table[0][0] else FALSE)
    return Logic(tuple(literal), gates)


def _bit(op: int, a: int, b: int) -> int:
    return (op >> (3 - 2 * a - b)) & 1


def cuts_of(logic: Logic) -> dict[int, dict[Cut, int]]:
    """{leaves: table} of every gate, without the trivial cut of the net itself."""
    found: dict[int, dict[Cut, int]] = {}
    for net, (op, a, b) in logic.gates.items():
        merged: dict[Cut, int] = {}
        for left in ((a,), *found.get(a, ())):
            for right in ((b,), *found.get(b, ())):
                leaves = tuple(sorted({*left, *right}))
                if len(leaves) > 3 or leaves in merged:
                    continue
                ta = _expand(found[a][left], left, leaves) if left != (a,) else _leaf(a, leaves)
                tb = _expand(found[b][right], right, leaves) if right != (b,) else _leaf(b, leaves)
                size = 1 << len(leaves)
                merged[leaves] = sum(_bit(op, (ta >> p) & 1, (tb >> p) & 1) << p for p in range(size))
        order = sorted(merged, key=lambda leaves: (leaves != tuple(sorted((a, b))), len(leaves)))
        found[net] = {leaves: merged[leaves] for leaves in order[:CUTS]}
    return found


def _leaf(net: int, leaves: Cut) -> int:
    i = leaves.index(net)
    return sum(((p >> i) & 1) << p for p in range(1 << len(leaves)))


def _expand(table: int, old: Cut, new: Cut) -> int:
    """The table of leaves `old` over more leaves."""
    at = [new.index(leaf) for leaf in old]
    out = 0
    for p in range(1 << len(new)):
        q = sum(((p >> i) & 1) << k for k, i in enumerate(at))
        out |= ((table >> q) & 1) << p
    return out
