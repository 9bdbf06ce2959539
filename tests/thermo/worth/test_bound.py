"""Bounds on the optimum: never above it, exact where they say so, whatever is interrupted."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from thermo.worth.bound import METHODS, bound_energy
from thermo.worth.cycles import Cover, Cycles
from thermo.worth.elimination import free_energy
from thermo.worth.errors import WorthError
from thermo.worth.pairs import Levels, Pairs
from thermo.worth.semidefinite import dual_bound


def machine(rng, n, kind, fields=True, density=0.6):
    """(Pairs, exact least energy as a fraction, in the scaled unit) by all states."""
    row, col = np.triu_indices(n, 1)
    some = rng.random(row.size) < density
    row, col = row[some], col[some]
    draw = {
        "normal": lambda k: rng.normal(size=k),
        "whole": lambda k: rng.integers(-3, 4, k).astype(float),
        "signs": lambda k: rng.choice([-1.0, 1.0], k),
        "wide": lambda k: rng.normal(size=k) * 10.0 ** rng.uniform(-200, 200, k),
    }[kind]
    h = draw(n) * (rng.random(n) < 0.5) if fields else np.zeros(n)
    pairs = Pairs.of(h, row, col, draw(row.size), float(rng.normal()))
    states = np.array(list(itertools.product([1, -1], repeat=n)))
    energy = -states @ pairs.h - (states[:, pairs.row] * states[:, pairs.col]) @ pairs.J
    near = states[energy <= energy.min() + 1e-9]
    return pairs, min(pairs.energy(s) for s in near)


@pytest.mark.parametrize("kind", ["normal", "whole", "signs", "wide"])
def test_no_bound_is_above_the_optimum(kind):
    """Exactly: both sides as fractions."""
    rng = np.random.default_rng(11)
    for trial in range(12):
        pairs, least = machine(rng, int(rng.integers(2, 12)), kind, fields=trial % 2 == 0)
        true = Fraction(2) ** pairs.exponent * least + Fraction(pairs.offset)
        for method in METHODS:
            told = bound_energy(pairs, methods=(method,), seconds=2.0)
            for name, energy in told.by_method.items():
                assert Fraction(energy) <= true, (trial, name)
            if method == "exact":
                assert told.is_optimal(told.state_energy)
                assert Fraction(told.state_energy) <= true + Fraction(1, 10**9) * Fraction(told.scale)


def test_a_frustrated_clique_has_a_gap_that_is_told():
    """K5 with J = -1: E = 2, every triangle can be served fractionally, so that cycles alone say 5/3."""
    row, col = np.triu_indices(5, 1)
    half = 0.5 + np.arange(10) / 1000  # no small multiples of one number: nothing is lifted
    pairs = Pairs.of(np.zeros(5), row, col, -half)
    least = min(
        half @ (np.array((1, *s))[row] * np.array((1, *s))[col]) for s in itertools.product([1, -1], repeat=4)
    )
    cycles = bound_energy(pairs, methods=("cycles",))
    assert not cycles.planar
    assert cycles.energy < least - 0.05
    assert not cycles.is_optimal(least)
    assert bound_energy(pairs).is_optimal(least)


def grid(side, J):
    """A side x side lattice with open ends, without fields."""
    site = np.arange(side * side).reshape(side, side)
    row = np.concatenate([site[:, :-1].ravel(), site[:-1].ravel()])
    col = np.concatenate([site[:, 1:].ravel(), site[1:].ravel()])
    return Pairs.of(np.zeros(side * side), row, col, J[: row.size])


@pytest.mark.parametrize("kind", ["signs", "normal"])
def test_cycles_are_exact_on_planar_graphs(kind):
    """Against elimination, which knows nothing of cycles."""
    rng = np.random.default_rng(3)
    J = rng.choice([-1.0, 1.0], 400) if kind == "signs" else rng.normal(size=400)
    pairs = grid(12, J)
    planar = bound_energy(pairs, methods=("cycles",))
    eliminated = bound_energy(pairs, methods=("exact",))
    assert planar.planar
    assert planar.is_optimal(planar.state_energy)
    assert planar.state_energy == pytest.approx(eliminated.state_energy, rel=1e-12)
    assert planar.energy == pytest.approx(eliminated.energy, rel=1e-9)


def test_a_matching_of_frustrated_plaquettes_says_the_same():
    """Planar ground states by matching (Bieche et al., J. Phys. A 13, 2553, 1980), as a third way."""
    import networkx as nx

    side = 6
    rng = np.random.default_rng(8)
    J = rng.choice([-1.0, 1.0], 2 * side * (side - 1))
    across, down = J[: side * (side - 1)].reshape(side, -1), J[side * (side - 1) :].reshape(-1, side)
    odd = [
        (a, b)
        for a in range(side - 1)
        for b in range(side - 1)
        if across[a, b] * across[a + 1, b] * down[a, b] * down[a, b + 1] < 0
    ]
    graph = nx.Graph()
    last = side - 2
    for k, (a, b) in enumerate(odd):
        for j, (c, d) in enumerate(odd[:k]):
            graph.add_edge(k, j, weight=-(abs(a - c) + abs(b - d)))
        # a way out through the open edge, to a partner of one's own; these are joined for nothing
        graph.add_edge(k, ("out", k), weight=-(1 + min(a, b, last - a, last - b)))
        for j in range(k):
            graph.add_edge(("out", k), ("out", j), weight=0)
    matched = nx.max_weight_matching(graph, maxcardinality=True)
    unsatisfied = -sum(graph.edges[e]["weight"] for e in matched)
    least = -J.size + 2 * unsatisfied
    assert bound_energy(grid(side, J), methods=("cycles",)).energy == least


def test_a_tree_and_lone_spins_are_exact():
    pairs = Pairs.of([0.5, 0, -2, 0, 0], [0, 1], [1, 2], [1.5, -1.0])
    told = bound_energy(pairs)
    assert told.energy == told.state_energy == -(0.5 + 2 + 1.5 + 1.0)
    assert bound_energy(Pairs.of([], [], [], [], 3.0)).energy == 3.0
    assert bound_energy(Pairs.of([0.0, 0.0], [], [], [])).energy == 0.0


def test_free_energies_are_those_of_all_states():
    rng = np.random.default_rng(9)
    pairs, _ = machine(rng, 9, "normal")
    states = np.array(list(itertools.product([1, -1], repeat=9)))
    energy = -states @ pairs.h - (states[:, pairs.row] * states[:, pairs.col]) @ pairs.J
    for kT in (0.05, 1.0):
        wanted = -kT * np.log(np.exp(-(energy - energy.min()) / kT).sum()) + energy.min()
        assert free_energy(pairs, kT) == pytest.approx(wanted, rel=1e-12)
    assert free_energy(pairs, 1.0, width=1) is None


def test_any_packing_is_a_bound_and_too_much_is_cut_down():
    """A triangle of J = -1 counted twice over, which no solver would say: weights are made to fit."""
    pairs = Pairs.of(np.zeros(3), [0, 0, 1], [1, 2, 2], [-1.0, -1.0, -1.0])
    member = sparse.csr_array(np.ones((2, 3)))
    told = Cycles(member, np.array([0.4, 0.9])).bound(pairs.J)
    assert told <= float(pairs.energy(np.array([1, 1, -1]))) == -0.5
    assert told == pytest.approx(-0.5, abs=1e-9)


def test_cycles_that_are_found_are_frustrated():
    rng = np.random.default_rng(5)
    pairs, _ = machine(rng, 10, "signs", fields=False)
    found = Cover(pairs).violated(np.zeros(pairs.J.size))
    assert found.shape[0]
    for row in found.toarray():
        degree = np.bincount(np.concatenate([pairs.row[row > 0], pairs.col[row > 0]]))
        assert (degree % 2 == 0).all()
        assert np.prod(np.sign(pairs.J[row > 0])) == -1


def test_any_dual_vector_is_a_bound():
    """Also a bad one, and one whose matrix is far from positive."""
    rng = np.random.default_rng(2)
    pairs, least = machine(rng, 9, "normal", fields=False)
    a = np.zeros((9, 9))
    a[pairs.row, pairs.col] = a[pairs.col, pairs.row] = -pairs.J / 2
    for d in (np.zeros(9), rng.normal(size=9), -5 * np.ones(9), 50 * np.ones(9)):
        assert dual_bound(sparse.csr_array(a), d) <= float(least)


def test_levels_are_those_of_all_states():
    rng = np.random.default_rng(4)
    for kind in ("whole", "signs"):
        pairs, _ = machine(rng, 7, kind)
        levels = Levels.of(pairs)
        states = itertools.product([1, -1], repeat=7)
        rest = {(pairs.energy(np.array(s)) - levels.base) / levels.step for s in states}
        assert all(r.denominator == 1 for r in rest)
        assert np.gcd.reduce([int(r) for r in rest]) == 1
    assert Levels.of(Pairs.of([0.1, 0.7], [0], [1], [np.pi])) is None


def test_what_is_in_a_hurry_is_still_a_bound():
    rng = np.random.default_rng(6)
    site = np.arange(900).reshape(30, 30)
    row, col = np.tile(site.ravel(), 2), np.concatenate([np.roll(site, -1, a).ravel() for a in (0, 1)])
    J = rng.choice([-1.0, 1.0], row.size)
    pairs = Pairs.of(np.zeros(900), row, col, J)
    short = bound_energy(pairs, seconds=0.2)
    assert short.energy <= short.state_energy
    assert short.seconds < 5


def test_what_cannot_be_bounded_is_refused():
    with pytest.raises(WorthError, match="finite"):
        Pairs.of([np.inf], [], [], [])
    with pytest.raises(WorthError, match="same pair"):
        Pairs.of([0, 0], [0, 1], [1, 0], [1, 1])
    with pytest.raises(WorthError, match="methods are"):
        bound_energy(Pairs.of([1.0], [], [], []), methods=("guess",))
    with pytest.raises(WorthError, match="seconds"):
        bound_energy(Pairs.of([1.0], [], [], []), seconds=0)
    with pytest.raises(WorthError, match="not dict"):
        bound_energy({})


def test_a_bqm_in_its_own_energies():
    dimod = pytest.importorskip("dimod")
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0}, {("a", "b"): 3.0}, 0.25, "BINARY")
    best = dimod.ExactSolver().sample(bqm).first.energy
    told = bound_energy(bqm)
    assert told.energy <= best
    assert told.is_optimal(best)
