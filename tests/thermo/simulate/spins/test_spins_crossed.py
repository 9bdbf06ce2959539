"""Populations that are crossed: regions are exact, searches repeat and find what annealing does not."""

import numpy as np
import pytest
from toys.ising import random_model
from toys.spins import ring

from compiler.families.ising import from_edges, lower_ising
from thermo.kernels.spins import crossing as kernel
from thermo.kernels.spins.rows import pack_edges
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.worth.bound import bound_energy


@pytest.fixture(params=["populations of bits", "members"])
def form(request, monkeypatch):
    """Both forms of the search, on the same models of whole numbers."""
    if request.param == "members":
        monkeypatch.setattr("thermo.simulate.spins.method.is_whole", lambda system: False)
    return request.param


def sparse_model(n=60, m=150, fields=True, seed=0):
    rng = np.random.default_rng(seed)
    ends = np.unique(np.sort(rng.integers(0, n, (m, 2)), axis=1), axis=0)
    ends = ends[ends[:, 0] != ends[:, 1]]
    h = rng.integers(-1, 2, n).astype(float) if fields else np.zeros(n)
    return from_edges(h, ends[:, 0], ends[:, 1], rng.integers(1, 4, len(ends)).astype(float) - 2.5)


def grid(side, seed=0):
    """A square of couplings +-1 with open ends, of which the optimum is computed."""
    at = np.arange(side * side).reshape(side, side)
    row = np.concatenate([at[:-1].ravel(), at[:, :-1].ravel()])
    col = np.concatenate([at[1:].ravel(), at[:, 1:].ravel()])
    J = np.random.default_rng(seed).choice([-1.0, 1.0], row.size)
    return from_edges(np.zeros(side * side), row, col, J)


@pytest.mark.parametrize("fields", [True, False])
def test_the_regions_model_is_the_whole_models_energy(fields):
    model = sparse_model(fields=fields)
    n = model.n
    both = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
    order = np.argsort(both[0], kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(both[0], minlength=n))])
    edges = pack_edges(both[1][order], np.tile(model.J, 2)[order])
    rng = np.random.default_rng(1)
    first, second = rng.choice(np.array([-1, 1], np.int8), (2, n))
    second[: n // 2] = first[: n // 2]  # states that have much in common
    region, queue, begin, small, mark = np.zeros((5, n + 1), np.int64)
    ends, weight = np.zeros(edges.size, np.int64), np.zeros(edges.size)
    count = kernel.regions(first, second, np.arange(n), indptr, edges, region, queue, begin)
    assert 2 < count < n
    same = first == second
    inside = region[model.row] == region[model.col]
    assert (inside == (same[model.row] == same[model.col])).all()  # each coupling is in one, or between two
    field = np.zeros(n)
    own = model.h.astype(np.float32)
    kernel.contract(
        first.astype(np.float32),
        own,
        indptr,
        edges,
        region,
        queue,
        begin,
        count,
        small,
        ends,
        weight,
        field,
        mark,
    )
    matrix = np.zeros((count, count))
    for r in range(count):
        matrix[r, ends[small[r] : small[r + 1]]] = weight[small[r] : small[r + 1]]
    np.testing.assert_array_equal(matrix, matrix.T)
    signs = rng.choice([-1.0, 1.0], (20, count))
    energy = -signs @ field[:count] - 0.5 * np.einsum("ki,ij,kj->k", signs, matrix, signs)
    whole = model.energy((signs[:, region[:n]] * first).astype(np.int8))
    np.testing.assert_allclose(np.diff(energy), np.diff(whole), atol=1e-9)


def test_a_search_is_its_seed_and_number_however_it_is_cut(monkeypatch, form):
    net = lower_ising(sparse_model(), sweeps=6000)
    whole = simulate_spins(net, chains=5, seed=3, method="crossed")
    one = simulate_spins(net, chains=5, seed=3, method="crossed", threads=1)
    part = simulate_spins(net, chains=2, seed=3, method="crossed", first_chain=3)
    monkeypatch.setattr("thermo.simulate.spins.run.SEGMENT", 60 * 5 * 7)  # 7 sweeps a call
    cut = simulate_spins(net, chains=5, seed=3, method="crossed")
    for other in (one, cut):
        np.testing.assert_array_equal(other.best_states, whole.best_states)
        np.testing.assert_array_equal(other.states, whole.states)
        assert other.flips == whole.flips
    np.testing.assert_array_equal(part.states, whole.states[3:])
    assert (simulate_spins(net, chains=5, seed=4, method="crossed").states != whole.states).any()
    assert (whole.best_energies == sparse_model().energy(whole.best_states)).all()
    assert (whole.flips is None) == (form == "populations of bits")
    assert whole.phases == ("crossed",) and whole.sweeps == 6000


def test_time_is_filled_by_a_search_that_its_clock_repeats(form):
    net = lower_ising(sparse_model(), sweeps=100)
    result = simulate_spins(net, chains=2, seconds=0.2, seed=1)
    assert result.method == "crossed"
    again = simulate_spins(net, chains=2, clock=result.clock, seed=1)
    assert again.method == "crossed" and again.sweeps == result.sweeps
    np.testing.assert_array_equal(again.states, result.states)
    np.testing.assert_array_equal(again.best_states, result.best_states)


def test_optima_that_annealing_alone_misses(form):
    """A square of 18 x 18: the optimum by elimination, in every search, and in few of as long annealings."""
    model = grid(18, seed=2)
    net = lower_ising(model, sweeps=60_000)
    few = lower_ising(model, sweeps=60_000 if form == "members" else 6_000)
    found = simulate_spins(few, chains=8, seed=0, method="crossed")
    least = bound_energy(model, known=found.best_energy, seconds=30).energy
    np.testing.assert_allclose(found.best_energies, least)
    alone = simulate_spins(net, chains=8, seed=0, method="chains")
    assert (alone.best_energies > least + 0.5).sum() >= 2


def test_held_spins_and_fields_stay_what_they_are():
    from thermo.simulate.spins.crossed import CrossedChains

    model = sparse_model(seed=3)
    frozen = np.zeros(model.n, dtype=bool)
    frozen[::5] = True
    system = SpinSystem.from_pairs(model.h, model.row, model.col, model.J, frozen=frozen)
    start = system.random_states(3, 1)
    with CrossedChains(system, start, (2.0, 0.2), 1) as search:
        search.expected = 9000.0
        search.sweep(0.0, 9000, 0)
        for states in (search.states(), search.best()):
            np.testing.assert_array_equal(states[:, frozen], start[:, frozen])
            assert (states[:, ~frozen] != start[:, ~frozen]).any()
        np.testing.assert_allclose(search.least, system.energy(search.best()))
        np.testing.assert_allclose(search.energies, system.energy(search.states()))


def test_only_a_search_with_time_is_crossed(monkeypatch):
    net = lower_ising(ring(60), sweeps=50)
    pairs = np.triu_indices(70, 1)
    dense = lower_ising(from_edges(np.zeros(70), *pairs, np.ones(pairs[0].size)), sweeps=50)
    some = {"chains": 2, "seconds": 0.02}
    assert simulate_spins(net, **some).method == "crossed"
    for options in ({"kT": 1.0}, {"looks": 3}, {"start": "x0"}, {"method": "chains"}):
        assert simulate_spins(net, **some, **options).method != "crossed"
    assert simulate_spins(net, chains=2).method == "chains"
    assert simulate_spins(dense, **some).method == "dense"
    monkeypatch.setattr("thermo.simulate.spins.method.CROSSED_FROM", 1e12)
    assert simulate_spins(net, **some).method == "chains"


def test_couplings_that_are_no_whole_numbers_have_members():
    """Real couplings and small whole ones, told apart by what is counted."""
    net = lower_ising(sparse_model(), sweeps=300)
    other = random_model(np.random.default_rng(1), 30, 90)
    assert simulate_spins(net, chains=1, method="crossed").flips is None
    assert simulate_spins(lower_ising(other, sweeps=300), chains=1, method="crossed").flips > 0


def test_in_little_time_a_population_has_few_members(monkeypatch):
    """Between the two bounds; the clock tells which form it was."""
    net = lower_ising(sparse_model(), sweeps=100)
    monkeypatch.setattr("thermo.simulate.spins.method.BITS_FROM", 1e12)
    result = simulate_spins(net, chains=1, seconds=0.05, seed=1)
    assert result.method == "crossed" and result.flips > 0
    monkeypatch.undo()
    again = simulate_spins(net, chains=1, clock=result.clock, seed=1)
    assert again.flips == result.flips
    np.testing.assert_array_equal(again.best_states, result.best_states)


def test_a_search_needs_heat_and_both_ways():
    net = lower_ising(random_model(np.random.default_rng(1), 30, 90), sweeps=50)
    with pytest.raises(SimulationError, match="from a temperature above 0"):
        simulate_spins(net, method="crossed", kT=0.0)
