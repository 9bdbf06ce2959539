"""Seconds an epoch of equilibrium propagation, 784-500-10, against plain torch on the same cores.

Every side runs the same dynamics: a free phase and two nudged ones, layer by layer, for the same
fixed number of sweeps, then the centred update with momentum. Three sides:

- ours: `thermo.training.eqprop.train`, without its stopping rule;
- torch, plain: as the method is written down, every layer's drive recomputed in every sweep, the
  inputs' part too (as the published codes do);
- torch, hoisted: the same with the inputs projected once an image, which is our first idea.

Also ours as it trains by default (it stops a phase that has settled), and the rate of the large
matrix products alone. Sides are interleaved batch by batch, with a pause
in which the other side's waiting threads go to sleep; medians and quartiles over batches.

    python benchmarks/eqprop.py [--batches 30] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from thermo.data import Dataset, load_dataset
from thermo.data.dataset import DataError
from thermo.reproduce.host import this_host
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.tiles import Tiles

FREE, NUDGED, BETA, BATCH = 20, 8, 0.5, 128
SIZES = (784, 500, 10)
PAUSE = 0.02  # seconds between calls: threads of the call before spin on, waiting for more work
CONFIG = EqpropConfig(
    hidden=SIZES[1:-1],
    epochs=1000,
    batch=BATCH,
    tile=64,
    beta=BETA,
    rates=(0.1, 0.02),
    init_gain=0.5,
    sweeps_free=FREE,
    sweeps_nudged=NUDGED,
    tolerance=0.0,
    augmentation=Augmentation(),
)


class Torch:
    """The same training written plainly. hoisted : project the inputs once."""

    def __init__(self, trainer: HopfieldTrainer, hoisted: bool) -> None:
        self.w = [torch.from_numpy(w.copy()) for w in trainer.w]
        self.b = [torch.from_numpy(b.copy()) for b in trainer.b]
        self.vw = [torch.zeros_like(w) for w in self.w]
        self.vb = [torch.zeros_like(b) for b in self.b]
        self.x = torch.from_numpy(trainer.x)
        self.y = torch.eye(SIZES[-1])[torch.from_numpy(trainer.data.y_train)]
        self.hoisted = hoisted

    def relax(self, x, p, y, h, o, beta, sweeps):  # type: ignore[no-untyped-def]
        for _ in range(sweeps):
            drive = h @ self.w[1].T + self.b[1]
            o = ((drive + beta * y) / (1 + beta)).clamp(0, 1)
            below = p if self.hoisted else x @ self.w[0].T + self.b[0]
            h = (below + o @ self.w[1]).clamp(0, 1)
        return h, o

    @torch.no_grad()
    def step(self, rows: np.ndarray) -> None:
        index = torch.from_numpy(rows)
        x, y = self.x[index], self.y[index]
        p = x @ self.w[0].T + self.b[0]
        free = self.relax(x, p, y, p.clamp(0, 1), torch.zeros_like(y), 0.0, FREE)
        (h1, o1), (h2, o2) = (self.relax(x, p, y, *free, b, NUDGED) for b in (BETA, -BETA))
        scale = 1.0 / (2 * BETA * rows.size)
        slopes = [(h1 - h2).T @ x, o1.T @ h1 - o2.T @ h2]
        biases = [(h1 - h2).sum(0), (o1 - o2).sum(0)]
        for l, rate in enumerate(CONFIG.rates):
            self.vw[l].mul_(CONFIG.momentum).add_(slopes[l], alpha=scale)
            self.vb[l].mul_(CONFIG.momentum).add_(biases[l], alpha=scale)
            self.w[l].add_(self.vw[l], alpha=rate)
            self.b[l].add_(self.vb[l], alpha=rate)


def data() -> Dataset:
    """MNIST, or as many random images where it is missing."""
    try:
        return load_dataset("mnist")
    except DataError:
        print("no MNIST here: random images of its size")
        rng = np.random.default_rng(0)
        x = rng.uniform(0, 1, (55000, 784)).astype(np.float32)
        y = rng.integers(0, 10, 55000)
        return Dataset("random", x, y, x[:100], y[:100], x[:100], y[:100], 10)


def interleave(calls: dict[str, Callable[[np.ndarray], object]], batches: list[np.ndarray]) -> dict:
    """Seconds of every call on every batch, wall and CPU, all in turn."""
    for call in calls.values():
        call(batches[0])
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for rows in batches:
        for name, call in calls.items():
            time.sleep(PAUSE)
            cpu, start = time.process_time(), time.perf_counter()
            call(rows)
            found[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return {name: np.array(pairs) for name, pairs in found.items()}


def agreement(trainer: HopfieldTrainer, peer: Torch) -> float:
    """Largest difference of the first layer's weights after the same batches."""
    return float(np.abs(trainer.w[0] - peer.w[0].numpy()).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dataset = data()
    rng = np.random.default_rng(0)
    n = dataset.x_train.shape[0]
    batches = [rng.permutation(n)[:BATCH] for _ in range(options.batches)]
    warps = np.empty((0, 6), np.float32)
    with Tiles(options.threads) as tiles:
        # warm-up sets in with rate 0 otherwise: torch's side has none
        fixed = replace(CONFIG, warmup_epochs=0.0, final_rate=1.0)
        ours = HopfieldTrainer(dataset, fixed, tiles)
        stopping = HopfieldTrainer(dataset, replace(fixed, tolerance=1e-2), tiles)
        plain, hoisted = Torch(ours, False), Torch(ours, True)
        a, b = torch.rand(BATCH, SIZES[0]), torch.rand(SIZES[1], SIZES[0])
        c = torch.rand(BATCH, SIZES[1])
        found = interleave(
            {
                "ours": lambda rows: ours.run_batch(rows, warps),
                "ours, stopping at rest": lambda rows: stopping.run_batch(rows, warps),
                "torch, plain": plain.step,
                "torch, hoisted": hoisted.step,
                "the two large products alone": lambda rows: (a @ b.T, c.T @ a),
            },
            batches,
        )
        print(
            f"784-500-10, batch {BATCH}, {FREE} + 2 x {NUDGED} sweeps, {options.threads} threads, "
            f"{options.batches} batches each, load {os.getloadavg()[0]:.1f}; {this_host()}"
        )
        print(f"weights of ours and torch differ by {agreement(ours, hoisted):.1e} at most")
    steps = n / BATCH
    mine = found["ours"]
    for name, pairs in found.items():
        low, middle, high = np.percentile(pairs[:, 0] * steps, [25, 50, 75])
        cpu = np.median(pairs[:, 1] * steps)
        ratios = np.median(pairs / mine, axis=0)
        print(
            f"  {name:<30} {middle:7.2f} s an epoch ({low:.2f} to {high:.2f}), {cpu:7.2f} CPU s; "
            f"of ours: wall {ratios[0]:.2f}, CPU {ratios[1]:.2f}"
        )
    flops = 4.0 * BATCH * SIZES[0] * SIZES[1]
    rate = flops / np.median(found["the two large products alone"][:, 0]) / 1e9
    print(f"  the large products run at {rate:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
