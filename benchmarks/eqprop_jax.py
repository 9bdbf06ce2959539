"""Seconds an epoch of a convolutional network trained by equilibrium propagation, JAX beside torch.

Both sides run the same dynamics from the same start: a free phase and two nudged ones, layer by
layer, for the same fixed number of sweeps, the inputs convolved once an image, then the centred
update with momentum. Torch is written plainly: `conv2d` one way, `conv_transpose2d` the other, and
its own gradient of a convolution by the kernel. Sides are interleaved batch by batch; medians and
quartiles over batches. The largest difference of the weights that come out is printed, too.

JAX and torch each use their default device: on a machine with a GPU both use it. On a CPU both use
the cores that the process may run on; where other work runs, give it one (`taskset -c 0 python
...`): torch's threads spin while they wait for one another, and lose far more than their share.

    python benchmarks/eqprop_jax.py [--batches 20] [--batch 64] [--channels 16 32] [--no-torch]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from thermo.data import Dataset, load_dataset
from thermo.data.dataset import DataError
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.jax_step import update
from thermo.training.eqprop.jax_train import LayersTrainer

CONFIG = EqpropConfig(
    engine="jax",
    epochs=1,
    estimator="centred",
    beta=0.5,
    sweeps_free=15,
    sweeps_nudged=8,
    tolerance=0.0,
    rates=(0.02,),
    momentum=0.9,
    init_gain=0.5,
)


def data() -> Dataset:
    """MNIST, or as many random images where it is missing."""
    try:
        return load_dataset("mnist")
    except DataError:
        print("no MNIST here: random images of its size")
        rng = np.random.default_rng(0)
        x = rng.uniform(0, 1, (55000, 784)).astype(np.float32)
        y = rng.integers(0, 10, 55000)
        return Dataset("random", x, y, x[:9], y[:9], x[:9], y[:9], 10, image_shape=(28, 28))


class Ours:
    """One compiled update a batch."""

    def __init__(self, trainer: LayersTrainer) -> None:
        trainer.place()
        self.trainer = trainer
        p, memory, _ = trainer.tree()
        self.p, self.memory = jax.tree.map(jnp.asarray, (p, memory))

    def step(self, rows: np.ndarray) -> None:
        t = self.trainer
        self.p, self.memory, _ = update(
            t.layout,
            t.nudging,
            t.learning,
            self.p,
            self.memory,
            t.images,
            t.targets,
            jnp.asarray(rows),
            None,
            jax.random.PRNGKey(0),
            jnp.float32(1),
            jnp.float32(1),
        )
        jax.block_until_ready(self.p)


class Torch:
    """The same written plainly: two convolutions and one dense layer."""

    def __init__(self, trainer: LayersTrainer) -> None:
        import torch

        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        p, _, _ = trainer.tree()
        layout = trainer.layout
        send = lambda a: torch.from_numpy(np.array(a)).to(self.device)  # noqa: E731
        self.w = [send(np.transpose(k, (3, 2, 0, 1))) for k in p.w[:-1]]
        # ours numbers units row by row, channels innermost; torch has channels outermost
        h, w, c = layout.shapes[len(p.w) - 1]
        self.top = (h, w, c)
        dense = np.asarray(p.w[-1]).reshape(h, w, c, -1).transpose(2, 0, 1, 3)
        self.w.append(send(dense.reshape(h * w * c, -1)))
        self.b = [send(a) for a in p.b]
        self.v = [torch.zeros_like(a) for a in (*self.w, *self.b)]
        x = np.asarray(trainer.data.x_train, np.float32)
        shape = layout.input_shape
        self.x = send(x.reshape(-1, *shape).transpose(0, 3, 1, 2))
        self.y = send(np.asarray(trainer.targets))
        self.strides = [c.stride for c in layout.convolutions]
        self.shapes = [s[:2] for s in layout.shapes[1:-1]]
        self.config = trainer.config

    def relax(self, drive, u, y, beta, sweeps):  # type: ignore[no-untyped-def]
        torch, n = self.torch, len(self.w)
        functional = torch.nn.functional
        order = [*range(n - 1, -1, -2), *range(n - 2, -1, -2)]
        u = list(u)
        for _ in range(sweeps):
            for l in order:
                if l == n - 1:
                    z = u[l - 1].flatten(1) @ self.w[l] + self.b[l]
                    u[l] = ((z + beta * y) / (1 + beta)).clamp(0, 1)
                    continue
                z = drive
                if l:
                    z = functional.conv2d(u[l - 1], self.w[l], self.b[l], self.strides[l])
                if l == n - 2:
                    z = z + (u[l + 1] @ self.w[l + 1].T).reshape(z.shape)
                else:
                    short = self.shapes[l][0] - (
                        (self.shapes[l + 1][0] - 1) * self.strides[l + 1] + self.w[l + 1].shape[2]
                    )
                    z = z + functional.conv_transpose2d(
                        u[l + 1], self.w[l + 1], None, self.strides[l + 1], output_padding=short
                    )
                u[l] = z.clamp(0, 1)
        return u

    def step(self, rows: np.ndarray) -> None:
        torch, config = self.torch, self.config
        with torch.no_grad():
            index = torch.from_numpy(rows).to(self.device)
            x, y = self.x[index], self.y[index]
            drive = torch.nn.functional.conv2d(x, self.w[0], self.b[0], self.strides[0])
            start = [drive.clamp(0, 1)]
            start += [
                torch.zeros((x.shape[0], c.shape[0], *s), device=self.device)
                for c, s in zip(self.w[1:-1], self.shapes[1:], strict=True)
            ]
            start.append(torch.zeros_like(y))
            free = self.relax(drive, start, y, 0.0, config.sweeps_free)
            beta = config.beta
            up, low = (self.relax(drive, free, y, b, config.sweeps_nudged) for b in (beta, -beta))
            scale = 1.0 / (2 * beta * x.shape[0])
            slopes = []
            for l in range(len(self.w)):
                if l == len(self.w) - 1:
                    slopes.append((up[l - 1].flatten(1).T @ up[l] - low[l - 1].flatten(1).T @ low[l]) * scale)
                    continue
                weight = torch.nn.grad.conv2d_weight
                pairs = [(up[l] - low[l], x)] if l == 0 else [(up[l], up[l - 1]), (-low[l], low[l - 1])]
                slopes.append(sum(weight(b, self.w[l].shape, a, self.strides[l]) for a, b in pairs) * scale)
            for a, b in zip(up, low, strict=True):
                d = a - b
                slopes.append((d.sum((0, 2, 3)) if d.ndim == 4 else d.sum(0)) * scale)
            for p, v, g in zip((*self.w, *self.b), self.v, slopes, strict=True):
                v.mul_(config.momentum).add_(g)
                p.add_(v, alpha=config.rates[0])
        if self.device == "cuda":
            torch.cuda.synchronize()

    def kernels(self) -> list[np.ndarray]:
        return [np.transpose(k.cpu().numpy(), (2, 3, 1, 0)) for k in self.w[:-1]]


def interleave(calls: dict[str, Callable[[np.ndarray], object]], batches: list[np.ndarray]) -> dict:
    """Seconds of every call on every batch, wall and CPU, all in turn."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for k, rows in enumerate(batches):
        for name, call in calls.items():
            cpu, start = time.process_time(), time.perf_counter()
            call(rows)
            if k:  # the first compiles
                found[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return {name: np.array(pairs) for name, pairs in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--no-torch", action="store_true")
    options = parser.parse_args()
    layers = tuple(Conv(c, 5, 2) for c in options.channels)
    dataset = data()
    trainer = LayersTrainer(dataset, replace(CONFIG, hidden=layers, batch=options.batch))
    rng = np.random.default_rng(0)
    n = dataset.x_train.shape[0]
    batches = [rng.permutation(n)[: options.batch] for _ in range(options.batches + 1)]
    ours = Ours(trainer)
    calls: dict[str, Callable[[np.ndarray], object]] = {"ours": ours.step}
    peer = None
    if not options.no_torch:
        peer = Torch(trainer)
        calls["torch"] = peer.step
    found = interleave(calls, batches)
    shapes = " - ".join("x".join(map(str, s)) for s in trainer.layout.shapes)
    print(f"{shapes}, {CONFIG.sweeps_free} + 2 x {CONFIG.sweeps_nudged} sweeps, batch {options.batch}")
    print(f"JAX on {jax.devices()[0].device_kind}, {len(os.sched_getaffinity(0))} cores", end="")
    print("" if peer is None else f", torch on {peer.device}")
    for name, pairs in found.items():
        wall = pairs[:, 0] * n / options.batch
        low, middle, high = np.percentile(wall, (25, 50, 75))
        cpu = np.median(pairs[:, 1]) * n / options.batch
        print(f"{name:6s} {middle:8.1f} s an epoch ({low:.1f} to {high:.1f}), CPU {cpu:.1f} s")
    if peer is not None:
        ratio = found["torch"][:, 0] / found["ours"][:, 0]
        low, middle, high = np.percentile(ratio, (25, 50, 75))
        print(f"torch / ours, batch by batch: {middle:.2f} ({low:.2f} to {high:.2f})")
        pairs_ = zip(ours.p.w[:-1], peer.kernels(), strict=True)
        apart = max(float(np.abs(np.asarray(a) - b).max()) for a, b in pairs_)
        print(f"largest difference of kernels after {len(batches)} updates: {apart:.1e}")


if __name__ == "__main__":
    main()
