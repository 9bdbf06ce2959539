"""What equilibrium propagation costs in accuracy: the same convolutional layers by back-propagation.

Images, their order, starting weights, layers, optimiser, rates and epochs are those of
`thermoc study eqprop-asymmetry --channels ...`, whose symmetric row is "nudges" here; "residual" adds
couplings across a layer. By back-propagation nothing comes down: layers are read feed-forward, and gradients
of 1/2 |u - y|^2 are JAX's, with outputs in the "box" of the hard sigmoid, beyond whose walls they have no
gradient, or "free".

    python benchmarks/eqprop_control.py [--channels 32 64 128] [--epochs 4] [--rows N] [--seed 0]
        [--only nudges residual box free]
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

from thermo.data import load_dataset
from thermo.studies.eqprop_asymmetry import settings
from thermo.training.eqprop.jax_layers import Array
from thermo.training.eqprop.jax_rest import Parameters
from thermo.training.eqprop.jax_step import Learning, learnt
from thermo.training.eqprop.jax_train import EVALUATION_ROWS, LayersTrainer
from thermo.training.eqprop.jax_updown import Sweeps
from thermo.training.tiles import Tiles

WAYS = ("nudges", "residual", "box", "free")


def outputs(s: Sweeps, p: Parameters, x: Array, walls: bool) -> Array:
    """(rows, n_out) of layers read feed-forward, encoded inputs x (rows, *input_shape)."""
    rest = s.start(p, x)
    return rest.u[-1] if walls else rest.below[-1]


@partial(jax.jit, static_argnames=("s", "learning", "walls"))
def update(
    s: Sweeps, learning: Learning, p: Parameters, memory: Any, x: Array, y: Array, rate: Array, walls: bool
) -> tuple[Parameters, Any, Array]:
    """(parameters, optimiser's memory, cost) after one batch by back-propagation, tile by tile."""

    def cost(q: Parameters, x: Array, y: Array) -> Array:
        return 0.5 * jnp.square(outputs(s, q, x, walls) - y).sum(axis=1).mean()

    parts = [slice(k, k + s.tile) for k in range(0, x.shape[0], s.tile)]
    found = [jax.value_and_grad(cost)(p, x[part], y[part]) for part in parts]
    value, gradient = jax.tree.map(lambda *some: sum(some) / len(some), *found)
    return *learnt(s.layout, learning, p, memory, gradient, rate), value


class Control(LayersTrainer):
    """The trainer by nudges, with gradients of back-propagation."""

    walls = True

    def run_batch(self, rows: np.ndarray, warps: np.ndarray) -> Any:
        if self.here is None:
            self.place()
            self.here = self.tree()[:2]
        x, y, rate = self.images[rows], self.targets[rows], jnp.float32(self.rate())
        *self.here, cost = update(self.sweeps, self.learning, *self.here, x, y, rate, self.walls)
        self.step += 1
        return jnp.stack([cost, *[jnp.zeros(())] * 5])

    def predictions(self, split: str) -> np.ndarray:
        p, x = jax.tree.map(jnp.asarray, self.tree()[0]), self.encoded(self.data.part(split)[0])
        read = jax.jit(partial(outputs, self.sweeps, walls=self.walls))
        parts = np.array_split(x, -(-x.shape[0] // EVALUATION_ROWS))
        return np.concatenate(
            [np.argmax(read(p, a.reshape(-1, *self.layout.input_shape)), axis=1) for a in parts]
        )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--channels", type=int, nargs="+", default=[32, 64, 128])
    ask.add_argument("--epochs", type=int, default=4)
    ask.add_argument("--rows", type=int, help="only the first training images")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    given = ask.parse_args()
    whole = load_dataset("cifar10")
    dataset = replace(whole, x_train=whole.x_train[: given.rows], y_train=whole.y_train[: given.rows])
    config = settings(whole, given.channels, None, given.epochs, given.seed)
    for way in given.only:
        begin, own = time.process_time(), replace(config, residual=way == "residual")
        trainer = Control(dataset, own) if way in ("box", "free") else LayersTrainer(dataset, own)
        if isinstance(trainer, Control):
            trainer.walls = way == "box"
        with Tiles(1) as tiles:
            for _ in range(config.epochs):
                last = trainer.run_epoch(tiles)
                print(f"  epoch {last.epoch}: cost {last.cost:.4f}, validation {last.valid_accuracy:.4f}")
        right = np.mean(trainer.predictions("test") == dataset.y_test)  # after the last epoch
        told = f"test {100 * right:.2f} %, validation {100 * last.valid_accuracy:.2f} %"
        print(f"{way}: {told}, {time.process_time() - begin:.0f} CPU s")


if __name__ == "__main__":
    main()
