"""method="rest": the states that long runs end in, on ideal machines and on devices, and what has none."""

from dataclasses import replace

import numpy as np
import pytest
from toys.compiler import machine, mlp, toy

import compiler
from compiler.errors import UnsupportedError
from hw_models.imperfect import Imperfections
from thermo import simulate

DATA = np.random.default_rng(0).uniform(size=(30, 3))


@pytest.mark.parametrize("activation", ["relu", "tanh", "clip", "sigmoid"])
def test_a_long_run_ends_there(activation):
    netlist = compiler.compile(mlp(activation, (3, 6, 5, 2), output=activation))
    rest, run = simulate(netlist, DATA, method="rest"), simulate(netlist, DATA)
    np.testing.assert_allclose(rest.answers(), run.answers(), atol=1e-5)
    assert (rest.predictions() == run.predictions()).all()
    assert (rest.n_steps, rest.method, rest.heat, rest.kT) == (3, "rest", None, 0.0)


def test_on_a_device_it_is_that_devices():
    netlist = compiler.compile(mlp("relu", (3, 6, 5, 2)))
    law = Imperfections(mismatch=0.2, bias_mismatch=0.1)
    on = {"non_ideal": law, "device_seed": 3}
    rest = simulate(netlist, DATA, method="rest", **on).answers()
    np.testing.assert_allclose(rest, simulate(netlist, DATA, **on).answers(), atol=2e-5)
    assert np.abs(rest - simulate(netlist, DATA, method="rest").answers()).max() > 0.05


def test_what_has_no_such_rest_is_named():
    netlist = compiler.compile(mlp("relu", (3, 4, 2)))
    with pytest.raises(UnsupportedError, match="is at kT = 0: give kT = 0"):
        simulate(netlist, DATA, method="rest", kT=0.1)
    hot = replace(netlist, schedule=(replace(netlist.schedule[0], stiffness=1.0),))
    with pytest.raises(UnsupportedError, match="nothing beside them; 'relax' is none"):
        simulate(hot, DATA, method="rest")
    with pytest.raises(UnsupportedError, match="is no cell of a quadratic energy"):
        simulate(compiler.compile(machine()), DATA, method="rest", kT=0.0)
    flat = replace(toy(), cells=replace(toy().cells, j4=np.zeros(toy().n_cells)))
    with pytest.raises(UnsupportedError, match="method 'rest'"):
        simulate(flat, None, method="rest", kT=0.0)
