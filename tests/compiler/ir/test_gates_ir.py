"""GateNetlist: invariants, canonical text, container, evaluation against the slow reference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.gates import every_op, random_circuit

from compiler import load, save
from compiler.circuits.evaluate import (
    all_patterns,
    encode_bits,
    evaluate,
    evaluate_classes,
    evaluate_words,
    pack_bits,
    unpack_bits,
)
from compiler.circuits.reference import class_counts, output_values
from compiler.counting import gate_counts, gate_depth
from compiler.errors import FormatError, NetlistError
from compiler.ir.container import load_langevin
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import (
    OP_NAMES,
    READS_A,
    READS_B,
    ClassSums,
    flip_a,
    flip_b,
    make_gates,
    swapped,
    verify_gates,
)
from compiler.ir.kinds import dump, equal, parse

GOLDEN = Path(__file__).parent / "golden"


def _f(op, a, b):
    return op >> (3 - 2 * a - b) & 1


def test_op_numbering_is_the_one_of_logic_gate_networks():
    meaning = {"and": lambda a, b: a & b, "gt": lambda a, b: a > b, "lt": lambda a, b: a < b}
    meaning |= {"ge": lambda a, b: a >= b, "le": lambda a, b: a <= b, "xor": lambda a, b: a ^ b}
    meaning |= {"or": lambda a, b: a | b, "buf": lambda a, b: a, "bufb": lambda a, b: b}
    meaning |= {"not": lambda a, b: 1 - a, "notb": lambda a, b: 1 - b}
    for name, f in meaning.items():
        op = OP_NAMES.index(name)
        assert [_f(op, a, b) for a in (0, 1) for b in (0, 1)] == [
            int(f(a, b)) for a in (0, 1) for b in (0, 1)
        ], name
    assert [OP_NAMES.index(n) for n in ("const0", "and", "buf", "bufb", "xor", "or")] == [0, 1, 3, 5, 6, 7]


def test_op_algebra():
    for op in range(16):
        for a in (0, 1):
            for b in (0, 1):
                assert _f(flip_a(op), a, b) == _f(op, 1 - a, b)
                assert _f(flip_b(op), a, b) == _f(op, a, 1 - b)
                assert _f(swapped(op), a, b) == _f(op, b, a)
        assert READS_A[op] == any(_f(op, 0, b) != _f(op, 1, b) for b in (0, 1))
        assert READS_B[op] == any(_f(op, a, 0) != _f(op, a, 1) for a in (0, 1))


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 200))
def test_fast_evaluation_is_the_reference(seed, n_gates, n_samples):
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, n_gates=n_gates, sums=True)
    bits = rng.integers(0, 2, (n_samples, netlist.n_inputs))
    got, scores = evaluate(netlist, bits), evaluate_classes(netlist, bits)
    for s in range(0, n_samples, 17):
        assert got[s].astype(int).tolist() == output_values(netlist, bits[s])
        assert (scores[s] * 2.5).tolist() == class_counts(netlist, bits[s])


def test_evaluation_in_blocks_is_evaluation_at_once():
    rng = np.random.default_rng(1)
    netlist = random_circuit(rng, n_inputs=5, n_gates=3000)
    words = rng.integers(0, 2**64, (5, 100), dtype=np.uint64)
    parts = [evaluate_words(netlist, words[:, k : k + 1]) for k in range(100)]
    assert (evaluate_words(netlist, words) == np.concatenate(parts, axis=1)).all()


def test_packing_and_patterns():
    rng = np.random.default_rng(2)
    bits = rng.integers(0, 2, (131, 7)).astype(bool)
    assert (unpack_bits(pack_bits(bits), 131) == bits).all()
    numbers = unpack_bits(all_patterns(9), 512) @ (1 << np.arange(9))
    assert (numbers == np.arange(512)).all()
    assert evaluate(make_gates([], [15], [0], [0], {"one": 0}), np.zeros((3, 0))).all()


def test_wrong_shapes_are_named():
    netlist = every_op()
    with pytest.raises(NetlistError, match=r"\(n_samples, 2\), got \(4, 3\)"):
        evaluate(netlist, np.zeros((4, 3)))
    with pytest.raises(NetlistError, match="must be uint64 of shape"):
        evaluate_words(netlist, np.zeros((2, 3)))
    with pytest.raises(NetlistError, match="no class sums"):
        evaluate_classes(replace(netlist, class_sums=None), np.zeros((1, 2)))
    with pytest.raises(NetlistError, match="no encoder"):
        encode_bits(replace(netlist, encoder=None), np.zeros((1, 3)))
    with pytest.raises(NetlistError, match=r"\(n_samples, 3\), got \(1, 2\)"):
        encode_bits(netlist, np.zeros((1, 2)))


def test_encoder_compares_features_with_thresholds():
    data = np.array([[0.4, 0.0, 0.2], [0.3, 9.0, 0.25], [0.0, 9.0, 0.26]])
    assert encode_bits(every_op(), data).tolist() == [[0, 1], [0, 0], [1, 0]]


def test_quantile_encoder_compares_with_the_sample_itself(tmp_path):
    feature = np.array([0, 1, 1], dtype=np.int32)
    encoder = Thermometer(4, feature, np.array([0.5, 0.5, 0.9]), "image")
    netlist = make_gates("abc", [], [], [], {"out": 2}, encoder=encoder)
    data = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 30.0, 10.0, 20.0]])  # medians 1.5 and 15
    assert encode_bits(netlist, data).tolist() == [[1, 0, 0], [0, 1, 1]]
    assert (encode_bits(netlist, 5 * data + 7) == encode_bits(netlist, data)).all()
    assert equal(parse(dump(netlist)), netlist)
    save(netlist, tmp_path / "net.tnl")
    assert equal(load(tmp_path / "net.tnl"), netlist)
    assert not equal(replace(netlist, encoder=replace(encoder, scope="absolute")), netlist)


def test_canonical_text_is_golden_and_round_trips():
    golden = (GOLDEN / "every_op.txt").read_text()
    assert dump(every_op()) == golden
    assert equal(parse(golden), every_op())


@given(st.integers(0, 2**32), st.booleans())
def test_text_and_container_round_trip(tmp_path_factory, seed, sums):
    netlist = random_circuit(np.random.default_rng(seed), sums=sums)
    assert equal(parse(dump(netlist)), netlist)
    path = tmp_path_factory.mktemp("net") / "net.tnl"
    save(netlist, path)
    assert equal(load(path), netlist)


def test_container_keeps_every_section_and_refuses_the_wrong_kind(tmp_path):
    save(every_op(), tmp_path / "net.tnl")
    assert equal(load(tmp_path / "net.tnl"), every_op())
    assert equal(load(GOLDEN / "every_op_v1.tnl"), every_op())
    with pytest.raises(FormatError, match=r"net\.tnl: holds a circuit of gates"):
        load_langevin(tmp_path / "net.tnl")


def test_empty_circuits():
    wires = make_gates(["x"], [], [], [], {"x": 0, "y": 0})
    nothing = make_gates([], [], [], [], {})
    for netlist in (wires, nothing):
        assert equal(parse(dump(netlist)), netlist)
        assert gate_depth(netlist) == 0
    assert evaluate(wires, np.array([[1], [0]])).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("inputs 2 a", "inputs 3 a", "line 2: expected `inputs COUNT NAME"),
        ("gates 16", "gates 17", "16 gates are listed where 17 are announced"),
        ("= and 0 1", "= and 0", "line 5: and cannot read 1 net"),
        ("= and 0 1", "= nan 0 1", "expected `NET = OP NETS`"),
        ("= and 0 1", "= and 0 3", "gate 1 .and, net 3. reads net 3 as b"),
        ("  4 = gt", "  5 = gt", "net 5 is out of order; net 4 comes next"),
        ("output f0 2", "output f0 99", "output 'f0' shows net 99; nets are 0 to 17"),
        ("  1: 0", "  2: 0", "expected the nets of class 1"),
        ("tau 1.5", "tau 0.0", "tau must be a finite number above 0"),
        ("feature 2 0", "feature 2 3", "input 1 reads feature 3; features are 0 to 2"),
        ("thermometer 3", "thermostat 3", "cannot read the statement"),
        ("gates 2\n", "gates 3\n", "expected 'gates 1'"),
    ],
)
def test_bad_texts_are_refused_in_one_line(old, new, message):
    text = dump(every_op())
    assert old in text
    with pytest.raises(FormatError, match=message) as error:
        parse(text.replace(old, new, 1), name="net.txt")
    assert str(error.value).startswith("net.txt") and "\n" not in str(error.value)


def test_a_shortened_text_says_so():
    text = dump(every_op(), limit=3)
    assert "  ... 13 gates not shown" in text
    with pytest.raises(FormatError, match="leaves gates out"):
        parse(text)


def _with(**columns):
    return replace(every_op(), **columns)


@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        (_with(input_names=("a", "a")), "two inputs are called 'a'"),
        (_with(input_names=("a", "")), "every input must have a name, got ''"),
        (_with(op=every_op().op.astype(int)), "op must be a one-dimensional array of uint8"),
        (_with(op=every_op().op[:-1]), "op has 15 values|a has 16 values; 15"),
        (_with(op=np.full(16, 16, np.uint8)), "gate 0 has the gate id 16; ids are 0 to 15"),
        (_with(a=np.full(16, 17, np.int32)), r"gate 1 \(and, net 3\) reads net 17 as a"),
        (_with(a=np.zeros(16, np.int32)), r"gate 0 \(const0\) does not depend on a"),
        (_with(outputs=np.zeros(2, np.int32)), "outputs has 2 values; 17 are needed"),
        (_with(meta={"x": np.nan}), "meta must be JSON-able"),
        (
            _with(class_sums=ClassSums(np.array([99], np.int32), np.array([0, 1]))),
            "class sums: net 99 does not exist",
        ),
        (_with(class_sums=ClassSums(np.array([0], np.int32), np.array([0, 2]))), "indptr must start at 0"),
        (
            _with(class_sums=ClassSums(np.array([0], np.int32), np.array([0, 1]), 1.0, ("a", "b"))),
            "2 labels for 1 classes",
        ),
        (_with(class_sums=ClassSums(np.zeros(0, np.int32), np.array([0]))), "there is no class"),
        (
            _with(encoder=Thermometer(1, np.zeros(2, np.int32), np.array([0.0, np.inf]))),
            "threshold of input 1 is inf",
        ),
        (
            _with(encoder=Thermometer(1, np.zeros(3, np.int32), np.zeros(3))),
            "feature has 3 values; 2 are needed",
        ),
        (
            _with(encoder=Thermometer(1, np.zeros(2, np.int32), np.array([0.5, 1.0]), "image")),
            "threshold of input 1 is 1.0; of scope image it is a quantile level",
        ),
        (
            _with(encoder=Thermometer("1", np.zeros(2, np.int32), np.zeros(2))),  # type: ignore[arg-type]
            "n_features must be a whole number >= 0, got '1'",
        ),
        (
            _with(encoder=Thermometer(1, np.zeros(2, np.int32), np.zeros(2), "row")),
            "scope must be absolute or image, got 'row'",
        ),
    ],
)
def test_verify_names_the_first_offender(netlist, message):
    with pytest.raises(NetlistError, match=message):
        verify_gates(netlist)


def test_make_gates_names_bad_columns():
    with pytest.raises(NetlistError, match="gate 1 has the gate id 16"):
        make_gates(["a"], [3, 16], [0, 0], [0, 0], {})
    with pytest.raises(NetlistError, match="columns differ in length"):
        make_gates(["a"], [3, 3], [0], [0, 0], {})


def test_counts_say_what_they_count():
    netlist = make_gates(
        ["a", "b"],
        [6, 12, 3, 1, 15, 7],  # xor, not, buf, and, one, or (dead)
        [0, 2, 0, 3, 0, 0],
        [1, 0, 0, 4, 0, 1],
        {"y": 5, "one": 6},
    )
    counts = gate_counts(netlist)
    assert counts["gates"] == {
        "declared": 6,
        "live": 5,
        "two_input": 2,
        "inverters": 1,
        "buffers": 1,
        "constants": 1,
    }
    assert counts["depth"] == 2
    assert counts["ops"] == {"and": 1, "buf": 1, "xor": 1, "not": 1, "const1": 1}
