"""Passes over circuits: every root keeps its function, nothing grows, and what each is for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import mutated, random_circuit, same_function

from compiler.circuits.evaluate import evaluate_words
from compiler.counting import gate_counts, gate_depth
from compiler.errors import NetlistError
from compiler.ir.gates import make_gates, verify_gates
from compiler.passes.gates.local import (
    collapse_pairs,
    complement_drivers,
    fold_constants,
    hash_structurally,
    live_gates,
    remove_buffers,
    sweep_dead,
)
from compiler.pipelines import GATES, gate_pipeline, run_passes, simplify

PASSES = (fold_constants, remove_buffers, hash_structurally, collapse_pairs, complement_drivers, sweep_dead)


def _live(netlist):
    return gate_counts(netlist)["gates"]["two_input"]


@pytest.mark.parametrize("step", PASSES)
@given(seed=st.integers(0, 2**32), n_inputs=st.integers(1, 8), n_gates=st.integers(0, 60))
@settings(max_examples=150)
def test_each_pass_keeps_every_root_and_adds_no_gate(step, seed, n_inputs, n_gates):
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, n_inputs, n_gates, sums=True)
    result = step(netlist)
    verify_gates(result)
    assert same_function(result, netlist)
    assert _live(result) <= _live(netlist)


@given(st.integers(0, 2**32), st.sampled_from(sorted(GATES)), st.integers(0, 2))
@settings(max_examples=60, deadline=None)
def test_pipelines_keep_every_root_and_leave_nothing_dead(seed, objective, level):
    netlist = random_circuit(np.random.default_rng(seed), 12, 80, sums=True)
    result = simplify(netlist, level, objective=objective)
    assert same_function(result, netlist)
    if level:
        assert live_gates(result).all()
        assert _live(simplify(result, level, objective=objective)) <= _live(result)
    if level and objective == "ands":
        assert not np.isin(result.op, (6, 9)).any()
    if level == 1 and objective == "gates":
        assert gate_depth(result) <= gate_depth(netlist)


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_wide_circuits_on_random_patterns(seed):
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, 80, 300)
    result = simplify(netlist, 2)
    words = rng.integers(0, 2**64, (80, 16), dtype=np.uint64)
    assert (evaluate_words(result, words) == evaluate_words(netlist, words)).all()


def test_the_property_would_notice_a_broken_pass():
    rng = np.random.default_rng(0)
    caught = tried = 0
    for _ in range(50):
        netlist = simplify(random_circuit(rng, 5, 20), 1)
        if netlist.n_gates:
            tried += 1
            caught += not same_function(mutated(netlist, rng), netlist)
    # a changed row can be one that never occurs, but seldom
    assert tried > 30 and caught > tried / 2


def _net(op, a, b, outputs, inputs=("x", "y", "z")):
    return make_gates(inputs, op, a, b, outputs)


def test_constants_fold_through():
    # y and (x or 1) = y
    netlist = _net([15, 7, 1], [0, 0, 1], [0, 3, 4], {"o": 5})
    folded = remove_buffers(fold_constants(netlist))
    assert folded.outputs.tolist() == [1]
    assert sweep_dead(folded).n_gates == 0


def test_a_net_read_twice_folds():
    netlist = _net([1, 6, 14], [0, 0, 0], [0, 0, 0], {"and": 3, "xor": 4, "nand": 5})
    assert fold_constants(netlist).op.tolist() == [3, 0, 12]


def test_double_negation_and_buffers_vanish():
    netlist = _net([12, 12, 3, 1], [0, 3, 4, 5], [0, 0, 0, 1], {"o": 6, "same": 5})
    result = sweep_dead(remove_buffers(netlist))
    assert (result.op.tolist(), result.a.tolist(), result.b.tolist()) == ([1], [0], [1])
    assert result.outputs.tolist() == [3, 0]


def test_hashing_sees_swapped_operands_and_complements():
    # x > y, y < x, and their complement
    netlist = _net([2, 4, 13], [0, 1, 0], [1, 0, 1], {"p": 3, "q": 4, "r": 5})
    result = sweep_dead(hash_structurally(netlist))
    assert result.op.tolist() == [2, 12]
    assert result.outputs.tolist() == [3, 3, 4]


def test_hashing_keeps_different_functions_of_the_same_nets_apart():
    netlist = _net([2, 4], [0, 0], [1, 1], {"p": 3, "q": 4})
    assert sweep_dead(hash_structurally(netlist)).n_gates == 2


def test_an_xor_of_and_gates_collapses():
    # not (x and y), x and that, y and that, or: the four-gate xor
    netlist = _net([14, 1, 1, 7], [0, 0, 1, 4], [1, 3, 3, 5], {"o": 6})
    result = sweep_dead(collapse_pairs(netlist))
    assert (result.op.tolist(), result.a.tolist(), result.b.tolist()) == ([6], [0], [1])


def test_absorption_collapses():
    # x or (x and y) = x
    result = simplify(_net([1, 7], [0, 0], [1, 3], {"o": 4}), 2)
    assert result.n_gates == 0 and result.outputs.tolist() == [0]


def test_an_inverted_output_goes_into_its_gate():
    netlist = _net([1, 12, 7], [0, 3, 3], [1, 0, 2], {"no": 4, "either": 5})
    result = simplify(netlist, 1)
    assert gate_counts(result)["gates"]["inverters"] == 0
    assert sorted(result.op.tolist()) in ([11, 14], [13, 14])  # x nand y, and z or that not
    both = replace(netlist, output_names=("no", "yes"), outputs=np.array([4, 3], np.int32))
    assert gate_counts(simplify(both, 1))["gates"]["inverters"] == 1


def test_inputs_and_their_order_stay():
    netlist = _net([1], [2], [0], {"o": 3})
    assert simplify(netlist, 2).input_names == ("x", "y", "z")


def test_long_chains_need_no_recursion():
    n = 20000
    netlist = make_gates(["x"], [12] * n, range(n), [0] * n, {"o": n})
    assert simplify(netlist, 2).outputs.tolist() == [0]


def test_an_unknown_level_lists_the_levels():
    with pytest.raises(NetlistError, match="level 3 is unknown; levels are 0, 1, 2"):
        gate_pipeline(3)


def test_the_runner_names_a_pass_that_breaks_the_order():
    def reverse(netlist):
        return replace(netlist, a=netlist.a[::-1].copy())

    netlist = _net([1, 1], [0, 3], [1, 2], {"o": 4})
    with pytest.raises(NetlistError, match="pass reverse broke the netlist: gate 0"):
        run_passes(netlist, (reverse,))
