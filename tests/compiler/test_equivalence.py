"""check_equal against brute force, by every method, with counterexamples that hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import mutated, random_circuit, same_function

from compiler import sat_sweeping
from compiler.circuits.reference import output_values
from compiler.equivalence import check_equal
from compiler.errors import NetlistError
from compiler.ir.gates import ClassSums, make_gates
from compiler.passes.gates.local import live_gates
from compiler.pipelines import simplify


def _holds(verdict, a, b):
    """The counterexample really tells the circuits apart, in the output and values named."""
    bits = [verdict.counterexample[name] for name in a.input_names]
    k = a.output_names.index(verdict.output)
    got = output_values(a, bits)[k], output_values(b, bits)[k]
    return got == verdict.values and got[0] != got[1]


@given(st.integers(0, 2**32))
@settings(max_examples=150)
def test_every_method_agrees_with_brute_force(seed):
    rng = np.random.default_rng(seed)
    a = random_circuit(rng, 6, 40)
    b = simplify(a, 2)
    if seed % 2 and b.n_gates:
        b = mutated(b, rng)
    expected = same_function(a, b)
    for exhaustive in (20, 0):
        verdict = check_equal(a, b, exhaustive=exhaustive)
        assert verdict.equal == expected
        assert expected or _holds(verdict, a, b)


def _wide_and(n, *, but_one=False, backwards=False):
    """The and of n inputs as a chain; or, skewed, one that ignores its last input; or begun at the last."""
    used = n - but_one
    if backwards:
        chain = [n - 1, *range(n, 2 * n - 2)]
        return make_gates(
            [f"x{k}" for k in range(n)], [1] * (n - 1), chain, range(n - 2, -1, -1), {"all": 2 * n - 2}
        )
    return make_gates(
        [f"x{k}" for k in range(n)],
        [1] * (used - 1),
        [0, *range(n, n + used - 2)],
        range(1, used),
        {"all": n + used - 2},
    )


def _adder(n, *, flipped=None):
    """n-bit ripple adder; sum bits, then the carry. flipped : carry stage that is wrong."""
    names = [f"a{k}" for k in range(n)] + [f"b{k}" for k in range(n)]
    op, a, b, sums = [], [], [], {}

    def gate(kind, x, y):
        op.append(kind)
        a.append(x)
        b.append(y)
        return 2 * n + len(op) - 1

    carry = gate(0, 0, 0)
    for k in range(n):
        half = gate(6, k, n + k)
        sums[f"s{k}"] = gate(6, half, carry)
        both, passed = gate(1, k, n + k), gate(1, half, carry)
        carry = gate(6 if k != flipped else 14, both, passed)
    return make_gates(names, op, a, b, sums | {"carry": carry})


def test_rare_differences_are_found_by_corner_patterns():
    # one pattern of 2^60 tells them apart; random patterns never would
    a, b = _wide_and(60), _wide_and(60, but_one=True)
    verdict = check_equal(a, b)
    assert (verdict.equal, verdict.method) == (False, "simulation")
    assert _holds(verdict, a, b)


def test_differences_that_simulation_misses_are_found_by_sat():
    n = 50
    a = _wide_and(n)
    # a gate that is 1 only where two ones stand among 48 zeros and the and is 0: pattern by SAT
    names = a.input_names
    op, x, y = [1], [3], [40]
    for k in range(n):
        if k not in (3, 40):
            op.append(2)
            x.append(n + len(op) - 2)
            y.append(k)
    chain = n + len(op) - 1
    start = n + len(op)
    op += a.op.tolist()
    x += [v if v < n else v - n + start for v in a.a.tolist()]
    y += [v if v < n else v - n + start for v in a.b.tolist()]
    op.append(7)
    x.append(chain)
    y.append(n + len(op) - 2)
    b = make_gates(names, op, x, y, {"all": n + len(op) - 1})
    verdict = check_equal(a, b)
    assert (verdict.equal, verdict.method) == (False, "sat") and verdict.sat_calls > 0
    assert _holds(verdict, a, b)
    assert [n for n, bit in verdict.counterexample.items() if bit] == ["x3", "x40"]


def test_an_adder_is_proved_equal_to_its_simplified_self():
    adder = _adder(40)
    verdict = check_equal(adder, simplify(adder, 2))
    assert (verdict.equal, verdict.method) == (True, "sat")
    wrong = check_equal(adder, _adder(40, flipped=7))
    assert not wrong.equal and _holds(wrong, adder, _adder(40, flipped=7))


def test_one_gate_flipped_deep_in_a_large_circuit_is_found():
    rng = np.random.default_rng(5)
    n, size = 60, 4000
    k = n + np.arange(size)
    op = rng.integers(1, 15, size)
    near = [np.maximum(k - rng.integers(1, 400, size), 0) for _ in range(2)]
    names = [f"x{k}" for k in range(n)]
    a = make_gates(names, op, *near, {"y": n + size - 1, "z": n + size - 2})
    cone = live_gates(a)
    deep = int(np.flatnonzero(cone)[cone.sum() // 2])
    op[deep] ^= 15
    b = make_gates(names, op, *near, {"y": n + size - 1, "z": n + size - 2})
    assert check_equal(a, simplify(a, 2)).equal
    verdict = check_equal(simplify(a, 2), b)
    assert not verdict.equal and _holds(verdict, a, b)


def test_ports_match_by_name_whatever_their_order():
    a = make_gates(["x", "y"], [2, 4], [0, 0], [1, 1], {"p": 2, "q": 3})
    b = make_gates(["y", "x"], [4, 2], [0, 0], [1, 1], {"q": 3, "p": 2})
    verdict = check_equal(a, b)
    assert verdict.equal
    assert (verdict.matched_inputs, verdict.matched_outputs) == ("name", "name")


def test_ports_match_by_position_where_names_differ():
    a = make_gates(["x", "y"], [2], [0], [1], {"p": 2})
    b = make_gates(["u", "v"], [2], [0], [1], {"p": 2})
    c = make_gates(["u", "v"], [4], [0], [1], {"p": 2})
    assert check_equal(a, b).matched_inputs == "position"
    assert check_equal(a, b).equal and not check_equal(a, c).equal


def test_other_interfaces_cannot_be_compared():
    a = make_gates(["x", "y"], [2], [0], [1], {"p": 2})
    b = make_gates(["x"], [12], [0], [0], {"p": 1})
    with pytest.raises(NetlistError, match="first circuit has 2 inputs, the second 1"):
        check_equal(a, b)
    c = make_gates(["x", "y"], [2], [0], [1], {"p": 2, "q": 0})
    with pytest.raises(NetlistError, match="first circuit has 1 outputs, the second 2"):
        check_equal(a, c)


def test_class_sums_are_compared_net_by_net():
    def network(op, tau=1.0):
        sums = ClassSums(np.array([2, 3], np.int32), np.array([0, 1, 2]), tau)
        return make_gates(["x", "y"], [1, op], [0, 0], [1, 1], {}, class_sums=sums)

    assert check_equal(network(6), network(6)).equal
    verdict = check_equal(network(6), network(7))
    assert not verdict.equal and verdict.output == "class 1, net 0"
    with pytest.raises(NetlistError, match="differ in their class sums"):
        check_equal(network(6), network(6, tau=2.0))


def test_circuits_without_inputs_or_gates():
    one, zero = (make_gates([], [op], [0], [0], {"o": 0}) for op in (15, 0))
    assert check_equal(one, one).equal and not check_equal(one, zero).equal
    wire = make_gates(["x"], [], [], [], {"o": 0})
    inverter = make_gates(["x"], [12], [0], [0], {"o": 1})
    for exhaustive in (20, 0):
        assert check_equal(wire, wire, exhaustive=exhaustive).equal
        assert check_equal(wire, inverter, exhaustive=exhaustive).counterexample in ({"x": 0}, {"x": 1})


def test_an_interrupt_within_the_solver_is_an_interrupt(monkeypatch):
    from pysat.solvers import Glucose4

    def interrupted(self, assumptions=()):
        raise RuntimeError("Caught keyboard interrupt")

    monkeypatch.setattr(Glucose4, "solve_limited", interrupted)
    monkeypatch.setattr(Glucose4, "solve", interrupted)
    monkeypatch.setattr(sat_sweeping, "LEAVES", 0)  # so that the solver is asked
    with pytest.raises(KeyboardInterrupt):
        check_equal(_wide_and(24), _wide_and(24, backwards=True))
