"""Passes over gate netlists: pure functions that keep what every root shows.

Only sweep_dead removes gates and renumbers nets; the others redirect reads and rewrite single
gates, which leaves dead ones behind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.ir.gates import (
    BUF,
    CONST0,
    CONST1,
    NONE,
    NOT,
    READS_A,
    READS_B,
    GateNetlist,
    flip_a,
    flip_b,
    swapped,
)

_READS_A, _READS_B = READS_A.tolist(), READS_B.tolist()
_FLIP_A = [flip_a(op) for op in range(16)]
_FLIP_B = [flip_b(op) for op in range(16)]
_SWAP = [swapped(op) for op in range(16)]
MAX_CUTS = 8

Gate = tuple[int, int, int]
Rule = Callable[[int, Gate, list[int]], int]


def fold_constants(netlist: GateNetlist) -> GateNetlist:
    """Gates that read constants, or one net twice, become what is left of them."""
    return redirect(netlist, _fold, wires=False)


def remove_buffers(netlist: GateNetlist) -> GateNetlist:
    """Nothing reads a buffer, and gates read through inverters; both may stay behind, dead."""
    return redirect(netlist, None, wires=True)


def hash_structurally(netlist: GateNetlist) -> GateNetlist:
    """One gate for all that compute the same of the same nets, seen through inverters.

    A gate that is the complement of an earlier one is replaced, too: inverters are free operands.
    """
    known: dict[Gate, int] = {}

    def rule(net: int, gate: Gate, literals: list[int]) -> int:
        literal = _fold(net, gate, literals)
        if literal >> 1 != net:
            return literal
        op, a, b = gate
        if not (_READS_A[op] and _READS_B[op]):
            return literal
        if a > b:
            op, a, b = _SWAP[op], b, a
        # a function and its complement share a key: the one with f(1, 1) = 0 is kept
        inverted = op & 1
        found = known.setdefault((15 - op if inverted else op, a, b), 2 * net + inverted)
        return found ^ inverted

    return redirect(netlist, rule, wires=True)


def complement_drivers(netlist: GateNetlist) -> GateNetlist:
    """Where a root shows the inverse of a gate that is no root itself, the gate is complemented.

    Its readers take the complement into their truth tables, so that the inverter is not needed.
    """
    n = netlist.n_inputs
    roots = set(netlist.roots.tolist())
    ops, a, b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
    flipped = {a[net - n] for net in roots if net >= n and ops[net - n] == NOT and a[net - n] >= n} - roots
    for k, op in enumerate(ops):
        if a[k] in flipped:
            op = _FLIP_A[op]
        if b[k] in flipped:
            op = _FLIP_B[op]
        ops[k] = 15 - op if n + k in flipped else op
    complemented = netlist.with_roots(netlist.roots, op=np.array(ops, dtype=np.uint8))
    return remove_buffers(complemented)


def collapse_pairs(netlist: GateNetlist) -> GateNetlist:
    """A gate that is a function of two nets further up becomes one gate that reads those.

    Finds xor and xnor made of and-gates, absorption and repeated operands, by enumerating up to
    MAX_CUTS two-input cuts of every gate. It never makes more gates live: the nets read are in the
    cone of the gate already.
    """
    n = netlist.n_inputs
    # cuts of a net: pairs (x, y), x < y, with the net's function of them as an op
    cuts: list[dict[tuple[int, int], int]] = [{} for _ in range(n)]

    def rule(net: int, gate: Gate, literals: list[int]) -> int:
        op, a, b = gate
        found: dict[tuple[int, int], int] = {}
        cuts.append(found)
        if not (_READS_A[op] and _READS_B[op]) or a == b:
            return 2 * net
        if a > b:
            op, a, b = _SWAP[op], b, a
        candidates = {}
        for pair, first, second in _pairs(a, b, cuts):
            candidates[pair] = _compose(op, first, second)
        best = min(candidates, key=lambda pair: (pair[1], pair[0]))
        chosen = candidates[best]
        if best != (a, b):
            new = (chosen, best[0] if _READS_A[chosen] else NONE, best[1] if _READS_B[chosen] else NONE)
            rewritten[net] = new
        for pair in sorted(candidates, key=lambda pair: (pair[1], pair[0]))[:MAX_CUTS]:
            if _READS_A[candidates[pair]] and _READS_B[candidates[pair]]:
                found[pair] = candidates[pair]
        return 2 * net

    rewritten: dict[int, Gate] = {}
    result = redirect(netlist, rule, wires=True)
    if not rewritten:
        return result
    op, a, b = result.op.copy(), result.a.copy(), result.b.copy()
    for net, gate in rewritten.items():
        op[net - n], a[net - n], b[net - n] = gate
    return result.with_roots(result.roots, op=op, a=a, b=b)


def _pairs(a: int, b: int, cuts: list[dict[tuple[int, int], int]]) -> list[tuple[tuple[int, int], int, int]]:
    """Two-net cuts of a gate over nets a < b: (pair, op of a over it, op of b over it)."""
    found = [((a, b), BUF, 5)]
    for pair, op in cuts[b].items():  # b as a function of two nets, a one of them
        if a in pair:
            found.append((pair, BUF if a == pair[0] else 5, op))
    for pair, op in cuts[a].items():
        if pair in cuts[b]:
            found.append((pair, op, cuts[b][pair]))
    return found


def _compose(op: int, first: int, second: int) -> int:
    """The op of op(first(x, y), second(x, y))."""
    result = 0
    for shift in (3, 2, 1, 0):
        row = 2 * (first >> shift & 1) + (second >> shift & 1)
        result = 2 * result + (op >> (3 - row) & 1)
    return result


def sweep_dead(netlist: GateNetlist) -> GateNetlist:
    """Remove gates that no root depends on; inputs stay."""
    alive = live_gates(netlist)
    n = netlist.n_inputs
    number = np.full(netlist.n_nets + 1, NONE, dtype=np.int32)  # the last stands for NONE
    number[:n] = np.arange(n)
    kept = np.flatnonzero(alive)
    number[n + kept] = n + np.arange(kept.size)
    return netlist.with_roots(
        number[netlist.roots], op=netlist.op[kept], a=number[netlist.a[kept]], b=number[netlist.b[kept]]
    )


def live_gates(netlist: GateNetlist) -> np.ndarray:
    """(n_gates,) bool: whether some root depends on the gate."""
    n = netlist.n_inputs
    live = np.zeros(netlist.n_nets, dtype=bool)
    live[netlist.roots] = True
    seen = live.tolist()
    a, b = netlist.a.tolist(), netlist.b.tolist()
    for k in range(netlist.n_gates - 1, -1, -1):
        if seen[n + k]:
            for net in (a[k], b[k]):
                if net != NONE:
                    seen[net] = True
    return np.array(seen[n:], dtype=bool)


# --- one walk in topological order -----------------------------------------------------------


def redirect(netlist: GateNetlist, rule: Rule | None, *, wires: bool) -> GateNetlist:
    """Visit the gates in order; reads go to what the rule put in the place of earlier nets.

    rule : (net, (op, a, b), literals of earlier nets) -> literal (2 net + complemented) that later
        gates read instead of the net; (2 net, itself, for no change, as without a rule)
    wires : whether buffers and inverters are looked through
    """
    n = netlist.n_inputs
    literals = [2 * net for net in range(n)]
    ops: list[int] = []
    first: list[int] = []
    second: list[int] = []
    columns = zip(netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist(), strict=True)
    for net, (op, a, b) in enumerate(columns, n):
        # the gate reads its operands' literals; constants go into the op
        if _READS_A[op]:
            literal = literals[a]
            a = literal >> 1
            if literal < 0:
                op = _fixed_a(op, literal == ONE)
            elif literal & 1:
                op = _FLIP_A[op]
        if _READS_B[op]:
            literal = literals[b]
            b = literal >> 1
            if literal < 0:
                op = _SWAP[_fixed_a(_SWAP[op], literal == ONE)]
            elif literal & 1:
                op = _FLIP_B[op]
        a, b = a if _READS_A[op] else NONE, b if _READS_B[op] else NONE
        literal = 2 * net if rule is None else rule(net, (op, a, b), literals)
        if literal >> 1 != net:
            # kept as a copy of what stands for it: a constant, buffer or inverter
            if literal < 0:
                op, a, b = (CONST1 if literal == ONE else CONST0), NONE, NONE
            else:
                op, a, b = (NOT if literal & 1 else BUF), literal >> 1, NONE
                if not wires:
                    literal = 2 * net
        elif wires and op in (BUF, NOT):
            literal = 2 * a + (op == NOT)
        elif wires and op in (5, 10):
            literal = 2 * b + (op == 10)
        ops.append(op)
        first.append(a)
        second.append(b)
        literals.append(literal)
    # a root shows the net that stands for it, or one gate makes its constant or complement for all
    shown: dict[int, int] = {}
    roots = []
    for net in netlist.roots.tolist():
        literal = literals[net]
        plain = literal >= 0 and not literal & 1
        roots.append(literal >> 1 if plain else shown.setdefault(literal, net))
    return netlist.with_roots(
        np.array(roots, dtype=np.int32),
        op=np.array(ops, dtype=np.uint8),
        a=np.array(first, dtype=np.int32),
        b=np.array(second, dtype=np.int32),
    )


ZERO, ONE = -2, -1  # literals of the constants; x ^ 1 complements these, too


def _fixed_a(op: int, value: bool) -> int:
    """The op of f(value, b)."""
    half = op & 3 if value else op >> 2
    return 5 * half


def _fold(net: int, gate: Gate, literals: list[int]) -> int:
    """Constants and gates that read one net twice."""
    op, a, b = gate
    if op in (CONST0, CONST1):
        return ONE if op else ZERO
    if a == b:
        ends = (op >> 3 & 1, op & 1)  # f(0, 0), f(1, 1)
        if ends[0] == ends[1]:
            return ONE if ends[0] else ZERO
        return 2 * a + ends[0]
    return 2 * net
