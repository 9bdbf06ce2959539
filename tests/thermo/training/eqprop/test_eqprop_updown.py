"""Sweeps up and down: the same rest and the same gradient as by parity, from fewer and rounded products."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.api import compile
from thermo.data import load_dataset
from thermo.gradients.errors import EqpropError
from thermo.simulate import simulate
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop import jax_layers, jax_patches
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.jax_estimators import Nudging
from thermo.training.eqprop.jax_estimators import estimate as by_parity
from thermo.training.eqprop.jax_layers import Dense, Layout
from thermo.training.eqprop.jax_muon import orthogonal
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, free_rest
from thermo.training.eqprop.jax_step import moved_pixels, warp
from thermo.training.eqprop.jax_train import LayersTrainer, layers_accuracy
from thermo.training.eqprop.jax_updown import Sweeps, estimate, estimate_tiled
from thermo.training.eqprop.train import train_eqprop

LAYOUT = Layout((8, 8, 2), (Conv(8, 4, 2, 1), Conv(6, 2, 2), Dense(3)))
KEY = jax.random.PRNGKey(0)
RESTED = Relaxation(200, 1e-7)


@pytest.fixture(scope="module")
def network():
    """Parameters whose units are on and off their walls, inputs and targets."""
    rng = np.random.default_rng(0)
    w = [
        0.5 * rng.standard_normal(s).astype(np.float32) / np.sqrt(np.prod(s[:-1]))
        for s in LAYOUT.weight_shapes
    ]
    b = [rng.uniform(-0.1, 0.5, s).astype(np.float32) for s in LAYOUT.bias_shapes]
    p = Parameters(tuple(map(jnp.asarray, w)), tuple(map(jnp.asarray, b)))
    x = jnp.asarray(rng.standard_normal((8, 8, 8, 2)), jnp.float32)
    return p, x, jnp.eye(3)[rng.integers(0, 3, 8)]


@pytest.mark.parametrize(("layer", "side", "channels"), [(Conv(5, 3, 1, 1), 6, 16), (Conv(5, 4, 2, 1), 9, 8)])
def test_products_of_patches_are_convolutions(layer, side, channels):
    rng = np.random.default_rng(1)
    shape = (side, side, channels)
    x = jnp.asarray(rng.standard_normal((3, *shape)), jnp.float32)
    w = jnp.asarray(rng.standard_normal((layer.kernel, layer.kernel, channels, layer.channels)), jnp.float32)
    z = jax_layers.up(layer, w, x)
    kind = jnp.float32
    np.testing.assert_allclose(jax_patches.up(layer, w, x, kind), z, atol=1e-4)
    down = jax_patches.down(layer, w, z, shape, kind)
    np.testing.assert_allclose(down, jax_layers.down(layer, w, z, shape), atol=1e-3)
    found = jax_patches.contract(layer, z, x, kind)
    np.testing.assert_allclose(found, jax_layers.contract(layer, z, x), atol=5e-3)


@pytest.mark.parametrize("feedback", [1.0, 0.3])
def test_the_rest_is_that_of_parity(network, feedback):
    p, x, _ = network
    sweeps = Sweeps(LAYOUT, feedback=feedback)
    own = p._replace(back=tuple(feedback * w for w in p.w[1:]))
    wanted, _, _ = free_rest(LAYOUT, own, x, RESTED, KEY)
    rest, used, left = sweeps.free(p, sweeps.start(p, x), 100, 1e-6)
    assert used < 100 and left <= 1e-6
    first = sweeps.start(p, x)  # the twin that fails: feed-forward alone is not at rest
    assert max(float(jnp.abs(a - b).max()) for a, b in zip(first.u, wanted, strict=True)) > 0.01
    for a, b in zip(rest.u, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_rounded_changes_add_up_to_exact_states(network):
    """In bfloat16 the rest is that of the rounded weights, far nearer than states could be rounded."""
    p, x, _ = network
    rounded = p._replace(w=tuple(w.astype(jnp.bfloat16).astype(jnp.float32) for w in p.w[1:]))
    rounded = rounded._replace(w=(p.w[0], *rounded.w))  # few channels: not rounded
    sweeps = Sweeps(LAYOUT, "bfloat16")
    rest, _, _ = sweeps.free(p, sweeps.start(p, x), 100, 1e-6)
    wanted, _, _ = free_rest(LAYOUT, rounded, x, RESTED, KEY)
    for a, b in zip(rest.u, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    apart = [float(jnp.abs(u - u.astype(jnp.bfloat16)).max()) for u in wanted]
    assert max(apart) > 1e-3


def flat(p):
    return np.concatenate([np.asarray(a, float).ravel() for a in jax.tree.leaves(p)])


@pytest.mark.parametrize("estimator", ["centred", pytest.param("positive", marks=pytest.mark.slow)])
def test_the_gradient_is_that_of_parity(network, estimator):
    p, x, y = network
    rested = Nudging(estimator, 0.1, 2, RESTED, RESTED)
    wanted = flat(by_parity(LAYOUT, p, x, y, rested, KEY).gradient)
    swept = Nudging(estimator, 0.1, 2, Relaxation(60, 1e-7), Relaxation(12))
    for tile in (8, 4)[: 2 if estimator == "centred" else 1]:
        found = flat(estimate_tiled(Sweeps(LAYOUT, tile=tile), p, x, y, swept).gradient)
        assert np.linalg.norm(found - wanted) < 2e-3 * np.linalg.norm(wanted)
    if estimator != "centred":
        return
    own = p._replace(back=p.w[1:])  # weights down of their own: half of each tied gradient
    halves = estimate(Sweeps(LAYOUT), own, x, y, swept).gradient
    tied = [a + b for a, b in zip(halves.w[1:], halves.back, strict=True)]
    for a, b in zip(tied, estimate(Sweeps(LAYOUT), p, x, y, swept).gradient.w[1:], strict=True):
        np.testing.assert_allclose(a, b, atol=0.03 * float(jnp.abs(b).max()))


@pytest.mark.parametrize(("feedback", "apart"), [(1.0, False), (0.3, False), (0.3, True)])
def test_the_gradient_against_finite_differences(network, feedback, apart):
    """Of the cost at rest, along the gradient; without the energies' weights it would be off."""
    p, x, y = network
    p = p._replace(
        b=tuple(jnp.full_like(b, 0.5) for b in p.b), w=tuple(0.3 * w for w in p.w)
    )  # off the walls
    if apart:
        p = p._replace(back=p.w[1:])
    s = Sweeps(LAYOUT, feedback=feedback)
    how = Nudging("centred", 0.05, 2, Relaxation(60, 1e-7), Relaxation(12))
    gradient = estimate(s, p, x, y, how).gradient

    def cost(step):
        moved = jax.tree.map(lambda a, g: a - step * g, p, gradient)
        return float(0.5 * jnp.square(s.free(moved, s.start(moved, x), 60, 1e-7)[0].u[-1] - y).sum(1).mean())

    slope = (cost(-0.02) - cost(0.02)) / 0.04
    assert slope == pytest.approx(float(np.square(flat(gradient)).sum()), rel=0.02)


def test_mirrored_whole_shifts_are_warps():
    rng = np.random.default_rng(0)
    warps = Augmentation(shift=2.0, whole=True, mirror=0.5)
    maps = warps.draw(40, rng)
    assert warps.by_pixels and 5 < (maps[:, 4] < 0).sum() < 35
    assert not replace(warps, rotate=1.0).by_pixels
    images = rng.random((40, 6, 7, 3)).astype(np.float32)
    got = moved_pixels(jnp.asarray(images), jnp.asarray(maps))
    np.testing.assert_allclose(got, warp(jnp.asarray(images), jnp.asarray(maps)), atol=1e-6)


@pytest.mark.parametrize("shape", [(48, 12), (12, 48)])
def test_muon_makes_singular_values_alike(shape):
    g = np.random.default_rng(0).standard_normal(shape).astype(np.float32) * 1e-4
    g[:, 0] *= 30
    spread = np.linalg.svd(g, compute_uv=False)
    assert spread[0] > 5 * spread[-1]
    found = np.linalg.svd(np.asarray(orthogonal(jnp.asarray(g))), compute_uv=False)
    assert found.min() > 0.5 and found.max() < 1.4


SMALL = EqpropConfig(
    engine="jax",
    hidden=(Conv(12, 4, 2, 1), Conv(16, 2, 2)),
    schedule="up-down",
    precision="bfloat16",
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


def test_rates_begin_again_from_half():
    trainer = LayersTrainer(load_dataset("digits"), replace(SMALL, restarts=(2,), warmup_epochs=0.0))
    found = []
    for step in range(4 * trainer.n_batches):
        trainer.step = step
        found.append(trainer.rate())
    middle = 2 * trainer.n_batches
    assert found[0] == 1.0 and found[middle] == 0.5
    assert np.all(np.diff(found[:middle]) < 0) and np.all(np.diff(found[middle:]) < 0)
    assert found[middle - 1] < 0.02 and found[-1] < 0.01


@pytest.mark.slow
def test_digits_are_learnt_and_decided_alike():
    data = load_dataset("digits")
    trained = train_eqprop(data, SMALL)
    assert trained.score > 0.8
    model = trained.model
    np.testing.assert_allclose(model.backward[0], 0.3 * model.weights[0].T, rtol=1e-5)
    decided = model.predictions(data.x_valid)
    assert np.mean(decided == data.y_valid) == pytest.approx(trained.score, abs=0.02)
    assert layers_accuracy(trained, data, "valid") == pytest.approx(trained.score, abs=0.02)
    netlist = compile(model)
    assert netlist.couplings[0].tie is not None
    found = simulate(netlist, data.x_valid[:100], threads=1).predictions()
    assert np.mean(found == decided[:100]) >= 0.97


@pytest.mark.slow
def test_homeostasis_brings_both_ways_together():
    """Whatever the outputs' small rate, by its expectation and by random vectors; without it they stay."""
    data = load_dataset("digits")
    data = replace(data, x_train=data.x_train[:800], y_train=data.y_train[:800])
    apart = replace(SMALL, rule="field", angle=90.0, epochs=1)
    angles = [train_eqprop(data, apart).history[-1].angle]
    for factor, draws in ((0.3, 0), (0.1, 100)):
        trained = train_eqprop(data, replace(apart, homeostasis=factor, homeostasis_draws=draws))
        angles.append(trained.history[-1].angle)
    assert angles[0] > 70 and angles[1] < 10 and angles[2] < 45
    back = trained.parameters.back[-1]  # what the netlist has is what drove
    np.testing.assert_allclose(trained.model.backward[0], 0.3 * np.asarray(back), rtol=1e-5)


@pytest.mark.slow
def test_from_90_degrees_homeostasis_learns_as_the_symmetric_network():
    """At the published network's feedback of a tenth, two epochs of digits; without it much is lost."""
    data = load_dataset("digits")
    base = replace(SMALL, feedback=0.1, sweeps_free=1, epochs=2)
    apart = replace(base, rule="field", angle=90.0)
    near = replace(apart, homeostasis=0.3, homeostasis_draws=0)
    symmetric, without, mended = (train_eqprop(data, some).score for some in (base, apart, near))
    told = f"symmetric {symmetric:.3f}, from 90 degrees {without:.3f}, with homeostasis {mended:.3f}"
    # 270 validation images: the difference of two such shares has a standard error of some 0.03
    assert mended > symmetric - 0.06, told
    assert without < symmetric - 0.12, told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": "tanh"}, "'hard-sigmoid' with schedule 'up-down'"),
        ({"estimator": "holomorphic"}, "one of real nudges"),
        ({"device": EqpropDevice(state_noise=0.1)}, "knows no imperfect device"),
        ({"schedule": "parity"}, "precision must be 'float32' with engine 'jax' and schedule 'parity'"),
        ({"precision": "float16"}, "precision must be one of float32, bfloat16"),
        ({"restarts": (3, 2)}, "restarts must be whole numbers >= 1 that rise"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(EqpropError, match=message):
        replace(SMALL, **change)


def test_refusals_of_layers():
    data = load_dataset("digits")
    with pytest.raises(EqpropError, match="need a multiple of the stride"):
        LayersTrainer(data, replace(SMALL, hidden=(Conv(4, 3, 2),), rates=(0.1,)))
    with pytest.raises(EqpropError, match="the first layer is dense"):
        LayersTrainer(data, replace(SMALL, hidden=(20,), rates=(0.1,)))
    with pytest.raises(EqpropError, match="at most 32 channels"):
        LayersTrainer(data, replace(SMALL, hidden=(Conv(40, 4, 2, 1),), rates=(0.1,)))


TRAINED = """
import sys

import numpy as np

from thermo.data import load_dataset
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.jax_train import LayersTrainer
from thermo.training.eqprop.train import train_eqprop

config = EqpropConfig(
    engine="jax", hidden=(Conv(8, 4, 2, 1),), schedule="up-down", feedback=0.3, sweeps_free=1,
    sweeps_nudged=1, tolerance=0.0, epochs=1, batch=32, tile=16, rates=(0.2, 0.02),
)
data = load_dataset("digits")
assert LayersTrainer(data, config).mesh.size == int(sys.argv[1])
trained = train_eqprop(data, config)
np.savez(sys.argv[2], *trained.parameters.w)
"""


@pytest.mark.slow
def test_two_devices_train_as_one(tmp_path):
    """Tiles shared out among devices that the processor plays."""
    root = Path(__file__).resolve().parents[4]
    found = []
    for devices in (1, 2):
        environment = os.environ | {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(root),
        }
        path = tmp_path / f"{devices}.npz"
        command = [sys.executable, "-c", TRAINED, str(devices), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found.append(np.load(path))
    for name in found[0]:
        assert np.abs(found[0][name] - found[1][name]).max() < 1e-3 * np.abs(found[0][name]).max()
