"""Residual networks: the rest, the gradient, the netlist and a training of couplings across a layer."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.api import compile
from compiler.families.store import load_model, save_model
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.energy.eqprop_effort import couplings_of
from thermo.gradients.errors import EqpropError
from thermo.simulate import simulate
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.jax_convert import from_model, to_network
from thermo.training.eqprop.jax_estimators import Nudging
from thermo.training.eqprop.jax_estimators import estimate as by_parity
from thermo.training.eqprop.jax_layers import Dense, Layout
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, free_rest
from thermo.training.eqprop.jax_train import LayersTrainer, layers_accuracy
from thermo.training.eqprop.jax_updown import Sweeps, estimate, free_outputs
from thermo.training.eqprop.train import train_eqprop

LAYERS = (Conv(6, 2, 2), Conv(6, 3, 1, 1), Conv(5, 2, 2), Dense(3))
LAYOUT = Layout((8, 8, 2), LAYERS, residual=True)
KEY = jax.random.PRNGKey(0)
RESTED = Relaxation(200, 1e-7)


@pytest.fixture(scope="module")
def network():
    """Parameters whose units are off the walls, inputs and targets."""
    rng = np.random.default_rng(0)

    def drawn(shapes):
        some = (0.15 * rng.standard_normal(s) / np.sqrt(np.prod(s[:-1])) for s in shapes)
        return tuple(jnp.asarray(w, jnp.float32) for w in some)

    b = tuple(jnp.full(s, 0.5) for s in LAYOUT.bias_shapes)
    p = Parameters(drawn(LAYOUT.weight_shapes), b, skip=drawn(LAYOUT.skip_shapes))
    x = jnp.asarray(0.5 * rng.standard_normal((6, 8, 8, 2)), jnp.float32)
    return p, x, jnp.eye(3)[rng.integers(0, 3, 6)]


def flat(p):
    return np.concatenate([np.asarray(a, float).ravel() for a in jax.tree.leaves(p)])


@pytest.mark.parametrize("feedback", [1.0, pytest.param(0.3, marks=pytest.mark.slow)])
def test_the_rest_is_that_of_the_model(network, feedback):
    """By sweeps, by parity and by the model's sparse matrices, on files and back; not without skips."""
    p, x, _ = network
    own = p._replace(back=tuple(feedback * w for w in p.w[1:]), skip_back=(feedback**2 * p.skip[1],))
    sweeps = Sweeps(LAYOUT, feedback=feedback)
    swept = sweeps.free(p, sweeps.start(p, x), 100, 1e-6)[0].u[-1]
    model = to_network(LAYOUT, own)
    wanted = model.answers(np.asarray(x).reshape(6, -1))
    np.testing.assert_allclose(swept, wanted, atol=1e-5)
    layout, same = from_model(model)
    assert layout == LAYOUT
    np.testing.assert_allclose(free_rest(layout, same, x, RESTED, KEY)[0][-1], wanted, atol=1e-5)
    without = replace(model, skips=(), backward_skips=None)
    assert np.abs(without.answers(np.asarray(x).reshape(6, -1)) - wanted).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("feedback", [1.0, 0.3])
def test_the_gradient_against_finite_differences(network, feedback):
    """Of the cost at rest, along the gradient's skips alone: the others would hide them."""
    p, x, y = network
    s = Sweeps(LAYOUT, feedback=feedback)
    how = Nudging("centred", 0.05, 2, Relaxation(60, 1e-7), Relaxation(12))
    gradient = estimate(s, p, x, y, how).gradient
    if feedback == 1.0:
        rested = Nudging("centred", 0.05, 2, RESTED, RESTED)
        wanted = flat(by_parity(LAYOUT, p, x, y, rested, KEY).gradient)
        assert np.linalg.norm(flat(gradient) - wanted) < 2e-3 * np.linalg.norm(wanted)

    def cost(step, k):
        skip = list(p.skip)
        skip[k] = skip[k] - step * gradient.skip[k]
        moved = p._replace(skip=tuple(skip))
        return float(0.5 * jnp.square(free_outputs(s, moved, x, 60, 1e-7) - y).sum(1).mean())

    rest = s.free(p, s.start(p, x), 60, 1e-7)[0]
    assert all(float(u.min()) > 0 and float(u.max()) < 1 for u in rest.u)  # no kink of the box
    for k, part in enumerate(gradient.skip):
        step = 0.02 / float(jnp.abs(part).max())  # large enough for float32
        slope = (cost(-step, k) - cost(step, k)) / (2 * step)
        assert slope == pytest.approx(float(np.square(part).sum()), rel=0.02)


SMALL = EqpropConfig(
    engine="jax",
    hidden=(Conv(12, 4, 2, 1), Conv(16, 2, 2)),
    residual=True,
    schedule="up-down",
    feedback=0.3,
    sweeps_free=2,
    sweeps_nudged=1,
    tolerance=0.0,
    optimiser="muon",
    epochs=4,
    batch=32,
    tile=16,
    rates=(0.03, 0.03, 0.01),
    standardise=True,
    whitened=True,
)


@pytest.mark.slow
def test_digits_are_learnt_and_decided_alike(tmp_path):
    """One parameter for all places and both ways; the netlist decides as the model, not so without skips."""
    data = load_dataset("digits")
    trained = train_eqprop(data, SMALL)
    assert trained.score > 0.5  # chance is a tenth
    model = trained.model
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.backward_skips, model.backward_skips)
    np.testing.assert_array_equal(again.skips[0], model.skips[0])
    np.testing.assert_allclose(model.skips[0], trained.parameters.skip[0])
    assert layers_accuracy(trained, data, "valid") == pytest.approx(trained.score, abs=0.02)
    decided = model.predictions(data.x_valid)
    assert np.mean(decided == data.y_valid) == pytest.approx(trained.score, abs=0.02)
    netlist = compile(model)
    assert netlist.n_couplings == couplings_of(model)
    assert netlist.couplings[0].weight.size == model.n_parameters
    found = simulate(netlist, data.x_valid[:100], threads=1).predictions()
    assert np.mean(found == decided[:100]) >= 0.97
    without = replace(model, skips=(), backward_skips=None)
    assert np.mean(without.predictions(data.x_valid) == decided) < 0.97


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "field"}, "trained by rule 'energy'"),
        (
            {"schedule": "parity", "feedback": 1.0, "tile": 64, "device": EqpropDevice(state_noise=0.1)},
            "on a perfect device",
        ),
        (
            {"schedule": "parity", "feedback": 1.0, "tile": 64, "estimator": "generalised-cauchy"},
            "takes its gradient from energies",
        ),
    ],
)
def test_refusals(change, message):
    with pytest.raises(EqpropError, match=message):
        replace(SMALL, **change)


def test_refusals_of_layers():
    data = load_dataset("digits")
    with pytest.raises(EqpropError, match="take at least two"):
        LayersTrainer(data, replace(SMALL, hidden=(Conv(4, 4, 2, 1),), rates=(0.1,)))
    with pytest.raises(EqpropError, match="couplings from layer 0 to layer 2 would be 6 wide at stride 4"):
        LayersTrainer(data, replace(SMALL, hidden=(Conv(4, 4, 2), Conv(4, 2, 2)), rates=(0.1,)))


@pytest.mark.slow
def test_the_command_trains_one(tmp_path, capsys):
    """One epoch: the model that it writes has the couplings; --diagnose is told that it cannot."""
    command = ["train", "eqprop", "--network", "convolutional", "--residual", "--data", "digits"]
    command += ["--epochs", "1", "-o", str(tmp_path / "net.safetensors")]
    assert main([*command, "--diagnose"]) == 2
    assert "leave it or --residual out" in capsys.readouterr().err
    assert main([*command, "--json"]) == 0
    model = load_model(tmp_path / "net.safetensors")
    assert [s.shape for s in model.skips] == [(3, 3, 1, 32)]
