"""Nets of one class that are never 1 together can be counted as one: their or.

An or takes one gate, a bit less to count saves four and a half (see heads.py). What is never 1
together is read off products: where one needs x and the other needs not x, whatever x is.
Complements of products count 1 - product, so they pair among themselves, with a constant 1 left.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from compiler.circuits.possible import chains
from compiler.errors import NetlistError
from compiler.ir.gates import CONST0, CONST1, NONE, OR, READS_A, READS_B, GateNetlist
from compiler.passes.gates.local import fold_constants, remove_buffers

WIDEST = 8  # literals of a product that are looked at

# by op: whether the op's complement is a product of literals, and the literals (net slot, value);
# ops that depend on both operands and are 1 in one row or three, and single operands
_PRODUCTS: dict[int, tuple[bool, tuple[tuple[int, int], ...]]] = {}
for _op in range(1, 15):
    _ones = [row for row in range(4) if _op >> (3 - row) & 1]
    if READS_A[_op] and READS_B[_op] and len(_ones) != 2:
        _row = _ones[0] if len(_ones) == 1 else next(r for r in range(4) if r not in _ones)
        _PRODUCTS[_op] = (len(_ones) == 3, ((0, _row >> 1), (1, _row & 1)))


def merge_exclusive(netlist: GateNetlist, *, impossible: bool = True) -> GateNetlist:
    """Every class counts fewer nets and the same number of ones.

    impossible : whether what the encoder cannot make may be used. Nets that are always 0 are
    dropped from the sums; constants, buffers and inverters are looked through.

    Raises NetlistError for a netlist without class sums.
    """
    if netlist.class_sums is None:
        raise NetlistError("this netlist has no class sums, so that no nets are counted")
    netlist = remove_buffers(fold_constants(netlist))
    sums = netlist.class_sums
    assert sums is not None
    builder = _Merger(netlist, impossible)
    nets: list[int] = []
    ends = [0]
    members, bounds = sums.nets.tolist(), sums.indptr.tolist()
    for start, stop in pairwise(bounds):
        nets += builder.merged(members[start:stop])
        ends.append(len(nets))
    return replace(
        netlist,
        op=np.array(builder.op, dtype=np.uint8),
        a=np.array(builder.a, dtype=np.int32),
        b=np.array(builder.b, dtype=np.int32),
        class_sums=replace(sums, nets=np.array(nets, dtype=np.int32), indptr=np.array(ends, dtype=np.int64)),
    )


class _Merger:
    """The netlist with gates added at its end."""

    def __init__(self, netlist: GateNetlist, impossible: bool) -> None:
        self.n = netlist.n_inputs
        self.op, self.a, self.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
        self.one = NONE
        self.group = np.full(self.n, -1)
        self.rank = np.zeros(self.n, dtype=np.int64)
        if impossible and netlist.encoder is not None:
            self.group, self.rank = chains(netlist.encoder)

    def merged(self, nets: Sequence[int]) -> list[int]:
        """What a class counts instead of `nets`."""
        kept: list[int] = []
        products: list[tuple[int, frozenset[int]]] = []
        complements: list[tuple[int, frozenset[int]]] = []
        for net in nets:
            literals, complemented = self.product(net)
            if not literals:
                # a constant, or no product
                if not (net >= self.n and self.op[net - self.n] == CONST0):
                    kept.append(net)
            elif complemented:
                complements.append((net, literals))
            else:
                products.append((net, literals))
        for entries, joined in ((products, OR), (complements, None)):
            for group in self.groups([literals for _, literals in entries]):
                members = [entries[k][0] for k in group]
                if joined == OR:
                    kept.append(self.tree(members, inverted=False))
                else:
                    # sum of not p = (number - 1) + not (or of the p)
                    kept.append(self.tree(members, inverted=True))
                    kept += [self.constant_one()] * (len(members) - 1)
        return kept

    def product(self, net: int) -> tuple[frozenset[int], bool]:
        """(literals 2 net + value of the product, whether `net` is its complement)."""
        if net < self.n:
            return frozenset([2 * net + 1]), False
        op = self.op[net - self.n]
        if op in (3, 5, 10, 12):
            operand = self.a[net - self.n] if op in (3, 12) else self.b[net - self.n]
            return frozenset([2 * operand + (op in (3, 5))]), False
        if op not in _PRODUCTS:
            return (frozenset(), False) if op in (CONST0, CONST1) else (frozenset([2 * net + 1]), False)
        complemented, rows = _PRODUCTS[op]
        literals = set(self.literals(net, rows))
        frontier = sorted(literals)
        while frontier and len(literals) < WIDEST:
            literal = frontier.pop()
            inner = (literal >> 1) - self.n
            if inner < 0 or self.op[inner] not in _PRODUCTS:
                continue
            flipped, rows = _PRODUCTS[self.op[inner]]
            if flipped != (literal & 1 == 0):
                continue
            new = [x for x in self.literals(literal >> 1, rows) if x not in literals]
            literals.update(new)
            frontier += new
        return frozenset(literals), complemented

    def literals(self, net: int, rows: tuple[tuple[int, int], ...]) -> list[int]:
        operands = (self.a[net - self.n], self.b[net - self.n])
        return [2 * operands[slot] + value for slot, value in rows]

    def groups(self, products: list[frozenset[int]]) -> list[list[int]]:
        """Sets of products that exclude each other, few in number: those with the fewest partners
        choose first, and take the partner that has the fewest."""
        found: list[list[int]] = []
        neighbours = self.exclusions(products)
        left = set(range(len(products)))
        # every count of partners that a product had; those it no longer has are passed over
        waiting = [(len(others), k) for k, others in enumerate(neighbours)]
        heapq.heapify(waiting)
        while left:
            partners, first = heapq.heappop(waiting)
            if first not in left or partners != len(neighbours[first]):
                continue
            group = [first]
            candidates = set(neighbours[first])
            while candidates:
                best = min(candidates, key=lambda k: (len(neighbours[k]), k))
                group.append(best)
                candidates &= neighbours[best]
            for k in group:
                left.discard(k)
                for other in neighbours[k]:
                    neighbours[other].discard(k)
                    heapq.heappush(waiting, (len(neighbours[other]), other))
                neighbours[k] = set()
            found.append(sorted(group))
        return found

    def exclusions(self, products: list[frozenset[int]]) -> list[set[int]]:
        """For every product the others that are 0 where it is 1."""
        holders: dict[int, list[int]] = {}
        ranked: dict[int, list[tuple[int, int]]] = {}  # by group: (rank, literal) that occur
        for k, literals in enumerate(products):
            for literal in literals:
                if literal not in holders and literal < 2 * self.n:
                    net = literal >> 1
                    if self.group[net] >= 0:
                        ranked.setdefault(int(self.group[net]), []).append((int(self.rank[net]), literal))
                holders.setdefault(literal, []).append(k)
        pairs = [(x, x ^ 1) for x in holders if x & 1 and x ^ 1 in holders]
        # a high input is 1 only where the lower ones are
        pairs += [
            (high, low)
            for members in ranked.values()
            for rank_high, high in members
            for rank_low, low in members
            if high & 1 and not low & 1 and rank_high >= rank_low and high ^ 1 != low
        ]
        neighbours: list[set[int]] = [set() for _ in products]
        for x, y in pairs:
            for k in holders[x]:
                for m in holders[y]:
                    if k != m:
                        neighbours[k].add(m)
                        neighbours[m].add(k)
        return neighbours

    def tree(self, nets: Sequence[int], *, inverted: bool) -> int:
        """The or of the nets; inverted: the and of them, which is the complement of the or of
        their complements."""
        level = list(nets)
        op = 1 if inverted else OR
        while len(level) > 1:
            paired = [self.gate(op, x, y) for x, y in zip(level[0::2], level[1::2], strict=False)]
            level = paired + level[len(level) & ~1 :]
        return level[0]

    def constant_one(self) -> int:
        if self.one == NONE:
            self.one = self.gate(CONST1, NONE, NONE)
        return self.one

    def gate(self, op: int, a: int, b: int) -> int:
        self.op.append(op)
        self.a.append(a)
        self.b.append(b)
        return self.n + len(self.op) - 1
