"""p-bits sample Boltzmann's law: enumeration, and Kaufman's finite torus.

Draws are independent: the last states of independent chains. Tolerances are at ALPHA.
"""

import numpy as np
import pytest
from scipy import stats
from toys.spin_twin import (
    all_states,
    exact_law,
    kaufman_energy,
    kaufman_log_z,
    lattice_pairs,
    random_pairs,
    total_variation,
    tv_law,
)

from compiler.families.ising import from_edges, lower_ising
from thermo.simulate.spins import chains, layout
from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import geometric_ladder, temper

ALPHA = 1e-6
Z = stats.norm.isf(ALPHA / 2)
kT = 0.9
SWEEPS = 60  # from a random start; the chains of these models forget theirs within ten


def strays(p, states) -> float:
    """Distance from the law of independent draws, in allowed strays: at most 1 if they are."""
    mean, allowed = tv_law(p, states.shape[0], ALPHA)
    return abs(total_variation(p, states) - mean) / allowed


def draws(system, size, method="lanes", temperature=kT):
    states = system.random_states(size, seed=1)
    if method == "lanes":
        return system.sweep(states, temperature, SWEEPS, seed=2)
    with (Chains if method == "chains" else CellChains)(system, states, seed=2) as engine:
        engine.sweep(temperature, SWEEPS, 0)
        return engine.states()


@pytest.mark.parametrize(
    ("n", "share", "method", "whole"),
    [
        (5, 0.8, "lanes", False),
        (12, 0.4, "lanes", False),
        (16, 0.2, "lanes", True),
        (8, 0.6, "chains", False),
        (8, 0.6, "chains", True),
        (8, 0.6, "cells", False),
    ],
)
def test_total_variation_falls_as_one_over_root_samples(n, share, method, whole):
    system = SpinSystem.from_pairs(*random_pairs(n, share, n, whole=whole))
    temperature = 3 * kT if whole else kT
    p = exact_law(system, temperature)
    sizes = (1_000, 10_000) if method != "lanes" else (1_000, 10_000, 100_000)
    for size in sizes:
        assert strays(p, draws(system, size, method, temperature)) < 1


def test_half_the_field_is_noticed():
    system = SpinSystem.from_pairs(*random_pairs(8, 0.6, 8))
    assert strays(exact_law(system, kT), draws(system, 10_000, temperature=2 * kT)) > 3


@pytest.mark.parametrize("method", ["cells", "chains"])
def test_coupled_cells_moving_together_are_noticed(monkeypatch, method):
    """With one colour for all, cells that see each other move at once: another law."""
    monkeypatch.setattr(layout, "colour", lambda graph: np.zeros(graph.shape[0], np.int32))
    system = SpinSystem.from_pairs(*random_pairs(8, 0.6, 8))
    assert strays(exact_law(system, kT), draws(system, 10_000, method)) > 3


def tempered(h, row, col, J, sets, **options):
    net = lower_ising(from_edges(h, row, col, J, offset=1.5))
    return temper(
        net,
        ladder=geometric_ladder(0.25, 4.0, 5),
        sets=sets,
        sweeps=60,
        observe_every=60,
        keep_samples="all",
        seed=3,
        **options,
    )


@pytest.mark.parametrize(
    ("sets", "clusters"),
    [(500, False), (5_000, False), (500, True), pytest.param(5_000, True, marks=pytest.mark.slow)],
)
def test_tempering_keeps_the_law_at_every_temperature(sets, clusters):
    pairs = random_pairs(8, 0.7, 4)
    system = SpinSystem.from_pairs(*pairs)
    result = tempered(*pairs, sets, clusters=clusters)
    assert (result.acceptance > 0.1).all()
    for k, temperature in enumerate(result.kT):
        assert strays(exact_law(system, temperature), result.samples[:, 0, k]) < 1
    energy = system.energy(result.samples[:, 0, 2]) + 1.5
    np.testing.assert_allclose(result.energy[:, 2, 0], energy, atol=1e-4)


def test_exchanges_without_the_energy_are_noticed(monkeypatch):
    from thermo.simulate.spins.temper import _Swarm

    monkeypatch.setattr(_Swarm, "_uniform", lambda self, shape: np.full(shape, 1e-300))
    pairs = random_pairs(8, 0.7, 4)
    result = tempered(*pairs, 5_000)
    p = exact_law(SpinSystem.from_pairs(*pairs), result.kT[0])
    assert strays(p, result.samples[:, 0, 0]) > 3


def one_spin(spin, total, own, indptr, edges, seed, pair, turn, a, b, *scratch):
    """In place of a cluster the first spin that differs, alone."""
    for one, other in zip(a, b, strict=True):
        differ = np.flatnonzero(spin[one] != spin[other])[:1]
        spin[one, differ] *= -1
        spin[other, differ] *= -1
    return 0


@pytest.mark.parametrize("alone", [False, True])
def test_clusters_keep_the_law_of_states_drawn_from_it(monkeypatch, alone):
    if alone:
        monkeypatch.setattr(chains, "exchange_clusters", one_spin)
    system = SpinSystem.from_pairs(*random_pairs(8, 0.35, 4))
    p = exact_law(system, kT)
    drawn = all_states(8)[np.random.default_rng(1).choice(256, 20_000, p=p)]
    ladders = chains.Ladders(np.arange(20_000).reshape(2, -1), *([None] * 5))
    with Chains(system, drawn, seed=2) as engine:
        engine.clusters(ladders, 0)
        states = engine.states()
    assert (states != drawn).any(axis=1).mean() > 0.25
    assert strays(p, states) > 3 if alone else strays(p, states) < 1


@pytest.mark.parametrize(("rows", "cols", "K"), [(3, 4, 0.3), (4, 4, 0.4406868), (3, 5, 0.7)])
def test_kaufman_against_enumeration(rows, cols, K):
    row, col = lattice_pairs(rows, cols)
    s = all_states(rows * cols).astype(float)
    exponent = K * (s[:, row] * s[:, col]).sum(axis=1)
    top = exponent.max()
    assert kaufman_log_z(rows, cols, K) == pytest.approx(
        top + np.log(np.exp(exponent - top).sum()), rel=1e-12
    )


SIDE = 16


def lattice_energy(temperature):
    """Mean energies per spin of independent chains, (chains,)."""
    row, col = lattice_pairs(SIDE, SIDE)
    model = from_edges(np.zeros(SIDE**2), row, col, np.ones(row.size), kT=temperature)
    net = lower_ising(model, sweeps=1500, sample=True)
    result = simulate_spins(net, chains=64, seed=5, observe_every=5, start="x0")
    assert result.method == "lanes"
    return result.observed_energy[:, 60:].mean(axis=1) / SIDE**2


def away(means, exact) -> float:
    """Standard errors between independent means and the exact value."""
    return abs(means.mean() - exact) / (means.std(ddof=1) / np.sqrt(means.size))


@pytest.mark.parametrize("temperature", [2.0, 2.0 / np.log(1 + np.sqrt(2)), 3.0])
def test_ising_torus_against_kaufman(temperature):
    t = stats.t.isf(ALPHA / 2, 63)
    means = lattice_energy(temperature)
    exact = kaufman_energy(SIDE, SIDE, temperature)
    assert away(means, exact) < t
    assert away(means, kaufman_energy(SIDE, SIDE, 1.02 * temperature)) > t  # 2 % off is noticed


def test_the_infinite_lattice_is_not_the_torus():
    critical = 2.0 / np.log(1 + np.sqrt(2))
    assert away(lattice_energy(critical), -np.sqrt(2)) > stats.t.isf(ALPHA / 2, 63)
