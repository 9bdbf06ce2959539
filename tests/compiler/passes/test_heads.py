"""The class head as gates: what the class sums say, on all patterns or random ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import random_circuit
from toys.heads import counting

from compiler.circuits.adders import ADDERS
from compiler.circuits.evaluate import all_patterns, evaluate, evaluate_classes, unpack_bits
from compiler.counting import gate_counts, gate_depth
from compiler.errors import NetlistError
from compiler.ir.gates import verify_gates
from compiler.passes.gates.heads import lower_head, read_words


def check(netlist, bits, **options):
    lowered = lower_head(netlist, **options)
    verify_gates(lowered)
    assert lowered.class_sums is None
    values = evaluate(lowered, bits)
    scores = evaluate_classes(netlist, bits)
    # argmax takes the first of equal scores
    chosen = read_words(values, lowered.output_names, "class")
    assert np.array_equal(chosen, scores.argmax(axis=1))
    if options.get("sums", True):
        counts = np.rint(scores * netlist.class_sums.tau).astype(int)
        for c, size in enumerate(np.diff(netlist.class_sums.indptr)):
            if size:
                shown = read_words(values, lowered.output_names, f"sum{c}")
                assert np.array_equal(shown, counts[:, c])
    return lowered


@pytest.mark.parametrize("adder", ADDERS)
@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("sizes", [(1,), (5, 5), (1, 2, 3), (0, 4, 7), (3, 3, 3, 3), (2, 0, 0, 2, 6), (12,)])
def test_small_heads_on_all_patterns(sizes, pairs, adder):
    netlist = counting(sizes)
    bits = unpack_bits(all_patterns(netlist.n_inputs), max(64, 1 << netlist.n_inputs))
    check(netlist, bits, adder=adder, pairs=pairs)


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 90), min_size=1, max_size=11),
    st.sampled_from(ADDERS),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_wide_heads_on_random_patterns(seed, sizes, adder, sums, pairs):
    rng = np.random.default_rng(seed)
    netlist = counting(sizes, rng, 40)
    # all densities, so that sums of every size and ties occur
    bits = rng.random((300, 40)) < rng.random((300, 1))
    check(netlist, bits, adder=adder, sums=sums, pairs=pairs)


def test_comparing_all_pairs_is_less_deep():
    netlist = counting([8] * 10)
    depths = [gate_depth(lower_head(netlist, adder="fast", pairs=pairs)) for pairs in (False, True)]
    assert depths[1] < 0.6 * depths[0]


def test_the_body_and_its_outputs_stay():
    rng = np.random.default_rng(3)
    netlist = random_circuit(rng, 7, 40, sums=True)
    bits = unpack_bits(all_patterns(7), 128)
    assert np.array_equal(evaluate(check(netlist, bits), bits)[:, :5], evaluate(netlist, bits))
    lowered = check(netlist, bits, merge=False)
    assert np.array_equal(evaluate(lowered, bits)[:, :5], evaluate(netlist, bits))
    assert np.array_equal(lowered.op[:40], netlist.op)
    assert lowered.meta["head"]["gates"] == lowered.n_gates - 40


def test_only_the_decision():
    lowered = lower_head(counting((4, 4, 4)), sums=False)
    assert lowered.output_names == ("class[0]", "class[1]")


@pytest.mark.parametrize(("adder", "per_bit"), [("fast", 5.0), ("small", 4.5)])
def test_gates_a_counted_bit(adder, per_bit):
    """A popcount of n bits takes less than 5 n or 4.5 n gates, and not much less."""
    n = 1023
    gates = gate_counts(lower_head(counting((n,)), adder=adder))["gates"]["two_input"]
    assert (per_bit - 0.2) * n < gates < (per_bit + 0.05) * n


def test_errors():
    netlist = counting((2, 2))
    with pytest.raises(NetlistError, match="no class sums"):
        lower_head(lower_head(netlist))
    with pytest.raises(NetlistError, match="adder 'ripple' is unknown; adders are small, fast"):
        lower_head(netlist, adder="ripple")
    named = replace(netlist, output_names=("sum0[0]",), outputs=np.array([1], dtype=np.int32))
    with pytest.raises(NetlistError, match="called 'sum0\\[0\\]' already"):
        lower_head(named)
    with pytest.raises(NetlistError, match=r"no output left\[0\]"):
        read_words(np.zeros((1, 1)), ("a",), "left")
