"""The exact optimum and free energy of models of small treewidth, one spin after another.

Bertelè and Brioschi, "Nonserial dynamic programming", 1972; Dechter, Artif. Intell. 113, 41, 1999
(bucket elimination), spins in the order of least degree.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermo.worth.pairs import Pairs, U

WIDTH = 20  # neighbours of a spin when its turn comes: a table of 2^21 numbers
MOST_SPINS = 100_000
MOST_ENTRIES = 1 << 27  # of all tables' decisions, a byte each
STEP_COST = 3_000_000  # neighbours looked at before a graph counts as too wide


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """The least energy, without offset, in the scaled unit.

    state : (n,) int8; energy_below : no state has less, rounding counted
    """

    state: np.ndarray
    energy_below: float


def elimination_order(pairs: Pairs, width: int = WIDTH) -> list[tuple[int, list[int]]] | None:
    """(spin, neighbours that are left) of each step, None if some spin has more than `width`.

    Least degree first (Markowitz): good on chips, chains and grids, and not the least width there is.
    """
    n = pairs.n
    near: list[set[int]] = [set() for _ in range(n)]
    for a, b in zip(pairs.row.tolist(), pairs.col.tolist(), strict=True):
        near[a].add(b)
        near[b].add(a)
    heap = [(len(s), v) for v, s in enumerate(near)]
    heapq.heapify(heap)
    done, order, entries, work = [False] * n, [], 0, 0
    while heap:
        degree, v = heapq.heappop(heap)
        if done[v] or degree != len(near[v]):
            continue
        entries += 1 << degree
        work += degree * degree
        if degree > width or entries > MOST_ENTRIES or work > STEP_COST:
            return None
        done[v] = True
        left = list(near[v])
        order.append((v, left))
        for u in left:
            near[u].remove(v)
            near[u].update(left)
            near[u].discard(u)
        for u in left:
            heapq.heappush(heap, (len(near[u]), u))
        near[v] = set()
    return order


def exact(pairs: Pairs, width: int = WIDTH) -> Exact | None:
    """The optimum by elimination, None where the graph is too wide or too large."""
    choices: list[tuple[tuple[int, ...], np.ndarray]] = []

    def least(table: np.ndarray, rest: tuple[int, ...]) -> np.ndarray:
        choices.append((rest, table[1] < table[0]))
        return table.min(axis=0)

    found = _eliminated(pairs, width, least)
    if found is None:
        return None
    energy, place = found
    down = np.zeros(pairs.n, dtype=np.int64)
    for k in range(pairs.n - 1, -1, -1):
        rest, turned = choices[k]
        down[k] = int(turned[tuple(down[list(rest)])])
    state = (1 - 2 * down[place]).astype(np.int8)
    terms = pairs.J.size + 2 * pairs.n
    return Exact(state, energy - 2.0 * terms * U * pairs.weight() - pairs.lost())


def free_energy(pairs: Pairs, kT: float, width: int = WIDTH) -> float | None:
    """-kT ln Z of the scaled energies at a scaled kT, without offset; None where the graph is too wide."""

    def soft(table: np.ndarray, rest: tuple[int, ...]) -> np.ndarray:
        return -kT * np.logaddexp(-table[0] / kT, -table[1] / kT)

    found = _eliminated(pairs, width, soft)
    return None if found is None else found[0]


def _eliminated(
    pairs: Pairs, width: int, turn: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]
) -> tuple[float, np.ndarray] | None:
    """(what is left when all spins had their turn, (n,) the turn of each), None where it is too wide.

    turn : of a table of energies, the first axis (+1, -1) the spin's, and its other spins' turns: the table
        without it
    """
    n = pairs.n
    if n > MOST_SPINS or pairs.J.size > width * max(n, 1):
        return None
    order = elimination_order(pairs, width)
    if order is None:
        return None
    place = np.empty(n, dtype=np.int64)
    place[[v for v, _ in order]] = np.arange(n)
    # tables of spins in the order of their turns, waiting for the first of these
    waiting: list[list[tuple[tuple[int, ...], np.ndarray]]] = [[] for _ in range(n)]
    pair = np.array([[-1.0, 1.0], [1.0, -1.0]])
    for a, b, J in zip(place[pairs.row].tolist(), place[pairs.col].tolist(), pairs.J.tolist(), strict=True):
        waiting[min(a, b)].append(((min(a, b), max(a, b)), J * pair))
    for i in np.flatnonzero(pairs.h).tolist():
        waiting[place[i]].append(((int(place[i]),), np.array([-pairs.h[i], pairs.h[i]])))
    total = 0.0
    for k, (_, left) in enumerate(order):
        scope = (k, *sorted(int(place[u]) for u in left))
        table = np.zeros((2,) * len(scope))
        for some, values in waiting[k]:
            table += values.reshape([2 if v in some else 1 for v in scope])
        waiting[k] = []
        rest = scope[1:]
        table = turn(table, rest)
        if rest:
            waiting[rest[0]].append((rest, table))
        else:
            total += float(table)
    return total, place
