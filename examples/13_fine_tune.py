"""Fine-tune a network of the digits through its machine's simulation, for devices with 10 % mismatch.

The network is narrow, so that devices hurt it: a wide one (64-16-10) loses half a per cent and has little to
win. Its machine drives nothing back, so that steps of 1 settle it in as many as it has layers.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from compiler import compile
from compiler.ir.langevin import Phase
from hw_models.imperfect import Imperfections
from thermo import simulate
from thermo.data import load_dataset
from thermo.torch import SimulatedLayer

DEVICES = 20
law = Imperfections(mismatch=0.1)
digits = load_dataset("digits")
x, y = torch.tensor(digits.x_train), torch.tensor(digits.y_train)


def train(module, steps, rate, seed):
    """Adam on batches of 128, the rate falling with a cosine."""
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(module.parameters(), rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        some = torch.randint(0, len(x), (128,), generator=order)
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(x[some]), y[some]).backward()
        optimiser.step()
        falling.step()


def accuracies(netlist):
    """Per cent on each of twenty devices that training has not seen."""
    found = [
        simulate(netlist, digits.x_test, method="rest", non_ideal=law, device_seed=k) for k in range(DEVICES)
    ]
    return np.array([100 * np.mean(run.predictions() == digits.y_test) for run in found])


def told(gain):
    return f"{gain.mean():.1f} ± {gain.std(ddof=1) / np.sqrt(gain.size):.1f} %"


torch.manual_seed(0)
widths = (64, 6, 6, 6, 10)
layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
network = nn.Sequential(*layers[:-1])
train(network, 1500, 0.01, seed=0)
clean = compile(network.eval())
ideal = 100 * np.mean(simulate(clean, digits.x_test, method="rest").predictions() == digits.y_test)
quick = clean.with_(schedule=(Phase("relax", len(widths) - 1.0),), dt=1.0)
tuned = {}
for name, drawn in (("with mismatch", law), ("without", None)):
    layer = SimulatedLayer(quick, non_ideal=drawn)
    train(layer, 1000, 0.005, seed=1)
    tuned[name] = accuracies(layer.netlist())
before = accuracies(clean)
print(f"ideal {ideal:.1f} %, on devices {before.mean():.1f} %")
for name, after in tuned.items():
    print(f"fine-tuned {name}: {after.mean():.1f} % on devices")
best = tuned["with mismatch"]
print(f"gain {told(best - before)}, over tuning without {told(best - tuned['without'])}")
