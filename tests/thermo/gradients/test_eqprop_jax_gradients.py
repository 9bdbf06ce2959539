"""Layered networks in JAX: relaxation, products of states, and every estimator, in float64."""

from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.hopfield import HopfieldNetwork, relax
from thermo.gradients import estimators as oracle
from thermo.gradients.errors import EqpropError, NudgeError
from thermo.gradients.homeostasis import homeostatic_loss as exact_loss
from thermo.gradients.reference import bptt_gradient, implicit_gradient
from thermo.gradients.rest import Settling
from thermo.gradients.system import from_network
from thermo.training.eqprop.jax_convert import from_model, to_network
from thermo.training.eqprop.jax_estimators import (
    Nudging,
    check_nudging,
    gradient,
    homeostatic_loss,
    normals,
    skew,
)
from thermo.training.eqprop.jax_layers import Conv, Dense, Layout, contract, down, up
from thermo.training.eqprop.jax_rest import Relaxation, free_rest

KEY = jax.random.PRNGKey(0)
STILL = Relaxation(4000, 1e-13)
LOOSE = Settling(tolerance=1e-12)


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def dense(activation="sigmoid", sizes=(6, 9, 7, 3), *, apart=False, seed=1):
    """Skewed weights; tanh's smaller, so that all relaxations end."""
    rng = np.random.default_rng(seed)
    gain = {"sigmoid": 1.5, "tanh": 0.5, "hard-sigmoid": 0.7}[activation]
    pairs = list(pairwise(sizes))
    return HopfieldNetwork(
        tuple(gain * rng.normal(0.1, 1.0, (o, i)) / np.sqrt(i) for i, o in pairs),
        tuple(rng.normal(0.2, 0.3, o) for _, o in pairs),
        activation,
        tuple(gain * rng.normal(0.05, 0.6, (i, o)) / np.sqrt(o) for i, o in pairs[1:]) if apart else None,
    )


def conv(activation="sigmoid", *, apart=False, seed=2):
    """Two convolutions (strides that leave a row over, padding), two dense layers."""
    rng = np.random.default_rng(seed)
    gain = {"sigmoid": 1.0, "tanh": 0.4, "hard-sigmoid": 0.5}[activation]
    shapes = [(3, 3, 2, 3), (2, 2, 3, 4)]
    n = 2 * 3 * 4  # (6, 7, 2) -> (3, 4, 3) with padding 1, stride 2 -> (2, 3, 4)
    sizes = [(5, n), (3, 5)]
    return ConvHopfieldNetwork(
        (6, 7, 2),
        tuple(gain * rng.normal(0.05, 0.4, s) for s in shapes),
        (2, 1),
        (1, 0),
        tuple(gain * rng.normal(0.03, 0.4, s) for s in sizes),
        tuple(rng.normal(0.1, 0.3, m) for m in (3, 4, 5, 3)),
        activation,
        tuple(gain * rng.normal(0.02, 0.3, s) for s in shapes[1:]) if apart else None,
        tuple(gain * rng.normal(0.02, 0.3, s[::-1]) for s in sizes) if apart else None,
    )


def batch(network, n=5, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (n, network.n_inputs))
    return x, np.eye(network.n_outputs)[rng.integers(0, network.n_outputs, n)]


def shaped(layout, x):
    return jnp.asarray(x).reshape(x.shape[0], *layout.input_shape)


def folded(network, g):
    """The oracle's gradient by (n, n) couplings, summed over the places that share a parameter:
    (forward kernels and weights, biases, backward ones or None), in JAX's layouts.
    """
    sizes = network.sizes[1:]
    ends = np.cumsum([0, *sizes])
    if isinstance(network, HopfieldNetwork):
        shared = [
            (w.size, *np.divmod(np.arange(w.size), w.shape[1]), np.arange(w.size)) for w in network.weights
        ]
        shapes = [w.shape for w in network.weights]
        wide = sizes
    else:
        every = (*network.kernels, *network.weights)
        shared = [(p.size, s.row, s.col, s.tie) for p, s in zip(every, network.shared(), strict=True)]
        shapes = [p.shape for p in every]
        wide = [b.size for b in network.biases]
    w, b, back = [], [], []
    for l, ((n, row, col, tie), shape) in enumerate(zip(shared, shapes, strict=True)):
        block = g.w_in[row, col] if l == 0 else g.w[ends[l] + row, ends[l - 1] + col]
        value = np.bincount(tie, block, n).reshape(shape)
        w.append(value if len(shape) == 4 else value.T)
        if l:
            block = g.w[ends[l - 1] + col, ends[l] + row]
            value = np.bincount(tie, block, n).reshape(shape)
            back.append(value if len(shape) == 4 else value.T)
        b.append(g.b[ends[l] : ends[l + 1]].reshape(-1, wide[l]).sum(axis=0))
    return w, b, None if g.tied else back


def unrolled(network):
    return network if isinstance(network, HopfieldNetwork) else network.unrolled()


def check(network, how, name, points=1, *, tolerance=1e-9):
    """The JAX gradient against thermo.gradients.estimators on the dense equivalent."""
    x, y = batch(network)
    layout, p = from_model(network)
    found = gradient(layout, p, shaped(layout, x), jnp.asarray(y), how, KEY)
    system = from_network(unrolled(network))
    wanted = oracle.estimate(name, system, x, y, oracle.How(how.beta, points, settling=LOOSE)).gradient
    w, b, back = folded(network, wanted)
    got = [*found.gradient.w, *found.gradient.b, *(found.gradient.back or ())]
    for a, c in zip(got, [*w, *b, *(back or ())], strict=True):
        assert np.abs(c).max() > 0
        np.testing.assert_allclose(a, c, rtol=0, atol=tolerance * max(1, np.abs(c).max()))
    assert float(found.residual) < 1e-12 and float(found.residual_nudged) < 1e-12
    return found


@pytest.mark.parametrize(
    ("stride", "kernel", "padding", "size"),
    [(2, 5, 0, 12), (2, 3, 1, 8), (3, 2, 0, 9)]
    + [pytest.param(*case, marks=pytest.mark.slow) for case in ((1, 3, 1, 7), (2, 4, 3, 7), (3, 5, 2, 6))],
)
def test_down_is_the_transpose_of_up_and_contract_its_slope(stride, kernel, padding, size):
    layer = Conv(3, kernel, stride, padding)
    rng = np.random.default_rng(kernel)
    u = jnp.asarray(rng.normal(size=(2, size, size + 1, 2)))
    w = jnp.asarray(rng.normal(size=(kernel, kernel, 2, 3)))
    z = up(layer, w, u)
    v = jnp.asarray(rng.normal(size=z.shape))
    back = down(layer, w, v, u.shape[1:])
    assert back.shape == u.shape
    inner = float(jnp.sum(z * v))
    assert float(jnp.sum(back * u)) == pytest.approx(inner, abs=1e-10)
    assert float(jnp.sum(contract(layer, v, u) * w)) == pytest.approx(inner, abs=1e-10)
    turned = up(layer, w, u + 1j * u[::-1])  # complex states, part by part
    np.testing.assert_allclose(turned, z + 1j * z[::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "activation", "apart"),
    [(dense, "tanh", False), (conv, "hard-sigmoid", False)]
    + [
        pytest.param(*case, marks=pytest.mark.slow)
        for case in ((dense, "hard-sigmoid", True), (conv, "sigmoid", True))
    ],
)
def test_rest_is_the_models(make, activation, apart):
    network = make(activation, apart=apart)
    x, _ = batch(network)
    layout, p = from_model(network)
    states, sweeps, residual = free_rest(layout, p, shaped(layout, x), STILL, KEY)
    wanted = relax(unrolled(network), x, tolerance=1e-13)
    for a, c in zip(states, wanted, strict=True):
        np.testing.assert_allclose(a.reshape(c.shape), c, atol=1e-10)
    assert 1 < int(sweeps) < STILL.sweeps and float(residual) <= STILL.tolerance
    again = to_network(layout, p)
    np.testing.assert_allclose(again.answers(x), network.answers(x), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "activation", "name"),
    [(dense, "hard-sigmoid", "positive"), (dense, "tanh", "centred"), (conv, "hard-sigmoid", "centred")],
)
def test_nudged_differences_are_the_oracles(make, activation, name):
    check(make(activation), Nudging(name, 0.3, 1, STILL, STILL), name)


@pytest.mark.parametrize(
    ("make", "name", "points"),
    [(dense, "generalised-cauchy", 4), (conv, "holomorphic", 4)]
    + [
        pytest.param(*case, marks=pytest.mark.slow)
        for case in (
            (dense, "holomorphic", 1),
            (dense, "holomorphic", 3),
            (dense, "holomorphic", 4),
            (dense, "generalised-cauchy", 1),
            (conv, "generalised-cauchy", 3),
        )
    ],
)
def test_circles_are_the_oracles(make, name, points):
    check(make(), Nudging(name, 0.4, points, STILL, STILL), name, points)


@pytest.mark.parametrize(
    ("make", "name"), [(dense, "centred"), pytest.param(conv, "generalised-cauchy", marks=pytest.mark.slow)]
)
def test_networks_with_their_own_way_back(make, name):
    found = check(make(apart=True), Nudging(name, 0.3, 4, STILL, STILL), name, 4)
    assert found.gradient.back is not None


@pytest.mark.parametrize("make", [dense, pytest.param(conv, marks=pytest.mark.slow)])
def test_eight_points_are_the_implicit_gradient_and_back_propagation_through_time(make):
    network = make()
    x, y = batch(network)
    layout, p = from_model(network)
    how = Nudging("holomorphic", 0.2, 8, STILL, STILL)
    found = gradient(layout, p, shaped(layout, x), jnp.asarray(y), how, KEY).gradient
    system = from_network(unrolled(network))
    for truth in (implicit_gradient(system, x, y)[0], bptt_gradient(system, x, y, steps=400)):
        w, b, _ = folded(network, truth)
        for a, c in zip([*found.w, *found.b], [*w, *b], strict=True):
            np.testing.assert_allclose(a, c, rtol=0, atol=2e-7 * np.abs(c).max())
    one = Nudging("positive", 0.2, 1, STILL, STILL)  # a twin that must not pass
    worse = gradient(layout, p, shaped(layout, x), jnp.asarray(y), one, KEY).gradient
    assert np.abs(worse.w[0] - w[0]).max() > 1e-3 * np.abs(w[0]).max()


def test_the_shifted_sigmoid_is_the_plain_one_of_scaled_weights():
    network = dense()
    layout, plain = from_model(network)
    shifted = replace(layout, activation="shifted-sigmoid")
    p = plain._replace(w=tuple(a / 4 for a in plain.w), b=tuple((a + 2) / 4 for a in plain.b))
    x, y = batch(network)
    np.testing.assert_allclose(to_network(shifted, p).answers(x), network.answers(x), atol=1e-6)
    how = Nudging("centred", 0.4, 2, STILL, STILL)
    wanted = gradient(layout, plain, jnp.asarray(x), jnp.asarray(y), how, KEY).gradient
    own = replace(how, beta=0.1)  # the drive that it enters is multiplied by 4
    got = gradient(shifted, p, jnp.asarray(x), jnp.asarray(y), own, KEY).gradient
    for a, c in zip(got.w + got.b, wanted.w + wanted.b, strict=True):
        np.testing.assert_allclose(a, 4 * c, atol=1e-10)


@pytest.mark.parametrize("make", [dense, pytest.param(conv, marks=pytest.mark.slow)])
def test_homeostatic_loss_and_slope(make):
    """Quadratic in e: the unit vectors together give the expectation over normal ones."""
    network = make(apart=True)
    layout, p = from_model(network)
    wanted, slope = exact_loss(from_network(unrolled(network)))
    w, _, back = folded(network, slope)
    n = sum(layout.sizes[1:])
    ends = np.cumsum([0, *layout.sizes[1:]])
    units = [
        jnp.eye(n)[:, a:b].reshape(n, *s)
        for a, b, s in zip(ends[:-1], ends[1:], layout.shapes[1:], strict=True)
    ]
    loss, found = jax.jit(jax.value_and_grad(lambda q: n * homeostatic_loss(layout, q, units)))(p)
    assert float(loss) == pytest.approx(wanted, rel=1e-10) and wanted > 0.01
    for some, true in ((found.w[1:], w[1:]), (found.back, back)):
        for a, c in zip(some, true, strict=True):
            np.testing.assert_allclose(a, c, rtol=0, atol=1e-10)
    assert float(homeostatic_loss(layout, p, None)) == pytest.approx(wanted, rel=1e-10)
    for e, times in ((None, 1), (units, n)):  # of every place, or in the mean over random vectors
        got = jax.jit(lambda q, e=e: skew(layout, q, e))(p)
        for own, other, ahead, back in zip(got.w[1:], got.back, p.w[1:], p.back, strict=True):
            np.testing.assert_allclose(times * own, ahead - back, atol=1e-10)
            np.testing.assert_allclose(times * other, back - ahead, atol=1e-10)


@pytest.mark.slow
def test_homeostatic_vectors_are_standard_normal():
    layout, _ = from_model(dense())
    e = normals(layout, KEY, 4000, float)
    assert [a.shape for a in e] == [(4000, 9), (4000, 7), (4000, 3)]
    every = np.concatenate(e, axis=1)
    moments = every.T @ every / 4000
    # standard errors of variances and covariances of 4000 normal draws
    assert np.abs(moments - np.eye(19)).max() < 5 * np.sqrt(2 / 4000)
    assert np.abs(every.mean(axis=0)).max() < 5 / np.sqrt(4000)


def test_refusals():
    network = dense("hard-sigmoid")
    layout, _ = from_model(network)
    with pytest.raises(EqpropError, match="hard-sigmoid is not holomorphic; use sigmoid"):
        check_nudging(layout, Nudging("holomorphic", 0.2, 4))
    check_nudging(layout, Nudging("holomorphic", 0.2, 2))
    with pytest.raises(NudgeError, match="reaches the output curvature 1 of hard-sigmoid"):
        check_nudging(layout, Nudging("one-sided", 1.0))
    check_nudging(layout, Nudging("positive", 1.0))
    with pytest.raises(EqpropError, match="choices are positive, one-sided"):
        Nudging("backprop")
    with pytest.raises(EqpropError, match="beta must be a number above 0"):
        Nudging(beta=0.0)
    with pytest.raises(EqpropError, match="points must be a whole number"):
        Nudging("holomorphic", points=0)
    with pytest.raises(EqpropError, match="convolutions come first"):
        Layout((4, 4, 1), (Dense(3), Conv(2, 2), Dense(2)))
    with pytest.raises(EqpropError, match="activation must be one of"):
        Layout((4,), (Dense(3),), "relu")
