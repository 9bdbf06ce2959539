"""p-bits coupled all to all: one matrix, the same law."""

import numpy as np
import pytest

from compiler.families.ising import both_ways, from_edges, lower_ising
from compiler.ir.langevin import CouplingKind, Couplings
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins.rows import STREAM_SPINS
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.dense import DenseChains, DenseSystem
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem


def glass(n, seed=0, share=1.0, size=1.0):
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    keep = rng.random(i.size) < share
    J = size * rng.normal(size=int(keep.sum())) / np.sqrt(n)
    return from_edges(size * rng.normal(size=n) / 4, i[keep], j[keep], J)


def twin(model, states, kT, sweeps, seed):
    """The law of each p-bit in turn, in float64, with the words of place i."""
    n = model.n
    matrix = np.zeros((n, n))
    matrix[model.row, model.col] = model.J
    matrix += matrix.T
    states = states.astype(float)
    for c, s in enumerate(states):
        for t in range(sweeps):
            block = np.arange(-(-n // 4))
            counter = (np.full(block.size, c), np.zeros(block.size, int), np.full(block.size, t), block)
            words = np.stack(threefry4x32_numpy((seed, 0, STREAM_SPINS, 0), counter), axis=1).ravel()
            for i in range(n):
                z = 2 * (model.h[i] + matrix[i] @ s) / kT
                u, e = (words[i] + 0.5) * 2.0**-32, np.exp(-abs(z))
                s[i] = 1.0 if (z >= 0) != (u * (1 + e) < e) else -1.0
    return states


@pytest.mark.parametrize("size", [1.0, 2.0**-900])
def test_the_kernel_follows_the_law(size):
    model, plain = glass(70, size=size), glass(70)
    system = DenseSystem.from_netlist(lower_ising(model))
    start = system.random_states(3, 5)
    with DenseChains(system, start, 5) as chains:
        chains.sweep(0.7 * size, 12, 0)
        np.testing.assert_array_equal(chains.states(), twin(plain, start, 0.7, 12, 5))
        np.testing.assert_allclose(chains.energies, model.energy(chains.states()), rtol=1e-5)
        np.testing.assert_allclose(system.energy(chains.best()), model.energy(chains.best()))
    assert 60 < (start > 0).sum() < 150  # 210 tosses
    np.testing.assert_array_equal(system.random_states(2, 5, first_chain=1), start[1:])


def test_it_is_used_where_most_pairs_are_coupled():
    for share, method in ((1.0, "dense"), (0.7, "dense"), (0.3, "chains")):
        net = lower_ising(glass(80, share=share), sweeps=100)
        result = simulate_spins(net, chains=4, seed=2)
        assert result.method == method
        np.testing.assert_allclose(result.best_energies, glass(80, share=share).energy(result.best_states))
    other = simulate_spins(lower_ising(glass(80), sweeps=2000), chains=4, seed=2, method="chains")
    dense = simulate_spins(lower_ising(glass(80), sweeps=2000), chains=4, seed=2)
    assert dense.best_energy == pytest.approx(other.best_energy)  # both find the ground state
    with pytest.raises(SimulationError, match="method 'dense' is for 64"):
        simulate_spins(lower_ising(glass(80, share=0.2)), chains=2, method="dense")


def test_targets_threads_batches_and_held_cells():
    net = lower_ising(glass(66), sweeps=1500)
    least = simulate_spins(net, chains=4, seed=1).best_energy
    hit = simulate_spins(net, chains=4, seed=1, target=least)
    assert hit.method == "dense" and (hit.hit >= 0).any()
    whole = simulate_spins(net, chains=4, seed=3, sweeps=20)
    part = simulate_spins(net, chains=2, seed=3, sweeps=20, first_chain=2, threads=1)
    np.testing.assert_array_equal(whole.states[2:], part.states)
    system = DenseSystem.from_netlist(net)
    start, held = system.random_states(2, 1), np.arange(66) % 2 == 0
    with DenseChains(system, start, 1) as chains:
        chains.freeze(held)
        chains.sweep(5.0, 5, 0)
        np.testing.assert_array_equal(chains.states()[:, held], start[:, held])
        assert (chains.states() != start).any()


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_couplings_both_ways_without_sorting(share):
    model = glass(30, share=share)
    ends = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
    want = Couplings.from_coo(CouplingKind.LINEAR, 30, *ends, np.tile(model.J, 2))
    made = both_ways(30, model.row, model.col, model.J)
    for name in ("indptr", "indices", "weight"):
        np.testing.assert_array_equal(getattr(made, name), getattr(want, name))
        assert getattr(made, name).dtype == getattr(want, name).dtype


def test_large_graphs_have_the_same_colours(monkeypatch):
    from scipy import sparse

    from compiler.passes.spins import colour as module

    model = glass(60, share=0.3)
    graph = sparse.csr_array((np.ones(model.n_couplings), (model.row, model.col)), shape=(60, 60))
    small = module.colour(graph)
    monkeypatch.setattr(module, "LARGE", 0)
    np.testing.assert_array_equal(module.colour(graph), small)


def test_pairs_given_twice_are_refused_in_any_order():
    with pytest.raises(SimulationError, match="join the same pair"):
        SpinSystem.from_pairs(np.zeros(3), [1, 0, 1], [0, 2, 0], [1.0, 1.0, 2.0])
    assert SpinSystem.from_pairs(np.zeros(3), [2, 0], [1, 2], [1.0, 1.0]).n == 3
