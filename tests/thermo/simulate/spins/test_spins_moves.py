"""Moves of several spins: penalties of any size, and when they are used."""

import numpy as np
import pytest
from toys.ising import random_model
from toys.spins import ring

from benchmarks.penalty_problems import assignment, tour
from compiler.families.clamp import clamp_spins
from compiler.families.ising import from_edges, lower_ising
from compiler.families.quadratic import from_quadratic
from compiler.formats.ising.dimacs import from_clauses
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.moves import MoveChains, ramp
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem


@pytest.mark.parametrize("penalty", [1e2, 1e3, 1e6])
def test_assignments_are_solved_whatever_the_penalty(penalty):
    """Within 5 % of the Hungarian method's; p-bits alone, the failing twin, end far from it."""
    model, least = assignment(8, penalty)
    net = lower_ising(model, sweeps=300)
    found = simulate_spins(net, chains=4, seed=1)
    assert found.method == "moves"
    assert least <= found.best_energy <= 1.05 * least
    assert (found.best_energies == model.energy(found.best_states)).all()
    if penalty > 1e3:
        single = simulate_spins(net, chains=4, seed=1, method="chains")
        assert single.best_energy > 1.3 * least


def test_a_tour_is_found():
    model, least = tour(9, 1e4)
    found = simulate_spins(lower_ising(model, sweeps=300), chains=4, seed=2)
    assert least <= found.best_energy <= 1.05 * least


def test_an_order_of_penalties_and_unit_changes_nothing():
    model, _ = assignment(6, 1e3)
    for power in (-990, 990):
        h, J = (np.ldexp(v, power) for v in (model.h, model.J))
        system = SpinSystem.from_pairs(h, model.row, model.col, J)
        one = ramp(SpinSystem.from_pairs(model.h, model.row, model.col, model.J))
        hot, cold, penalties = ramp(system)
        assert (hot, cold, penalties) == (np.ldexp(one[0], power), np.ldexp(one[1], power), True)


def graph(n, degree, seed=0):
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, n, (n * degree // 2, 2))
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    return rng, ends[:, 0], ends[:, 1]


def kinds():
    rng, row, col = graph(300, 6)
    yield "cut", from_edges(np.zeros(300), row, col, -np.ones(row.size)), False
    yield "glass", from_edges(np.zeros(300), row, col, rng.normal(size=row.size)), False
    yield "signs", from_edges(np.zeros(300), row, col, rng.choice([-1.0, 1.0], row.size)), False
    pairs = np.triu_indices(60, 1)
    yield "all to all", from_edges(np.zeros(60), *pairs, rng.normal(size=1770)), False
    yield (
        "dense qubo",
        from_quadratic(rng.normal(size=60), *pairs, rng.normal(size=1770), vartype="binary"),
        False,
    )
    clauses = rng.choice([-1, 1], (400, 3)) * (
        1 + rng.permuted(np.tile(np.arange(100), (400, 1)), axis=1)[:, :3]
    )
    yield "formula", from_clauses(100, clauses.tolist()), False
    yield "set", from_quadratic(-np.ones(300), row, col, np.full(row.size, 10.0), vartype="binary"), True
    sizes = rng.integers(1, 1000, 60).astype(float)
    yield "partition", from_edges(np.zeros(60), *pairs, -sizes[pairs[0]] * sizes[pairs[1]]), True
    yield "assignment", assignment(8, 100.0)[0], True
    yield "tour", tour(7, 300.0)[0], True


@pytest.mark.parametrize(("name", "model", "penalties"), list(kinds()), ids=[k[0] for k in kinds()])
def test_the_trial_tells_penalties(name, model, penalties):
    assert ramp(SpinSystem.from_pairs(model.h, model.row, model.col, model.J))[2] == penalties


def test_what_p_bits_do_well_is_left_to_them():
    nets = [
        lower_ising(ring(60), sweeps=50),
        lower_ising(random_model(np.random.default_rng(1), 30, 90), sweeps=50),
    ]
    for net in nets:
        assert simulate_spins(net, chains=2).method == "chains"
    penalties = lower_ising(assignment(5, 1e4)[0], sweeps=50)
    for options in ({"kT": 1.0}, {"looks": 3}, {"target": 0.0}, {"method": "lanes"}):
        assert simulate_spins(penalties, chains=2, **options).method != "moves"


def test_a_chain_is_its_seed_and_number():
    net = lower_ising(assignment(5, 1e4)[0], sweeps=600)
    whole = simulate_spins(net, chains=6, seed=3)
    one = simulate_spins(net, chains=6, seed=3, threads=1)
    part = simulate_spins(net, chains=2, seed=3, first_chain=4)
    np.testing.assert_array_equal(whole.states, one.states)
    np.testing.assert_array_equal(whole.states[4:], part.states)
    few = [simulate_spins(net, chains=6, seed=s, sweeps=2).states for s in (3, 4)]
    assert (few[0] != few[1]).any()


def test_held_spins_stay_and_energies_are_those_of_the_states():
    model, _ = assignment(5, 100.0)
    system = SpinSystem.from_pairs(model.h, model.row, model.col, model.J)
    frozen = np.arange(25) % 3 == 0
    states = system.random_states(3, 7)
    with MoveChains(system.with_frozen(frozen), states, 1) as chains:
        chains.sweep(30.0, 40, 0)
        np.testing.assert_array_equal(chains.states()[:, frozen], states[:, frozen])
        np.testing.assert_allclose(chains.energies, system.energy(chains.states()))
        np.testing.assert_allclose(chains.least, system.energy(chains.best()))
        assert (chains.states() != states).any()
    clamped = clamp_spins(model, {0: 1, 7: -1})
    found = simulate_spins(lower_ising(clamped, sweeps=100), chains=2)
    np.testing.assert_allclose(found.best_energies, clamped.energy(found.best_states))


def test_a_run_for_a_time_is_repeated_by_its_clock():
    net = lower_ising(assignment(5, 1e4)[0])
    timed = simulate_spins(net, chains=2, seconds=0.1, seed=2)
    again = simulate_spins(net, chains=2, clock=timed.clock, seed=2)
    np.testing.assert_array_equal(timed.states, again.states)
    assert timed.sweeps == again.sweeps == timed.clock[:, 1].sum()
    for clock in ([], [[0, 0, 0, 1]], [[3, 1, 0, 1]], [[0, np.nan, 0, 1]]):
        with pytest.raises(SimulationError, match="clock"):
            simulate_spins(net, clock=clock)
