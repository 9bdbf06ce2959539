"""Exchanges inside the kernel are those outside."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from toys.ising import random_model
from toys.spins import ring

from compiler.families.ising import lower_ising
from thermo.diagnostics import report_mean
from thermo.simulate.errors import SimulationError
from thermo.simulate.run import simulate
from thermo.simulate.spins.chains import Chains, Ladders
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import temper

LADDER = np.geomspace(0.4, 3.0, 5)


@pytest.mark.parametrize("options", [{}, {"swap_every": 3, "observe_every": 6}, {"tune": 40, "burn_in": 30}])
def test_ladders_inside_and_outside_are_the_same(options):
    """Sums of whole numbers are exact, so every bit: with states kept, exchanges are made outside."""
    net = lower_ising(ring(40), sample=True)
    options = {"ladder": LADDER, "sweeps": 1200, "sets": 3, "seed": 5, **options}
    inside = temper(net, method="chains", **options)
    for other in (
        temper(net, method="chains", keep_samples="cold", **options),
        temper(net, method="lanes", **options),
        temper(net, method="chains", threads=1, **options),
    ):
        for name in ("kT", "energy", "observed_at", "acceptance", "round_trips", "best_energies"):
            np.testing.assert_array_equal(getattr(inside, name), getattr(other, name))
    assert inside.round_trips.sum() > 0 and inside.samples is None
    assert inside.energy.shape == (3, 5, 1200 // options.get("observe_every", 1))


def test_clusters_inside_and_outside_are_the_same():
    net = lower_ising(ring(40), sample=True)
    options = {"ladder": LADDER, "sweeps": 600, "sets": 4, "seed": 5, "observe_every": 6, "clusters": True}
    inside = temper(net, **options)
    outside = temper(net, keep_samples="all", **options)
    assert (inside.method, outside.method) == ("chains", "chains")
    for name in ("energy", "observed_at", "acceptance", "round_trips", "best_energies"):
        np.testing.assert_array_equal(getattr(inside, name), getattr(outside, name))
    np.testing.assert_array_equal(temper(net, threads=1, **options).energy, inside.energy)
    assert (temper(net, **(options | {"clusters": False})).energy != inside.energy).any()


def test_a_cluster_is_exchanged_whole_and_costs_nothing():
    model = random_model(np.random.default_rng(3), 60, 90, offset=0.0)
    system = SpinSystem.from_netlist(lower_ising(model))
    states = system.random_states(8, 1)
    ladders = Ladders(np.arange(8).reshape(2, 4), *([None] * 5))
    with Chains(system, states, 1) as chains:
        before = chains.energies.reshape(2, 4).copy()
        chains.clusters(ladders, 3)
        after, energies = chains.states(), chains.energies
    np.testing.assert_allclose(energies, model.energy(after), atol=1e-4)
    np.testing.assert_allclose(energies.reshape(2, 4).sum(axis=0), before.sum(axis=0), atol=1e-4)
    edges = sparse.coo_array((np.ones(model.n_couplings), (model.row, model.col)), shape=(60, 60)).tocsr()
    np.testing.assert_array_equal(after.reshape(2, 4, -1)[:, 2:], states.reshape(2, 4, -1)[:, 2:])
    for k in range(2):  # the colder half
        moved = after[k] != states[k]
        differ = states[k] != states[4 + k]
        np.testing.assert_array_equal(moved, after[4 + k] != states[4 + k])
        assert moved.any() and not (moved & ~differ).any()
        _, label = connected_components(edges[differ][:, differ], directed=False)
        part = moved[differ]
        assert np.unique(label[part]).size == 1 and (part == (label == label[part][0])).all()


@pytest.mark.parametrize("options", [{"sets": 3}, {"method": "lanes"}])
def test_clusters_need_pairs_of_chains(options):
    with pytest.raises(SimulationError, match="between two ladders, by method 'chains'"):
        temper(lower_ising(ring(8)), ladder=LADDER, sweeps=4, clusters=True, **options)
    with pytest.raises(SimulationError, match="add tempering"):
        simulate(lower_ising(ring(8)), clusters=True)


def test_energies_of_real_numbers_stay_true():
    model = random_model(np.random.default_rng(2), 40, 120)
    net = lower_ising(model, sample=True)
    inside = temper(net, ladder=LADDER, sweeps=3000, sets=2, seed=1, method="chains", observe_every=10)
    outside = temper(
        net,
        ladder=LADDER,
        sweeps=3000,
        sets=2,
        seed=1,
        method="chains",
        observe_every=10,
        keep_samples="cold",
    )
    np.testing.assert_allclose(inside.best_energies, model.energy(inside.best_states))
    seen = outside.energy[:, 0]
    np.testing.assert_allclose(model.energy(outside.samples), seen, atol=1e-4)
    # float32 sums are made anew at other sweeps, so chains part at some tie: the law is one
    for k in range(LADDER.size):
        a, b = (report_mean(r.energy[:, k]) for r in (inside, outside))
        assert abs(a.mean - b.mean) < 4 * np.hypot(a.sem, b.sem)
