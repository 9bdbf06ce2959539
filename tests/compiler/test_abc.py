"""ABC as a second opinion: it agrees on equal and different circuits, and its absence is told."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from toys.gates import every_op, mutated, random_circuit

from compiler import abc
from compiler.abc import ask_abc
from compiler.equivalence import check_equal
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import make_gates
from compiler.pipelines import simplify


@pytest.fixture
def program():
    found = next((name for name in abc.PROGRAMS if shutil.which(name)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(abc.PROGRAMS)} is installed")
    return found


@pytest.mark.parametrize("sums", [False, True])
def test_abc_agrees_with_us(program, sums):
    rng = np.random.default_rng(4)
    for _ in range(4):
        netlist = random_circuit(rng, sums=sums)
        assert ask_abc(netlist, simplify(netlist, 1)).status == "equivalent"
    netlist = random_circuit(rng)
    for _ in range(6):
        other = mutated(netlist, rng)
        expected = "equivalent" if check_equal(netlist, other).equal else "different"
        assert ask_abc(netlist, other).status == expected


def test_ports_are_matched_as_asked(program):
    netlist = random_circuit(np.random.default_rng(5), 6, 60, 12)
    order_in, order_out = (np.random.default_rng(6).permutation(n) for n in (6, 12))
    number = np.empty(netlist.n_nets + 1, dtype=np.int32)
    number[order_in] = np.arange(6)
    number[6:] = [*range(6, netlist.n_nets), -1]
    shuffled = replace(
        netlist,
        input_names=tuple(netlist.input_names[k] for k in order_in),
        a=number[netlist.a],
        b=number[netlist.b],
        output_names=tuple(netlist.output_names[k] for k in order_out),
        outputs=number[netlist.outputs][order_out],
    )
    assert check_equal(netlist, shuffled).equal
    assert ask_abc(netlist, shuffled, by_name=(True, True)).status == "equivalent"
    for by_name in ((False, True), (True, False), (False, False)):
        assert ask_abc(netlist, shuffled, by_name=by_name).status == "different"


def test_only_possible_inputs(program):
    """Two thresholds of one feature: the higher one alone cannot be set."""
    encoder = Thermometer(1, np.zeros(2, dtype=np.int32), np.array([0.2, 0.8]))
    a = make_gates(["low", "high"], [1], [0], [1], {"p": 2}, encoder=encoder)
    b = make_gates(["low", "high"], [5], [0], [1], {"p": 2}, encoder=encoder)
    assert ask_abc(a, b).status == "different"
    assert ask_abc(a, b, encoder=encoder).status == "equivalent"
    c = make_gates(["low", "high"], [3], [0], [1], {"p": 2}, encoder=encoder)
    assert ask_abc(a, c, encoder=encoder).status == "different"


def test_edges(program):
    none = make_gates(["x"], [], [], [], {})
    assert ask_abc(none, none).status == "equivalent"
    constant = make_gates([], [15], [0], [0], {"one": 0})
    assert ask_abc(constant, constant).status == "equivalent"
    assert ask_abc(every_op(), every_op()).status == "equivalent"


def test_without_abc():
    netlist = make_gates(["x"], [12], [0], [0], {"y": 1})
    assert ask_abc(netlist, netlist, program="no-such-abc").status == "not installed"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Networks are equivalent after fraiging.  Time = 0.00 sec", "equivalent"),
        ("Networks are NOT EQUIVALENT.  Time = 0.00 sec", "different"),
        ("Networks are UNDECIDED.  Time = 1.00 sec", "undecided"),
        ("Cannot open input file", "failed"),
        ("", "failed"),
    ],
)
def test_what_abc_says(tmp_path, said, status):
    fake = tmp_path / "fake-abc"
    fake.write_text(f"#!/bin/sh\necho '{said}'\n")
    fake.chmod(0o755)
    netlist = make_gates(["x"], [12], [0], [0], {"y": 1})
    assert ask_abc(netlist, netlist, program=str(fake)).status == status


def test_an_abc_that_hangs(tmp_path, monkeypatch):
    fake = tmp_path / "fake-abc"
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    netlist = make_gates(["x"], [12], [0], [0], {"y": 1})
    monkeypatch.setattr(abc, "GRACE", 0.1)
    assert ask_abc(netlist, netlist, program=str(fake), timeout=0.1).status == "timed out"
