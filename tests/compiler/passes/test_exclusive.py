"""Nets that are never 1 together are counted as one: the counts stay, on all patterns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import random_circuit
from toys.patterns import every_pattern, thermometer

from compiler.circuits.evaluate import all_patterns, evaluate_classes, unpack_bits
from compiler.errors import NetlistError
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, make_gates, verify_gates
from compiler.passes.gates.exclusive import _Merger, merge_exclusive


def summed(netlist, rng, n=30):
    nets = rng.integers(0, netlist.n_nets, n).astype(np.int32)
    return replace(netlist, class_sums=ClassSums(nets, np.array([0, 12, 12, n]), 2.0))


@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_counts_stay(seed, n_inputs, n_gates):
    rng = np.random.default_rng(seed)
    netlist = summed(random_circuit(rng, n_inputs, n_gates), rng)
    result = merge_exclusive(netlist)
    verify_gates(result)
    bits = unpack_bits(all_patterns(n_inputs), max(64, 1 << n_inputs))
    assert np.array_equal(evaluate_classes(result, bits), evaluate_classes(netlist, bits))
    assert result.class_sums.nets.size <= netlist.class_sums.nets.size


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_counts_stay_where_the_encoder_keeps_nets_apart(seed):
    rng = np.random.default_rng(seed)
    encoder = thermometer(rng, 7, 3)
    netlist = replace(summed(random_circuit(rng, 7, 40), rng), encoder=encoder)
    bits = every_pattern(encoder)
    result = merge_exclusive(netlist)
    assert np.array_equal(evaluate_classes(result, bits), evaluate_classes(netlist, bits))
    plain = merge_exclusive(netlist, impossible=False)
    every = unpack_bits(all_patterns(7), 128)
    assert np.array_equal(evaluate_classes(plain, every), evaluate_classes(netlist, every))


def _grouped(neighbours):
    """What `groups` is said to do, one search over all that is left a group."""
    left, found = set(range(len(neighbours))), []
    while left:
        first = min(left, key=lambda k: (len(neighbours[k]), k))
        group, candidates = [first], set(neighbours[first])
        while candidates:
            group.append(min(candidates, key=lambda k: (len(neighbours[k]), k)))
            candidates &= neighbours[group[-1]]
        for k in group:
            left.discard(k)
            for other in neighbours[k]:
                neighbours[other].discard(k)
            neighbours[k] = set()
        found.append(sorted(group))
    return found


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_who_has_the_fewest_partners_chooses_first(seed, n):
    rng = np.random.default_rng(seed)
    products = [frozenset(rng.integers(0, 16, rng.integers(0, 5)).tolist()) for _ in range(n)]
    merger = _Merger(summed(random_circuit(rng, 8, 3), rng), impossible=False)
    assert merger.groups(products) == _grouped(merger.exclusions(products))


def _classes(op, a, b, names=("x", "y", "z"), **more):
    n = len(names)
    sums = ClassSums(np.arange(n, n + len(op), dtype=np.int32), np.array([0, len(op)]))
    return make_gates(names, op, a, b, {}, class_sums=sums, **more)


def test_opposite_products_become_one_net():
    # x and y, not x and z
    result = merge_exclusive(_classes([1, 4], [0, 0], [1, 2]))
    assert result.class_sums.nets.size == 1
    # x and y, x and z can be 1 together
    assert merge_exclusive(_classes([1, 1], [0, 0], [1, 2])).class_sums.nets.size == 2


def test_complements_of_products_leave_a_constant():
    # not (x and y), not (not x and z): at least one of them is 1
    result = merge_exclusive(_classes([14, 11], [0, 0], [1, 2]))
    nets = result.class_sums.nets
    assert nets.size == 2 and 15 in result.op[nets - 3].tolist()


def test_thresholds_exclude_each_other():
    # high and z, not low and z
    encoder = Thermometer(2, np.array([0, 0, 1], dtype=np.int32), np.array([0.2, 0.7, 0.5]))
    netlist = _classes([1, 4], [1, 0], [2, 2], encoder=encoder)
    assert merge_exclusive(netlist).class_sums.nets.size == 1
    assert merge_exclusive(netlist, impossible=False).class_sums.nets.size == 2
    # low and z, not high and z: both 1 between the thresholds
    netlist = _classes([1, 4], [0, 1], [2, 2], encoder=encoder)
    assert merge_exclusive(netlist).class_sums.nets.size == 2


def test_a_netlist_without_sums_is_refused():
    with pytest.raises(NetlistError, match="no class sums"):
        merge_exclusive(make_gates(["x"], [], [], [], {"o": 0}))
