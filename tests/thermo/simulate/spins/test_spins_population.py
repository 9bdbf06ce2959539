"""Populations of 512 annealed states: the rule of each turn, parts that are exact, searches that repeat."""

import numpy as np
import pytest
from scipy import sparse

from compiler.errors import UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from thermo.kernels.spins import bits
from thermo.kernels.spins import population as kernel
from thermo.kernels.spins.crossing import _mixed
from thermo.simulate.gates.run import empty_rows
from thermo.simulate.spins.population import Populations, is_whole, make_plan, whole_system
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem


def pairs(n, m, seed):
    ends = np.unique(np.sort(np.random.default_rng(seed).integers(0, n, (m, 2)), axis=1), axis=0)
    return ends[ends[:, 0] != ends[:, 1]].T


def mixed_system(seed=0, scale=0.25):
    """Spins of every counter: one of each size of neighbourhood, couplings and fields of both signs."""
    rng = np.random.default_rng(seed)
    row, col = pairs(60, 120, seed)
    hubs = np.array([[0, 1, 2, 3], [20, 35, 50, 59]])
    for hub, ends in hubs.T:  # up to 3 times 59 terms
        row, col = np.append(row, np.full(ends, hub)), np.append(col, np.arange(1, ends + 1))
    low, high = np.minimum(row, col), np.maximum(row, col)
    row, col = np.unique(np.stack([low, high])[:, low != high], axis=1)
    J = scale * rng.choice([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], row.size)
    return SpinSystem.from_pairs(scale * rng.integers(-2, 3, 60), row, col, J)


def unpacked(words, n):
    return np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")[..., :n].astype(bool)


def start(system, seed=0):
    """(whole system, rows, (n, 512) bool of them)."""
    whole = whole_system(system)
    rows = empty_rows(system.n + 2)
    rows[: system.n] = np.random.default_rng(seed).integers(0, 2**64, (system.n, 8), dtype=np.uint64)
    rows[system.n], rows[system.n + 1] = 0, ~np.uint64(0)
    return whole, rows, unpacked(rows[: system.n], 512)


def test_a_turn_is_metropolis_rule_of_the_table():
    """Against the energies themselves: U + V >= D / 2 is V >= v, v the least whose cost is not below."""
    system = mixed_system()
    whole, rows, up = start(system)
    free = np.arange(60) % 11 != 0
    plan, terms = make_plan(whole, free)
    assert set(plan[:, bits.COUNTER]) == set(range(5))
    table = np.zeros((2, bits.PLANES, bits.TABLE_WORDS), np.uint64)
    key, number = np.uint64(9), 4
    digits = bits.fill_table(table, bits.quantiles(), 20.0, key, 1)
    assert digits >= 5
    bits.sweep_bits(rows, plan, terms, table, digits, key, number)

    digit = unpacked(table, 64 * bits.TABLE_WORDS)
    value = (digit << np.arange(bits.PLANES)[:, None]).sum(axis=1)
    couplings = sparse.csr_array((whole.weight, whole.ends, whole.indptr), shape=(60, 60)).toarray()
    wrong = couplings.copy()
    wrong[5, np.flatnonzero(couplings[5])[0]] *= -1  # the failing twin: one sign

    def swept(matrix):
        s = 2 * up.astype(int) - 1
        for k, i in enumerate(plan[:, bits.CELL]):
            draw = int(_mixed(key, np.uint64(number * -(-len(plan) // 5) + k // 5)))
            place = (draw >> (11 * (k % 5))) % (bits.QUANTILES // 8)
            odd = whole.total[i] % 2
            v = value[odd, 8 * place : 8 * place + 512]
            cost = 2 * s[i] * (whole.own[i] + matrix[i] @ s)
            s[i] = np.where(cost <= np.where(v > 0, 4 * v - 2 * odd, 0), -s[i], s[i])
        return s > 0

    after = unpacked(rows[:60], 512)
    np.testing.assert_array_equal(after, swept(couplings))
    assert (after[~free] == up[~free]).all() and (after[free] != up[free]).mean() > 0.2
    assert (after != swept(wrong)).any()


@pytest.mark.parametrize("kT", [0.0, 0.4, 1.3, 6.0])
def test_a_table_has_the_probabilities_of_its_temperature(kT):
    """A count of evenly spaced quantiles is exact to one of them; ten per cent hotter is told apart."""
    table = np.zeros((2, bits.PLANES, bits.TABLE_WORDS), np.uint64)
    bits.fill_table(table, bits.quantiles(), kT, np.uint64(3), 7)
    digit = unpacked(table, bits.QUANTILES)
    value = (digit << np.arange(bits.PLANES)[:, None]).sum(axis=1)
    v = np.arange(1, 8)
    for odd in range(2):
        found = (value[odd] >= v[:, None]).mean(axis=1)
        cost = 4.0 * v - 2.0 * odd
        wanted = np.exp(-cost / kT) if kT else np.zeros(7)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1.5 / bits.QUANTILES)
        if kT:
            assert abs(found - np.exp(-cost / (1.1 * kT))).max() > 1.5 / bits.QUANTILES


def crossed(whole, state, other, gain, own=None, free=None):
    """take_parts of two bool states: (what `state` became, energy gained)."""
    n, words = state.size, -(-state.size // 64)

    def packed(up):
        out = np.zeros(8 * words, np.uint8)
        out[: -(-n // 8)] = np.packbits(up, bitorder="little")
        return out.view(np.uint64)

    out = packed(state)
    differ, left = np.zeros((2, words), np.uint64)
    own = whole.own if own is None else own
    free = packed(np.ones(n, bool) if free is None else free)
    queue = np.zeros(n + 1, np.uint64)
    gained, work = kernel.take_parts(
        out, packed(other), free, own, whole.indptr, whole.ends, whole.weight, gain, differ, left, queue
    )
    assert work > words
    energy = kernel.weigh(out, own, whole.indptr, whole.ends, whole.weight)
    assert energy == kernel.weigh(packed(state), own, whole.indptr, whole.ends, whole.weight) - gained
    return unpacked(out, n), gained


@pytest.mark.parametrize("fields", [True, False])
def test_parts_are_the_best_of_all_that_two_states_can_make(fields):
    rng = np.random.default_rng(4)
    row, col = pairs(90, 200, 1)
    h = rng.integers(-1, 2, 90) * fields
    model = from_edges(h.astype(float), row, col, rng.choice([-1.0, 1.0, 2.0], row.size))
    system = SpinSystem.from_pairs(model.h, model.row, model.col, model.J)
    whole = whole_system(system)
    matrix = sparse.csr_array((whole.weight, whole.ends, whole.indptr), shape=(90, 90))

    def energy(up):
        s = 2.0 * up[:, np.argsort(whole.order)] - 1
        return model.energy(s.astype(np.int8)) / whole.unit

    found = wrong = joined = 0
    for _ in range(10):
        state = rng.random(90) < 0.5
        differ = rng.choice(90, 12, replace=False)
        other = state.copy()
        other[differ] ^= True
        count, part = sparse.csgraph.connected_components(matrix[differ][:, differ])
        joined += count < 12
        chosen = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
        all_of = np.repeat(state[None], 1 << count, axis=0)
        all_of[:, differ] ^= chosen[:, part].astype(bool)
        child, gained = crossed(whole, state, other, 1)
        before, after = energy(np.stack([state, child]))
        assert gained == before - after
        assert after == energy(all_of).min()
        found += gained > 0
        mostly = crossed(whole, state, ~other, 1)  # of the reverse the parts are the same
        assert mostly[1] == gained and (mostly[0] == child).all()
        if fields:  # the failing twin: parts without their fields
            blind = crossed(whole, state, other, 1, np.zeros_like(whole.own))[0]
            wrong += energy(blind[None])[0] > after
    assert found > 5 and joined > 5 and (wrong > 0 or not fields)


def test_spins_that_are_held_are_in_no_part():
    """Nearly all differ, so the alike ones are meant, and of these those that may turn."""
    system = mixed_system(2)
    whole, free = whole_system(system), np.arange(60) % 4 > 0
    rng = np.random.default_rng(1)
    for _ in range(20):
        state = rng.random(60) < 0.5
        other = np.where(free, ~state, state) ^ (free & (rng.random(60) < 0.2))
        child, _ = crossed(whole, state, other, 1, free=free)
        assert (child[~free] == state[~free]).all()
        assert ((child == state) | (state == other) | ~free).all()


def test_parts_that_cost_nothing_are_taken_where_asked():
    """The middle one of a line of three, with one coupling of each sign."""
    system = SpinSystem.from_pairs(np.zeros(3), [0, 1], [1, 2], [1.0, -1.0])
    whole = whole_system(system)
    at = np.argsort(whole.order)
    state = np.array([True, True, True])[whole.order]
    other = state.copy()
    other[at[1]] = False  # one satisfied coupling for another
    assert (crossed(whole, state, other, 0)[0] == other).all()
    assert (crossed(whole, state, other, 1)[0] == state).all()


def test_rows_and_states_are_each_others_transposes():
    rows = np.random.default_rng(0).integers(0, 2**64, (150, 8), dtype=np.uint64)
    states, back = np.zeros((512, 3), np.uint64), np.zeros_like(rows)
    bits.rows_to_states(rows, 150, states)
    np.testing.assert_array_equal(unpacked(states, 150), unpacked(rows, 512).T)
    assert not states[:, 2].max() >> np.uint64(150 - 128)
    bits.states_to_rows(states, 150, back)
    np.testing.assert_array_equal(back, rows)


def test_held_spins_and_fields_stay_what_they_are():
    system = mixed_system(3)
    frozen = np.zeros(60, dtype=bool)
    frozen[::5] = True
    system = system.with_frozen(frozen)
    began = system.random_states(3, 1)
    with Populations(system, began, (2.0, 0.2), 1) as search:
        search.expected = 9000.0
        search.sweep(0.0, 3000, 0)
        states = search.states()
        members = unpacked(search._members, 60)[:, :, np.argsort(whole_system(system).order)]
        np.testing.assert_array_equal(states[:, frozen], began[:, frozen])
        np.testing.assert_array_equal(
            members[:, :, frozen], np.repeat(began[:, None, frozen] > 0, 512, axis=1)
        )
        assert (states[:, ~frozen] != began[:, ~frozen]).any()
        np.testing.assert_allclose(search.energies, system.energy(states))


def test_the_members_energies_are_what_they_say():
    system = mixed_system(5)
    with Populations(system, system.random_states(1, 1), (2.0, 0.2), 1) as search:
        search.expected = 6000.0
        stages = set()
        for k in range(3000):
            search.sweep(0.0, 1, k)
            stages.add(int(search._state[0, kernel.STAGE]))
            if search._state[0, kernel.STAGE] == kernel._AGAIN:
                break
        up = unpacked(search._members[0], 60)[:, np.argsort(whole_system(system).order)]
        told = search._found[0, :-1] * whole_system(system).unit
        np.testing.assert_allclose(system.energy(2 * up.astype(np.int8) - 1), told)
        assert {kernel._HOT, kernel._BORN, kernel._AGAIN} <= stages
        assert told.min() == search.energies[0] < told.max()


def test_what_is_whole():
    row, col = pairs(40, 90, 2)
    ones = np.ones(row.size)
    assert is_whole(SpinSystem.from_pairs(np.zeros(40), row, col, 1e-300 * ones))
    assert is_whole(SpinSystem.from_pairs(1.5 * np.ones(40), row, col, ones))  # of halves
    assert not is_whole(SpinSystem.from_pairs(np.full(40, np.pi), row, col, ones))
    assert not is_whole(SpinSystem.from_pairs(np.full(40, 250.0), row, col, ones))
    assert not is_whole(SpinSystem.directed(np.zeros(40), row, col, ones))
    with pytest.raises(UnsupportedError, match="add up to more than 254"):
        whole_system(SpinSystem.from_pairs(np.full(40, 250.0), row, col, ones))


def test_coefficients_of_any_size_give_the_same_search():
    row, col = pairs(60, 150, 1)
    J = np.random.default_rng(0).choice([-1.0, 1.0], row.size)
    found = []
    for scale in (1.0, 1e-290, 3e290):
        net = lower_ising(from_edges(np.zeros(60), row, col, scale * J), sweeps=3000)
        found.append(simulate_spins(net, chains=2, seed=5, method="crossed").best_states)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
