"""Assignments and tours as QUBOs with penalties, and what is best by other means."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from compiler.families.ising import IsingModel
from compiler.families.quadratic import from_quadratic


def one_hot(n: int, penalty: float) -> tuple[np.ndarray, list[tuple[int, int, float]], float]:
    """(linear, terms, offset) of penalty * sum over rows and columns of (1 - sum x)^2; x[i, j] is i n + j."""
    terms = []
    for i in range(n):
        for j in range(n):
            for k in range(j + 1, n):
                terms += [(i * n + j, i * n + k, 2 * penalty), (j * n + i, k * n + i, 2 * penalty)]
    return np.full(n * n, -2.0 * penalty), terms, 2.0 * n * penalty


def model_of(linear: np.ndarray, terms: list[tuple[int, int, float]], offset: float) -> IsingModel:
    row, col, bias = zip(*terms, strict=True)
    return from_quadratic(linear, row, col, bias, offset=offset, vartype="binary")


def assignment(n: int, penalty: float, seed: int = 0) -> tuple[IsingModel, float]:
    """Costs of 1 to 100 and the least sum, by the Hungarian method."""
    cost = np.random.default_rng(seed).integers(1, 101, (n, n)).astype(float)
    linear, terms, offset = one_hot(n, penalty)
    return model_of(linear + cost.ravel(), terms, offset), float(cost[linear_sum_assignment(cost)].sum())


def tour(n: int, penalty: float, seed: int = 0) -> tuple[IsingModel, float]:
    """Cities in a square, x[city, place], and the shortest tour, by dynamic programming (Held and Karp)."""
    at = np.random.default_rng(seed).random((n, 2)) * 100
    d = np.rint(np.hypot(*(at[:, None] - at[None]).T))
    linear, terms, offset = one_hot(n, penalty)
    terms += [
        (i * n + t, j * n + (t + 1) % n, d[i, j])
        for i in range(n)
        for j in range(n)
        for t in range(n)
        if i != j
    ]
    m = n - 1
    best = np.full((1 << m, m), np.inf)
    best[1 << np.arange(m), np.arange(m)] = d[0, 1:]
    members = (np.arange(1 << m)[:, None] >> np.arange(m)) & 1 == 1
    size = members.sum(axis=1)
    for k in range(2, m + 1):
        sets = np.flatnonzero(size == k)
        for last in range(m):
            these = sets[members[sets, last]]
            best[these, last] = (best[these & ~(1 << last)] + d[1:, last + 1]).min(axis=1)
    return model_of(linear, terms, offset), float((best[-1] + d[1:, 0]).min())
