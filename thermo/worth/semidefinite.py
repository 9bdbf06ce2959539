"""Semidefinite bounds with frustrated cycles, made rigorous by a shifted eigenvalue.

For a model without fields, E(s) = s A s with A_ij = -J_ij / 2. For every vector d such that A + diag(d)
is positive semidefinite, E(s) >= -sum d: the dual of Goemans and Williamson's relaxation (J. ACM 42,
1115, 1995). The relaxation is solved by vectors of low rank (Burer and Monteiro, Math. Programming 95,
329, 2003), cycles are added by an augmented Lagrangian (their multipliers are the weights of
Cycles.residual), and d is shifted until a Cholesky factorisation in floating point proves it (Rump, BIT
46, 433, 2006; Higham, "Accuracy and Stability of Numerical Algorithms", theorem 10.5): nothing else need
be believed.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cholesky
from scipy.optimize import minimize
from scipy.sparse.linalg import ArpackError, eigsh

from thermo.worth.cycles import Cover, Cycles
from thermo.worth.pairs import Pairs, U, below

MOST_SPINS = 6000  # a dense factorisation: 288 MB
MOST_PAIRS = 200_000  # with cycles
DENSE = 0.1  # share of pairs from which products of whole matrices are faster
NEW_CYCLES = 2000  # that join in one round
STEPS = 60  # of the search for vectors between two changes of the weights
FULL_STEPS = 400  # of a search that ends in a bound


@dataclass(frozen=True, slots=True, eq=False)
class SemidefiniteBound:
    """energy_below : in the scaled unit, without offset; cycles : that had a weight; state : (n,) int8 of
    the vectors' signs along random directions, the best of them"""

    energy_below: float
    cycles: Cycles
    state: np.ndarray


class Vectors:
    """Unit vectors v_i (n, k) that make sum A_ij v_i v_j small, on one pattern of couplings."""

    def __init__(self, pairs: Pairs, seed: int) -> None:
        self.pairs, n, m = pairs, pairs.n, pairs.J.size
        self.rank = min(n, int(math.sqrt(2 * n)) + 1)
        x = np.random.default_rng(seed).normal(size=(n, self.rank))
        self.v = x / np.linalg.norm(x, axis=1, keepdims=True)
        ends = np.concatenate([pairs.row, pairs.col]), np.concatenate([pairs.col, pairs.row])
        number = sparse.csr_array((np.tile(np.arange(1.0, m + 1), 2), ends), shape=(n, n))
        self._edge = number.data.astype(np.int64) - 1
        self._indices, self._indptr = number.indices, number.indptr

    def matrix(self, J: np.ndarray) -> sparse.csr_array:
        """(n, n) A of couplings J (m,): -J / 2 both ways, exactly."""
        n = self.pairs.n
        return sparse.csr_array((-0.5 * J[self._edge], self._indices, self._indptr), shape=(n, n))

    def products(self, v: np.ndarray) -> np.ndarray:
        """(m,) v_i v_j of the pairs."""
        return np.einsum("ij,ij->i", v[self.pairs.row], v[self.pairs.col])

    def improve(
        self, J: np.ndarray, steps: int, deadline: float, cycles: Cycles | None = None, sigma: float = 1.0
    ) -> None:
        """Descend -sum J_e v v, and the augmented terms of cycles if there are any."""
        shape, sign = self.v.shape, np.sign(self.pairs.J)
        plain = self.matrix(J)
        if 2 * J.size > DENSE * self.pairs.n**2:
            plain = plain.toarray()
        if cycles is not None:
            most, member, back = cycles.lengths - 2.0, cycles.member, sparse.csr_array(cycles.member.T)

        def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
            x = flat.reshape(shape)
            size = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
            v = x / size
            if cycles is None:
                g = plain @ v
                total = float(np.einsum("ij,ij->", g, v))
            else:
                e = self.products(v)
                z = np.maximum(0.0, cycles.weight + sigma * (member @ (sign * e) - most))
                total = float((z * z - cycles.weight**2).sum()) / (2 * sigma) - float(J @ e)
                g = self.matrix(J - sign * (back @ z)) @ v
            along = np.einsum("ij,ij->i", g, v)[:, None]
            return total, (2.0 * (g - along * v) / size).ravel()

        def late(_: np.ndarray) -> None:
            if time.monotonic() > deadline:
                raise StopIteration

        done = minimize(
            value,
            self.v.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=late,
            options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 0.0, "gtol": 1e-8},
        )
        x = done.x.reshape(shape)
        self.v = x / np.linalg.norm(x, axis=1, keepdims=True)

    def bound(self, J: np.ndarray) -> float:
        """At most the least energy of couplings J (m,), by the dual of the vectors, however good they are."""
        a = self.matrix(J)
        d = -np.einsum("ij,ij->i", a @ self.v, self.v)
        return dual_bound(a, d)

    def rounding(self, tries: int, seed: int) -> np.ndarray:
        """(n,) int8 of +-1: the best of some random halves of the sphere (Goemans and Williamson)."""
        axes = np.random.default_rng(seed).normal(size=(self.rank, tries))
        states = np.where(self.v @ axes >= 0, 1.0, -1.0)
        a = self.matrix(self.pairs.J)
        energies = (states * (a @ states)).sum(axis=0)
        return states[:, int(np.argmin(energies))].astype(np.int8)


def dual_bound(a: sparse.csr_array, d: np.ndarray) -> float:
    """At most min s A s over s = +-1, from any vector d (n,): shifted until A + diag(d) is proved >= -c.

    A : (n, n) symmetric without a diagonal
    """
    n = d.size
    size = float(np.abs(a).sum(axis=1).max(initial=0.0)) + float(np.abs(d).max(initial=0.0))
    shift = max(0.0, -_least_eigenvalue(a, d)) + 1e-13 * size
    dense = a.toarray()
    for _ in range(60):
        diagonal = d + shift
        dense[np.arange(n), np.arange(n)] = diagonal
        if (diagonal > 0).all():
            try:
                cholesky(dense, lower=True, check_finite=False)
            except LinAlgError:
                pass
            else:
                # the factor is that of a matrix no further off than this (twice theorem 10.5)
                c = 2.0 * (n + 2) * U * float(diagonal.sum())
                return below(np.append(-diagonal, -n * c))
        shift = 1.5 * shift + 1e-12 * size
    return below(-np.abs(a.data))


def _least_eigenvalue(a: sparse.csr_array, d: np.ndarray) -> float:
    """About the least eigenvalue of A + diag(d); what it is worth is seen by factorising."""
    n = d.size
    if n <= 1500:
        return float(np.linalg.eigvalsh(a.toarray() + np.diag(d))[0])
    both = a + sparse.diags_array(d)
    try:
        found = eigsh(both, 1, which="SA", tol=1e-2, maxiter=2000, ncv=40, v0=np.ones(n))[0]
    except ArpackError:
        return 0.0
    return float(found[0]) * 1.02


def semidefinite_bound(
    pairs: Pairs, seconds: float, *, cycles: Cycles | None = None, enough: float = np.inf, seed: int = 0
) -> SemidefiniteBound:
    """The semidefinite relaxation, then with frustrated cycles, for up to some seconds.

    pairs : without fields; cycles : to begin with; enough : a bound that ends the search
    """
    start = time.monotonic()
    deadline = start + seconds
    J, m = pairs.J, pairs.J.size
    search = Vectors(pairs, seed)
    search.improve(J, FULL_STEPS, start + 0.4 * seconds)
    best, used = search.bound(J), Cycles.none(m)
    state = search.rounding(64, seed)
    known = Cycles.none(m) if cycles is None else cycles
    if m > MOST_PAIRS or not m or time.monotonic() > deadline:
        return SemidefiniteBound(best - pairs.lost(), used, state)
    cover, sign, sigma = Cover(pairs), np.sign(J), float(np.abs(J).mean())
    turn, cost, tried = 0, 0.0, 0.0
    while best < enough:
        begin = time.monotonic()
        if turn % 3 == 0:
            known = known.take(known.weight > 1e-7 * sigma) if turn else known
            x = 0.5 * (1.0 - sign * search.products(search.v))
            more = cover.violated(x, deadline=deadline)
            short = np.argsort(np.asarray(more @ x).ravel(), kind="stable")[:NEW_CYCLES]
            known = known.and_new(more[short])
        # a bound takes a search of its own: time is kept for the last one
        if begin + 2.0 * cost > deadline - 0.2 * seconds or not len(known):
            break
        search.improve(J, STEPS, deadline, known, sigma)
        over = known.member @ (sign * search.products(search.v)) - (known.lengths - 2.0)
        before = known.weight
        known = Cycles(known.member, np.maximum(0.0, before + sigma * over))
        cost = max(cost, time.monotonic() - begin)
        turn += 1
        gain = float(np.abs(known.weight - before).sum())
        if turn > 30 and gain < 1e-4 * float(known.weight.sum()) + 1e-12:
            tried += 1
            if tried >= 3:
                break
    if turn:
        final = known.grained()
        rest, gain = final.residual(J)
        search.improve(rest, FULL_STEPS, deadline)
        found = below([search.bound(rest), gain])
        if found > best:
            best, used = found, final.take(final.weight > 0)
        other = search.rounding(64, seed + 1)
        state = min((state, other), key=pairs.energy)
    return SemidefiniteBound(best - pairs.lost(), used, state)
