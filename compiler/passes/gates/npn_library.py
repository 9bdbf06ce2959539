"""The stored circuits of npn_tables.py as arrays for the rewriting kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from compiler.passes.gates import npn_tables
from compiler.passes.gates.npn import INPUTS, PERMUTATIONS, canonical_table, moves
from compiler.passes.gates.xag import AND_NODE, XOR_NODE

OBJECTIVES = {"gates": npn_tables.GATES, "ands": npn_tables.ANDS}
MOST = 24  # circuits of a class
SIZE = 16  # gates of a circuit, at most (an xor as and-gates takes three)

# kind, complements of the operands and of the result
_FORMS = {
    "&": (AND_NODE, 0, 0, 0),
    ">": (AND_NODE, 0, 1, 0),
    "<": (AND_NODE, 1, 0, 0),
    "|": (AND_NODE, 1, 1, 1),
    "^": (XOR_NODE, 0, 0, 0),
}
Gates = tuple[tuple[int, int, int], ...]


class Library(NamedTuple):
    """What rewrite_all needs; see there. cost : (n_classes,) gates of the smallest circuit"""

    class_of: np.ndarray
    how: np.ndarray
    moves: np.ndarray
    first: np.ndarray
    sizes: np.ndarray
    gates: np.ndarray
    tops: np.ndarray
    cost: np.ndarray


@lru_cache(maxsize=2)
def library(objective: str) -> Library:
    """The circuits for an objective of OBJECTIVES, with those that symmetries make of them."""
    representative, how = canonical_table()
    reps = np.unique(representative)
    symmetries = _symmetries(reps)
    first, circuits, cost = [0], [], []
    for line in OBJECTIVES[objective].split("\n")[1:-1]:
        rep, price, *texts = line.split()
        number = int(rep, 16)
        cost.append(int(price))
        known: dict[tuple[Gates, int], None] = {}
        bases = [_parsed(text, objective == "ands") for text in texts] or [((), _wire(number))]
        # one of every base in turn, so that MOST does not cut off the later ones
        for move in symmetries[number]:
            for gates, top in bases:
                known.setdefault(_moved(gates, top, move))
        circuits += list(known)[:MOST]
        first.append(len(circuits))
    table = np.zeros((len(circuits), SIZE, 3), dtype=np.int32)
    for k, (rows, _) in enumerate(circuits):
        if rows:
            table[k, : len(rows)] = rows
    return Library(
        class_of=np.searchsorted(reps, representative).astype(np.int32),
        how=how.astype(np.int32),
        moves=np.array([[*perm, flips] for perm in PERMUTATIONS for flips in range(16)], dtype=np.int32),
        first=np.array(first, dtype=np.int32),
        sizes=np.array([len(rows) for rows, _ in circuits], dtype=np.int32),
        gates=table,
        tops=np.array([top for _, top in circuits], dtype=np.int32),
        cost=np.array(cost, dtype=np.int32),
    )


def _wire(number: int) -> int:
    """Literal of a function that takes no gate: the constant 0 or an input."""
    return 0 if number == 0 else 2 * (1 + (0xAAAA, 0xCCCC, 0xF0F0, 0xFF00).index(number))


def _parsed(text: str, ands: bool) -> tuple[Gates, int]:
    """((kind, p, q) of every gate, top literal); signal 0 is the constant, 1 to 4 the inputs."""
    literals = [2 * (1 + k) for k in range(INPUTS)]
    gates: list[tuple[int, int, int]] = []

    def add(kind: int, p: int, q: int) -> int:
        gates.append((kind, min(p, q), max(p, q)))
        return 2 * (INPUTS + len(gates))

    for k in range(0, len(text), 3):
        kind, flip_p, flip_q, flip = _FORMS[text[k]]
        p, q = (literals[ord(c) - 97] for c in text[k + 1 : k + 3])
        p, q = p ^ flip_p, q ^ flip_q
        if kind == XOR_NODE and ands:
            one, two = add(AND_NODE, p, q ^ 1), add(AND_NODE, p ^ 1, q)
            literals.append(add(AND_NODE, one ^ 1, two ^ 1) ^ 1)
        else:
            literals.append(add(kind, p, q) ^ flip)
    return tuple(gates), literals[-1]


def _symmetries(reps: np.ndarray) -> dict[int, list[tuple[tuple[int, ...], int, int]]]:
    """(permutation, flips, complement) of every move that leaves a representative as it is."""
    table = moves()
    weights = 1 << np.arange(16)
    found = {}
    for rep in reps.tolist():
        images = ((rep >> np.arange(16) & 1)[table] * weights).sum(axis=1)
        found[rep] = [
            (PERMUTATIONS[m // 16], m % 16, complement)
            for complement in (0, 1)
            for m in np.flatnonzero(images == rep ^ (0xFFFF * complement)).tolist()
        ]
    return found


def _moved(gates: Gates, top: int, move: tuple[tuple[int, ...], int, int]) -> tuple[Gates, int]:
    """The circuit with its inputs and output changed."""
    perm, flips, complement = move
    literals = [0, *(2 * (1 + perm[i]) ^ (flips >> i & 1) for i in range(INPUTS))]
    rows = []
    for kind, p, q in gates:
        p, q = (literals[v >> 1] ^ (v & 1) for v in (p, q))
        flip = 0
        if kind == XOR_NODE:
            flip = (p ^ q) & 1
            p, q = p & ~1, q & ~1
        rows.append((kind, min(p, q), max(p, q)))
        literals.append(2 * (INPUTS + len(rows)) ^ flip)
    return tuple(rows), literals[top >> 1] ^ (top & 1) ^ complement
