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
