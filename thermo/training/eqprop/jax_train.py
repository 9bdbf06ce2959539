"""Training layered networks, dense and convolutional, by equilibrium propagation in JAX.

Runs where JAX does, on its default device: an update is one compiled function, images stay on the
device, and the host only names rows and rates. Results are those of one machine and version of JAX;
there they do not depend on interruptions.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork, conv_step
from compiler.families.hopfield import HopfieldNetwork, stable_step
from compiler.files import check_writable
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training import checkpoint as checkpoints
from thermo.training.eqprop.errors import EqpropError, UnsettledError
from thermo.training.eqprop.jax_config import LayersConfig
from thermo.training.eqprop.jax_convert import to_network
from thermo.training.eqprop.jax_estimators import check_nudging
from thermo.training.eqprop.jax_layers import Conv, Dense, Layout
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, euler_steps, free_rest
from thermo.training.eqprop.jax_step import Learning, update
from thermo.training.eqprop.layers import EVALUATION_SWEEPS, EVALUATION_TOLERANCE, LONGEST, SHORTEST, rotate
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.eqprop.running import run_epochs
from thermo.training.optimise import cosine_rate

_INIT, _ORDER, _WARP, _SIGN = range(4)
EVALUATION_ROWS = 250
SETTLED_ROWS = 100  # samples that the settling time is measured on


@dataclass(frozen=True, slots=True, eq=False)
class LayersResult:
    """network : chosen on the validation split; layout, parameters : the same as JAX has it"""

    network: HopfieldNetwork | ConvHopfieldNetwork
    layout: Layout
    parameters: Parameters
    history: tuple[EqpropEpoch, ...]
    valid_accuracy: float
    best_epoch: int
    seconds: float
    config: LayersConfig


def layout_of(dataset: Dataset, config: LayersConfig) -> Layout:
    """The network for this data set; EqpropError for values instead of classes, or convolutions of
    rows that are no images.
    """
    if dataset.n_classes < 2:
        raise EqpropError(
            f"training: data set {dataset.name} has values, not classes; equilibrium "
            "propagation here trains classifiers"
        )
    shape: tuple[int, ...] = (dataset.n_features,)
    if config.augmentation.active or any(isinstance(layer, Conv) for layer in config.layers):
        if len(dataset.image_shape) not in (2, 3):
            raise EqpropError(
                f"training: convolutions and augmentation need images, data set {dataset.name} "
                f"has rows of {dataset.n_features} values; use dense layers without augmentation"
            )
        if isinstance(config.layers[0] if config.layers else None, Conv):
            shape = (*dataset.image_shape, 1)[:3]
    return Layout(shape, (*config.layers, Dense(dataset.n_classes)), config.activation)


def start_parameters(layout: Layout, config: LayersConfig) -> Parameters:
    """Random weights, see LayersConfig; float32."""
    rng = np.random.default_rng([config.seed, _INIT])
    w: list[Any] = []
    back: list[Any] = []
    for layer, shape in zip(layout.layers, layout.weight_shapes, strict=True):
        fan_in, fan_out = math.prod(shape[:-1]), float(shape[-1])
        if isinstance(layer, Conv):
            fan_out *= (layer.kernel / layer.stride) ** 2
        top = config.init_gain * math.sqrt(6.0 / (fan_in + fan_out))
        w.append(rng.uniform(-top, top, shape).astype(np.float32))
        if not config.symmetric:
            back.append(rotate(w[-1], config.angle, rng).astype(np.float32))
    b: list[Any] = [np.full(s, config.init_bias, np.float32) for s in layout.bias_shapes]
    b[-1][:] = 0.0
    return Parameters(tuple(w), tuple(b), None if config.symmetric else tuple(back[1:]))


class LayersTrainer:
    """Everything a checkpoint must hold. Between epochs it is here, in NumPy's arrays."""

    NUMBERS = ("best_accuracy", "best_epoch", "step", "epoch", "seconds")
    RECORD, ERROR = EqpropEpoch, EqpropError

    def __init__(self, dataset: Dataset, config: LayersConfig) -> None:
        self.config, self.data = config, dataset
        self.layout = layout_of(dataset, config)
        self.nudging = config.nudging
        check_nudging(self.layout, self.nudging)
        self.learning = Learning(
            config.layer_rates,
            config.optimiser,
            config.momentum,
            config.homeostasis,
            config.homeostasis_draws,
        )
        self.n = dataset.x_train.shape[0]
        self.batch = min(config.batch, self.n)
        self.n_batches = self.n // self.batch
        p = start_parameters(self.layout, config)
        self.best_accuracy, self.best_epoch = -1.0, -1
        self.step = self.epoch = 0
        self.seconds = 0.0
        self.history: list[EqpropEpoch] = []
        tree = (p, self.learning.rule().init(jax.tree.map(jnp.asarray, p)), p)
        self.leaves, self.form = _leaves(tree)
        self.images: Any = None

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        return {f"leaf{k}": a for k, a in enumerate(self.leaves)}

    def tree(self) -> tuple[Parameters, Any, Parameters]:
        """(parameters, optimiser's memory, parameters of the best epoch)."""
        shaped = [a.reshape(s).copy() for a, s in zip(self.leaves, self.form[1], strict=True)]
        return jax.tree.unflatten(self.form[0], shaped)

    def place(self) -> None:
        """Training data on the device, once."""
        if self.images is None:
            shape = self.layout.input_shape
            if self.config.augmentation.active and len(shape) == 1:
                shape = (*self.data.image_shape, 1)[:3]
            x = np.asarray(self.data.x_train, np.float32).reshape(self.n, *shape)
            self.images = jnp.asarray(x)
            self.targets = jnp.asarray(np.eye(self.data.n_classes, dtype=np.float32)[self.data.y_train])

    def run_epoch(self) -> None:
        config = self.config
        began = time.perf_counter()
        self.place()
        p, memory, best = self.tree()
        p, memory = jax.tree.map(jnp.asarray, (p, memory))
        order = np.random.default_rng([config.seed, _ORDER, self.epoch]).permutation(self.n)
        rng = np.random.default_rng([config.seed, _WARP, self.epoch])
        base = jax.random.PRNGKey(config.seed)
        figures = []
        for rows in order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch):
            maps = None
            if config.augmentation.active:
                maps = jnp.asarray(config.augmentation.draw(self.batch, rng))
            sign = 1.0
            if config.estimator == "one-sided":
                coin = np.random.default_rng([config.seed, _SIGN, self.step])
                sign = 1.0 if coin.random() < 0.5 else -1.0
            rate = cosine_rate(
                1.0,
                self.step,
                config.epochs * self.n_batches,
                warmup=round(config.warmup_epochs * self.n_batches),
                final=config.final_rate,
            )
            p, memory, found = update(
                self.layout,
                self.nudging,
                self.learning,
                p,
                memory,
                self.images,
                self.targets,
                jnp.asarray(rows),
                maps,
                jax.random.fold_in(base, self.step),
                jnp.float32(sign),
                jnp.float32(rate),
            )
            figures.append(found)
            self.step += 1
        table = np.asarray(jnp.stack(figures), float)
        cost, right, sweeps, left, sweeps_n, left_n = table.mean(axis=0)
        self._check(float(cost), float(left), float(left_n))
        self.epoch += 1
        outputs = free_outputs(self.layout, p, self.data.x_valid, config)
        accuracy = float(np.mean(outputs.argmax(axis=1) == self.data.y_valid))
        if accuracy >= self.best_accuracy:
            self.best_accuracy, self.best_epoch, best = accuracy, self.epoch, p
        for kept, new in zip(self.leaves, _leaves((p, memory, best))[0], strict=True):
            kept[:] = new
        spent = time.perf_counter() - began
        self.seconds += spent
        self.history.append(
            EqpropEpoch(
                self.epoch,
                float(cost),
                float(right),
                accuracy,
                float(sweeps),
                float(sweeps_n),
                float(left),
                float(left_n),
                _angle(p),
                spent,
            )
        )

    def _check(self, cost: float, left: float, left_n: float) -> None:
        """UnsettledError where the phases of the epoch are not at rest."""
        config = self.config
        if not math.isfinite(cost):
            raise UnsettledError(f"training, epoch {self.epoch + 1}: cost is {cost}; lower rates")
        if config.state_noise:
            return
        for name, value, sweeps in (
            ("sweeps_free", left, config.sweeps_free),
            ("sweeps_nudged", left_n, config.sweeps_nudged),
        ):
            if not value <= config.residual_limit:
                beta = config.beta if name == "sweeps_nudged" else 0.0
                raise UnsettledError(
                    f"training, epoch {self.epoch + 1}: phases at |beta| = {beta:g} still move by "
                    f"{value:.2g} a sweep after {sweeps}, limit {config.residual_limit:g}: raise "
                    f"{name}, or lower rates, init_gain" + (" or beta" if beta else "")
                )


def _leaves(tree: Any) -> tuple[list[np.ndarray], tuple[Any, list[tuple[int, ...]]]]:
    """(arrays of at least one dimension, (structure, shapes)) of a tree."""
    leaves, structure = jax.tree.flatten(tree)
    some = [np.array(a) for a in leaves]
    return [np.atleast_1d(a) for a in some], (structure, [a.shape for a in some])


def _angle(p: Parameters) -> float:
    """Degrees between forward and backward parameters."""
    if p.back is None:
        return 0.0
    ahead = np.concatenate([np.asarray(a, float).ravel() for a in p.w[1:]])
    back = np.concatenate([np.asarray(a, float).ravel() for a in p.back])
    c = ahead @ back / (np.linalg.norm(ahead) * np.linalg.norm(back))
    return float(np.degrees(np.arccos(np.clip(c, -1.0, 1.0))))


def free_outputs(layout: Layout, p: Parameters, x: np.ndarray, config: LayersConfig) -> np.ndarray:
    """(n, n_out) outputs at rest for encoded inputs (n, n_inputs), with the state noise if any."""
    how = Relaxation(EVALUATION_SWEEPS, EVALUATION_TOLERANCE)
    if config.state_noise:  # nothing settles
        how = Relaxation(config.sweeps_free, 0.0, config.state_noise)
    p = jax.tree.map(jnp.asarray, p)
    base = jax.random.fold_in(jax.random.PRNGKey(config.seed), 2**31 - 1)  # far from training's
    out = []
    for k, first in enumerate(range(0, x.shape[0], EVALUATION_ROWS)):
        rows = np.asarray(x[first : first + EVALUATION_ROWS], np.float32)
        n = rows.shape[0]
        rows = np.pad(rows, ((0, EVALUATION_ROWS - n), (0, 0)))  # one compiled shape
        shaped = jnp.asarray(rows.reshape(EVALUATION_ROWS, *layout.input_shape))
        states, _, _ = free_rest(layout, p, shaped, how, jax.random.fold_in(base, k))
        out.append(np.asarray(states[-1])[:n])
    return np.concatenate(out)


def layers_accuracy(trained: LayersResult, dataset: Dataset, split: str = "test") -> float:
    """Share of right decisions of a trained network, with its state noise if any."""
    x, y = dataset.part(split)
    outputs = free_outputs(trained.layout, trained.parameters, x, trained.config)
    return float(np.mean(outputs.argmax(axis=1) == y))


def settling_time(
    layout: Layout,
    p: Parameters,
    network: HopfieldNetwork | ConvHopfieldNetwork,
    x: np.ndarray,
    *,
    tolerance: float = 1e-3,
) -> float:
    """Time after which the compiled netlist's cells rest, half as long again as measured on x in
    its own Euler steps until all but one sample in a thousand move at a speed below `tolerance`. At
    least 10 of a cell's own relaxation times; measured for at most 200.
    """
    conv = isinstance(network, ConvHopfieldNetwork)
    dt = conv_step(network) if conv else stable_step(network)  # type: ignore[arg-type]
    p = jax.tree.map(jnp.asarray, p)
    rows = jnp.asarray(np.asarray(x, np.float32).reshape(-1, *layout.input_shape))
    slow = tolerance / layout.sigma.scale  # cells of a shifted activation move `scale` times as far
    steps = int(euler_steps(layout, p, rows, dt, math.ceil(LONGEST / dt), slow))
    return float(max(SHORTEST, 1.5 * dt * steps))


def train_layers(
    dataset: Dataset,
    config: LayersConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> LayersResult:
    """Train a layered network, dense or convolutional; the test split is never looked at.

    checkpoint : file written after every epoch; if it exists, training goes on from it

    For a study of noise: `layers_accuracy(train_layers(dataset, LayersConfig(layers=(Dense(64),),
    activation="shifted-sigmoid", estimator="holomorphic", points=10, beta=0.5, state_noise=0.04)),
    dataset)` is the row of the holomorphic estimator; estimators "positive" and "centred" with the
    same settings are the rows to compare it with. Training then runs `sweeps_free` and
    `sweeps_nudged` sweeps, since noisy phases do not settle.

    Raises EqpropError on a setting or checkpoint that does not fit, UnsettledError where phases do
    not come to rest.
    """
    path = None if checkpoint is None else check_writable(Path(checkpoint))
    trainer: Any = LayersTrainer(dataset, config)  # a trainer to run_epochs by what it has
    identity = checkpoints.identity(dataset, config) if path else ""
    run_epochs(trainer, path, identity, f"eqprop on {dataset.name}", progress)
    _, _, best = trainer.tree()
    meta = MappingProxyType({"method": "eqprop", "data": dataset.name, "split": dataset.split})
    network = to_network(trainer.layout, best)
    network = to_network(
        trainer.layout,
        best,
        labels=dataset.labels,
        meta=meta,
        relax_time=settling_time(trainer.layout, best, network, dataset.x_valid[:SETTLED_ROWS]),
    )
    return LayersResult(
        network,
        trainer.layout,
        best,
        tuple(trainer.history),
        trainer.best_accuracy,
        trainer.best_epoch,
        trainer.seconds,
        config,
    )
