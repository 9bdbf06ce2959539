"""Range, levels, gauge and 0/1 variables: what is said to be exact is, by enumeration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.spins import all_states, boltzmann, netlist_of, number_of, random_model, tv

from compiler.api import compile
from compiler.errors import NetlistError
from compiler.passes.legalize import violations
from compiler.passes.spins.chains import embed
from compiler.passes.spins.embed import Embedding
from compiler.passes.spins.model import decode
from compiler.passes.spins.scale import (
    fit_range,
    gauge,
    largest_field,
    quantize_fields,
    to_binary,
    to_spin,
    ungauge,
)
from compiler.passes.units import largest_coupling
from hw_models.targets import TARGETS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 3), st.floats(0.01, 3), st.booleans())
def test_another_unit_of_energy_changes_no_probability(seed, coupling, field, fill):
    netlist = netlist_of(4, seed=seed, kT=0.7)
    fitted = fit_range(netlist, coupling, field, fill=fill)
    assert largest_coupling(fitted) <= coupling and largest_field(fitted) <= field
    assert tv(boltzmann(fitted), boltzmann(netlist)) < 1e-13
    factor = fitted.kT / netlist.kT
    if fill:
        full = max(largest_coupling(fitted) / coupling, largest_field(fitted) / field)
        assert full == pytest.approx(1.0)
    else:  # a power of two, exact to the last bit
        assert factor <= 1 and np.log2(factor) == np.round(np.log2(factor))
        assert np.array_equal(fitted.cells.h, netlist.cells.h * factor)
        if factor < 1:
            twice = 2 * factor
            assert largest_coupling(netlist) * twice > coupling or largest_field(netlist) * twice > field


def test_within_its_limits_a_netlist_stays_as_it_is():
    netlist = netlist_of(4)
    assert fit_range(netlist, 10.0, 10.0) is netlist
    assert fit_range(netlist, None, None, fill=True) is netlist
    for limits in ((0.0, None), (1.0, -1.0), (np.inf, None)):
        with pytest.raises(NetlistError, match="must be a finite number above 0"):
            fit_range(netlist, *limits)


def test_fields_are_rounded_to_levels_and_chains_keep_their_sum():
    netlist = netlist_of(3, density=1.0, seed=4)
    rounded = quantize_fields(netlist, 3, 0.6)
    assert np.allclose(rounded.cells.h, np.clip(np.rint(netlist.cells.h / 0.2), -3, 3) * 0.2)
    chains = Embedding.of([[0, 1, 2], [3, 6, 7, 8], [4, 5]])
    embedded = embed(netlist, TARGETS.get("king-3"), embedding=chains)
    rounded = quantize_fields(embedded, 4, 1.4)  # a step of 0.2
    for i, cells in enumerate(embedded.lowered.embedded.chains):
        assert abs(rounded.cells.h[cells].sum() - netlist.cells.h[i]) <= 0.1 + 1e-12
    # rounding each by itself is worse
    alone = np.rint(embedded.cells.h / 0.2) * 0.2
    worst = max(
        abs(alone[c].sum() - netlist.cells.h[i]) for i, c in enumerate(embedded.lowered.embedded.chains)
    )
    assert worst > 0.1
    for bits, limit, message in ((1, 1.0, "bits must lie in 2 to 24"), (4, 0.0, "limit must be")):
        with pytest.raises(NetlistError, match=message):
            quantize_fields(netlist, bits, limit)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.lists(st.sampled_from([-1, 1]), min_size=5, max_size=5))
def test_a_gauge_moves_probabilities_and_nothing_else(seed, signs):
    netlist = netlist_of(5, seed=seed)
    turned = gauge(netlist, signs)
    states = all_states(5)
    where = number_of(states * np.array(signs))
    assert tv(boltzmann(turned)[where], boltzmann(netlist)) < 1e-13
    assert np.array_equal(turned.cells.x0, netlist.cells.x0 * signs)
    assert np.array_equal(ungauge(states * np.array(signs), turned), states)
    found = decode(turned, states * np.array(signs, dtype=np.int8))
    assert np.array_equal(found.states, states)
    assert np.allclose(found.energies, random_model(5, seed=seed).energy(states))
    back = gauge(turned, signs)
    assert np.array_equal(back.cells.h, netlist.cells.h)
    assert set(back.lowered.gauge.tolist()) == {1}


def test_bad_gauges_are_refused():
    netlist = netlist_of(3)
    for signs in ([1, -1], [1, 0, 1], [1, 2, -1]):
        with pytest.raises(NetlistError, match=r"signs must be 3 values of \+1 or -1"):
            gauge(netlist, signs)
    cells = netlist.cells
    skewed = netlist.with_(cells=type(cells).make(3, j3=[0, 1.0, 0]))
    with pytest.raises(NetlistError, match="cell 1 is not the same with its sign changed"):
        gauge(skewed, [1, 1, -1])
    assert np.array_equal(ungauge([1, -1, 1], netlist), [1, -1, 1])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 999))
def test_spins_and_bits_have_the_same_energy(n, seed):
    model = random_model(n, seed=seed, offset=0.5)
    pairs = np.stack([model.row, model.col], axis=1)
    a, b, c = to_binary(model.h, pairs, model.J, model.offset)
    s = all_states(n)
    x = (s + 1) / 2
    energy = c - x @ a - (x[:, pairs[:, 0]] * x[:, pairs[:, 1]]) @ b
    assert np.allclose(energy, model.energy(s))
    h, J, offset = to_spin(a, pairs, b, c)
    assert np.allclose(h, model.h) and np.allclose(J, model.J)
    assert offset == pytest.approx(model.offset)


def test_the_known_conversion():
    # h = (1, -1), J = 2 with dimod's plus signs and offset 0.5: diagonal (-2, -6), 8, offset 2.5
    pairs = np.array([[0, 1]])
    a, b, c = to_binary(np.array([-1.0, 1.0]), pairs, np.array([-2.0]), 0.5)
    assert (-a).tolist() == [-2.0, -6.0] and (-b).tolist() == [8.0] and c == 2.5


def test_rounded_p_bits_use_all_levels_of_their_target():
    model = random_model(4, density=1.0, seed=3)
    small = type(model)(model.h * 0.01, model.row, model.col, model.J * 0.01, kT=0.01)
    target = TARGETS.get("complete-8")
    netlist = compile(small, target=target, mend=["rescale", "quantize"])
    assert not violations(netlist, target)
    assert largest_coupling(netlist) == pytest.approx(1.0)
    close = tv(boltzmann(netlist), boltzmann(netlist_of(4, density=1.0, seed=3)))
    assert close < 0.02  # 127 levels: about 1 % of rounding in every coupling
    coarse = compile(small, target=TARGETS.get("complete-8"), mend=["quantize"])
    assert tv(boltzmann(coarse), boltzmann(netlist_of(4, density=1.0, seed=3))) > 5 * close


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (5.0, "cell 1 has h = 5; target `square-2` allows |h| <= 4: add --rescale"),
        (
            0.01,
            "cell 1 has h = 0.01, no multiple of the step 0.0314961; target `square-2` has 8 "
            "bits: add --quantize",
        ),
    ],
)
def test_illegal_fields_are_named_with_what_mends_them(field, message):
    netlist = netlist_of(2, density=0.0)
    cells = type(netlist.cells).make(2, kind=2, x0=1.0, h=[0.0, field])
    assert violations(netlist.with_(cells=cells), TARGETS.get("square-2")) == (message,)
