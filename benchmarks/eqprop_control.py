"""Equilibrium propagation beside back-propagation: the same convolutional network, images and optimiser.

The control is the network without its way down: feed-forward, the same hidden units, kernels, start,
batches, Muon and rates, images as they are, as in `thermoc study eqprop-asymmetry`. The cost is
the same half of the squared error, of outputs without walls (a unit behind a wall has no slope); its gradient
is JAX's. Both are chosen on validation images, epoch by epoch.

    python benchmarks/eqprop_control.py [--channels 16 32] [--epochs 3] [--rows 9600] [--seeds 3] [--control]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermo.data import Dataset, load_dataset
from thermo.studies.eqprop_asymmetry import settings
from thermo.training.eqprop.jax_layers import Layout
from thermo.training.eqprop.jax_step import Learning, learnt
from thermo.training.eqprop.jax_train import LayersTrainer
from thermo.training.eqprop.jax_updown import Sweeps
from thermo.training.loop import fit

ROWS = 250


@partial(jax.jit, static_argnames=("s",))
def forward(s: Sweeps, p: Any, x: Any) -> Any:
    """(rows, n_out) drives of the outputs, feed-forward."""
    return s.start(p, x).below[-1]


@partial(jax.jit, static_argnames=("layout", "learning", "s"))
def descend(
    layout: Layout,
    learning: Learning,
    s: Sweeps,
    p: Any,
    memory: Any,
    images: Any,
    targets: Any,
    rows: Any,
    rate: Any,
) -> tuple[Any, Any, Any]:
    """(parameters, optimiser's memory, figures as of jax_step.update) after one batch."""
    x, y = images[rows], targets[rows]
    parts = [slice(k, k + s.tile) for k in range(0, x.shape[0], s.tile)]

    def cost(q: Any, part: slice) -> tuple[Any, Any]:
        out = forward(s, q, x[part])
        right = jnp.mean(out.argmax(axis=1) == y[part].argmax(axis=1))
        return 0.5 * jnp.square(out - y[part]).sum(axis=1).mean(), right

    found = [jax.value_and_grad(cost, has_aux=True)(p, part) for part in parts]
    (value, right), gradient = jax.tree.map(lambda *some: jnp.stack(some).mean(axis=0), *found)
    p, memory = learnt(layout, learning, p, memory, gradient, rate)
    zero = jnp.zeros(())
    return p, memory, jnp.stack([value, right, zero, zero, zero, zero])


class Control(LayersTrainer):
    """The trainer of sweeps up and down, by back-propagation."""

    def run_batch(self, rows: np.ndarray, warps: np.ndarray) -> Any:
        if self.here is None:
            self.place()
            self.here = self.tree()[:2]
        *self.here, figures = descend(
            self.layout,
            self.learning,
            self.sweeps,
            *self.here,
            self.images,
            self.targets,
            rows,
            jnp.float32(self.rate()),
        )
        self.step += 1
        return figures

    def predictions(self, split: str) -> np.ndarray:
        x, p = self.encoded(self.data.part(split)[0]), self.tree()[0]
        parts = [x[k : k + ROWS].reshape(-1, *self.layout.input_shape) for k in range(0, len(x), ROWS)]
        return np.concatenate([np.asarray(forward(self.sweeps, p, a)).argmax(axis=1) for a in parts])

    def model(self) -> None:
        return None


def first(dataset: Dataset, rows: int | None) -> Dataset:
    """With the first training images alone."""
    return replace(dataset, x_train=dataset.x_train[:rows], y_train=dataset.y_train[:rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--control", action="store_true", help="back-propagation alone")
    asked = parser.parse_args()
    whole = load_dataset(asked.data)
    dataset = first(whole, asked.rows)
    config = settings(whole, asked.channels, None, asked.epochs, 0)
    ways: list[tuple[str, type[LayersTrainer]]] = [("back-propagation", Control)]
    if not asked.control:
        ways.insert(0, ("equilibrium propagation", LayersTrainer))
    print(f"{dataset.x_train.shape[0]:,} training images, {asked.epochs} epochs, channels {asked.channels}")
    for name, kind in ways:
        scores, begin = [], time.process_time()
        for seed in range(asked.seeds):
            own = replace(config, seed=seed)
            scores.append(100 * fit(kind(dataset, own), (dataset, own), name, threads=1).score)
        spread = np.std(scores, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
        each = (time.process_time() - begin) / len(scores)
        told = ", ".join(f"{s:.2f}" for s in scores)
        print(f"{name}: validation {np.mean(scores):.2f} ± {spread:.2f} % ({told}), {each:.0f} CPU s each")


if __name__ == "__main__":
    main()
