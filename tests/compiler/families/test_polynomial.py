"""Products of any degree: at the best auxiliary spins, the energies of the terms."""

from itertools import product

import numpy as np
import pytest
from toys.spin_twin import all_states

from compiler.errors import NetlistError
from compiler.families.ising import lower_ising
from compiler.families.polynomial import from_polynomial
from thermo.simulate.spins.run import simulate_spins


def energies(terms, n, vartype):
    """(2^n,) of all states, in the order of all_states."""
    s = all_states(n).astype(float)
    v = s if vartype == "spin" else (1 + s) / 2
    return sum(c * np.prod(v[:, list(term)], axis=1) for term, c in terms.items())


def least_over_auxiliary(model, n):
    """(2^n,) least energy of each state of the first n spins."""
    return model.energy(all_states(model.n)).reshape(-1, 2**n).min(axis=0)


@pytest.mark.parametrize("vartype", ["spin", "binary"])
@pytest.mark.parametrize("c", [1.5, -0.7])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 4, 5])
def test_one_product(vartype, c, degree):
    if vartype == "spin" and degree == 5:
        pytest.skip("sixteen auxiliary spins and more")
    n = max(degree, 1)
    terms = {tuple(range(degree)): c}
    model = from_polynomial(n, terms, vartype=vartype)
    np.testing.assert_allclose(least_over_auxiliary(model, n), energies(terms, n, vartype), atol=1e-12)


def test_how_many_auxiliary_spins():
    counts = {
        (vartype, sign, k): from_polynomial(k, {tuple(range(k)): sign}, vartype=vartype).n - k
        for vartype, sign, k in product(("spin", "binary"), (1.0, -1.0), (3, 4))
    }
    assert [counts["binary", -1.0, k] for k in (3, 4)] == [1, 1]
    assert [counts["binary", 1.0, k] for k in (3, 4)] == [1, 1]
    assert [counts["spin", s, k] for s in (1.0, -1.0) for k in (3, 4)] == [1, 5, 1, 5]


@pytest.mark.parametrize("vartype", ["spin", "binary"])
def test_sums_of_products_and_repeated_variables(vartype):
    rng = np.random.default_rng(1)
    terms = {t: float(rng.normal()) for t in [(), (0,), (1, 3), (0, 1, 2), (1, 2, 3), (0, 2, 3), (2, 2)]}
    model = from_polynomial(4, terms, vartype=vartype, names=("a", "b", "c", "d"))
    np.testing.assert_allclose(least_over_auxiliary(model, 4), energies(terms, 4, vartype), atol=1e-12)
    assert model.names[:4] == ("a", "b", "c", "d") and model.names[4] == "auxiliary 1"
    result = simulate_spins(lower_ising(model, sweeps=2000), chains=8, seed=1)
    assert result.best_energy == pytest.approx(energies(terms, 4, vartype).min())


@pytest.mark.parametrize(
    ("terms", "options", "message"),
    [
        ({(0, 3): 1.0}, {}, "variable 3; variables are 0 to 2"),
        ({(0,): np.inf}, {}, "must be finite"),
        ({(0,): 1.0}, {"vartype": "bits"}, "spin or binary"),
    ],
)
def test_bad_polynomials(terms, options, message):
    with pytest.raises(NetlistError, match=message):
        from_polynomial(3, terms, **options)


def test_too_many_spins_in_a_product():
    with pytest.raises(NetlistError, match="product of 13 spins"):
        from_polynomial(13, {tuple(range(13)): 1.0}, vartype="spin")
