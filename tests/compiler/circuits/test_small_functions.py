"""Tables as two-input gates, and entries that may have any value."""

import numpy as np
import pytest

from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.circuits.free_entries import filled
from compiler.circuits.from_tables import tables_to_gates
from compiler.circuits.possible import possible_words
from compiler.circuits.small_functions import costs
from compiler.counting import gate_counts
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import NONE, ClassSums
from compiler.ir.luts import LutNetlist, evaluate_luts, verify_luts
from compiler.passes.gates.lut_simplify import clean_tables, fill_impossible
from compiler.pipelines import simplify


def full(k: int) -> np.uint64:
    return np.uint64((1 << (1 << k)) - 1)


def alone(f: int, k: int) -> LutNetlist:
    names = tuple(f"x{i}" for i in range(k))
    table = np.array([f], np.uint64)
    return LutNetlist(k, names, np.arange(k, dtype=np.int32)[None], table, ("y",), np.array([k], np.int32))


def tangle(seed: int = 0, n: int = 12, m: int = 80, k: int = 6) -> LutNetlist:
    """Random tables of 0 to k operands, some of them repeated, constant or read by none."""
    rng = np.random.default_rng(seed)
    fanins, table = np.full((m, k), NONE, np.int32), np.zeros(m, np.uint64)
    for t in range(m):
        width = int(rng.integers(0, k + 1))
        fanins[t, :width] = rng.integers(0, n + t, width)
        table[t] = rng.integers(0, 2**64, dtype=np.uint64) & full(width)
        if t % 7 == 3:
            fanins[t], table[t] = fanins[t - 1], table[t - 1]
        if t % 7 == 4:
            fanins[t], table[t] = fanins[t - 2], table[t - 2] ^ full(int((fanins[t - 2] != NONE).sum()))
    roots = rng.integers(0, n + m, 30).astype(np.int32)
    names = tuple(f"y{i}" for i in range(10))
    sums = ClassSums(roots[10:], np.array([0, 8, 20], np.int64), 2.0)
    netlist = LutNetlist(k, tuple(f"x{i}" for i in range(n)), fanins, table, names, roots[:10], sums)
    verify_luts(netlist)
    return netlist


def answers(netlist: LutNetlist, words: np.ndarray) -> np.ndarray:
    return evaluate_luts(netlist, words, netlist.roots)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_gates_made_are_the_function_and_as_many_as_told(k):
    rng = np.random.default_rng(k)
    functions = rng.integers(0, 2**64, 40, dtype=np.uint64) & full(k)
    told = costs(functions, k)
    for f, cost in zip(functions.tolist(), told.tolist(), strict=True):
        netlist = alone(f, k)
        made = tables_to_gates(netlist)
        words = all_patterns(k) if k >= 6 else all_patterns(6)[:k]
        assert np.array_equal(evaluate_words(made, words), evaluate_luts(netlist, words))
        assert gate_counts(made)["gates"]["two_input"] <= cost  # what is shared is made once


def test_costs_of_known_functions():
    known = {0b1000: 1, 0b0110: 1, 0b1010: 0, 0: 0, 0b1111: 0}
    assert costs(np.array(list(known), np.uint64), 2).tolist() == list(known.values())
    parity, majority, mux = 0x96, 0xE8, 0xCA
    assert costs(np.array([parity, majority, mux], np.uint64), 3).tolist() == [2, 4, 3]
    parity6 = sum((p.bit_count() & 1) << p for p in range(64))
    assert costs(np.array([parity6], np.uint64), 6).tolist() == [5]
    with pytest.raises(ValueError, match="0 to 6 inputs, got 7"):
        costs(np.array([0], np.uint64), 7)


@pytest.mark.parametrize("seed", range(4))
def test_tangles_keep_their_answers(seed):
    netlist = tangle(seed)
    words = np.random.default_rng(seed).integers(0, 2**64, (12, 64), dtype=np.uint64)
    want = answers(netlist, words)
    gates = tables_to_gates(netlist)
    assert np.array_equal(evaluate_words(gates, words, gates.roots), want)
    assert gates.class_sums.tau == 2.0 and gates.output_names == netlist.output_names
    for level in (1, 2):
        small = simplify(netlist, level)
        assert np.array_equal(answers(small, words), want)
        assert small.n_luts < netlist.n_luts
    # one entry that is another one is seen
    addressed = np.flatnonzero(netlist.outputs >= 12)[0]
    table = netlist.table.copy()
    table[netlist.outputs[addressed] - 12] ^= full(int(netlist.widths[netlist.outputs[addressed] - 12]))
    from dataclasses import replace

    assert not np.array_equal(answers(clean_tables(replace(netlist, table=table)), words), want)


def test_a_complement_goes_into_a_table_or_has_one():
    fanins = np.array([[0, 1], [0, 1]], np.int32)
    table = np.array([0b1000, 0b0111], np.uint64)
    both = LutNetlist(2, ("a", "b"), fanins, table, ("y", "z"), np.array([2, 3], np.int32))
    small = clean_tables(both)
    assert small.n_luts == 2 and sorted(small.widths.tolist()) == [1, 2]
    only = LutNetlist(2, ("a", "b"), fanins, table, ("z",), np.array([3], np.int32))
    assert clean_tables(only).table.tolist() == [0b0111]
    constant = LutNetlist(
        2,
        ("a",),
        np.array([[0, 0]], np.int32),
        np.array([0b0110], np.uint64),
        ("z",),
        np.array([1], np.int32),
    )
    assert clean_tables(constant).widths.tolist() == [0] and clean_tables(constant).table.tolist() == [0]


@pytest.mark.parametrize("k", [3, 6])
def test_free_entries_make_tables_small_and_others_stay(k):
    rng = np.random.default_rng(k)
    hard, free = rng.random((50, 1 << k)) < 0.5, rng.random((50, 1 << k)) < 0.6
    got = filled(hard, free)
    assert np.array_equal(got[~free], hard[~free]) and (got != hard).any()
    powers = np.uint64(1) << np.arange(1 << k, dtype=np.uint64)

    def price(table):
        return costs((table * powers).sum(axis=1, dtype=np.uint64), k).sum()

    assert price(got) < 0.8 * price(hard)
    assert np.array_equal(filled(hard, np.zeros_like(free)), hard)
    # of x1 alone where the rest is free: an input is dropped
    table = np.zeros((1, 8), bool)
    table[0, [2, 3, 6]] = True
    assert filled(table, np.arange(8)[None] == 7)[0].tolist() == [False, False, True, True] * 2


def test_impossible_entries_are_free_and_no_others():
    encoder = Thermometer(3, np.array([0, 0, 0, 1, 2], np.int32), np.array([0.2, 0.5, 0.8, 0.5, 0.5]))
    rng = np.random.default_rng(0)
    fanins = np.stack([rng.permutation(5)[:4] for _ in range(30)]).astype(np.int32)
    table = rng.integers(0, 1 << 16, 30).astype(np.uint64)
    netlist = LutNetlist(
        4,
        tuple(f"x{i}" for i in range(5)),
        fanins,
        table,
        tuple(f"y{i}" for i in range(30)),
        np.arange(5, 35, dtype=np.int32),
        encoder=encoder,
    )
    small = fill_impossible(netlist)
    assert (small.table != netlist.table).any()
    words = possible_words(encoder, rng, 64)
    assert np.array_equal(evaluate_luts(small, words), evaluate_luts(netlist, words))
    anything = rng.integers(0, 2**64, (5, 64), dtype=np.uint64)
    assert not np.array_equal(evaluate_luts(small, anything), evaluate_luts(netlist, anything))
