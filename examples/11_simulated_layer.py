"""Fine-tune a network through its simulation in PyTorch, on another device with 10 % mismatch at every step.

A random hidden layer, read out by least squares: large weights that cancel, which devices do not keep.
"""

import numpy as np
import torch

from compiler import compile
from compiler.families.mlp import MLP
from hw_models.imperfect import Imperfections
from thermo import simulate
from thermo.data import load_dataset
from thermo.torch import SimulatedLayer

law = Imperfections(mismatch=0.1)
curve = load_dataset("cosine")
rng = np.random.default_rng(0)
w, b = rng.normal(0, 4, (32, 1)), rng.normal(0, 2, 32)
hidden = np.tanh(curve.x_train @ w.T + b)
ones = np.c_[hidden, np.ones(len(hidden))]
*out, offset = np.linalg.solve(ones.T @ ones + 1e-4 * np.eye(33), ones.T @ curve.y_train)
network = MLP((w, np.array([out])), (b, np.array([offset])), ("tanh", "identity"), head="regression")
clean = compile(network)

torch.manual_seed(0)
layer = SimulatedLayer(clean, non_ideal=law, dt=clean.schedule[0].duration / 80)
optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
x, y = torch.tensor(curve.x_train), torch.tensor(curve.y_train)[:, None]
for _ in range(600):
    loss = torch.nn.functional.mse_loss(layer(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def errors(netlist):
    """Root-mean-square error on each of twenty devices that training has not seen."""
    found = [
        simulate(netlist, curve.x_test, non_ideal=law, device_seed=k, kT=0.0).answers() for k in range(20)
    ]
    return np.array([np.sqrt(np.mean((a[:, 0] - curve.y_test) ** 2)) for a in found])


before, after = errors(clean), errors(layer.netlist())
gain = before - after
print(f"least squares: rms error {before.mean():.3f} on devices")
print(f"fine-tuned:    rms error {after.mean():.3f}")
print(f"gain {gain.mean():.3f} ± {gain.std(ddof=1) / np.sqrt(gain.size):.3f} on {gain.size} devices")
