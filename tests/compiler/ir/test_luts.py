"""Tables of k inputs: the mapping keeps every root, the bit order is as stated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import every_op, random_circuit

from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.counting import gate_depth
from compiler.errors import FormatError, NetlistError
from compiler.ir.container import load, save
from compiler.ir.gates import NONE, XOR
from compiler.ir.kinds import dump, equal, parse
from compiler.ir.luts import evaluate_luts, gate_table, lut_depth, verify_luts
from compiler.passes.gates.lut_map import map_luts

GOLDEN = Path(__file__).parent / "golden"


def same(netlist, luts):
    words = all_patterns(netlist.n_inputs)
    return np.array_equal(
        evaluate_luts(luts, words, luts.roots), evaluate_words(netlist, words, netlist.roots)
    )


@given(st.integers(0, 2**32), st.integers(1, 11), st.integers(0, 90), st.integers(2, 6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_mapping_keeps_every_root(seed, n_inputs, n_gates, k, keep_depth):
    netlist = random_circuit(np.random.default_rng(seed), n_inputs, n_gates, sums=True)
    luts = map_luts(netlist, k, keep_depth=keep_depth)
    assert same(netlist, luts)
    assert luts.widths.max(initial=0) <= k
    assert lut_depth(luts) <= gate_depth(netlist)


def test_a_changed_table_is_noticed():
    rng = np.random.default_rng(1)
    caught = 0
    for _ in range(20):
        netlist = random_circuit(rng, 6, 30)
        luts = map_luts(netlist, 4)
        if luts.n_luts:
            table = luts.table.copy()
            table[-1] ^= np.uint64(1)  # the last table is read by outputs only
            caught += not same(netlist, replace(luts, table=table))
    assert caught > 10


def test_the_bit_order():
    """Operand 0 is the low bit of the row: a and not b is row 1."""
    netlist = Builder(["a", "b"])
    netlist.gate(2, 0, 2)
    luts = map_luts(netlist.netlist({"o": 2}), 4)
    assert luts.fanins.tolist() == [[0, 1, NONE, NONE]]
    assert luts.table.tolist() == [0b0010]
    for op in range(16):
        for p in range(4):
            a, b = p & 1, p >> 1
            assert gate_table(op) >> p & 1 == op >> (3 - 2 * a - b) & 1


def test_a_wide_xor_takes_the_fewest_tables():
    builder = Builder([f"x{k}" for k in range(64)])
    netlist = builder.netlist({"o": builder.tree(XOR, [2 * k for k in range(64)])})
    luts = map_luts(netlist, 4)
    assert luts.n_luts == 21 and lut_depth(luts) == 3  # 63 joined inputs, three a table


def test_inverted_roots_go_into_tables():
    builder = Builder(["a", "b"])
    net = builder.gate(1, 0, 2)
    inverse = builder.copy(2 * net + 1)
    assert map_luts(builder.netlist({"no": inverse}), 4).n_luts == 1
    both = map_luts(builder.netlist({"no": inverse, "yes": net}), 4)
    assert both.n_luts == 2 and lut_depth(both) == 1


def _broken(luts, **columns):
    with pytest.raises(NetlistError) as caught:
        verify_luts(replace(luts, **columns))
    return str(caught.value)


def test_verification_names_the_offender():
    builder = Builder(["a", "b"])
    luts = map_luts(builder.netlist({"o": builder.gate(6, 0, 2)}), 4)
    fanins = luts.fanins.copy()
    fanins[0, 1] = 2
    assert "reads net 2 as operand 1" in _broken(luts, fanins=fanins)
    assert "close the gap" in _broken(luts, fanins=np.array([[0, -1, 1, -1]], dtype=np.int32))
    assert "clear those above" in _broken(luts, table=np.array([0x16], dtype=np.uint64))
    assert "got k = 7" in _broken(luts, k=7)
    assert "fanins must be int32" in _broken(luts, fanins=fanins[:, :2])
    assert "outputs has 1 values; 2 are needed" in _broken(luts, output_names=("o", "p"))
    assert "shows net 9; nets are 0 to 2" in _broken(luts, outputs=np.array([9], dtype=np.int32))
    assert "uint64" in _broken(luts, table=np.zeros(1, dtype=np.int64))
    with pytest.raises(NetlistError, match="2 to 6 inputs, got k = 1"):
        map_luts(builder.netlist({"o": 0}), 1)
    with pytest.raises(NetlistError, match="input words"):
        evaluate_luts(luts, np.zeros((3, 1), dtype=np.uint64))


def classifier():
    """Tables with class sums, an encoder, a name and a constant."""
    return map_luts(every_op(), 4)


TEXT = """luts 1
inputs 2 a b
tables 2 of 4
  2 = 0x2 0 1
  3 = 0x1
output o 2
output one 3
"""


def test_the_text_is_as_documented():
    luts = parse(TEXT)
    assert luts.k == 4 and luts.table.tolist() == [2, 1]
    assert luts.fanins.tolist() == [[0, 1, NONE, NONE], [NONE] * 4]
    assert dump(luts) == TEXT


@given(st.integers(0, 2**32), st.integers(2, 6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_text_and_file_round_trip(tmp_path_factory, seed, k, sums):
    luts = map_luts(random_circuit(np.random.default_rng(seed), sums=sums), k)
    assert equal(parse(dump(luts)), luts)
    path = tmp_path_factory.mktemp("luts") / "n.tnl"
    save(luts, path)
    assert equal(load(path), luts)


def test_every_section_is_kept_and_files_of_every_version_are_read(tmp_path):
    luts = classifier()
    assert luts.class_sums is not None and luts.encoder is not None and luts.name
    assert equal(parse(dump(luts)), luts)
    save(luts, tmp_path / "n.tnl")
    assert equal(load(tmp_path / "n.tnl"), luts)
    assert equal(load(GOLDEN / "luts_v1.tnl"), luts)
    short = dump(luts, limit=2)
    assert "tables not shown" in short
    with pytest.raises(FormatError, match="dump it without a limit"):
        parse(short)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("luts 1", "luts 2", "expected 'luts 1'"),
        ("tables 2 of 4", "tables 2", "expected `tables COUNT of OPERANDS`"),
        ("tables 2 of 4", "tables 2 of 7", "1 to 6 operands"),
        ("tables 2 of 4", "tables 3 of 4", "2 tables are listed where 3"),
        ("  3 = 0x1", "  4 = 0x1", "net 4 is out of order"),
        ("  3 = 0x1", "  3 =", "expected `NET = TABLE NETS`"),
        ("0x2 0 1", "0x2 0 1 0 1 0", "a table reads 5 nets; it can read 4"),
        ("0x2 0 1", "two 0 1", "'two' is no table"),
        ("0x2 0 1", "0x10000000000000000 0 1", "is no table"),
        ("0x2 0 1", "0x2 0 5", "must read earlier nets"),
        ("0x2 0 1", "0x20 0 1", "clear those above"),
        ("output o 2", "output o 9", "nets are 0 to 3"),
        ("output one 3", "output o 3", "two outputs are called 'o'"),
    ],
)
def test_bad_texts_name_the_rule(old, new, message):
    with pytest.raises(FormatError, match=message):
        parse(TEXT.replace(old, new))
