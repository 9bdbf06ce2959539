"""One large machine on all threads: the states of single chains, whoever updates which cells."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toys.spin_twin import lattice_pairs, random_pairs

from compiler.families.ising import from_edges, lower_ising
from thermo.kernels.spins import cells as kernel
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins import method
from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem


def torus(rows, cols, normal=False):
    row, col = lattice_pairs(rows, cols)
    rng = np.random.default_rng(0)
    J = rng.normal(size=row.size) if normal else rng.choice([-1.0, 1.0], row.size)
    return SpinSystem.from_pairs(np.zeros(rows * cols), row, col, J)


SYSTEMS = {
    "lattice": lambda: torus(40, 38),  # most other ends lie side by side, at the seams they do not
    "odd lattice": lambda: torus(9, 7),  # more colours than two
    "graph": lambda: SpinSystem.from_pairs(*random_pairs(90, 0.1, 3, whole=True)),
    "one": lambda: SpinSystem.from_pairs([0.3], [], [], []),
}


def swept(system, states, threads=1, sweeps=15, **options):
    with CellChains(system, states, 5, 7) as engine, ThreadPoolExecutor(threads) as pool:
        engine._pool, engine.n_threads = pool, threads
        engine.sweep(1.3, sweeps, 0, **options)
        return engine.states()


@pytest.mark.parametrize("name", SYSTEMS)
def test_states_are_those_of_single_chains_on_any_number_of_threads(name, monkeypatch):
    monkeypatch.setattr(kernel, "PIECE", 1)  # as many pieces as there can be
    system = SYSTEMS[name]()
    states = system.random_states(3, 1)
    with Chains(system, states, 5, 7) as chains:
        chains.sweep(1.3, 15, 0)
        want = chains.states()
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(swept(system, states, threads), want)


@pytest.mark.parametrize("normal", [False, True])
def test_threads_share_a_machine_of_many_pieces(normal):
    system = torus(300, 300, normal)
    states = system.random_states(1, 1)
    one = swept(system, states, 1, 40)
    for threads in (2, 3):
        np.testing.assert_array_equal(swept(system, states, threads, 40), one)
    assert (swept(system, states, 2, 41) != one).any()


@pytest.mark.parametrize(("weight", "kind"), [(1.0, np.int8), (127.0, np.float32), (1 / 3, np.float32)])
def test_small_whole_couplings_are_kept_in_bytes(weight, kind):
    """Up to 127 units of one power of two a p-bit."""
    row, col = lattice_pairs(8, 8)
    J = np.ones(row.size)
    J[5] = weight
    system = SpinSystem.from_pairs(np.full(64, 0.3), row, col, 4 * J)
    states = system.random_states(2, 1)
    with CellChains(system, states, 1) as cells, LaneTiles(system, states, 1) as lanes:
        assert cells._graph[3].dtype == kind
        for engine in (cells, lanes):
            engine.sweep(9.0, 10, 0)
        np.testing.assert_array_equal(cells.states(), lanes.states())
        np.testing.assert_allclose(cells.energies, system.energy(cells.states()), rtol=1e-6)


def test_pieces_that_do_not_wait_for_other_colours_are_noticed():
    """Cells of the second colour updated first, as by a thread that does not wait: other states."""
    system = torus(40, 38)
    states = system.random_states(1, 1)
    with CellChains(system, states, 5, 7, threads=1) as engine:
        engine._pieces, engine._before = engine._pieces[::-1].copy(), 0 * engine._before
        engine.sweep(1.3, 15, 0)
        assert (engine.states() != swept(system, states)).any()


@pytest.mark.parametrize("name", ["lattice", "graph"])
def test_energies_scales_and_held_cells(name):
    system = SYSTEMS[name]()
    states, held = system.random_states(2, 3), np.arange(system.n) % 3 == 0
    kT = np.linspace(3.0, 0.5, 12)[:, None] * [[1.0, 1.5]]
    scale = np.linspace(0.5, 1.0, 12)
    with CellChains(system, states, 2) as cells, LaneTiles(system, states, 2) as lanes:
        for engine in (cells, lanes):
            engine.freeze(held)
            engine.sweep(kT, 12, 3, scale)
        np.testing.assert_array_equal(cells.states(), lanes.states())
        np.testing.assert_array_equal(cells.states()[:, held], states[:, held])
        np.testing.assert_allclose(cells.energies, system.energy(cells.states()), rtol=1e-12)


def test_directed_couplings():
    system = SpinSystem.directed(np.array([5.0, 0.0]), [1], [0], [5.0])
    with CellChains(system, system.random_states(20, 0), 1) as engine:
        engine.sweep(0.5, 2, 0)
        assert (engine.states() == 1).all()
        assert np.isnan(engine.energies).all()


def test_large_machines_are_run_so(monkeypatch):
    model = from_edges(np.zeros(400), *lattice_pairs(20, 20), np.ones(800))
    net = lower_ising(model, sweeps=200)
    small = simulate_spins(net, chains=2, seed=3)
    monkeypatch.setattr(method, "CELLS_FROM", 400)
    large = simulate_spins(net, chains=2, seed=3)
    assert (small.method, large.method) == ("chains", "cells")
    np.testing.assert_array_equal(small.states, large.states)
    np.testing.assert_allclose(model.energy(large.best_states), large.best_energies)
    sampled = simulate_spins(net, chains=1, kT=2.5, sweeps=40, observe_every=10, keep_samples=True)
    assert sampled.method == "cells"
    np.testing.assert_allclose(sampled.observed_energy[0], model.energy(sampled.samples[0]))
    assert simulate_spins(net, chains=2, target=-400.0).method == "chains"
    with pytest.raises(SimulationError, match="use method 'chains'"):
        simulate_spins(net, chains=2, target=-400.0, method="cells")
