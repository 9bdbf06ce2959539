"""Packed p-bits: digit by digit against a NumPy twin, their law, what can be packed."""

import numpy as np
import pytest
from scipy import special
from toys.spin_twin import exact_law, lattice_pairs, random_pairs, total_variation, tv_law

from compiler.errors import UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins.packed import STREAM_PACKED
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.packed import PackedTiles, make_terms
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem

ALPHA = 1e-6


def system_of(n=14, share=0.5, seed=3, unit=1.0, field=0.37):
    h, row, col, J = random_pairs(n, share, seed, whole=True)
    return SpinSystem.from_pairs(field * h, row, col, unit * J)


def twin_sweep(system, states, kT, seed, sweep, first_chain=0, scale=1.0):
    """One sweep of states (chains, n): integers compared with integers."""
    s = np.array(states, dtype=np.float64)
    w = np.zeros((system.n, system.n))
    w[system.driven, system.driving] += system.weights
    w[system.driving, system.driven] += system.weights
    chain = first_chain + np.arange(s.shape[0], dtype=np.uint64)
    for rank, cell in enumerate(system.layout.order):
        if system.frozen[cell]:
            continue
        place = int(system.layout.place[rank])
        u = np.zeros(s.shape[0], np.uint64)
        for g in range(8):
            word = chain // np.uint64(32)
            later = (np.full(word.shape, v, np.uint64) for v in (sweep, 8 * place + g))
            counter = (word & 0xFFFFFFFF, word >> np.uint64(32), *later)
            four = threefry4x32_numpy((seed, 0, STREAM_PACKED, 0), counter)
            for j in range(4):
                bit = (four[j] >> (chain % np.uint64(32))) & np.uint64(1)
                u |= bit << np.uint64(31 - 4 * g - j)
        p = special.expit(2 * (system.h[cell] + scale * (s @ w[cell])) / kT)
        threshold = np.minimum(np.rint(p * 2.0**32), 2.0**32 - 1).astype(np.uint64)
        s[:, cell] = np.where(u < threshold, 1, -1)
    return s.astype(np.int8)


@pytest.mark.parametrize(("unit", "kT"), [(1.0, 2.5), (0.25, 0.1), (1.0, 30.0)])
def test_packed_follows_the_twin(unit, kT):
    system = system_of(unit=unit)
    states = system.random_states(700, seed=1)
    with PackedTiles(system, states, seed=6) as tiles:
        np.testing.assert_array_equal(tiles.states(), states)
        for sweep in range(3):
            states = twin_sweep(system, states, kT, 6, sweep)
            tiles.sweep(kT, 1, sweep)
            np.testing.assert_array_equal(tiles.states(), states)
        np.testing.assert_allclose(tiles.energies, system.energy(states))


def test_ramps_scales_and_frozen_cells():
    mask = np.arange(14) % 4 == 1
    system = system_of().with_frozen(mask)
    states = want = system.random_states(64, seed=1)
    kT, scale = np.array([3.0, 2.0, 2.0, 1.0]), np.array([0.5, 0.5, 1.0, 1.0])
    with PackedTiles(system, states, seed=6) as tiles:
        tiles.sweep(kT, 4, 10, scale)
        for k in range(4):
            want = twin_sweep(system, want, kT[k], 6, 10 + k, scale=scale[k])
        np.testing.assert_array_equal(tiles.states(), want)
        np.testing.assert_array_equal(want[:, mask], states[:, mask])


def test_batches_and_threads_change_nothing():
    system = system_of()
    states = system.random_states(1500, seed=1)
    results = []
    for threads in (1, None):
        with PackedTiles(system, states, 5, 0, threads) as tiles:
            tiles.sweep(2.0, 150, 0)
            results.append(tiles.states())
    with PackedTiles(system, states[1024:], 5, 1024) as tiles:
        tiles.sweep(2.0, 100, 0)
        tiles.sweep(2.0, 50, 100)
        results.append(np.concatenate([results[0][:1024], tiles.states()]))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def draws(system, kT, chains):
    with PackedTiles(system, system.random_states(chains, seed=1), seed=2) as tiles:
        tiles.sweep(kT, 80, 0)
        return tiles.states()


@pytest.mark.parametrize("unit", [1.0, 0.5])
def test_total_variation_falls_as_one_over_root_samples(unit):
    system = system_of(n=9, unit=unit)
    kT = 3.0 * unit
    p = exact_law(system, kT)
    for size in (1_000, 10_000, 100_000):
        mean, allowed = tv_law(p, size, ALPHA)
        assert abs(total_variation(p, draws(system, kT, size)) - mean) < allowed
    half = total_variation(p, draws(system, 2 * kT, 10_000))
    assert half > sum(tv_law(p, 10_000, ALPHA))


def test_unlikely_flips_have_their_probability():
    """A field of 4 kT: P(-1) = 3.4e-4, decided by late digits."""
    system = SpinSystem.from_pairs([2.0, -2.0], [], [], [])
    states = draws(system, 0.5, 400_000)
    p = special.expit(-8.0)
    wrong = np.array([(states[:, 0] < 0).mean(), (states[:, 1] > 0).mean()])
    assert (np.abs(wrong - p) < 5 * np.sqrt(p / 400_000)).all()


def test_simulate_packs_by_itself():
    row, col = lattice_pairs(6, 6)
    net = lower_ising(from_edges(np.zeros(36), row, col, np.ones(72), kT=3.0), sample=True)
    packed = simulate_spins(net, chains=512, observe_every=100)
    lanes = simulate_spins(net, chains=512, observe_every=100, method="lanes")
    assert (packed.method, lanes.method) == ("packed", "lanes")
    a, b = (r.observed_energy[:, 1:].mean(axis=1) for r in (packed, lanes))
    assert abs(a.mean() - b.mean()) < 5 * np.sqrt((a.var() + b.var()) / 512)
    assert simulate_spins(net, chains=512, first_chain=3).method == "lanes"
    real = lower_ising(from_edges(*random_pairs(12, 0.5, 1)), sample=True)
    assert simulate_spins(real, chains=512, sweeps=4).method == "lanes"


def test_what_cannot_be_packed_says_why():
    with pytest.raises(UnsupportedError, match="small multiples"):
        make_terms(SpinSystem.from_pairs(*random_pairs(12, 0.5, 1)))
    star = SpinSystem.from_pairs(np.zeros(40), np.zeros(39, int), np.arange(1, 40), np.ones(39))
    with pytest.raises(UnsupportedError, match="add up to 39"):
        make_terms(star)
    system = system_of()
    with pytest.raises(SimulationError, match="multiples of 512"):
        PackedTiles(system, system.random_states(3), 0, 100)
    with PackedTiles(system, system.random_states(3)) as tiles:
        with pytest.raises(SimulationError, match="share one temperature"):
            tiles.sweep(np.ones((4, 3)), 4, 0)
        with pytest.raises(SimulationError, match="kT must be"):
            tiles.sweep(-1.0, 1, 0)
    many = np.linspace(0, 1, 30_000)
    with pytest.raises(UnsupportedError, match="different fields"):
        make_terms(SpinSystem.from_pairs(many, [0] * 8, range(1, 9), np.ones(8)))


def test_units():
    for weights, unit in (([2.0, 3.0], 1.0), ([0.25, -0.75], 0.25), ([0.0, 0.5], 0.5)):
        system = SpinSystem.from_pairs(np.zeros(3), [0, 1], [1, 2], weights)
        assert make_terms(system).unit == pytest.approx(unit)
    alone = SpinSystem.from_pairs([0.3], [], [], [])
    states = draws(alone, 1.0, 5_000)
    assert states.mean() == pytest.approx(np.tanh(0.3), abs=5 / np.sqrt(5_000))
