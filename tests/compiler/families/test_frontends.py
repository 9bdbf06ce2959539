from dataclasses import replace

import numpy as np
import pytest
from toys.compiler import machine, mlp, small_mlp, toy

from compiler.errors import NetlistError
from compiler.families.langevin import lower_langevin
from compiler.families.mlp import lower_mlp
from compiler.ir.kinds import verify
from compiler.ir.langevin import Couplings
from compiler.passes.langevin import map_couplings
from compiler.reference import force, read, relax, state

DATA = np.random.default_rng(8).uniform(size=(3, 3))


def answers(netlist, data, method):
    return np.array([read(netlist, relax(netlist, row, method=method)) for row in data])


@pytest.mark.parametrize("method", ["ivp", "euler"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "clip", "identity"])
def test_an_mlp_relaxes_to_its_forward_pass(activation, method):
    model = mlp(activation, input_shift=np.array([0.1]), input_scale=np.array([1.0, -2.0, 0.5]))
    netlist = lower_mlp(model)
    verify(netlist)
    error = np.abs(answers(netlist, DATA, method) - model.answers(DATA)).max()
    assert error <= 1e-6


def test_broken_twins_do_not_reach_the_forward_pass():
    model = mlp("tanh")
    netlist = lower_mlp(model)
    exact = model.answers(DATA)

    def error(broken):
        return np.abs(answers(broken, DATA, "euler") - exact).max()

    assert error(netlist) <= 1e-6
    # sign of W; transposed layer; J2 = 1 for 1/2; the schedule half as long
    flipped = map_couplings(netlist, lambda c: replace(c, weight=-c.weight))
    assert error(flipped) > 1e-2
    stiff = netlist.with_(cells=replace(netlist.cells, j2=2 * netlist.cells.j2))
    assert error(stiff) > 1e-2
    short = replace(netlist.schedule[0], duration=netlist.schedule[0].duration / 4)
    assert error(netlist.with_(schedule=(short,))) > 1e-6


def settling_time(model, tolerance, dt, input_range=(0.0, 1.0)):
    netlist = lower_mlp(model, tolerance=tolerance, dt=dt, input_range=input_range)
    return netlist.schedule[0].duration


def test_settling_time_keeps_its_tolerance_for_deep_and_strong_networks():
    """The bound holds and is not slack by more than the slowest part of its own logarithm."""
    for sizes, gain in (((3, 4, 2), 1.0), ((3, 4, 4, 4, 4, 4, 2), 2.0)):
        model = mlp("relu", sizes)
        model = replace(model, weights=tuple(gain * w for w in model.weights))
        for tolerance in (1e-3, 1e-6):
            netlist = lower_mlp(model, tolerance=tolerance)
            error = np.abs(answers(netlist, DATA, "ivp") - model.answers(DATA)).max()
            assert error <= tolerance
    assert settling_time(mlp(), 1e-9, 0.05) > settling_time(mlp(), 1e-3, 0.05) + 10
    assert settling_time(mlp(sizes=(3,) + (4,) * 9 + (2,)), 1e-6, 0.05) > settling_time(mlp(), 1e-6, 0.05)
    assert settling_time(mlp(), 1e-6, 0.05, (0, 255)) > settling_time(mlp(), 1e-6, 0.05)


def test_one_layer_settles_as_its_exponential():
    model = mlp("tanh", (3, 2))
    model = replace(model, weights=(np.zeros((2, 3)),), biases=(np.array([2.0, -1.0]),))
    assert settling_time(model, 2e-6, 1e-3) == pytest.approx(np.log(1e6), abs=0.01)


def test_an_mlp_that_is_zero_settles():
    model = mlp("tanh", (3, 2))
    model = replace(model, weights=(np.zeros((2, 3)),), biases=(np.zeros(2),))
    netlist = lower_mlp(model)
    assert answers(netlist, DATA, "ivp").tolist() == [[0, 0]] * 3


def test_the_layout_of_a_lowered_mlp():
    netlist = lower_mlp(small_mlp())
    assert [(g.name, g.start, g.stop) for g in netlist.groups] == [
        ("input", 0, 2),
        ("hidden1", 2, 5),
        ("output", 5, 6),
    ]
    assert netlist.kT == 0 and netlist.mobility == 1
    assert netlist.inputs.tolist() == [0, 1] and netlist.outputs.tolist() == [5]
    assert netlist.readout.labels == ("no", "yes")
    n_steps = netlist.schedule[0].duration / netlist.dt
    assert abs(n_steps - round(n_steps)) < 1e-9


def test_an_output_activation_is_shown():
    model = mlp("relu", (3, 4, 2), output="sigmoid")
    netlist = lower_mlp(model)
    assert netlist.readout.shown
    np.testing.assert_allclose(answers(netlist, DATA, "ivp"), model.answers(DATA), atol=1e-6)


def test_a_regression_head_answers_with_values():
    model = mlp("tanh", (3, 4, 1), head="regression", output_scale=np.array([[3.0]]))
    model = replace(model, output_offset=np.array([-1.0]))
    netlist = lower_mlp(model)
    assert netlist.readout.decision == "value"
    np.testing.assert_allclose(answers(netlist, DATA, "ivp"), model.answers(DATA), atol=3e-6)


def test_bad_lowering_options():
    for options, message in (
        ({"tolerance": 0.0}, "tolerance must be a finite number above 0"),
        ({"dt": 1.0}, "dt must lie between 0 and 1"),
        ({"input_range": (1.0, 0.0)}, "input_range must be finite"),
        ({"input_range": (0.0, np.inf)}, "input_range must be finite"),
    ):
        with pytest.raises(NetlistError, match=message):
            lower_mlp(mlp(), **options)
    huge = mlp("relu", (3,) + (4,) * 300 + (2,))
    huge = replace(huge, weights=tuple(w * 1e200 for w in huge.weights))
    with pytest.raises(NetlistError, match="needs longer than 100000 to settle"):
        lower_mlp(huge)


def test_float32_weights_stay_float32():
    model = mlp()
    model = replace(model, weights=tuple(w.astype(np.float32) for w in model.weights))
    assert lower_mlp(model).couplings[0].weight.dtype == np.float32


# --- the trained machine -------------------------------------------------------------------------


def test_the_machine_keeps_its_equation():
    m = machine()
    netlist = lower_langevin(m)
    verify(netlist)
    x = np.random.default_rng(2).normal(size=m.n_cells)
    data = np.array([0.2, 0.9, -0.4])
    u = (data - m.input_shift) * m.input_scale
    expected = m.bias - 2 * m.j2 * x - 3 * m.j3 * x**2 - 4 * m.j4 * x**3 + m.w_in @ u + m.coupling @ x
    f = force(netlist, x, u)
    np.testing.assert_allclose(f[m.n_inputs :], expected, rtol=1e-12)
    assert (f[: m.n_inputs] == 0).all()
    # the couplings are skewed, so that their transpose is another machine
    twin = lower_langevin(replace(m, coupling=m.coupling.T.copy()))
    assert np.abs(force(twin, x, u)[m.n_inputs :] - expected).max() > 0.1


def test_the_layout_of_a_lowered_machine():
    m = machine(t_f=0.4, dt=2e-3, kT=0.7, mobility=1.5, x0=np.arange(6.0))
    netlist = lower_langevin(m)
    assert [(g.name, g.start, g.stop) for g in netlist.groups] == [
        ("input", 0, 3),
        ("hidden", 3, 7),
        ("output", 7, 9),
    ]
    assert (netlist.kT, netlist.mobility, netlist.dt) == (0.7, 1.5, 2e-3)
    assert [(p.name, p.duration) for p in netlist.schedule] == [("relax", 0.4)]
    assert netlist.readout.cells.tolist() == [7, 8]
    assert netlist.readout.labels == ("a", "b")
    assert netlist.cells.x0.tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert netlist.couplings[0].weight.dtype == np.float32
    no_hidden = lower_langevin(machine(n_hidden=0))
    assert [g.name for g in no_hidden.groups] == ["input", "output"]


def test_the_machines_read_out():
    x = np.array([0.0] * 7 + [0.4, -0.9])
    plain = lower_langevin(machine(readout_scale=np.full(2, 5.0)))
    assert plain.readout.scale is None
    parts = {"readout_scale": np.array([5.0, -2.0]), "readout_offset": np.array([0.1, 0.0])}
    for head in ("classification", "regression"):
        netlist = lower_langevin(machine(head=head, **parts))
        verify(netlist)
        np.testing.assert_allclose(read(netlist, x), [2.1, 1.8])
        assert netlist.readout.decision == ("argmax" if head == "classification" else "value")
    negative = lower_langevin(machine(readout_scale=np.full(2, -1.0)))
    assert read(negative, x).tolist() == [-0.4, 0.9]


def test_a_machine_without_couplings_is_legal():
    m = machine()
    netlist = lower_langevin(replace(m, coupling=np.zeros((6, 6)), w_in=np.zeros((6, 3))))
    verify(netlist)
    assert netlist.n_couplings == 0
    assert state(netlist, np.zeros(6)).size == 9


def test_couplings_from_dense_drop_zeros():
    assert len(Couplings.from_dense(toy().couplings[0].kind, np.array([[0, 2.0], [0, 0]]))) == 1
