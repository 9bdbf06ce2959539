"""A simulated layer is the simulator, and its gradients are those of the pathwise kernels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.families.langevin import LangevinMachine, lower_langevin
from hw_models.imperfect import Imperfections
from thermo.simulate.langevin.layer import SimulatedFunction
from thermo.simulate.run import simulate
from thermo.training.langevin.gradient import Layout, loss_and_gradient

LAW = Imperfections(mismatch=0.1, asymmetry=0.05, bias_mismatch=0.2)
N_IN, N_OUT, N = 5, 2, 6
RNG = np.random.default_rng(0)
DATA = RNG.random((7, N_IN))


def _machine(kT=0.0):
    j = RNG.normal(size=(N, N))
    return LangevinMachine(
        w_in=RNG.normal(size=(N, N_IN)).astype(np.float32),
        coupling=((j + j.T) * (1 - np.eye(N))).astype(np.float32),
        bias=RNG.normal(size=N).astype(np.float32),
        j2=np.ones(N, np.float32),
        j3=np.zeros(N, np.float32),
        j4=np.ones(N, np.float32),
        x0=np.zeros(N, np.float32),
        n_out=N_OUT,
        input_shift=np.array([0.1], np.float32),
        input_scale=np.array([1.3], np.float32),
        readout_scale=np.ones(N_OUT),
        readout_offset=np.zeros(N_OUT),
        kT=kT,
        mobility=1.0,
        t_f=0.2,
        dt=0.01,
        head="classification",
        labels=("a", "b"),
    )


def test_it_runs_on_the_devices_that_the_simulator_draws():
    """The twin: another device's answers are further off than rounding."""
    net = lower_langevin(_machine())
    layer = SimulatedFunction(net, non_ideal=LAW)
    key = jax.random.key(0)
    for seed in (0, 7):
        there = simulate(net, DATA, non_ideal=LAW, device_seed=seed, kT=0.0, backend="numpy").answers()
        ours = layer(layer.parameters, DATA, key, layer.device(seed))
        assert np.allclose(ours, there, atol=1e-5)
        assert not np.allclose(layer(layer.parameters, DATA, key, layer.device(seed + 1)), there, atol=1e-3)
    assert np.allclose(layer(layer.parameters, DATA, key), simulate(net, DATA, kT=0.0).answers(), atol=1e-5)


def test_noise_is_that_of_its_key():
    layer = SimulatedFunction(lower_langevin(_machine(kT=1.0)))
    one, again, other = (layer(layer.parameters, DATA, jax.random.key(k)) for k in (1, 1, 2))
    assert np.array_equal(one, again) and not np.allclose(one, other, atol=1e-2)


def test_gradients_are_those_of_the_pathwise_kernels():
    """Of cross-entropy, with the same steps and no noise; float32 both, sums of 20 steps and 7 samples."""
    machine = _machine()
    net = lower_langevin(machine)
    layer, labels = SimulatedFunction(net), np.arange(7) % 2

    def loss(p, x):
        return -jax.nn.log_softmax(layer(p, x, jax.random.key(0)))[jnp.arange(7), labels].mean()

    by, by_data = jax.grad(loss, argnums=(0, 1))(layer.parameters, jnp.asarray(DATA, jnp.float32))
    u = (DATA - machine.input_shift) * machine.input_scale
    theta = np.concatenate(
        [machine.w_in.ravel(), machine.coupling.ravel(), machine.bias, np.ones(N_OUT), np.zeros(N_OUT)]
    ).astype(np.float32)
    cells = np.stack([machine.j2, machine.j3, machine.j4])
    _, gradient, _ = loss_and_gradient(
        theta, (N, N_IN, N_OUT), cells, machine.x0, u, labels, n_steps=20, dt=0.01, kT=0.0
    )
    w, j, b, *_ = Layout(N, N_IN, N_OUT).split(gradient)
    dynamic, inputs = np.flatnonzero(~net.cells.frozen), net.inputs
    found = np.zeros((net.n_cells, net.n_cells))
    for group, values in zip(net.couplings, by.couplings, strict=True):
        found[group.rows, group.indices] += values
    among = ~np.eye(N, dtype=bool)
    assert np.allclose(found[np.ix_(dynamic, inputs)], w, atol=1e-5) and np.abs(w).max() > 1e-3
    assert np.allclose(found[np.ix_(dynamic, dynamic)][among], j[among], atol=1e-5)
    assert np.allclose(by.h[dynamic], b, atol=1e-5)
    # by the data: a step of 1e-2 along the gradient, to the second order of the step
    step = 1e-2 * by_data / jnp.linalg.norm(by_data)
    up, down = (float(loss(layer.parameters, DATA + s * step)) for s in (1, -1))
    assert (up - down) / 2e-2 == pytest.approx(float(jnp.linalg.norm(by_data)), rel=1e-2)


def test_the_trained_netlist_is_the_layer():
    layer = SimulatedFunction(lower_langevin(_machine()))
    moved = jax.tree.map(lambda p: 1.1 * p, layer.parameters)
    net = layer.netlist_of(moved)
    ours = layer(moved, DATA, jax.random.key(0))
    assert np.allclose(simulate(net, DATA, kT=0.0, backend="numpy").answers(), ours, atol=1e-5)


def test_what_it_does_not_draw_is_refused():
    with pytest.raises(UnsupportedError, match="draws mismatch, asymmetry and bias_mismatch"):
        SimulatedFunction(lower_langevin(_machine()), non_ideal=Imperfections(bits=4))
