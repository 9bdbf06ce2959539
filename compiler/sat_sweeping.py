"""Which nets of a circuit are equal: structural hashing, simulation, small windows, and a SAT solver.

A. Kuehlmann et al., IEEE TCAD 21(12), 2002; A. Mishchenko et al., FRAIGs, ERL report, 2005. Nets are
visited once, in topological order, and read what stands for the nets below them: equal gates meet
in a table; what simulation cannot tell apart is compared by truth tables over a small cut, and
where that does not settle it by a solver that holds the cones of both. What one net is proved to be
makes the questions above it small. A counterexample is simulated, with neighbours, and splits classes.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from compiler.circuits.evaluate import evaluate_words, simulate_nets
from compiler.ir.gates import GateNetlist

LEAVES = 12  # of a window
SURPLUS = 6  # leaves by which the cut may be larger on the way
EXPANDED = 64  # nodes of a window at most
LOADED = 4000  # nodes that a solver holds before it is exchanged for a fresh one
_AND, _XOR, _WIRE = 0, 1, 2
ZERO, ONE = 0, 1  # literals of the constants


def _form(op: int) -> tuple[int, int, int, int]:
    """(kind, complement of a, of b, of the result); a wire of the constant 0 for a constant, and of a
    or b (third entry) for a buffer."""
    table = [op >> 3 & 1, op >> 2 & 1, op >> 1 & 1, op & 1]
    if op in (6, 9):
        return _XOR, 0, 0, int(op == 9)
    if op in (0, 15):
        return _WIRE, 0, 2, op & 1
    if op in (3, 12, 5, 10):
        return _WIRE, 0, int(op in (5, 10)), int(op in (12, 10))
    lone = int(sum(table) == 1)
    row = table.index(lone)
    return _AND, int(row < 2), int(row % 2 == 0), 1 - lone


_FORMS = [_form(op) for op in range(16)]


def _projections() -> list[int]:
    """Truth tables of the leaves of a window, as whole numbers of 2^LEAVES bits."""
    tables = []
    for k in range(LEAVES):
        table, width = ((1 << (1 << k)) - 1) << (1 << k), 2 << k
        while width < 1 << LEAVES:
            table |= table << width
            width *= 2
        tables.append(table)
    return tables


_LEAF_TABLES = _projections()
_FULL = (1 << (1 << LEAVES)) - 1


class Sweeper:
    """Nodes: 0 is the constant 0, node k + 1 is net k; a literal is 2 * node + complemented.

    literal : of every node, what it is proved to be; a node that stands for itself has its own
    calls : questions put to the solver; spent : values that it and simulation have found
    """

    # kind, first, second, flip_out : node k is kind(first, second) ^ flip_out; level : longest path to it
    # class_of, leader : classes of nodes that simulation cannot tell apart, and the first node of each
    # flip : all ones where a node is 1 for the first pattern; classes are up to complements
    # variable : of the solver, by node

    def __init__(
        self,
        netlist: GateNetlist,
        words: np.ndarray,
        implied: np.ndarray,
        rng: np.random.Generator,
        conflicts: int,
        effort: int | None = None,
    ) -> None:
        """words : (n_inputs, n_words) patterns to tell nets apart; implied : (n, 2) inputs of which
        the first implies the second, in all patterns that count; conflicts : spent on a pair
        effort : of the sweep (none: no limit), in values that the solver and simulation find; what comes
            after that is proved by windows alone
        """
        self.netlist, self.implied, self.rng, self.conflicts = netlist, implied, rng, conflicts
        self.effort, self.spent = effort, 0
        self.n = netlist.n_inputs
        size = netlist.n_nets + 1
        self.literal = [2 * k for k in range(size)]
        self.kind = [_WIRE] * size
        self.first = [0] * size
        self.second = [0] * size
        self.level = [0] * size
        self.flip_out = [0] * size
        self.calls = 0
        self.solver: Any = None
        self.variable: dict[int, int] = {}
        self.limit = LOADED
        self.classes(words)

    # --- classes of nets that simulation cannot tell apart

    def classes(self, words: np.ndarray) -> None:
        """Fill in which class every node is in, and the first node of each class."""
        size = self.netlist.n_nets + 1
        keys = np.zeros(size, dtype=np.uint64)
        self.flip = np.zeros(size, dtype=np.uint64)  # all ones where the first pattern gives 1
        mixer, shift = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)

        def mix(start: int, values: np.ndarray) -> None:
            if start == 0:
                self.flip[1:] = np.where(values[:, 0] & np.uint64(1), np.uint64(2**64 - 1), np.uint64(0))
            for column in values.T:
                keys[1:] ^= column ^ self.flip[1:]
                keys[:] *= mixer
                keys[:] ^= keys >> shift

        simulate_nets(self.netlist, words, mix)
        _, self.leader, self.class_of = np.unique(keys, return_index=True, return_inverse=True)
        self.flipped = (self.flip & np.uint64(1)).tolist()

    def split(self, bits: np.ndarray) -> None:
        """Tell nodes apart by an input pattern, and by others that differ from it in one input."""
        base = np.where(bits, np.uint64(2**64 - 1), np.uint64(0)).astype(np.uint64)[:, None]
        words = base.copy()
        near = np.array([node - 1 for node in self.variable if 0 < node <= self.n])
        if near.size:
            chosen = near[self.rng.integers(0, near.size, 63)]
            np.bitwise_xor.at(words[:, 0], chosen, np.uint64(1) << np.arange(1, 64, dtype=np.uint64))
            high, low = words[self.implied[:, 0], 0], words[self.implied[:, 1], 0]
            possible = np.bitwise_and.reduce(~high | low)
            words = (words & possible) | (base & ~possible)
        self.spent += self.netlist.n_nets
        seen = self.flip.copy()
        seen[1:] ^= evaluate_words(self.netlist, words, np.arange(self.netlist.n_nets))[:, 0]
        moved = np.flatnonzero(seen != seen[self.leader[self.class_of]])
        if moved.size == 0:
            return
        order = moved[np.lexsort((moved, seen[moved], self.class_of[moved]))]
        new = np.ones(order.size, dtype=bool)
        new[1:] = (seen[order[1:]] != seen[order[:-1]]) | (
            self.class_of[order[1:]] != self.class_of[order[:-1]]
        )
        self.class_of[order] = self.leader.size - 1 + np.cumsum(new)
        self.leader = np.concatenate([self.leader, order[new]])

    # --- the sweep

    def run(self) -> None:
        """Visit every net once."""
        known: dict[tuple[int, int, int], int] = {}
        literal = self.literal
        for node in range(1, self.n + 1):
            self.settle(node)
        columns = (getattr(self.netlist, column).tolist() for column in ("op", "a", "b"))
        for node, (op, a, b) in enumerate(zip(*columns, strict=True), start=self.n + 1):
            kind, flip_a, flip_b, flip = _FORMS[op]
            if kind == _WIRE:
                literal[node] = (ZERO if op in (0, 15) else literal[(b if flip_b else a) + 1]) ^ flip
                continue
            p, q = literal[a + 1] ^ flip_a, literal[b + 1] ^ flip_b
            if p > q:
                p, q = q, p
            if kind == _XOR:
                flip ^= (p ^ q) & 1
                p, q = p & ~1, q & ~1
                same = ZERO if p == q else q if p == ZERO else -1
            else:
                same = q if p in (ONE, q) else ZERO if p == ZERO or p ^ q == 1 else -1
            if same < 0:
                found = known.setdefault((kind, p, q), 2 * node + flip)
                if found >> 1 == node:
                    self.kind[node], self.flip_out[node] = kind, flip
                    self.first[node], self.second[node] = p, q
                    self.level[node] = 1 + max(self.level[p >> 1], self.level[q >> 1])
                    self.settle(node)
                    continue
                same = literal[found >> 1] ^ (found & 1)
            literal[node] = same ^ flip

    def literals(self) -> list[int]:
        """What every net is, as 2 * net + complemented, or -2 and -1 for the constants 0 and 1."""
        return [literal - 2 for literal in self.literal[1:]]

    def settle(self, node: int) -> None:
        """Look among the earlier nodes for one that this is equal to, or the complement of."""
        while True:
            other = int(self.leader[self.class_of[node]])
            if other == node:
                return
            target = 2 * other + (self.flipped[node] ^ self.flipped[other])
            ended = self.effort is not None and self.spent > self.effort
            differs = self.differ(target, 2 * node, 0 if ended else self.conflicts)
            if differs is None:
                self.literal[node] = target
            if not isinstance(differs, np.ndarray):
                return
            self.split(differs)

    def differ(self, x: int, y: int, conflicts: int | None) -> np.ndarray | bool | None:
        """None if the literals are equal, input bits for which they are not, or True where `conflicts`
        (none: no limit, 0: the solver is not asked) were too few to tell."""
        x, y = (self.literal[v >> 1] ^ (v & 1) for v in (x, y))
        if x == y:
            return None
        if self.same_in_window(x, y):
            return None
        return True if conflicts == 0 else self.ask(x, y, conflicts)

    def same_in_window(self, x: int, y: int) -> bool:
        """Whether the literals are one function of a small cut, found by opening the latest nodes first."""
        level, first, second = self.level, self.first, self.second
        seen = {x >> 1, y >> 1}
        cut = [(-level[node], -node) for node in seen]
        heapq.heapify(cut)
        inner: list[int] = []
        enough = 0  # of `inner`, for a cut that is small
        while cut[0][0] < 0 and len(inner) < EXPANDED and len(cut) <= LEAVES + SURPLUS:
            node = -heapq.heappop(cut)[1]
            inner.append(node)
            for child in (first[node] >> 1, second[node] >> 1):
                if child not in seen:
                    seen.add(child)
                    heapq.heappush(cut, (-level[child], -child))
            if len(cut) <= LEAVES:
                enough = len(inner)
        tables: dict[int, int] = {0: 0}
        leaves = iter(_LEAF_TABLES)
        for node in reversed(inner[:enough]):
            values = []
            for operand in (first[node], second[node]):
                value = tables.get(operand >> 1)
                if value is None:
                    value = tables[operand >> 1] = next(leaves)
                values.append(value ^ _FULL if operand & 1 else value)
            value = values[0] ^ values[1] if self.kind[node] == _XOR else values[0] & values[1]
            tables[node] = value ^ _FULL if self.flip_out[node] else value
        for node in (x >> 1, y >> 1):
            if node not in tables:
                tables[node] = next(leaves)
        return tables[x >> 1] ^ tables[y >> 1] == (_FULL if (x ^ y) & 1 else 0)

    # --- questions to the solver

    def ask(self, x: int, y: int, conflicts: int | None) -> np.ndarray | bool | None:
        """As `differ`, by the solver alone."""
        if len(self.variable) > self.limit:
            self.close()
        fresh = self.solver is None
        if fresh:
            self.open()
        self.load(x >> 1)
        self.load(y >> 1)
        if fresh:  # large cones are not loaded anew for each question
            self.limit = LOADED + 3 * len(self.variable)
        p, q = (self.variable[v >> 1] * (-1 if v & 1 else 1) for v in (x, y))
        for assumptions in ((p, -q), (-p, q)):
            answer = self.solve(assumptions, conflicts)
            if answer is None:
                return True
            if answer:
                return self.model()
        self.solver.add_clause((-p, q))
        self.solver.add_clause((p, -q))
        return None

    def solve(self, assumptions: tuple[int, int], conflicts: int | None) -> bool | None:
        """Whether the assumptions can hold; None if `conflicts` were too few to tell."""
        self.calls += 1
        before = self.solver.accum_stats()["propagations"]
        try:
            if conflicts is None:
                return self.solver.solve(assumptions=assumptions)
            self.solver.conf_budget(conflicts)
            answer = self.solver.solve_limited(assumptions=assumptions)
            self.spent += self.solver.accum_stats()["propagations"] - before
            return answer
        except Exception as error:
            # the solver, written in C, turns Ctrl-C into an error of its own
            if "keyboard interrupt" in str(error):
                raise KeyboardInterrupt from None
            raise

    def model(self) -> np.ndarray:
        """(n_inputs,) bool: the inputs in the solver's answer; those it does not hold are 0."""
        values = self.solver.get_model()
        bits = np.zeros(self.n, dtype=bool)
        for node, variable in self.variable.items():
            if 0 < node <= self.n:
                bits[node - 1] = values[variable - 1] > 0
        return bits

    def open(self) -> None:
        """A fresh solver, which knows the constant and what inputs imply."""
        from pysat.solvers import Glucose4

        self.solver = Glucose4(incr=False)
        self.variable = {0: 1}
        self.solver.add_clause((-1,))
        for high, low in self.implied.tolist():
            self.load(high + 1)
            self.load(low + 1)
            self.solver.add_clause((-self.variable[high + 1], self.variable[low + 1]))

    def close(self) -> None:
        """Let the solver go."""
        if self.solver is not None:
            self.solver.delete()
            self.solver = None

    def load(self, node: int) -> None:
        """Give the solver the cone of a node, by Tseitin's clauses."""
        variable, add = self.variable, self.solver.add_clause
        stack, gates = [node], []
        while stack:
            node = stack.pop()
            if node in variable:
                continue
            out = variable[node] = len(variable) + 1
            if node <= self.n:
                add((out, -out))  # so that a model names it
            else:
                gates.append(node)
                stack += [self.first[node] >> 1, self.second[node] >> 1]
        for node in gates:
            out = -variable[node] if self.flip_out[node] else variable[node]
            a, b = (
                -variable[v >> 1] if v & 1 else variable[v >> 1]
                for v in (self.first[node], self.second[node])
            )
            add((-out, a, b) if self.kind[node] == _XOR else (-out, a))
            add((-out, -a, -b) if self.kind[node] == _XOR else (-out, b))
            add((out, -a, b) if self.kind[node] == _XOR else (out, -a, -b))
            if self.kind[node] == _XOR:
                add((out, a, -b))
