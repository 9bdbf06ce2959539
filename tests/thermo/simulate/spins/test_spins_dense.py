"""p-bits coupled all to all: one matrix, the same law."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import NetlistError
from compiler.families.ising import both_ways, from_edges, lower_ising
from compiler.ir.complete import AllToAll
from compiler.ir.container import save
from compiler.ir.kinds import dump, equal, verify
from compiler.ir.langevin import CouplingKind, Couplings
from compiler.passes.spins.scale import gauge
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


def columns_of(model):
    ends = np.concatenate([model.row, model.col]), np.concatenate([model.col, model.row])
    return Couplings.from_coo(CouplingKind.LINEAR, model.n, *ends, np.tile(model.J, 2))


@pytest.mark.parametrize(("n", "share"), [(30, 1.0), (30, 0.4), (70, 1.0)])
def test_couplings_both_ways_without_sorting(n, share):
    model = glass(n, share=share)
    made, want = both_ways(n, model.row, model.col, model.J), columns_of(model)
    for name in ("indptr", "indices", "weight"):
        np.testing.assert_array_equal(getattr(made, name), getattr(want, name))
        assert getattr(made, name).dtype == getattr(want, name).dtype


def test_one_number_a_pair_is_kept_until_columns_are_asked_for(tmp_path):
    model = glass(70)
    net = lower_ising(model)
    (kept,) = net.couplings
    assert isinstance(kept, AllToAll) and kept.pairs is model.J and len(kept) == 70 * 69
    verify(net)
    dense = DenseSystem.from_netlist(net)
    assert dense.pairs is model.J and kept._columns is None
    plain = net.with_(couplings=(columns_of(model),))
    np.testing.assert_array_equal(DenseSystem.from_netlist(plain).matrix, dense.matrix)
    np.testing.assert_array_equal(dense.matrix, dense.matrix.T)
    states = dense.random_states(2, 1)
    np.testing.assert_allclose(dense.energy(states), model.energy(states))
    save(net, tmp_path / "a.tnl")
    save(plain, tmp_path / "b.tnl")
    assert (tmp_path / "a.tnl").read_bytes() == (tmp_path / "b.tnl").read_bytes()
    assert dump(net) == dump(plain) and equal(net, plain)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(kept)).weight, kept.weight)
    signs = np.where(np.arange(70) % 3, 1.0, -1.0)
    turned, same = (gauge(n, signs).couplings[0] for n in (net, plain))
    np.testing.assert_array_equal(turned.weight, same.weight)


def test_pairs_that_are_wrong_are_named():
    net = lower_ising(glass(70))
    (kept,) = net.couplings
    bad = kept.pairs.copy()
    bad[70] = np.nan  # the second of cell 1's own
    with pytest.raises(NetlistError, match=r"coupling \(1, 3\) has the weight nan"):
        verify(net.with_(couplings=(AllToAll(70, bad),)))
    with pytest.raises(NetlistError, match="all pairs of 70 are 2415"):
        verify(net.with_(couplings=(AllToAll(70, bad[:-1]),)))


def test_one_way_couplings_are_no_glass():
    model = glass(70)
    w = columns_of(model)
    weight = w.weight.copy()
    weight[3] += 1.0
    net = lower_ising(model)
    for group in (
        replace(w, weight=weight),
        Couplings.from_coo(CouplingKind.LINEAR, 70, model.row, model.col, model.J),
    ):
        assert DenseSystem.from_netlist(net.with_(couplings=(group,))) is None


def test_large_graphs_have_the_same_colours(monkeypatch):
    from scipy import sparse

    from compiler.passes.spins import colour as module

    model = glass(60, share=0.3)
    graph = sparse.csr_array((np.ones(model.n_couplings), (model.row, model.col)), shape=(60, 60))
    row, col = np.array([(i, i + 1) for i in range(0, 58, 2)] + [(3, 8), (5, 8), (9, 30)]).T
    trees = sparse.csr_array((np.ones(row.size), (row, col)), shape=(60, 60))  # and a spin alone
    ring = sparse.csr_array((np.ones(3), ([50, 51, 50], [51, 57, 57])), shape=(60, 60))
    graphs = graph, trees, trees + ring
    small = [module.colour(g) for g in graphs]
    assert [c.max() > 1 for c in small] == [True, False, True]
    monkeypatch.setattr(module, "LARGE", 0)
    for g, colours in zip(graphs, small, strict=True):
        np.testing.assert_array_equal(module.colour(g), colours)


def test_pairs_given_twice_are_refused_in_any_order():
    with pytest.raises(SimulationError, match="join the same pair"):
        SpinSystem.from_pairs(np.zeros(3), [1, 0, 1], [0, 2, 0], [1.0, 1.0, 2.0])
    assert SpinSystem.from_pairs(np.zeros(3), [2, 0], [1, 2], [1.0, 1.0]).n == 3
