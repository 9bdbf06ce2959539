"""A layer in a torch loop: gradients reach parameters and data; noise and devices are drawn anew."""

import numpy as np
import pytest

from compiler import compile
from compiler.families.mlp import MLP
from hw_models.imperfect import Imperfections

torch = pytest.importorskip("torch", reason="torch is not installed")
LAW = Imperfections(mismatch=0.1)


def _large_weights():
    """A random hidden layer of 16 cells, read out by least squares: its large weights cancel."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 64, dtype=np.float32)[:, None]
    y = np.cos(2 * np.pi * x[:, 0])
    w, b = rng.normal(0, 4, (16, 1)), rng.normal(0, 2, 16)
    ones = np.c_[np.tanh(x @ w.T + b), np.ones(64)]
    *out, offset = np.linalg.solve(ones.T @ ones + 1e-4 * np.eye(17), ones.T @ y)
    network = MLP((w, np.array([out])), (b, np.array([offset])), ("tanh", "identity"), head="regression")
    return compile(network), x, y


def test_gradients_reach_parameters_and_data():
    from thermo.torch import SimulatedLayer

    net, x, y = _large_weights()
    layer = SimulatedLayer(net, non_ideal=LAW, dt=net.schedule[0].duration / 80)
    data = torch.tensor(x, requires_grad=True)
    torch.nn.functional.mse_loss(layer(data)[:, 0], torch.tensor(y)).backward()
    for tensor in (data, *layer.parameters()):
        assert tensor.grad is not None and tensor.grad.shape == tensor.shape
        assert float(tensor.grad.abs().max()) > 0


def test_devices_are_drawn_anew_each_pass_or_named():
    from thermo.torch import SimulatedLayer

    net, x, _ = _large_weights()
    layer = SimulatedLayer(net, non_ideal=LAW, dt=net.schedule[0].duration / 80)
    with torch.no_grad():
        assert not torch.allclose(layer(torch.tensor(x)), layer(torch.tensor(x)), atol=1e-3)
        layer.device_seed = 3
        assert torch.equal(layer(torch.tensor(x)), layer(torch.tensor(x)))


@pytest.mark.slow
def test_fine_tuning_for_mismatch_wins_on_devices_that_training_has_not_seen():
    """A narrow network of digits, ten per cent of mismatch: three standard errors over twenty devices."""
    from compiler.ir.langevin import Phase
    from thermo import simulate
    from thermo.data import load_dataset
    from thermo.torch import SimulatedLayer

    digits, nn = load_dataset("digits"), torch.nn
    x, y = torch.tensor(digits.x_train), torch.tensor(digits.y_train)

    def train(module, steps, rate):
        order = torch.Generator().manual_seed(0)
        optimiser = torch.optim.Adam(module.parameters(), rate)
        for _ in range(steps):
            some = torch.randint(0, len(x), (128,), generator=order)
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(x[some]), y[some]).backward()
            optimiser.step()

    def accuracies(netlist):
        found = [
            simulate(netlist, digits.x_test, method="rest", non_ideal=LAW, device_seed=k) for k in range(20)
        ]
        return np.array([np.mean(run.predictions() == digits.y_test) for run in found])

    torch.manual_seed(0)
    hidden = [part for n in (64, 6, 6) for part in (nn.Linear(n, 6), nn.ReLU())]
    network = nn.Sequential(*hidden, nn.Linear(6, 10))
    train(network, 1000, 0.01)
    clean = compile(network.eval())
    # nothing drives back: steps of 1 settle it in as many as it has layers
    quick = clean.with_(schedule=(Phase("relax", 4.0),), dt=1.0)
    before, gains = accuracies(clean), {}
    for drawn in (LAW, None):
        layer = SimulatedLayer(quick, non_ideal=drawn)
        train(layer, 400, 0.003)
        gains[drawn] = accuracies(layer.netlist()) - before
    error = gains[LAW].std(ddof=1) / np.sqrt(20)
    assert gains[LAW].mean() > 3 * error
    # as many steps without devices are no such gain
    assert gains[LAW].mean() > gains[None].mean() + 3 * (gains[LAW] - gains[None]).std(ddof=1) / np.sqrt(20)
