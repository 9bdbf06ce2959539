"""An MLP and a small convolutional network on crossbar tiles: bits, tiles and wires, age, joules.

    python benchmarks/crossbar.py                  digits, 64-32-10 and two convolutions
    python benchmarks/crossbar.py --data mnist --limit 1000     784-128-10 and two convolutions

Both are trained here (Adam, the second by JAX), saved as models for `thermoc compile`, and run on
test data, five devices each; figures are mean and standard error over devices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.store import load_model, save_model
from compiler.families.tiled import graph_of_network, on_tiles
from compiler.ir.network import Network, Pooling, Weighted, Window
from compiler.ir.tiles import Layout
from thermo.data import Dataset, load_dataset
from thermo.energy import estimate
from thermo.evaluate import evaluate
from thermo.training.langevin.mlp import train_mlp

BITS = (3, 4, 5, 6, 7, 8)
TILES = (32, 64, 128, 256)
WIRES = (0.0, 1.0, 5.0, 20.0)
DEVICES = ("pcm-tile", "pcm-tile-drifting", "reram-tile")
AGES = ("25s", "1h", "1d", "1y")
PARTS = ("bits", "wires", "ages", "joules")
SEEDS = 5


def train_cnn(data: Dataset, channels: tuple[int, int], epochs: int) -> FeedForward:
    """3 x 3 convolution, ReLU, max pooling, twice, and a dense layer; Adam, rate falling with a cosine."""
    height, width = data.image_shape[:2]  # type: ignore[index]
    a, b = channels
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)

    flat = (height // 4) * (width // 4) * b
    parameters: Any = [
        [drawn(3, 3, 1, a), np.zeros(a, np.float32)],
        [drawn(3, 3, a, b), np.zeros(b, np.float32)],
        [drawn(flat, data.n_classes), np.zeros(data.n_classes, np.float32)],
    ]

    def forward(p: Any, x: Any) -> Any:
        x = x.reshape(-1, height, width, 1)
        for w, c in p[:2]:
            x = lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = lax.reduce_window(
                jnp.maximum(x + c, 0), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
            )
        return x.reshape(x.shape[0], -1) @ p[2][0] + p[2][1]

    def loss(p: Any, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(forward(p, x), y).mean()

    batch, n = 64, len(data.x_train)
    steps = epochs * (n // batch)
    rule = optax.adamw(optax.cosine_decay_schedule(3e-3, steps), weight_decay=1e-3)
    state = rule.init(parameters)

    @jax.jit
    def step(p: Any, s: Any, x: Any, y: Any) -> Any:
        updates, s = rule.update(jax.grad(loss)(p, x, y), s, p)
        return optax.apply_updates(p, updates), s

    for _ in range(epochs):
        order = rng.permutation(n)
        for k in range(0, n - batch + 1, batch):
            some = order[k : k + batch]
            parameters, state = step(parameters, state, data.x_train[some], data.y_train[some])
    made = [[np.asarray(w, np.float64), np.asarray(c, np.float64)] for w, c in parameters]
    layers: list[Any] = []
    for w, c in made[:2]:
        layers += [
            Weighted(w.reshape(-1, w.shape[3]).T.copy(), c, "relu", Window(3, 3, 1, 1)),
            Pooling("max", Window(2, 2, 2)),
        ]
    layers.append(Weighted(made[2][0].T.copy(), made[2][1]))
    return graph_of_network(Network((height, width, 1), tuple(layers), labels=tuple(data.labels)))


def models(data: Dataset, folder: Path, names: Sequence[str]) -> dict[str, MLP | FeedForward]:
    """Trained once, kept in the folder."""
    large = data.n_features > 100
    found: dict[str, MLP | FeedForward] = {}
    for name in names:
        path = folder / f"{data.name}-{name}.safetensors"
        if not path.exists():
            if name == "mlp":
                model: Any = train_mlp(
                    data, (128 if large else 32,), "relu", epochs=12 if large else 60
                ).model
            else:
                model = train_cnn(data, (8, 16), 3 if large else 40)
            save_model(model, path)
        found[name] = load_model(path)
    return found


def accuracy(model: Any, data: Dataset, size: int, limit: int | None, **options: Any) -> str:
    """Per cent over devices, with the standard error of the mean."""
    netlist = on_tiles(model, Layout(size, size))
    found = [
        100 * (evaluate(netlist, data, limit=limit, **options, device_seed=k, seed=k)[0].accuracy or 0.0)
        for k in range(SEEDS)
    ]
    return f"{np.mean(found):.2f} ± {np.std(found, ddof=1) / np.sqrt(SEEDS):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="digits")
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--model", choices=("mlp", "cnn"), default=None, help="only this one")
    parser.add_argument("--limit", type=int, default=None, help="test samples")
    parser.add_argument("--part", choices=PARTS, default=None, help="only this one")
    parser.add_argument("--wires", type=float, nargs="+", default=WIRES, help="ohm a crossing")
    parser.add_argument("--tiles", type=int, nargs="+", default=TILES, help="rows and columns, of wires")
    parser.add_argument("--devices", nargs="+", default=DEVICES, help="of ages")
    given = parser.parse_args()
    data = load_dataset(given.data)
    began = time.perf_counter()
    both = models(data, given.folder, ("mlp", "cnn") if given.model is None else (given.model,))
    print(f"trained or read in {time.perf_counter() - began:.0f} s")
    x, y = (part[: given.limit] for part in data.part("test"))
    for name, model in both.items():
        print(f"\n{name}: {model!r}, {100 * np.mean(model.predictions(x) == y):.2f} % in float64")

        def run(size: int, model: Any = model, **options: Any) -> str:
            return accuracy(model, data, size, given.limit, **options)

        parts = PARTS if given.part is None else (given.part,)
        for bits in BITS if "bits" in parts else ():
            shown = run(64, device="tile-ideal", input_bits=bits, output_bits=bits, ir_drop="fast")
            print(f"  {bits} bits of both converters, tiles of 64: {shown}", flush=True)
        for wire in given.wires if "wires" in parts else ():
            each = [run(n, device="tile-ideal", wire=wire, ir_drop="fast") for n in given.tiles]
            print(f"  {wire:g} ohm a crossing, tiles of {given.tiles}: {'; '.join(each)}", flush=True)
        for device in given.devices if "ages" in parts else ():
            ages = AGES if device != "reram-tile" else ("25s",)
            for young in (None, "25s") if device != "reram-tile" else (None,):
                each = [run(64, device=device, at=at, ranges_at=young, ir_drop="fast") for at in ages]
                told = "" if young is None else f", ranges of {young}"
                print(f"  {device} at {ages}{told}: {'; '.join(each)}", flush=True)
        if "joules" not in parts:
            continue
        found = estimate(
            on_tiles(model, Layout(64, 64)), data, baselines=(), device="pcm-tile", at="1h", ir_drop="fast"
        )
        places = ", ".join(f"{k} {1e9 * v:.3g}" for k, v in found.energy.joules.items())
        print(
            f"  nJ an answer: {1e9 * found.energy.total:.3g} ({places}), {1e6 * found.energy.seconds:.3g} us"
        )
    print(f"\n{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
