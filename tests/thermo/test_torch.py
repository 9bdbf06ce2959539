"""A simulated layer in a torch loop: gradients reach parameters and data, and training for devices wins there."""

import numpy as np
import pytest

from compiler import compile
from compiler.families.mlp import MLP
from hw_models.imperfect import Imperfections
from thermo.simulate.run import simulate

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


def test_a_layer_trained_for_devices_wins_on_others():
    """Paired over 20 devices that training has not seen, by more than four standard errors."""
    from thermo.torch import SimulatedLayer

    net, x, y = _large_weights()
    layer = SimulatedLayer(net, non_ideal=LAW, dt=net.schedule[0].duration / 80)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.02)
    data = torch.tensor(x, requires_grad=True)
    for _ in range(300):
        loss = torch.nn.functional.mse_loss(layer(data)[:, 0], torch.tensor(y))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert data.grad is not None and float(data.grad.abs().max()) > 0

    def errors(netlist):
        runs = (simulate(netlist, x, non_ideal=LAW, device_seed=k, kT=0.0).answers() for k in range(20))
        return np.array([np.sqrt(np.mean((a[:, 0] - y) ** 2)) for a in runs])

    gain = errors(net) - errors(layer.netlist())
    assert gain.mean() > 4 * gain.std(ddof=1) / np.sqrt(gain.size)


def test_devices_are_drawn_anew_each_pass_or_named():
    from thermo.torch import SimulatedLayer

    net, x, _ = _large_weights()
    layer = SimulatedLayer(net, non_ideal=LAW, dt=net.schedule[0].duration / 80)
    with torch.no_grad():
        assert not torch.allclose(layer(torch.tensor(x)), layer(torch.tensor(x)), atol=1e-3)
        layer.device_seed = 3
        assert torch.equal(layer(torch.tensor(x)), layer(torch.tensor(x)))
