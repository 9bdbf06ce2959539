"""Sums of products, plans of them and covers: the same functions, late leaves read late."""

import numpy as np
import pytest
from toys.gates import random_circuit

from compiler.circuits.builder import Builder
from compiler.counting import gate_depth
from compiler.equivalence import check_equal
from compiler.ir.gates import AND, OR, XOR
from compiler.jit import interpreted
from compiler.mapped import shapes
from compiler.passes.gates.covers import CUBES, INPUTS, ONES, depends, find_cover, moved, no_covers
from compiler.passes.gates.shallow import shallow
from compiler.passes.gates.shallow_plans import make_plan, no_plan


def table(bits):
    """int64 of the values of a function of fewer inputs, repeated."""
    return np.packbits(np.tile(bits, 64 // bits.size), bitorder="little").view(np.int64)[0]


def value(cubes):
    total = np.int64(0)
    for cube in cubes:
        product = np.int64(-1)
        for i in range(INPUTS):
            product &= ONES[i] if cube >> i & 1 else np.int64(-1)
            product &= ~ONES[i] if cube >> (INPUTS + i) & 1 else np.int64(-1)
        total |= product
    return total


def adder(width):
    """A carry that ripples; the carry out is the latest."""
    builder = Builder([f"{word}{k}" for word in "xy" for k in range(width)])
    carry, outputs = None, {}
    for k in range(width):
        x, y = 2 * k, 2 * (width + k)
        half = 2 * builder.gate(XOR, x, y)
        both = 2 * builder.gate(AND, x, y)
        if carry is None:
            total, carry = half, both
        else:
            total = 2 * builder.gate(XOR, half, carry)
            carry = 2 * builder.gate(OR, both, 2 * builder.gate(AND, half, carry))
        outputs[f"s{k}"] = total >> 1
    return builder.netlist(outputs | {"carry": carry >> 1})


@pytest.mark.parametrize("between", [False, True])
def test_sums_of_products_lie_between_the_bounds_and_none_is_idle(between):
    rng, known, seen = np.random.default_rng(1), no_covers(1 << 8), 0
    frames = np.zeros((INPUTS + 1, INPUTS), dtype=np.int64)
    with interpreted():
        for _ in range(60):
            n = int(rng.integers(1, 6))
            upper = rng.integers(0, 2, 1 << n)
            low, high = table(upper & rng.integers(0 if between else 1, 2, 1 << n)), table(upper)
            at = find_cover(known, low, high, frames)
            cubes = known.pool[known.first[at] : known.first[at] + known.number[at]].tolist()
            assert low & ~value(cubes) == 0 == value(cubes) & ~high and len(cubes) <= CUBES
            for k in range(len(cubes)):
                assert low & ~value(cubes[:k] + cubes[k + 1 :])
            assert find_cover(known, low, high, frames) == at
            seen += len(cubes)
    assert seen > 100


def test_an_input_is_renamed():
    both = ONES[0] & ~ONES[1]
    assert moved(both, 1, 5) == ONES[0] & ~ONES[5]
    assert depends(both, 1) and not depends(both, 5)


def test_plans_compute_their_functions_when_they_say():
    rng, plan, seen = np.random.default_rng(3), no_plan(), 0
    with interpreted():
        for _ in range(80):
            n = int(rng.integers(2, 7))
            function = table(rng.random(1 << n) < rng.choice([0.1, 0.5, 0.9]))
            if not all(depends(function, i) for i in range(n)):
                continue
            late = rng.integers(0, 8, n)
            plan.level[:n] = late
            top = make_plan(plan, function, n)
            values, levels = list(ONES), [*late.tolist(), *[0] * (INPUTS - n)]
            for p, q in plan.gate[: plan.size[0]].tolist():
                values.append((values[p >> 1] ^ -np.int64(p & 1)) & (values[q >> 1] ^ -np.int64(q & 1)))
                levels.append(1 + max(levels[p >> 1], levels[q >> 1]))
            assert values[top >> 1] ^ -np.int64(top & 1) == function
            # no tree of gates that reads all inputs is earlier
            assert levels[top >> 1] == plan.level[top >> 1] >= np.ceil(np.log2((2.0**late).sum()))
            seen += 1
    assert seen > 40


def test_a_late_carry_is_read_last():
    plan = no_plan()
    plan.level[:5] = 0, 0, 0, 0, 9
    carry = ONES[0] | ONES[1] & (ONES[2] | ONES[3] & ONES[4])
    with interpreted():
        assert plan.level[make_plan(plan, carry, 5) >> 1] == 11


@pytest.mark.slow
def test_carries_that_ripple_become_a_tree_of_prefixes():
    width = 32
    circuit = adder(width)
    found = shallow(circuit)
    depths = [gate_depth(one) for one in (circuit, *found)]
    # halved by each of the first rounds, and in the end of the order of the logarithm
    assert depths[0] == 2 * width - 1 and depths[1] < 0.6 * depths[0] and depths[2] < 0.6 * depths[1]
    assert depths[-1] <= 4 * np.log2(width) < 0.4 * depths[0]
    assert all(check_equal(circuit, one).equal for one in found)
    assert found[-1].n_gates < 8 * circuit.n_gates
    deep, quick = (min(map(gate_depth, shapes(circuit, objective=o))) for o in ("area", "delay"))
    assert quick <= depths[-1] < deep


@pytest.mark.parametrize("seed", range(6))
def test_shallow_circuits_are_equal_and_less_deep_each(seed):
    circuit = random_circuit(np.random.default_rng(seed), 10, 120, 6, sums=seed % 2 == 0)
    found = shallow(circuit)
    assert all(check_equal(circuit, one).equal for one in found)
    ands = [gate_depth(one) for one in found]
    assert ands == sorted(ands, reverse=True) and len(set(ands)) == len(ands)


def test_what_cannot_gain_is_left():
    builder = Builder(["x", "y"])
    assert shallow(builder.netlist({"z": builder.gate(AND, 0, 2)})) == ()
    assert shallow(Builder(["x"]).netlist({"x": 0})) == ()
    builder = Builder(["x"])
    assert shallow(builder.netlist({"one": builder.constant(1)})) == ()
