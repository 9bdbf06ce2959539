"""Sweeps of p-bits: both kernels against the NumPy twin, identity of random numbers, options."""

import numpy as np
import pytest
from toys.spin_twin import lattice_pairs, random_pairs, twin_sweep, uniform

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, Role
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.lanes import MOST_SWEEPS, LaneTiles
from thermo.simulate.spins.running import REFRESH
from thermo.simulate.spins.system import SpinSystem

ROUNDING = 1e-5  # float32 sums, exp and u leave less in a probability for fields below 100 kT


def system_of(n=37, share=0.3, seed=1, **options):
    return SpinSystem.from_pairs(*random_pairs(n, share, seed, **options))


@pytest.mark.parametrize("kT", [0.05, 0.7, 3.0])
def test_lanes_follow_the_twin_sweep_by_sweep(kT):
    system, states = system_of(), system_of().random_states(40, seed=3)
    for sweep in range(5):
        twin, margin = twin_sweep(system, states, kT, seed=11, sweep=sweep)
        states = system.sweep(states, kT, 1, seed=11, step=sweep)
        assert (margin > ROUNDING).all()  # so that every choice is checked
        np.testing.assert_array_equal(states, twin)


def test_a_twin_with_half_the_field_is_noticed():
    system = system_of()
    states = system.random_states(40, seed=3)
    twin, _ = twin_sweep(system, states, 1.4, seed=11, sweep=0)
    assert (system.sweep(states, 0.7, 1, seed=11) != twin).any()


@pytest.mark.parametrize("whole", [True, False])
def test_chains_and_lanes_agree(whole):
    """Exactly where sums are exact; else step by step, with running sums, to rounding."""
    system = system_of(whole=whole)
    states = system.random_states(5, seed=2)
    with Chains(system, states, seed=4) as chains:
        for step in range(30):
            before = chains.states()
            chains.sweep(1.1, 1, step)
            lanes = system.sweep(before, 1.1, 1, 4, step)
            _, margin = twin_sweep(system, before, 1.1, 4, step)
            assert (margin > ROUNDING).all()
            np.testing.assert_array_equal(chains.states(), lanes)
        np.testing.assert_allclose(chains.energies, system.energy(chains.states()), atol=1e-4)
        assert (chains.least <= chains.energies + 1e-4).all()
        np.testing.assert_allclose(chains.least, system.energy(chains.best()), atol=1e-4)
        assert chains.exact is whole
        assert chains.flips > 0


def test_running_sums_of_real_couplings_are_made_anew():
    system = system_of()
    with Chains(system, system.random_states(2, seed=2), seed=4) as chains:
        chains.sweep(2.0, 3 * REFRESH, 5)
        chains.sweep(2.0, REFRESH - 5, 3 * REFRESH + 5)
        np.testing.assert_allclose(chains.energies, system.energy(chains.states()), atol=1e-9)


def test_one_call_or_many_give_the_same():
    system = system_of()
    states = system.random_states(3, seed=2)
    whole = system.sweep(states, 0.9, 600, seed=1)
    parts = system.sweep(system.sweep(states, 0.9, 300, seed=1), 0.9, 300, seed=1, step=300)
    np.testing.assert_array_equal(whole, parts)
    with Chains(system, states, 1) as a, Chains(system, states, 1) as b:
        a.sweep(0.9, 2500, 0)
        for start in range(0, 2500, 250):
            b.sweep(0.9, 250, start)
        np.testing.assert_array_equal(a.states(), b.states())
        np.testing.assert_array_equal(a.best(), b.best())


@pytest.mark.parametrize("first", [0, 2**32 - 20])
def test_chains_do_not_depend_on_threads_or_batches(first):
    system = system_of()
    states = system.random_states(70, seed=5, first_chain=first)
    whole = system.sweep(states, 1.0, 7, seed=9, first_chain=first, threads=1)
    many = system.sweep(states, 1.0, 7, seed=9, first_chain=first)
    np.testing.assert_array_equal(whole, many)
    for part in (slice(0, 3), slice(3, 40), slice(40, 70)):
        chunk = system.sweep(states[part], 1.0, 7, seed=9, first_chain=first + part.start)
        np.testing.assert_array_equal(whole[part], chunk)
    some = system.random_states(30, seed=5, first_chain=first + 40)
    np.testing.assert_array_equal(states[40:], some)
    assert np.unique(states, axis=0).shape[0] == 70


def test_random_numbers_are_uniform_and_uncorrelated_between_colours():
    row, col = lattice_pairs(8, 8)
    system = SpinSystem.from_pairs(np.zeros(64), row, col, np.ones(row.size))
    u = np.concatenate([uniform(system, 3, np.arange(400), t) for t in range(4)], axis=1) - 0.5
    n = u.size
    assert abs(u.mean()) < 5 * np.sqrt(1 / 12 / n)
    r = np.corrcoef(u.T)[np.triu_indices(256, 1)]
    assert np.abs(r).max() < 6 / np.sqrt(400)


def test_fields_of_cells_and_chains():
    system = system_of()
    states = system.random_states(20, seed=1)
    fields = np.random.default_rng(0).normal(size=(20, system.n))
    for given in (fields, fields[0]):
        twin, margin = twin_sweep(system, states, 0.8, 2, 0, fields=given)
        assert (margin > ROUNDING).all()
        np.testing.assert_array_equal(system.sweep(states, 0.8, 1, 2, fields=given), twin)


def test_temperatures_of_chains():
    system = system_of()
    states = system.random_states(20, seed=1)
    kT = np.linspace(0.3, 3.0, 20)
    together = system.sweep(states, kT, 4, 2)
    for c in (0, 19):
        alone = system.sweep(states[c : c + 1], kT[c], 4, 2, first_chain=c)
        np.testing.assert_array_equal(together[c], alone[0])
    with Chains(system, states, 2) as chains:
        chains.sweep(kT[None, :], 4, 0)
        np.testing.assert_array_equal(chains.states(), together)


def test_frozen_cells_keep_their_state():
    system = system_of()
    mask = np.arange(system.n) % 3 == 0
    states = system.random_states(20, seed=1)
    after = system.sweep(states, 5.0, 10, 2, frozen=mask)
    np.testing.assert_array_equal(after[:, mask], states[:, mask])
    assert (after[:, ~mask] != states[:, ~mask]).any(axis=0).all()
    with Chains(system.with_frozen(mask), states, 2) as chains:
        chains.sweep(5.0, 10, 0)
        np.testing.assert_array_equal(chains.states(), after)
    everything = system.sweep(states, 5.0, 10, 2, frozen=np.ones(system.n, bool))
    np.testing.assert_array_equal(everything, states)


def test_no_temperature_is_descent_with_ties_tossed():
    system = SpinSystem.from_pairs([0.0, 3.0], [], [], [])
    after = system.sweep(system.random_states(2000, seed=0), 0.0, 1, 1)
    assert (after[:, 1] == 1).all()
    assert abs(after[:, 0].mean()) < 5 / np.sqrt(2000)


def test_one_p_bit_has_its_probability():
    """P(+1) = 1 / (1 + exp(-2 h / kT)), also where it is small."""
    h = np.array([-2.5, -0.5, 0.0, 0.3, 2.5])
    system = SpinSystem.from_pairs(h, [], [], [])
    up = (system.sweep(system.random_states(200_000, seed=0), 0.8, 1, 1) > 0).mean(axis=0)
    p = 1 / (1 + np.exp(-2 * h / 0.8))
    assert (np.abs(up - p) < 5 * np.sqrt(p * (1 - p) / 200_000)).all()
    half = 1 / (1 + np.exp(-h / 0.8))
    assert (np.abs(up - half) > 5 * np.sqrt(p * (1 - p) / 200_000))[h != 0].all()


def test_directed_couplings_drive_one_way():
    system = SpinSystem.directed(np.array([5.0, 0.0]), [1], [0], [5.0])
    after = system.sweep(system.random_states(50, seed=0), 0.5, 2, 1)
    assert (after == 1).all()
    with pytest.raises(UnsupportedError, match="no energy"):
        system.energy(after)
    with pytest.raises(UnsupportedError, match="symmetric couplings"):
        Chains(system, after)
    with LaneTiles(system, after) as tiles:
        assert np.isnan(tiles.energies).all()


def test_energies_of_the_engines():
    model = from_edges(*random_pairs(21, 0.4, 5))
    system = SpinSystem.from_netlist(lower_ising(model))
    states = system.random_states(33, seed=1)
    np.testing.assert_allclose(system.energy(states), model.energy(states), rtol=1e-12)
    with LaneTiles(system, states) as tiles:
        np.testing.assert_allclose(tiles.energies, model.energy(states), atol=1e-4)


def test_parameters_change_without_the_graph():
    h, row, col, J = random_pairs(15, 0.5, 2)
    system = SpinSystem.from_pairs(h, col, row, J)
    other = system.with_parameters(h=2 * h, weights=2 * J)
    states = system.random_states(9, seed=0)
    np.testing.assert_array_equal(system.sweep(states, 1.0, 5, 3), other.sweep(states, 2.0, 5, 3))
    assert other.layout is system.layout


def test_netlist_inputs_are_frozen_and_drive():
    cells = Cells.make(3, h=[0, 0.1, 0], kind=CellKind.PBIT, x0=1.0, role=[Role.INPUT, 0, 0])
    w = Couplings.from_coo(CouplingKind.LINEAR, 3, [1, 1, 2], [0, 2, 1], [4.0, 0.5, 0.5])
    base = lower_ising(from_edges(np.zeros(3), [0], [1], [1.0]))
    system = SpinSystem.from_netlist(base.with_(cells=cells, couplings=(w,), readout=None))
    assert system.symmetric
    states = np.ones((200, 3), np.int8)
    states[:, 0] = -1
    after = system.sweep(states, 1.0, 3, 0)
    assert (after[:, 0] == -1).all()
    assert (after[:, 1] == -1).mean() > 0.9


def test_empty_and_single():
    nothing = SpinSystem.from_pairs([], [], [], [])
    assert nothing.random_states(3).shape == (3, 0)
    assert nothing.sweep(np.zeros((3, 0)), 1.0, 4, 0).shape == (3, 0)
    one = SpinSystem.from_pairs([0.1], [], [], [])
    assert one.sweep([[1]], 1.0, 3, 0).shape == (1, 1)
    assert one.sweep([[1]], 1.0, 0, 0).tolist() == [[1]]


def bad(**changes):
    options = {"states": np.ones((2, 2)), "kT": 1.0, "n_sweeps": 1, "seed": 0, **changes}
    SpinSystem.from_pairs([0.1, 0.2], [0], [1], [1.0]).sweep(**options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"states": np.zeros((2, 2))}, "2 x - 1"),
        ({"states": np.ones((2, 3))}, r"\(\.\.\., 2\)"),
        ({"states": np.ones(2)}, r"\(chains, 2\)"),
        ({"kT": -1.0}, "kT must be a finite number of at least 0, got -1"),
        ({"kT": float("nan")}, "kT must be"),
        ({"kT": np.ones(3)}, "one a chain"),
        ({"n_sweeps": -1}, "cannot be numbered"),
        ({"step": MOST_SWEEPS + 1}, "cannot be numbered"),
        ({"seed": -1}, "seed must be"),
        ({"first_chain": 2**64}, "first_chain must be"),
        ({"fields": np.ones(3)}, "fields must be"),
        ({"fields": np.full(2, np.inf)}, "fields must be"),
        ({"frozen": np.zeros(2)}, "mask of 2 booleans"),
    ],
)
def test_bad_calls_say_so(changes, message):
    with pytest.raises(SimulationError, match=message):
        bad(**changes)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([[0.0]], [], [], []), "h must have"),
        (([0.0, 1.0], [0], [2], [1.0]), "cells are 0 to 1"),
        (([0.0, 1.0], [0], [-1], [1.0]), "cells are 0 to 1"),
        (([0.0, 1.0], [0, 1], [1, 0], [1.0, 1.0]), "same pair"),
        (([0.0, 1.0], [0], [1], [np.nan]), "must be finite"),
        (([0.0, np.inf], [0], [1], [1.0]), "must be finite"),
        (([0.0, 1.0], [0, 1], [1], [1.0]), "couplings"),
    ],
)
def test_bad_systems_say_so(args, message):
    with pytest.raises(SimulationError, match=message):
        SpinSystem.from_pairs(*args)


def test_other_bad_systems_say_so():
    with pytest.raises(NetlistError, match="couples to itself"):
        SpinSystem.from_pairs([0.0, 1.0], [1], [1], [1.0])
    with pytest.raises(SimulationError, match="given twice"):
        SpinSystem.directed([0.0, 1.0], [1, 1], [0, 0], [1.0, 2.0])
    with pytest.raises(SimulationError, match="weights must have 1"):
        SpinSystem.from_pairs([0.0, 1.0], [0], [1], [1.0]).with_parameters(weights=[1.0, 2.0])
    with pytest.raises(SimulationError, match="chains must be at least 1"):
        SpinSystem.from_pairs([0.0], [], [], []).random_states(0)
