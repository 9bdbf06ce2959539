"""Networks that relax both ways: model, file, netlist."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compiler.api import compile
from compiler.errors import FormatError, NetlistError
from compiler.families.activations import PHIS
from compiler.families.hopfield import HopfieldNetwork, lower_hopfield, relax, stable_step
from compiler.families.layered import ACTIVATIONS
from compiler.families.store import load_model, save_model
from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, Role
from compiler.reference import force, potential


def network(activation="hard-sigmoid", sizes=(5, 7, 6, 3), *, backward=False, seed=3, **changes):
    """Skewed weights, of a size at which the rest state is not the forward pass."""
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(sizes))
    return HopfieldNetwork(
        weights=tuple(rng.normal(0.2, 0.5, (o, i)) for i, o in pairs),
        biases=tuple(rng.normal(0.1, 0.3, o) for _, o in pairs),
        activation=activation,
        backward=tuple(rng.normal(-0.1, 0.3, (i, o)) for i, o in pairs[1:]) if backward else None,
        **changes,
    )


DATA = np.random.default_rng(0).uniform(0, 1, (20, 5))


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rest_is_where_every_unit_meets_its_drive(activation, backward):
    net = network(activation, backward=backward)
    states = [DATA, *relax(net, DATA, tolerance=1e-12)]
    back = net.backward or tuple(w.T for w in net.weights[1:])
    for l in range(1, 4):
        z = states[l - 1] @ net.weights[l - 1].T + net.biases[l - 1]
        if l < 3:
            z = z + states[l + 1] @ back[l - 1].T
        np.testing.assert_allclose(states[l], PHIS[activation].value(z), atol=1e-10)
    forward = PHIS[activation].value(DATA @ net.weights[0].T + net.biases[0])
    assert np.abs(states[1] - forward).max() > 0.02  # the feedback acts


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_file_round_trip(tmp_path, activation, backward):
    net = network(activation, backward=backward, labels=("a", "b", "c"), meta={"seed": 3})
    save_model(net, tmp_path / "a.safetensors")
    again = load_model(tmp_path / "a.safetensors")
    assert again.activation == activation and again.labels == net.labels
    assert again.meta["seed"] == 3 and (again.backward is None) == (not backward)
    for a, b in zip(again.weights + again.biases, net.weights + net.biases, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.answers(DATA), net.answers(DATA))


def test_a_file_without_its_backward_weights_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "compiler.families.store.to_bytes", _without("layers.1.backward", "compiler.families.store")
    )
    save_model(network(backward=True), tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match=r"lacks 'layers.1.backward'"):
        load_model(tmp_path / "a.safetensors")


def _without(name, module):
    from safetensors.numpy import save

    return lambda tensors, metadata: save({k: v for k, v in tensors.items() if k != name}, metadata=metadata)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_netlist_rests_where_the_network_does(activation, backward):
    net = network(activation, backward=backward)
    netlist = lower_hopfield(net)
    verify(netlist)
    assert [g.name for g in netlist.groups] == ["input", "layer1", "layer2", "output"]
    assert (netlist.cells.role == Role.OUTPUT).sum() == 3 and netlist.kT == 0
    states = relax(net, DATA[:1], tolerance=1e-13)
    x = np.concatenate([s[0] for s in states])
    if activation != "hard-sigmoid":
        x = {"sigmoid": lambda u: np.log(u / (1 - u)), "tanh": np.arctanh}[activation](x)
    f = force(netlist, np.concatenate([DATA[0], x]), DATA[0])[5:]
    if activation == "hard-sigmoid":  # a wall may hold a cell, but only from outside
        inside = (x > 0) & (x < 1)
        assert inside.any() and (~inside).any()
        assert (f[x == 0] <= 1e-9).all() and (f[x == 1] >= -1e-9).all()
        f = f[inside]
    np.testing.assert_allclose(f, 0, atol=1e-8)


def test_energy_of_the_netlist_is_the_papers():
    net = network()
    netlist = lower_hopfield(net)
    u = [DATA[0], *(np.random.default_rng(k).uniform(0, 1, n) for k, n in enumerate((7, 6, 3)))]
    energy = sum(0.5 * s @ s - b @ s for s, b in zip(u[1:], net.biases, strict=True))
    energy -= sum(u[l + 1] @ w @ u[l] for l, w in enumerate(net.weights))
    got = potential(netlist, np.concatenate(u), DATA[0])
    assert got == pytest.approx(energy, abs=1e-12)


def test_a_nudged_phase_follows_when_asked_for():
    netlist = lower_hopfield(network("tanh"), duration=3.0, nudge=-0.2)
    assert [(p.name, p.nudge) for p in netlist.schedule] == [("free", 0.0), ("nudged", -0.2)]
    assert netlist.readout.phase == "free" and netlist.readout.shown
    assert netlist.cells.activation[-1] == Activation.TANH
    assert netlist.schedule[0].duration / netlist.dt == 3.0 / netlist.dt
    with pytest.raises(NetlistError, match="duration must be"):
        lower_hopfield(network(), duration=0.0)
    with pytest.raises(NetlistError, match="nudge must be"):
        lower_hopfield(network(), nudge=np.inf)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (5, 7, 6, 3)])
def test_the_step_holds_by_a_factor_of_two(sizes):
    net = network(sizes=sizes)
    n = sum(sizes[1:])
    w = np.zeros((n, n))
    ends = np.cumsum([0, *sizes[1:]])
    for l, m in enumerate(net.weights[1:], 1):
        w[ends[l] : ends[l + 1], ends[l - 1] : ends[l]] = m
    w += w.T
    assert stable_step(net) * (1 + np.linalg.norm(w, 2)) <= 1.0


def test_compile_takes_it():
    assert compile(network()).meta["source"] == "hopfield"


def test_angle():
    net = network(sizes=(4, 30, 40))
    assert net.angle == pytest.approx(0, abs=1e-5)
    flipped = replace(net, backward=(-net.weights[1].T,))
    assert flipped.angle == pytest.approx(180, abs=1e-5)
    assert np.isnan(network(sizes=(4, 3)).angle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": ()}, "at least one layer"),
        ({"biases": (np.zeros(7), np.zeros(6))}, "a bias for each"),
        ({"activation": "relu"}, "activation must be one of"),
        ({"backward": (np.zeros((7, 6)),)}, "backward weights must have shapes"),
        ({"head": "ranking"}, "head must be"),
        ({"labels": ("a",)}, "1 labels for 3 outputs"),
        ({"relax_time": 0.0}, "relax_time must be"),
        ({"input_scale": np.ones(4)}, "input_scale must be 1 or 5"),
        ({"biases": (np.zeros(7), np.zeros(6), np.full(3, np.nan))}, "not finite"),
        ({"biases": (np.zeros(7), np.zeros(6), np.zeros(4))}, "bias 2 must have shape"),
        ({"weights": (np.zeros((7, 5)), np.zeros((6, 8)), np.zeros((3, 6)))}, "weights 1 take 8"),
        ({"weights": (np.zeros((7, 5)), np.zeros(6), np.zeros((3, 6)))}, "weights 1 must be"),
    ],
)
def test_what_is_no_network_is_named(change, message):
    with pytest.raises(NetlistError, match=message):
        replace(network(), **change)


def test_a_network_that_does_not_settle_is_named():
    net = network("tanh", (5, 4, 4), backward=True)
    wild = replace(net, weights=tuple(9 * w for w in net.weights), backward=(-9 * net.weights[1].T,))
    with pytest.raises(NetlistError, match="still moves"):
        wild.answers(DATA, sweeps=300)
