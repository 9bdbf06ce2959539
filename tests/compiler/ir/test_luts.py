"""Tables of k inputs: the mapping keeps every root, the bit order is as stated."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import random_circuit

from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.counting import gate_depth
from compiler.errors import NetlistError
from compiler.ir.gates import NONE, XOR
from compiler.ir.luts import evaluate_luts, gate_table, lut_depth, verify_luts
from compiler.passes.gates.lut_map import map_luts


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
    assert "one each is needed" in _broken(luts, output_names=("o", "p"))
    assert "got 9 to 9" in _broken(luts, outputs=np.array([9], dtype=np.int32))
    assert "uint64" in _broken(luts, table=np.zeros(1, dtype=np.int64))
    with pytest.raises(NetlistError, match="2 to 6 inputs, got k = 1"):
        map_luts(builder.netlist({"o": 0}), 1)
    with pytest.raises(NetlistError, match="input words"):
        evaluate_luts(luts, np.zeros((3, 1), dtype=np.uint64))
