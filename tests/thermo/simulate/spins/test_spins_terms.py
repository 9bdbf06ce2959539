"""Searches by the products of polynomials and formulas, without their auxiliary spins."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from compiler.families.clamp import clamp_named
from compiler.families.ising import lower_ising
from compiler.families.polynomial import from_polynomial
from compiler.formats.ising.dimacs import from_clauses
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.terms import TermChains, Terms

SPINS = {(0, 1, 2): 1.0, (1, 2, 3, 4): -0.75, (0, 4): 0.5, (3,): 0.3, (2, 3, 5): -1.25, (): 2.0}
BITS = {(0, 1, 2): 2.0, (1, 2, 3, 4): -1.5, (0, 4): -0.5, (3,): 0.75, (2, 3, 5): -2.0, (5,): 1.0, (): 0.25}
CLAUSES = [[1, -2, 3], [2, 4, -5, 6], [-1, -3, 6], [5, -6], [1, 1, 4, 5], [2, -2, 3], [-4, -5, -6]]


def polynomial(terms, vartype, states):
    """(k,) energies of states (k, n) of +-1, term by term."""
    values = states.astype(float) if vartype == "spin" else (states > 0).astype(float)
    return sum(c * values[:, list(term)].prod(axis=1) for term, c in terms.items())


def violated(clauses, weights, states):
    held = np.array([[any((s[abs(v) - 1] > 0) == (v > 0) for v in c) for c in clauses] for s in states])
    return (~held * np.asarray(weights)).sum(axis=1)


def _cases():
    weights = [3.0, 1.0, 2.0, 5.0, 1.0, 1.0, 2.5]
    for vartype, terms in (("spin", SPINS), ("binary", BITS)):
        yield (
            from_polynomial(6, terms, vartype=vartype),
            lambda s, terms=terms, vartype=vartype: polynomial(terms, vartype, s),
        )
    yield from_clauses(6, CLAUSES, weights=weights), lambda s: violated(CLAUSES, weights, s)
    yield from_clauses(6, CLAUSES), lambda s: violated(CLAUSES, np.ones(7), s)


CASES = list(_cases())
EVERY = np.array(list(product([-1, 1], repeat=6)), dtype=np.int8)


@pytest.mark.parametrize(("model", "energy"), CASES)
def test_energies_are_those_of_the_products_and_the_least_is_found(model, energy):
    net = lower_ising(model, sweeps=200)
    found = simulate_spins(net, chains=4, seed=3, method="terms")
    assert found.method == "terms" and found.updates == 4 * 200 * 6
    for states, told in ((found.states, found.energy), (found.best_states, found.best_energies)):
        np.testing.assert_allclose(told, energy(states[:, :6]), atol=1e-6)
    np.testing.assert_allclose(found.best_energies, energy(EVERY).min(), atol=1e-6)


@pytest.mark.parametrize(("model", "energy"), CASES)
def test_turns_leave_boltzmanns_law(model, energy):
    """20,000 chains over 64 states: a chi-square, and the mean energy by its standard error, to which a
    temperature 10 % too high is 14 spreads over kT, some 7 and more here.
    """
    n, kT = 20_000, 1.0
    net = lower_ising(model)
    system, terms = SpinSystem.from_netlist(net), Terms.of(net)
    states = system.random_states(n, 5)
    levels = energy(EVERY)
    share = np.exp(-levels / kT) / np.exp(-levels / kT).sum()
    mean = share @ levels
    sem = np.sqrt(share @ (levels - mean) ** 2 / n)

    def counts(kT):
        with TermChains(system, terms, states, 7, threads=1) as chains:
            chains.sweep(kT, 60, 0)
            index = (chains.states()[:, :6] > 0) @ (1 << np.arange(6)[::-1])
        return np.bincount(index, minlength=64)

    right, hot = counts(kT), counts(1.1 * kT)
    assert stats.chisquare(right, n * share).pvalue > 1e-4
    assert abs(right @ levels / n - mean) < 4 * sem
    assert hot @ levels / n - mean > 4 * sem


def test_a_chain_is_a_function_of_seed_and_number():
    rng = np.random.default_rng(0)
    terms = {tuple(sorted(rng.choice(40, 3, False).tolist())): float(rng.normal()) for _ in range(120)}
    net = lower_ising(from_polynomial(40, terms, vartype="spin"), sweeps=300)
    whole = simulate_spins(net, chains=5, seed=3, method="terms", threads=2)
    one = simulate_spins(net, chains=5, seed=3, method="terms", threads=1)
    part = simulate_spins(net, chains=2, seed=3, method="terms", first_chain=3)
    assert (whole.best_states == one.best_states).all() and (whole.states == one.states).all()
    assert (whole.states[3:] == part.states).all() and (whole.flips, whole.clock) == (one.flips, None)
    assert (simulate_spins(net, chains=5, seed=4, method="terms").states != whole.states).any()
    timed = simulate_spins(net, chains=2, seed=3, seconds=0.2)
    again = simulate_spins(net, chains=2, seed=3, clock=timed.clock)
    assert timed.method == again.method == "terms" and (timed.best_states == again.best_states).all()


def test_clamped_variables_are_out():
    model = from_polynomial(6, BITS, vartype="binary", names=tuple("abcdef"))
    for name, value in (("c", 1), ("d", 0)):
        net = lower_ising(clamp_named(model, {name: value}))
        found = simulate_spins(net, chains=3, seed=1, method="terms")
        states = net.problem.variables(found.best_states)[:, :6]
        column = "abcdef".index(name)
        assert (states[:, column] == 2 * value - 1).all()
        least = polynomial(BITS, "binary", EVERY[EVERY[:, column] == 2 * value - 1]).min()
        np.testing.assert_allclose(found.best_energies, least, atol=1e-6)


def test_what_auto_takes():
    weighted = lower_ising(from_clauses(6, CLAUSES, weights=[1.0] * 7))
    plain, short = (
        lower_ising(from_clauses(6, CLAUSES)),
        lower_ising(from_clauses(2, [[1, 2]], weights=[1.0])),
    )
    assert simulate_spins(weighted, chains=2).method == "terms"
    assert simulate_spins(plain, chains=2, sweeps=50).method != "terms"
    assert simulate_spins(plain, chains=2, seconds=0.05).method == "terms"
    for options in ({"kT": 0.3}, {"looks": 3}):
        assert simulate_spins(weighted, chains=2, **options).method != "terms"
    assert simulate_spins(short, chains=2).method != "terms"
    with pytest.raises(SimulationError, match="products of three variables and more"):
        simulate_spins(short, chains=2, method="terms")


def test_it_finds_more_than_auxiliary_spins_do():
    """Sixty spins, 180 products of three: on p-bits the auxiliary spins hold the variables."""
    rng = np.random.default_rng(2)
    terms = {tuple(sorted(rng.choice(60, 3, False).tolist())): float(rng.choice([-1, 1])) for _ in range(180)}
    net = lower_ising(from_polynomial(60, terms, vartype="spin"), sweeps=500)
    ours = simulate_spins(net, chains=8, seed=0).best_energies
    p_bits = simulate_spins(net, chains=8, seed=0, method="chains").best_energies
    assert ours.mean() < p_bits.mean() - 3 * np.hypot(ours.std(), p_bits.std()) / np.sqrt(8)
