"""Bounds by frustrated cycles, whose couplings cannot all be satisfied at once.

With x_e = 1 where a state leaves coupling e unsatisfied, E(s) = -sum |J| + 2 sum |J_e| x_e, and every
cycle whose product of J is negative has sum_e x_e >= 1. The linear program over all such cycles is
solved with those that are violated (Barahona and Mahjoub, Math. Programming 36, 157, 1986; Liers et al.,
in "New Optimization Algorithms in Physics", 2004); it is exact for planar graphs and all others without
an odd-K5 minor (Guenin, J. Combin. Theory B 83, 112, 2001). Its dual packs cycles into the couplings:
any packing is a bound, so that the solver need not be believed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.optimize import linprog
from scipy.sparse.csgraph import breadth_first_order, dijkstra, minimum_spanning_tree

from thermo.worth.pairs import Pairs, U, above, below

GRAIN = 40  # weights of cycles are multiples of 2^-GRAIN: their sums are exact
VIOLATED = 1e-6
BLOCK = 1 << 23  # distances held at once


@dataclass(frozen=True, slots=True, eq=False)
class Cycles:
    """Sets of couplings of which every state leaves at least one unsatisfied, with weights >= 0.

    member : (k, m) sparse matrix of 0 and 1; weight : (k,) float64
    """

    member: sparse.csr_array
    weight: np.ndarray

    @staticmethod
    def none(m: int) -> Cycles:
        return Cycles(sparse.csr_array((0, m)), np.zeros(0))

    def __len__(self) -> int:
        return self.weight.size

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.member.indptr)

    def take(self, which: np.ndarray) -> Cycles:
        return Cycles(self.member[which], self.weight[which])

    def and_new(self, other: sparse.csr_array) -> Cycles:
        """These, and those of `other` that are not among them, with weight 0."""
        known = {tuple(r) for r in _rows(self.member)}
        new = [k for k, r in enumerate(_rows(other)) if tuple(r) not in known]
        if not new:
            return self
        member = sparse.csr_array(sparse.vstack([self.member, other[new]], format="csr"))
        return Cycles(member, np.concatenate([self.weight, np.zeros(len(new))]))

    def load(self) -> np.ndarray:
        """(m,) weight of all cycles through each coupling."""
        return np.asarray(self.member.T @ self.weight)

    def grained(self) -> Cycles:
        """Weights rounded down to the grain, so that sums of up to 2^12 of them are exact."""
        weight = np.floor(np.ldexp(np.clip(self.weight, 0.0, 1.0), GRAIN))
        return Cycles(self.member, np.ldexp(weight, -GRAIN))

    def packed(self, J: np.ndarray) -> Cycles:
        """Weights made smaller until no coupling holds more than |J_e|."""
        size, load = np.abs(J), self.load()
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(load > size, size / load, 1.0)
        return Cycles(self.member, self.weight * _least(self.member, share)).grained()

    def bound(self, J: np.ndarray) -> float:
        """At most the least energy, by packing: -sum |J| + 2 sum of weights."""
        found = self.packed(J)
        over = found.load() > np.abs(J)  # rounding alone
        if over.any():
            touched = np.asarray(found.member @ over.astype(np.float64)) > 0
            found = Cycles(found.member, np.where(touched, 0.0, found.weight))
        return below(np.concatenate([-np.abs(J), 2.0 * found.weight]))

    def residual(self, J: np.ndarray) -> tuple[np.ndarray, float]:
        """(J' (m,), gain): E of J is at least E' of J' plus gain, whatever the weights.

        Each cycle has sum_e sign(J_e) s s <= length - 2; rounding of J' is in the gain.
        """
        load = self.load()
        rest = J - np.sign(J) * load
        lost = above(2.0 * U * (np.abs(J) + load))
        return rest, below(np.append(-self.weight * (self.lengths - 2.0), -lost))


def _rows(member: sparse.csr_array) -> list[list[int]]:
    ends = member.indptr
    return [member.indices[a:b].tolist() for a, b in pairwise(ends)]


def _least(member: sparse.csr_array, values: np.ndarray) -> np.ndarray:
    """(k,) least value among each row's members."""
    if not member.shape[0]:
        return np.zeros(0)
    return np.minimum.reduceat(values[member.indices], member.indptr[:-1])


class Cover:
    """The double cover of a graph of pairs: a frustrated cycle through i is a path from (i, +) to (i, -)."""

    def __init__(self, pairs: Pairs) -> None:
        n, m, row, col = pairs.n, pairs.J.size, pairs.row, pairs.col
        turns = pairs.J < 0
        ends = (
            np.concatenate([row, row + n, col, col + n]),
            np.concatenate(
                [
                    np.where(turns, col + n, col),
                    np.where(turns, col, col + n),
                    np.where(turns, row + n, row),
                    np.where(turns, row, row + n),
                ]
            ),
        )
        number = sparse.csr_array((np.tile(np.arange(1.0, m + 1), 4), ends), shape=(2 * n, 2 * n))
        number.sort_indices()
        self.n, self.m = n, m
        self._number = number
        self._edge = number.data.astype(np.int64) - 1

    def violated(
        self, x: np.ndarray, sources: np.ndarray | None = None, deadline: float = np.inf
    ) -> sparse.csr_array:
        """(k, m) cycles with sum x_e < 1, the worst through each spin of `sources` (all)."""
        # a small length for each coupling: of cycles as bad as each other the shortest
        length = np.maximum(x, 0.0) + 1e-9
        graph = sparse.csr_array(
            (length[self._edge], self._number.indices, self._number.indptr), shape=self._number.shape
        )
        sources = np.arange(self.n) if sources is None else sources
        block = max(1, BLOCK // (2 * self.n))
        keys: list[np.ndarray] = []
        count = 0
        for start in range(0, sources.size, block):
            some = sources[start : start + block]
            far, before = dijkstra(graph, indices=some, return_predecessors=True, limit=1.0)
            found = np.flatnonzero(far[np.arange(some.size), some + self.n] < 1.0 - VIOLATED)
            at, goal, which = some[found] + self.n, some[found], np.arange(found.size)
            steps: list[np.ndarray] = []
            while which.size:
                previous = before[found[which], at].astype(np.int64)
                edges = np.asarray(self._number[previous, at]).ravel().astype(np.int64) - 1
                steps.append((count + which) * self.m + edges)
                going = previous != goal
                at, goal, which = previous[going], goal[going], which[going]
            if steps:
                key, times = np.unique(np.concatenate(steps), return_counts=True)
                keys.append(key[times % 2 == 1])
            count += found.size
            if time.monotonic() > deadline:
                break
        if not keys:
            return sparse.csr_array((0, self.m))
        key = np.concatenate(keys)
        member = sparse.csr_array((np.ones(key.size), (key // self.m, key % self.m)), shape=(count, self.m))
        distinct = {tuple(r): k for k, r in enumerate(_rows(member)) if r}
        return member[sorted(distinct.values())]


@dataclass(frozen=True, slots=True, eq=False)
class CycleBound:
    """energy_below : in the scaled unit, without offset; solved : no cycle is violated any more
    state : (n,) int8 read off the program's solution; cycles : those with a weight
    """

    energy_below: float
    solved: bool
    state: np.ndarray
    cycles: Cycles


def cycle_bound(
    pairs: Pairs, seconds: float, *, longest_round: float = np.inf, enough: float = np.inf
) -> CycleBound:
    """The linear program over frustrated cycles, for up to some seconds; of a model without fields.

    longest_round : seconds that one round may take before this ends; enough : a bound that ends it
    """
    start = time.monotonic()
    size, cover = np.abs(pairs.J), Cover(pairs)
    cycles, best = Cycles.none(pairs.J.size), Cycles.none(pairs.J.size)
    x = np.zeros(pairs.J.size)
    least, solved = best.bound(pairs.J), False
    while True:
        begin = time.monotonic()
        left = start + seconds - begin
        if left <= 0:
            break
        more = cycles.and_new(cover.violated(x, deadline=start + seconds))
        if len(more) == len(cycles):
            solved = True
            break
        cycles = more
        left = max(0.1, start + seconds - time.monotonic())
        told = linprog(
            size,
            A_ub=-cycles.member,
            b_ub=-np.ones(len(cycles)),
            bounds=(0, None),
            method="highs-ds",
            options={"time_limit": left},
        )
        if told.x is None or told.status != 0:
            break
        x = told.x
        cycles = Cycles(cycles.member, np.maximum(0.0, -told.ineqlin.marginals))
        found = cycles.bound(pairs.J)
        if found > least:
            least, best = found, cycles
        if least >= enough:
            break
        cycles = cycles.take((cycles.weight > 1e-9) | (told.slack < 0.2))
        if time.monotonic() - begin > longest_round:
            break
    best = best.take(best.weight > 1e-9)
    return CycleBound(least - pairs.lost(), solved, rounded(pairs, x), best)


def rounded(pairs: Pairs, x: np.ndarray) -> np.ndarray:
    """(n,) int8: the couplings whose x is nearest to 0 or 1 are satisfied or not, along a tree."""
    n = pairs.n
    doubt = 0.5 - np.abs(np.clip(x, 0.0, 1.0) - 0.5) + 1e-6
    graph = sparse.csr_array((doubt, (pairs.row, pairs.col)), shape=(n, n))
    tree = minimum_spanning_tree(graph)
    alike = sparse.csr_array(
        (np.where((pairs.J > 0) == (x < 0.5), 1.0, -1.0), (pairs.row, pairs.col)), shape=(n, n)
    )
    both = tree + tree.T
    state, seen = np.ones(n, dtype=np.int8), np.zeros(n, dtype=bool)
    for root in range(n):
        if seen[root]:
            continue
        order, before = breadth_first_order(both, root, directed=False)
        seen[order] = True
        sign = np.ones(order.size)
        if order.size > 1:
            a, b = before[order[1:]], order[1:]
            sign[1:] = np.asarray(alike[np.minimum(a, b), np.maximum(a, b)]).ravel()
        for v, s in zip(order[1:].tolist(), sign[1:].tolist(), strict=True):
            state[v] = state[before[v]] * int(s)
    return state
