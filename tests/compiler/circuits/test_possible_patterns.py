"""What an encoder guarantees, and equality under it: against brute force over real data."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import mutated, random_circuit
from toys.patterns import every_pattern, thermometer

from compiler.circuits.evaluate import evaluate, unpack_bits
from compiler.circuits.possible import chains, implications, possible_words
from compiler.equivalence import check_equal
from compiler.errors import NetlistError
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import make_gates


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_implications_allow_exactly_what_data_can_make(seed):
    rng = np.random.default_rng(seed)
    encoder = thermometer(rng, 6, 3)
    bits = np.array(list(product([False, True], repeat=6)))
    allowed = np.ones(64, dtype=bool)
    for high, low in implications(encoder):
        allowed &= ~bits[:, high] | bits[:, low]
    assert np.array_equal(bits[allowed], every_pattern(encoder))
    drawn = np.unique(unpack_bits(possible_words(encoder, rng, 64), 4096), axis=0)
    assert np.array_equal(drawn, every_pattern(encoder))


def test_a_feature_with_one_input_is_free():
    encoder = Thermometer(3, np.array([2, 0, 2], dtype=np.int32), np.array([0.5, 0.1, 0.25]))
    group, rank = chains(encoder)
    assert group[1] == -1 and group[0] == group[2] >= 0
    assert (rank[0], rank[2]) == (1, 0)
    assert implications(encoder).tolist() == [[0, 2]]


@given(st.integers(0, 2**32), st.booleans())
@settings(max_examples=60, deadline=None)
def test_equality_under_an_encoder_is_that_of_the_patterns_it_makes(seed, by_sat):
    rng = np.random.default_rng(seed)
    encoder = thermometer(rng, 7, 3)
    a = random_circuit(rng, 7, 25, 3)
    b = mutated(a, rng)
    patterns = every_pattern(encoder)
    same = (evaluate(a, patterns) == evaluate(b, patterns)).all(axis=1)
    verdict = check_equal(a, b, exhaustive=0 if by_sat else 20, encoder=encoder)
    assert verdict.equal == same.all() and verdict.possible_only
    if not verdict.equal:
        bits = np.array([verdict.counterexample[name] for name in a.input_names], dtype=bool)
        assert (patterns == bits).all(axis=1).any()
        assert (evaluate(a, bits[None]) != evaluate(b, bits[None])).any()


@pytest.mark.parametrize("exhaustive", [0, 20])
def test_and_of_two_thresholds_is_the_higher_one(exhaustive):
    both = make_gates(["low", "high"], [1], [0], [1], {"o": 2})
    high = make_gates(["low", "high"], [3], [1], [1], {"o": 2})
    encoder = Thermometer(1, np.zeros(2, dtype=np.int32), np.array([0.2, 0.6]))
    assert not check_equal(both, high, exhaustive=exhaustive).equal
    assert check_equal(both, high, exhaustive=exhaustive, encoder=encoder).equal
    # the other way round it is the low one that differs
    turned = Thermometer(1, np.zeros(2, dtype=np.int32), np.array([0.6, 0.2]))
    assert not check_equal(both, high, exhaustive=exhaustive, encoder=turned).equal


def test_an_encoder_of_another_circuit_is_refused():
    net = make_gates(["x"], [], [], [], {"o": 0})
    with pytest.raises(NetlistError, match="makes 2 inputs, the first circuit has 1"):
        encoder = Thermometer(1, np.zeros(2, dtype=np.int32), np.array([0.2, 0.6]))
        check_equal(net, net, encoder=encoder)
