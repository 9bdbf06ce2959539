"""What the sweep says that nets are, against truth tables: nothing else, and nothing missed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import random_circuit

from compiler import sat_sweeping
from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.circuits.possible import implications, possible_words
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import make_gates
from compiler.sat_sweeping import Sweeper

NONE_IMPLIED = np.zeros((0, 2), dtype=np.int64)


def _swept(netlist, words, implied=NONE_IMPLIED):
    sweeper = Sweeper(netlist, words, implied, np.random.default_rng(1), 10_000)
    sweeper.run()
    sweeper.close()
    return sweeper


def _classes(rows):
    """For every net the first net that is equal to it or its complement (-1: the constant), and which."""
    first, found = {bytes(rows.shape[1]): (-1, 0)}, []
    for net, row in enumerate(rows.astype(np.uint8)):
        for sign in (0, 1):
            if (key := (row ^ sign).tobytes()) in first:
                other, flip = first[key]
                found.append((other, flip ^ sign))
                break
        else:
            first[row.tobytes()] = net, 0
            found.append((net, 0))
    return [2 * other + flip if other >= 0 else -2 + flip for other, flip in found]


def _values(netlist):
    words = evaluate_words(netlist, all_patterns(netlist.n_inputs), np.arange(netlist.n_nets))
    return np.unpackbits(words.view(np.uint8), axis=1)


@pytest.mark.parametrize("windows", [0, 12])
@pytest.mark.parametrize("loaded", [-(10**9), 4000])
@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_all_equal_nets_are_found_and_no_others(windows, loaded, seed):
    """By windows or by the solver alone, which is kept or exchanged for each question; few patterns, so that
    counterexamples have to tell nets apart."""
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, 7, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sat_sweeping, "LEAVES", windows)
        patch.setattr(sat_sweeping, "LOADED", loaded)
        few = rng.integers(0, 2, (7, 1), dtype=np.uint64) * np.uint64(2**64 - 1)
        sweeper = _swept(netlist, few)
    assert sweeper.literals() == _classes(_values(netlist))


@given(st.integers(0, 2**32))
@settings(max_examples=40)
def test_with_an_encoder_only_patterns_that_it_makes_count(seed):
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, 6, 50)
    encoder = Thermometer(2, np.array([0, 0, 0, 1, 1, 1], dtype=np.int32), np.array([0.1, 0.5, 0.9] * 2))
    implied = implications(encoder)
    rows = _values(netlist)
    possible = np.ones(rows.shape[1], dtype=bool)
    for high, low in implied:
        possible &= (rows[high] == 0) | (rows[low] == 1)
    literals = _swept(netlist, possible_words(encoder, rng, 1), implied).literals()
    assert literals == _classes(rows[:, possible])


def test_effort_is_bounded_and_what_is_found_holds():
    rng = np.random.default_rng(0)
    netlist = random_circuit(rng, 12, 1500)
    few = rng.integers(0, 2, (12, 1), dtype=np.uint64) * np.uint64(2**64 - 1)
    whole, short = (
        Sweeper(netlist, few, NONE_IMPLIED, np.random.default_rng(1), 10_000, effort)
        for effort in (None, 10_000)
    )
    for sweeper in (whole, short):
        sweeper.run()
        sweeper.close()
    assert 10_000 < short.spent < whole.spent and short.calls < whole.calls
    everything = _classes(_values(netlist))
    assert whole.literals() == everything
    told = [(a, b) for net, (a, b) in enumerate(zip(short.literals(), everything, strict=True)) if a != b]
    assert told and all(b >> 1 < a >> 1 for a, b in told)  # left apart, not merged wrongly


def test_constants_and_wires():
    netlist = make_gates(
        ["x", "y"], [0, 15, 3, 12, 5, 10, 1, 6], [0, 0, 0, 0, 0, 0, 4, 4], [0, 0, 1, 1, 1, 1, 5, 5], {}
    )
    words = all_patterns(2)
    # x and not x; x xor not x
    assert _swept(netlist, words).literals() == [0, 2, -2, -1, 0, 1, 2, 3, -2, -1]
