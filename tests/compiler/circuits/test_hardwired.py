"""Hard-wired classifiers say what the integer network says, bit for bit, and what they share pays."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.circuits.adders import ADDERS
from compiler.circuits.evaluate import evaluate
from compiler.circuits.hardwired import hard_wire
from compiler.circuits.integer_network import IntegerNetwork
from compiler.circuits.shared_sums import common_offsets, digit_counts, plan_sums, signed_digits, width_of
from compiler.errors import NetlistError
from compiler.passes.gates.heads import read_words


def network(rng, sizes, most, top, bits=4):
    """Random weights up to `most`, biases as large as the sums."""
    weights = tuple(rng.integers(-most, most + 1, (b, a)) for a, b in itertools.pairwise(sizes))
    biases = tuple(rng.integers(-2 * most * top, 2 * most * top + 1, b) for b in sizes[1:])
    hidden = len(sizes) - 2
    shifts = tuple(int(s) for s in rng.integers(0, most.bit_length() + 2, hidden))
    return IntegerNetwork(
        top, weights, biases, shifts, tuple(int(b) for b in rng.integers(1, bits + 1, hidden))
    )


def decided(circuit, net, x):
    return read_words(evaluate(circuit, net.input_patterns(x)), circuit.output_names, "class")


def every_input(net):
    n, values = net.sizes[0], net.top + 1
    return np.arange(values**n)[:, None] // values ** np.arange(n) % values


@pytest.mark.parametrize("most", [1, 3, 127])
@pytest.mark.parametrize("sizes", [(3, 2), (4, 5), (3, 4, 3), (3, 3, 2, 4)])
def test_every_input_of_small_networks(sizes, most):
    for seed in range(4):
        net = network(np.random.default_rng(seed), sizes, most, top=5)
        x = every_input(net)
        assert np.array_equal(decided(hard_wire(net), net, x), net.predictions(x))


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(2, 12), min_size=2, max_size=4),
    st.sampled_from([1, 2, 7, 127]),
    st.integers(1, 255),
    st.sampled_from(ADDERS),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_random_networks(seed, sizes, most, top, adder, share):
    rng = np.random.default_rng(seed)
    net = network(rng, sizes, most, top)
    x = rng.integers(0, top + 1, (300, sizes[0]))
    x[0], x[1] = 0, top
    assert np.array_equal(decided(hard_wire(net, adder=adder, share=share), net, x), net.predictions(x))


def test_equal_sums_go_to_the_first_class():
    net = IntegerNetwork(3, (np.array([[1, 0], [1, 0], [0, 1]]),), (np.array([0, 0, 0]),))
    x = every_input(net)
    assert (net.sums(x)[:, 0] == net.sums(x)[:, 2]).any()
    assert np.array_equal(decided(hard_wire(net), net, x), net.predictions(x))


def test_wrong_weights_are_seen():
    """The comparison can fail: where two classes are equal, a weight off by one turns the decision."""
    weights = np.array([[1, -1, 2, -2], [0, 0, 0, 0]])
    net = IntegerNetwork(3, (weights,), (np.zeros(2, np.int64),))
    x = every_input(net)
    for row, i in np.ndindex(2, 4):
        wrong = weights.copy()
        wrong[row, i] += 1 if row else -1
        circuit = hard_wire(IntegerNetwork(net.top, (wrong,), net.biases))
        assert not np.array_equal(decided(circuit, net, x), net.predictions(x))


def test_hidden_values_that_never_vary():
    """A cell that is always 0, one that is always saturated, and one that no range limits."""
    w = np.array([[-1, -1], [1, 1], [2, -1]])
    net = IntegerNetwork(
        3, (w, np.array([[5, 1, 2], [1, 1, 3]])), (np.array([-1, 90, 0]), np.array([0, 0])), (0,), (3,)
    )
    x = every_input(net)
    assert np.array_equal(decided(hard_wire(net), net, x), net.predictions(x))


@given(st.integers(-(2**20), 2**20))
def test_signed_digits(value):
    digits = signed_digits(value)
    assert sum(sign << shift for shift, sign in digits) == value
    shifts = [shift for shift, _ in digits]
    assert all(b - a > 1 for a, b in itertools.pairwise(shifts))
    assert digit_counts(np.array([value])) == len(digits)


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 0), (0, 1, 1), (0, 8, 4), (-1, 0, 1), (-8, 7, 4), (-9, 7, 5)]
)
def test_widths(low, high, bits):
    assert width_of(low, high) == bits


def test_common_offsets_leave_the_decision_and_fewer_digits():
    rng = np.random.default_rng(2)
    w = rng.integers(-1, 2, (10, 64))
    offset = common_offsets(w)
    assert digit_counts(w - offset).sum() < 0.8 * digit_counts(w).sum()
    for m in (-1, 0, 1):
        assert (digit_counts(w - offset).sum(axis=0) <= digit_counts(w - m).sum(axis=0)).all()


def test_plans_are_the_product_and_share():
    rng = np.random.default_rng(4)
    w = rng.integers(-20, 21, (10, 30))
    x = rng.integers(0, 8, 30).tolist()
    plans = {share: plan_sums(w, [(0, 7)] * 30, share=share) for share in (False, True)}
    terms = {}
    for share, plan in plans.items():
        values = list(x)
        for pair in plan.pairs:
            values.append(values[pair.first] + pair.sign * (values[pair.second] << pair.shift))
            assert pair.low <= values[-1] <= pair.high
        sums = [sum(sign * values[k] << shift for k, shift, sign in row) for row in plan.rows]
        assert sums == (w @ x).tolist()
        terms[share] = 2 * len(plan.pairs) + sum(map(len, plan.rows))
    assert not plans[False].pairs
    assert terms[True] < 0.8 * terms[False]


def test_sharing_and_offsets_pay():
    """Ternary weights on 64 inputs of five bits: sharing takes a fifth of the gates or more."""
    rng = np.random.default_rng(0)
    net = IntegerNetwork(16, (rng.integers(-1, 2, (10, 64)),), (rng.integers(-100, 100, 10),))
    assert hard_wire(net).n_gates < 0.8 * hard_wire(net, share=False).n_gates


def test_input_patterns():
    net = IntegerNetwork(5, (np.ones((2, 2), np.int64),), (np.zeros(2, np.int64),))
    assert net.input_bits == 3
    bits = net.input_patterns(np.array([[5.0, 2.0]]))
    assert bits.astype(int).tolist() == [[1, 0, 1, 0, 1, 0]]
    for bad in ([[6, 0]], [[-1, 0]], [[0.5, 0]]):
        with pytest.raises(NetlistError, match="whole numbers from 0 to 5"):
            net.input_patterns(np.array(bad))


def test_errors():
    one, zero = np.ones((2, 3), np.int64), np.zeros(2, np.int64)
    for given_, match in (
        ((3, (), ()), "no layers"),
        ((3, (one,), ()), "need as many biases"),
        ((3, (one,), (zero,), (1,)), "0 shifts and bits"),
        ((0, (one,), (zero,)), "largest input must be >= 1"),
        ((3, (one.astype(float),), (zero,)), "int64 weights"),
        ((3, (one,), (np.zeros(3, np.int64),)), r"must have shape \(2,\)"),
        ((3, (one, one), (zero, zero), (0,), (1,)), "layer 1 takes 3 values, layer 0 makes 2"),
        ((3, (one, one[:, :2]), (zero, zero), (-1,), (1,)), "shifts must be >= 0"),
    ):
        with pytest.raises(NetlistError, match=match):
            IntegerNetwork(*given_)
    with pytest.raises(NetlistError, match="adder 'ripple' is unknown"):
        hard_wire(IntegerNetwork(3, (one,), (zero,)), adder="ripple")
    with pytest.raises(NetlistError, match="single class"):
        hard_wire(IntegerNetwork(3, (one[:1],), (zero[:1],)))
