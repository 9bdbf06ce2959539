"""Larger inputs on smaller couplings are the same machine where couplings are ideal."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import ThermocError
from compiler.ir.container import load, save
from compiler.ir.langevin import Activation, CouplingKind
from compiler.passes.units import scale_inputs
from tests.toys.simulate import toy, toy_data
from thermo.cli.main import main
from thermo.simulate.run import simulate

NET, X = toy(), toy_data()


@pytest.mark.parametrize("encoded", [True, False])
def test_the_run_is_the_same(encoded):
    """Bit by bit where the gain is a power of two; inputs are four times as large."""
    net = NET if encoded else NET.with_(encoder=None)
    other = scale_inputs(net, 4.0)
    one, two = (simulate(n, X, seed=2, runs=2) for n in (net, other))
    assert np.array_equal(one.outputs, two.outputs) and np.array_equal(one.heat, two.heat)
    group, scaled = NET.couplings[0], other.couplings[0]
    driven = NET.cells.frozen[group.indices]
    assert np.array_equal(scaled.values, np.where(driven, group.values / 4, group.values))
    without = simulate(other, None, seed=2), simulate(net, None, seed=2)  # input cells keep their x0
    assert np.array_equal(without[0].outputs, without[1].outputs)


def test_shared_parameters_are_parted():
    group = NET.couplings[0]
    tied = replace(group, weight=np.array([0.5]), tie=np.zeros(len(group), np.int32))
    other = scale_inputs(NET.with_(couplings=(tied,)), 2.0).couplings[0]
    assert set(other.values.tolist()) == {0.25, 0.5}


def test_the_command(tmp_path):
    save(NET, tmp_path / "a.tnl")
    assert main(["compile", str(tmp_path / "a.tnl"), "-o", str(tmp_path / "b.tnl"), "--input-gain", "8"]) == 0
    assert load(tmp_path / "b.tnl").encoder.scale[0] == 8 * NET.encoder.scale[0]


@pytest.mark.parametrize(
    ("netlist", "gain", "message"),
    [
        (NET, 0.0, "gain must be a finite number above 0, got 0"),
        (toy(n_in=0), 2.0, "no input cells"),
        (toy(activation=Activation.TANH), 2.0, "nonlinear phi"),
        (
            NET.with_(couplings=(replace(NET.couplings[0], kind=CouplingKind.SINE),)),
            2.0,
            "sine couplings from inputs are not linear",
        ),
    ],
)
def test_what_cannot_be_scaled_is_refused(netlist, gain, message):
    with pytest.raises(ThermocError, match=message):
        scale_inputs(netlist, gain)
