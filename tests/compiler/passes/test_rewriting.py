"""Cut rewriting and resubstitution: every root keeps its function, nothing grows, known minima."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import random_circuit, same_function
from toys.patterns import every_pattern, thermometer

from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import all_patterns, evaluate, evaluate_words
from compiler.counting import gate_counts, gate_depth
from compiler.equivalence import check_equal
from compiler.errors import NetlistError
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import AND, OR, TWO_INPUT, XOR, make_gates, verify_gates
from compiler.passes.gates.local import fold_constants, hash_structurally, remove_buffers, sweep_dead
from compiler.passes.gates.merge_equal import merge_equal
from compiler.passes.gates.resubstitute import resubstitute
from compiler.passes.gates.rewrite import rewrite_cuts
from compiler.passes.gates.xag_netlist import from_netlist, to_netlist
from compiler.pipelines import run_passes, simplify


def live(netlist):
    return gate_counts(netlist)["gates"]["two_input"]


def hashed(netlist):
    steps = (fold_constants, remove_buffers, hash_structurally, sweep_dead)
    return run_passes(netlist, steps)[0]


STEPS = {
    "rewrite": (rewrite_cuts, {}),
    "rewrite, zero gain": (rewrite_cuts, {"zero": True, "turn": 3}),
    "rewrite, depth": (rewrite_cuts, {"keep_depth": True}),
    "resubstitute": (resubstitute, {}),
    "resubstitute, 10 leaves": (resubstitute, {"leaves": 10, "divisors": 30}),
    "resubstitute, depth": (resubstitute, {"keep_depth": True, "gates": 1}),
}


@pytest.mark.parametrize("name", STEPS)
@given(seed=st.integers(0, 2**32), n_inputs=st.integers(1, 11), n_gates=st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_each_pass_keeps_every_root_and_adds_no_gate(name, seed, n_inputs, n_gates):
    step, options = STEPS[name]
    netlist = random_circuit(np.random.default_rng(seed), n_inputs, n_gates, sums=True)
    result = step(netlist, **options)
    verify_gates(result)
    assert same_function(result, netlist)
    assert live(result) <= live(hashed(netlist))
    if "keep_depth" in options:
        assert gate_depth(result) <= gate_depth(netlist)
    ands = step(netlist, objective="ands", **options)
    assert same_function(ands, netlist)
    assert not np.isin(ands.op, (6, 9)).any()


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_wide_circuits_are_proved_equal(seed):
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, 40, 400, 20)
    for step in (rewrite_cuts, resubstitute):
        result = step(netlist)
        assert check_equal(netlist, result).equal
        words = rng.integers(0, 2**64, (40, 16), dtype=np.uint64)
        assert np.array_equal(evaluate_words(result, words), evaluate_words(netlist, words))


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_graph_is_a_hashed_netlist(seed, ands):
    netlist = random_circuit(np.random.default_rng(seed), 8, 60, sums=True)
    result = to_netlist(from_netlist(netlist, ands=ands), netlist)
    verify_gates(result)
    assert same_function(result, netlist)
    if not ands:
        assert live(result) <= live(hashed(netlist))


def test_a_full_adder_of_ands_takes_five_gates():
    """Seven and-gates, as an and-inverter graph has them: xor is three of them."""
    b = Builder(["x", "y", "z"])

    def xor(p, q):
        return 2 * b.gate(OR, 2 * b.gate(AND, p, q ^ 1), 2 * b.gate(AND, p ^ 1, q))

    first = xor(0, 2)
    total = xor(first, 4)
    carry = b.gate(OR, 2 * b.gate(AND, 0, 2), 2 * b.gate(AND, first, 4))
    netlist = b.netlist({"sum": total >> 1, "carry": carry})
    assert live(netlist) == 9
    assert live(simplify(netlist, 2)) == 5
    assert live(simplify(netlist, 2, objective="ands")) == 7


def test_majority_as_a_sum_of_products_takes_four_gates():
    b = Builder(["x", "y", "z"])
    products = [2 * b.gate(AND, p, q) for p, q in ((0, 2), (0, 4), (2, 4))]
    netlist = b.netlist({"o": b.tree(OR, products)})
    assert (live(netlist), live(rewrite_cuts(netlist))) == (5, 4)


def test_a_gate_is_made_of_nets_that_are_there():
    """x ^ y ^ z where x ^ z is there: one gate instead of two, in a window, not in a small cut."""
    b = Builder(["x", "y", "z"])
    there = b.gate(XOR, 0, 4)
    o = b.gate(XOR, 2 * b.gate(XOR, 0, 2), 4)
    netlist = b.netlist({"there": there, "o": o})
    assert (live(netlist), live(resubstitute(netlist))) == (3, 2)


def test_operators_refuse_what_they_do_not_know():
    netlist = make_gates(["x"], [], [], [], {"o": 0})
    for step in (rewrite_cuts, resubstitute):
        with pytest.raises(NetlistError, match="objective 'area' is unknown; objectives are gates"):
            step(netlist, objective="area")
    for wrong in ({"leaves": 11}, {"leaves": 1}, {"gates": 3}, {"divisors": 1}):
        with pytest.raises(NetlistError, match="a window has 2 to 10 leaves"):
            resubstitute(netlist, **wrong)
    with pytest.raises(NetlistError, match="objective 'area' is unknown"):
        simplify(netlist, 2, objective="area")


@given(seed=st.integers(0, 2**32), n_inputs=st.integers(1, 11), n_gates=st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_sat_sweeping_keeps_every_root_and_leaves_no_equal_nets(seed, n_inputs, n_gates):
    netlist = random_circuit(np.random.default_rng(seed), n_inputs, n_gates, sums=True)
    result = merge_equal(netlist)
    verify_gates(result)
    assert same_function(result, netlist)
    assert live(result) <= live(netlist)
    words = all_patterns(n_inputs)
    values = evaluate_words(result, words, np.arange(result.n_nets))
    values[(values[:, 0] & np.uint64(1)).astype(bool)] ^= np.uint64(2**64 - 1)
    keep = np.flatnonzero(TWO_INPUT[result.op]) + n_inputs
    seen = [values[net].tobytes() for net in [*range(n_inputs), *keep]]
    assert len(set(seen)) == len(seen) and bytes(8 * words.shape[1]) not in seen


def test_equal_nets_of_different_structure_merge():
    """(x and y) or (x and z), and x and (y or z): no hashing sees it."""
    b = Builder(["x", "y", "z"])
    one = b.gate(OR, 2 * b.gate(AND, 0, 2), 2 * b.gate(AND, 0, 4))
    two = b.gate(AND, 0, 2 * b.gate(OR, 2, 4))
    netlist = b.netlist({"one": one, "two": two})
    assert (live(hashed(netlist)), live(merge_equal(netlist))) == (5, 3)


# --- impossible patterns ---------------------------------------------------------------------


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_the_encoder_cannot_make_may_change_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    encoder = thermometer(rng, 8, 3)
    netlist = replace(random_circuit(rng, 8, 60), encoder=encoder)
    patterns = every_pattern(encoder)
    for result in (
        resubstitute(netlist, impossible=True),
        merge_equal(netlist, impossible=True),
        simplify(netlist, 2),
    ):
        assert np.array_equal(evaluate(result, patterns), evaluate(netlist, patterns))
        assert check_equal(netlist, result, encoder=encoder).equal
    for result in (resubstitute(netlist), merge_equal(netlist), simplify(netlist, 2, impossible=False)):
        assert result.encoder is encoder
        assert same_function(result, netlist)


def test_gates_of_two_thresholds_of_a_feature_vanish():
    """x > .25 and x > .75; (x > .25) xor (x > .75) and its and with x > .75, which is 0."""
    encoder = Thermometer(1, np.zeros(2, dtype=np.int32), np.array([0.25, 0.75]))
    netlist = make_gates(
        ["low", "high"], [1, 6, 1], [0, 0, 3], [1, 1, 1], {"and": 2, "never": 4}, encoder=encoder
    )
    assert live(simplify(netlist, 2, impossible=False)) == 2
    result = simplify(netlist, 2)
    assert live(result) == 0 and result.outputs[0] == 1
    # a constraint read the wrong way round would make it the low one
    turned = replace(netlist, encoder=replace(encoder, threshold=np.array([0.75, 0.25])))
    assert simplify(turned, 2).outputs[0] == 0


def test_features_that_no_pattern_ties_stay_free():
    encoder = Thermometer(2, np.array([0, 1], dtype=np.int32), np.array([0.25, 0.75]))
    netlist = make_gates(["p", "q"], [1], [0], [1], {"o": 2}, encoder=encoder)
    assert live(simplify(netlist, 2)) == 1
