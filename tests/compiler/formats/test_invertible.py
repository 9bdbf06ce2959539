"""Circuits as invertible logic, against all states: ground states are the truth table."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from toys.gates import every_op, random_circuit
from toys.ising import all_states, word_values

from compiler.api import compile
from compiler.circuits.arithmetic import multiplier
from compiler.circuits.evaluate import evaluate
from compiler.circuits.reference import net_values, output_values
from compiler.errors import NetlistError, UnsupportedError
from compiler.families.ising import lower_ising
from compiler.families.ising_summary import ising_summary
from compiler.formats.ising.invertible import invertible
from compiler.formats.logic_nets.gate_cuts import cuts_of, simplify
from compiler.ir.gates import make_gates
from compiler.ir.words import word_bits, word_nets


def check_table(netlist, gap=1.0):
    """Ground states at 0 are the truth table, one each; the others are at least the gap above."""
    model = invertible(netlist, gap=gap)
    named = list(dict.fromkeys([*netlist.input_names, *netlist.output_names]))
    at = [model.names.index(name) for name in named]
    states = all_states(model.n)
    energy = model.energy(states)
    ground = np.abs(energy) < 1e-9
    assert (energy[~ground] >= gap - 1e-9).all()
    found = sorted(map(tuple, ((states[ground][:, at] + 1) // 2).tolist()))
    want = []
    for bits in itertools.product((0, 1), repeat=netlist.n_inputs):
        row = dict(zip(netlist.input_names, bits, strict=True))
        row |= dict(zip(netlist.output_names, output_values(netlist, bits), strict=True))
        want.append(tuple(row[name] for name in named))
    assert found == sorted(want)
    return model


@pytest.mark.parametrize("op", range(16))
def test_every_gate_has_its_truth_table_as_ground_states(op):
    model = check_table(make_gates(["a", "b"], [op], [0], [1], {"y": 2}))
    assert model.n == (4 if op in (6, 9) else 3)  # the parities need one auxiliary spin
    assert np.abs(model.J).max(initial=0) <= 1 and np.abs(model.h).max() <= 1


@pytest.mark.parametrize("op", range(16))
def test_operands_that_are_one_net_or_constant(op):
    both = make_gates(["a"], [op], [0], [0], {"y": 1})
    check_table(both)
    for constant in (0, 15):
        for a, b in ((0, 1), (1, 0)):
            check_table(make_gates(["a"], [constant, op], [0, a], [0, b], {"y": 2}))


def test_energy_of_the_and_gate_is_the_literature_one_over_four():
    """Camsari's and: J_AB = -1, J_AC = J_BC = 2, h = (1, 1, -2), scaled so that the gap is 1."""
    model = invertible(make_gates(["a", "b"], [1], [0], [1], {"c": 2}))
    assert (4 * model.h).tolist() == [1, 1, -2] and (4 * model.J).tolist() == [-1, 2, 2]


@pytest.mark.parametrize("flips", list(itertools.product((0, 1), repeat=5)))
def test_full_adders_of_any_polarity_are_one_term(flips):
    """Sum and carry of complemented inputs, complemented themselves: five spins, no fields."""
    *inputs, s, k = flips
    ops = [12 if flip else 3 for flip in inputs] + [6, 1, 9 if s else 6, 1, 8 if k else 7]
    a = [0, 1, 2, 3, 3, 6, 6, 7]
    b = [0, 0, 0, 4, 4, 5, 5, 9]
    adder = make_gates(["a", "b", "c"], ops, a, b, {"s": 8, "k": 10})
    for bits in itertools.product((0, 1), repeat=3):
        total = sum(bit ^ flip for bit, flip in zip(bits, inputs, strict=True))
        assert output_values(adder, bits) == [(total & 1) ^ s, (total >> 1) ^ k]
    model = check_table(adder)
    assert model.n == 5 and not model.h.any()


def test_half_adder_shares_its_carry():
    model = check_table(make_gates(["a", "b"], [6, 1], [0, 0], [1, 1], {"s": 2, "c": 3}))
    assert model.n == 4
    nand = check_table(make_gates(["a", "b"], [14, 6], [0, 0], [1, 1], {"s": 3, "c": 2}))
    assert nand.n == 4


def test_xor_of_nands_is_recognised():
    """Four nand gates make an xor: two cut leaves, one auxiliary spin."""
    four = make_gates(["a", "b"], [14] * 4, [0, 0, 1, 3], [1, 2, 2, 4], {"y": 5})
    assert check_table(four).n == 4


def test_names_of_all_kinds():
    """Outputs that are inputs, complements, constants, or one net twice are spins of their own."""
    check_table(
        make_gates(
            ["a", "b"],
            [1, 12, 15, 0],
            [0, 0, 0, 0],
            [1, 0, 0, 0],
            {"y": 2, "z": 2, "not a": 3, "one": 4, "zero": 5, "a copy": 0, "b": 1},
        )
    )
    with pytest.raises(NetlistError, match="input and output 'b' are different nets"):
        invertible(make_gates(["a", "b"], [1], [0], [1], {"b": 2}))
    taken = make_gates(["a", "#2"], [1, 6], [0, 2], [1, 0], {"y": 3})
    assert len(set(invertible(taken).names)) == invertible(taken).n


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 3.0]))
def test_random_circuits(seed, gap):
    """Any ops, deep, outputs anywhere."""
    circuit = random_circuit(np.random.default_rng(seed), n_inputs=4, n_gates=7, n_outputs=3)
    assume(invertible(circuit).n <= 15)
    check_table(circuit, gap)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_cuts_are_what_the_nets_show(seed):
    circuit = random_circuit(np.random.default_rng(seed), n_inputs=4, n_gates=20)
    logic = simplify(circuit)
    cuts = cuts_of(logic)
    for bits in itertools.product((0, 1), repeat=4):
        values = net_values(circuit, bits)
        for net, literal in enumerate(logic.literal):
            want = literal + 2 if literal < 0 else values[literal >> 1] ^ (literal & 1)
            assert values[net] == want
        for net, tables in cuts.items():
            for leaves, table in tables.items():
                p = sum(values[leaf] << k for k, leaf in enumerate(leaves))
                assert values[net] == (table >> p) & 1


# --- words, clamps, running backwards ---------------------------------------------------------


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 3), (3, 2), (4, 4), (2, 5)])
def test_the_multiplier_multiplies(n, m):
    bits = (all_states(n + m) + 1) // 2
    got = evaluate(multiplier(n, m), bits).astype(int)
    x = bits[:, :n] @ (1 << np.arange(n))
    y = bits[:, n:] @ (1 << np.arange(m))
    np.testing.assert_array_equal(got @ (1 << np.arange(got.shape[1])), x * y)
    with pytest.raises(NetlistError, match="words need at least 1 bit"):
        multiplier(0, 3)


def test_multiplier_needs_a_spin_a_wire():
    """Inputs, partial products, and sum and carry of every adder; nothing between half adders."""
    for n, m in ((4, 4), (8, 8)):
        model = invertible(multiplier(n, m))
        adders = n * (m - 1)
        assert model.n == n + m + n * m + 2 * adders
        assert set(np.abs(model.J)) == {0.25, 0.5, 1.0}


@pytest.mark.parametrize("how", ["substitute", "fields"])
def test_a_small_multiplier_run_backwards(how):
    """Every ground state of p = 6 is a factorisation into three and two bits, and all are there."""
    model = invertible(multiplier(3, 2), clamp={"p": 6}, how=how)
    assert model.n == (17 if how == "fields" else 12)
    found = set()
    states = all_states(model.n)
    energy = model.energy(states)
    assert energy.min() == pytest.approx(0, abs=1e-9)
    for state in states[energy < 0.5]:
        words = word_values(model, state)
        assert words["a"] * words["b"] == words["p"] == 6
        found.add((words["a"], words["b"]))
    assert found == {(6, 1), (3, 2), (2, 3)}


def test_what_no_factors_have_is_above_zero():
    """7 is 7 x 1 only: with b = 3 some gate must be wrong."""
    model = invertible(multiplier(3, 2), clamp={"p": 7, "b": 3})
    assert model.energy(all_states(model.n)).min() >= 1 - 1e-9


def test_forwards_with_clamped_inputs():
    model = invertible(multiplier(3, 2), clamp={"a": 5, "b[0]": 1, "b[1]": 1})
    states = all_states(model.n)
    best = states[np.argmin(model.energy(states))]
    assert word_values(model, best) == {"a": 5, "b": 3, "p": 15}
    summary = ising_summary(lower_ising(model))
    assert summary["clamped"] == "a=5, b=3" and summary["gap"] == 1.0


def test_words():
    names = ["p[1]", "p[0]", "carry", "q[1]", "q[2]"]
    assert word_nets(names) == {"p": ["p[0]", "p[1]"]}  # q has no bit 0
    assert word_bits({"p": 2, "carry": 1, "q[2]": 0}, names) == {"p[0]": 0, "p[1]": 1, "carry": 1, "q[2]": 0}


@pytest.mark.parametrize(
    ("clamp", "message"),
    [
        ({"r": 1}, "clamp 'r': no input or output is called so; there are a, b, p"),
        ({"p": 32}, "clamp p=32: the word has 5 bits, it holds 0 to 31"),
        ({"p": -1}, "clamp p=-1"),
        ({"a[0]": 2}, "clamp a\\[0\\]=2: the word has 1 bits"),
        ({"p": 3, "p[0]": 0}, "'p\\[0\\]' is clamped to 0 and to 1"),
    ],
)
def test_bad_clamps(clamp, message):
    with pytest.raises(NetlistError, match=message):
        invertible(multiplier(3, 2), clamp=clamp)


def test_what_cannot_run_backwards():
    with pytest.raises(UnsupportedError, match="has class sums"):
        invertible(every_op())
    with pytest.raises(UnsupportedError, match="clamp by substitute or fields, not 'glue'"):
        invertible(multiplier(1, 1), how="glue")
    with pytest.raises(NetlistError, match="gap must be a finite number above 0"):
        invertible(multiplier(1, 1), gap=0.0)


def test_optimised_circuits_stay_small():
    """-O2 rewrites the adders, and they are still found."""
    plain = multiplier(4, 4)
    assert invertible(compile(plain, optimise=2)).n <= 1.25 * invertible(plain).n
