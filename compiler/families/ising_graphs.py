"""Ising models by construction: Boltzmann machines, grids, lattices, associative memories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel, from_edges
from compiler.ir.goals import Boltzmann
from hw_models.topologies import GRID_RULES, grid


def boltzmann_machine(
    coupling: Any, bias: Any = 0.0, *, visible: int | None = None, kT: float = 1.0
) -> IsingModel:
    """P(s) ~ exp((b s + s J s / 2) / kT) of a symmetric matrix J (n, n) without diagonal.

    bias : (n,) or one number; visible : the first so many units, all by default; the others hidden

    Raises NetlistError for a matrix that is not square, symmetric or free of a diagonal.
    """
    J = np.asarray(coupling, dtype=np.float64)
    if J.ndim != 2 or J.shape[0] != J.shape[1]:
        raise NetlistError(f"Boltzmann machine: J must be (n, n), got shape {J.shape}")
    if not np.array_equal(J, J.T, equal_nan=True):
        i, j = (int(k) for k in np.argwhere(J != J.T)[0])
        raise NetlistError(
            f"Boltzmann machine: J ({i}, {j}) is {J[i, j]:g} but ({j}, {i}) is {J[j, i]:g}; make it symmetric"
        )
    n = J.shape[0]
    row, col = np.nonzero(np.triu(J))
    return from_edges(
        np.broadcast_to(np.asarray(bias, dtype=np.float64), (n,)),
        row,
        col,
        J[row, col],
        kT=kT,
        goal=Boltzmann(n if visible is None else visible),
        meta={"source": "boltzmann"},
    )


def hopfield_memory(patterns: Any, *, kT: float = 1.0) -> IsingModel:
    """An associative memory of patterns (p, n) of +-1 by Hebb's rule, J_ij = 1/n sum_p x_i x_j.

    A stored pattern has the energy -(n - p) / 2 without crosstalk and is stable while p stays well
    below 0.138 n (Hopfield 1982, doi 10.1073/pnas.79.8.2554; Amit, Gutfreund and Sompolinsky 1985,
    doi 10.1103/PhysRevLett.55.1530).

    Raises NetlistError for values other than +-1.
    """
    x = np.asarray(patterns)
    if x.ndim != 2 or min(x.shape) < 1 or not np.isin(x, (-1, 1)).all():
        raise NetlistError(
            f"Hopfield memory: patterns must be (p, n) of -1 and +1, got shape {x.shape} with "
            f"values {np.unique(x)[:4]}"
        )
    x = x.astype(np.float64)
    J = x.T @ x / x.shape[1]
    np.fill_diagonal(J, 0.0)
    row, col = np.nonzero(np.triu(J))
    return from_edges(
        np.zeros(x.shape[1]),
        row,
        col,
        J[row, col],
        kT=kT,
        meta={"source": "hopfield-memory", "patterns": x.shape[0]},
    )


def grid_graph(side: int, rule: str | Iterable[tuple[int, int]] = "g8") -> tuple[np.ndarray, np.ndarray]:
    """(edges (m, 2) int32, colour (n,) int8) of a side x side grid, open at its borders.

    rule : square, g8, g12, g16 or offsets (a, b); each stands for (a, b), (-b, a), (-a, -b) and
        (b, -a) (arXiv 2510.23972). The nodes, row by row, have the colour of a chessboard.

    Raises NetlistError for an unknown rule, a side below 2 and offsets with a + b even, which join
    nodes of one colour.
    """
    offsets = rule
    if isinstance(rule, str):
        if rule.lower() not in GRID_RULES:
            raise NetlistError(f"grid: rule {rule!r} is unknown; rules are {', '.join(GRID_RULES)}")
        offsets = GRID_RULES[rule.lower()]
    pairs = [(int(a), int(b)) for a, b in offsets]  # type: ignore[str-unpack]
    if even := [(a, b) for a, b in pairs if (a + b) % 2 == 0]:
        raise NetlistError(
            f"grid: offset {even[0]} joins nodes of one colour, so the graph is not bipartite; take a + b odd"
        )
    if side < 2:
        raise NetlistError(f"grid: side must be at least 2, got {side}")
    rows, columns = np.divmod(np.arange(side * side), side)
    return grid(side, side, pairs).edges, ((rows + columns) % 2).astype(np.int8)


def grid_ebm(
    side: int,
    rule: str | Iterable[tuple[int, int]] = "g8",
    *,
    bias: Any = 0.0,
    weight: Any = 0.0,
    visible: int | None = None,
    kT: float = 1.0,
) -> IsingModel:
    """A Boltzmann machine on `grid_graph`: bias (n,) or one number, weight (m,) or one number."""
    edges, _ = grid_graph(side, rule)
    n = side * side
    return from_edges(
        np.broadcast_to(np.asarray(bias, dtype=np.float64), (n,)),
        edges[:, 0],
        edges[:, 1],
        np.broadcast_to(np.asarray(weight, dtype=np.float64), (len(edges),)),
        kT=kT,
        goal=Boltzmann(n if visible is None else visible),
        meta={"source": "grid", "side": side, "rule": str(rule)},
    )
