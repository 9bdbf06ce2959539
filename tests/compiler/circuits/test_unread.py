"""Inputs that nothing reads."""

from dataclasses import replace

import numpy as np
import pytest
from toys.gates import random_circuit

import compiler
from compiler.circuits.evaluate import evaluate_classes
from compiler.circuits.unread import unread_inputs, without_inputs
from compiler.ir.gates import NONE


@pytest.mark.parametrize("seed", range(5))
def test_unread_inputs_go_and_every_value_stays(seed):
    """Inputs are put among those of a circuit; what is left is that circuit."""
    rng = np.random.default_rng(seed)
    netlist = random_circuit(rng, 5, 12, sums=True)
    place = np.sort(rng.permutation(8)[:5])  # of the five among eight inputs
    number = np.concatenate([place, 8 + np.arange(netlist.n_gates)]).astype(np.int32)
    names = np.array([f"idle{k}" for k in range(8)], dtype=object)
    names[place] = netlist.input_names
    a, b = (np.where(nets == NONE, NONE, number[nets]).astype(np.int32) for nets in (netlist.a, netlist.b))
    wide = replace(netlist.with_roots(number[netlist.roots], a=a, b=b), input_names=tuple(names))
    compiler.verify(wide)
    idle = {*unread_inputs(wide)} - {*netlist.input_names}
    assert idle == {name for name in names if name.startswith("idle")}
    found = without_inputs(wide, idle)
    compiler.verify(found)
    assert compiler.equal(found, netlist)
    bits = rng.integers(0, 2, (64, 8)).astype(np.uint8)
    assert np.array_equal(evaluate_classes(wide, bits), evaluate_classes(found, bits[:, place]))


def test_inputs_that_are_outputs_are_read():
    netlist = random_circuit(np.random.default_rng(0), 3, 2)
    every = netlist.with_roots(np.arange(netlist.n_outputs, dtype=np.int32) % 3)
    assert unread_inputs(every) == ()
