"""The JAX engine of train_eqprop: layered networks, dense and convolutional.

Runs where JAX does: an update is one compiled function, images stay on the device, and the host only names
rows and rates. Several devices share a batch's rows, as many as its size is a multiple of, or its tiles in
sweeps up and down. Results are those of one machine, number of devices and version of JAX; there they do not
depend on interruptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork, conv_step
from compiler.families.hopfield import HopfieldNetwork, stable_step
from thermo.data import Dataset
from thermo.gradients.errors import EqpropError
from thermo.training.eqprop.config import Conv, EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.epochs import INIT, EqpropTrainer
from thermo.training.eqprop.estimators import coin
from thermo.training.eqprop.jax_convert import to_network
from thermo.training.eqprop.jax_device import DrawnLayers, draw_layers
from thermo.training.eqprop.jax_estimators import Nudging, check_nudging
from thermo.training.eqprop.jax_layers import Dense, Layout
from thermo.training.eqprop.jax_patches import check_strides
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, euler_steps, free_rest
from thermo.training.eqprop.jax_step import Learning, update
from thermo.training.eqprop.jax_updown import Sweeps
from thermo.training.eqprop.jax_updown import free_outputs as swept_outputs
from thermo.training.eqprop.layers import EVALUATION_SWEEPS, EVALUATION_TOLERANCE, LONGEST, SHORTEST, rotate
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.loop import Trained
from thermo.training.sharding import everywhere, mesh_of, shared_out

EVALUATION_ROWS = 250
SETTLED_ROWS = 100  # samples that the settling time is measured on
CHOSEN_TOLERANCE = 1e-2  # of a unit, where sweeps up and down validate an epoch
PATCHES = 8000  # that principal directions are of
WHITE = 0.4  # spread of a whitened first layer's drives


@dataclass(frozen=True, slots=True, eq=False)
class TrainedLayers(Trained[HopfieldNetwork | ConvHopfieldNetwork, EqpropEpoch]):
    """layout, parameters : the model as JAX has it; acting : what drives on the device it was trained
    on (the same parameters where that is perfect)
    """

    layout: Layout
    parameters: Parameters
    acting: Parameters


def layout_of(dataset: Dataset, config: EqpropConfig) -> Layout:
    """The network for this data set; EqpropError for values instead of classes, or convolutions of
    rows that are no images.
    """
    if dataset.n_classes < 2:
        raise EqpropError(
            f"training: data set {dataset.name} has values, not classes; equilibrium "
            "propagation here trains classifiers"
        )
    layers = [n if isinstance(n, Conv) else Dense(n) for n in config.hidden]
    shape: tuple[int, ...] = (dataset.n_features,)
    if config.augmentation.active or any(isinstance(layer, Conv) for layer in layers):
        if len(dataset.image_shape) not in (2, 3):
            raise EqpropError(
                f"training: convolutions and augmentation need images, data set {dataset.name} "
                f"has rows of {dataset.n_features} values; use dense layers without augmentation"
            )
        if layers and isinstance(layers[0], Conv):
            shape = (*dataset.image_shape, 1)[:3]
    return Layout(shape, (*layers, Dense(dataset.n_classes)), config.activation, config.residual)


def start_parameters(layout: Layout, config: EqpropConfig) -> Parameters:
    """Random weights, see EqpropConfig; float32."""
    rng = np.random.default_rng([config.seed, INIT])
    w: list[Any] = []
    back: list[Any] = []
    for layer, shape in zip(layout.layers, layout.weight_shapes, strict=True):
        fan_in, fan_out = math.prod(shape[:-1]), float(shape[-1])
        if isinstance(layer, Conv):
            fan_out *= (layer.kernel / layer.stride) ** 2
        top = config.init_gain * math.sqrt(6.0 / (fan_in + fan_out))
        w.append(rng.uniform(-top, top, shape).astype(np.float32))
        if config.rule == "field":
            back.append(rotate(w[-1], config.angle, rng).astype(np.float32))
    b: list[Any] = [np.full(s, config.init_bias, np.float32) for s in layout.bias_shapes]
    b[-1][:] = 0.0
    skip: Any = tuple(np.zeros(shape, np.float32) for shape in layout.skip_shapes)  # a plain network at first
    return Parameters(tuple(w), tuple(b), tuple(back[1:]) if config.rule == "field" else None, skip)


def principal_kernel(layer: Conv, images: np.ndarray, seed: int) -> np.ndarray:
    """(kernel, kernel, channels, layer.channels) the principal directions of patches of the images
    (n, height, width, channels) and their opposites, float32: drives of one spread, WHITE, in every channel.

    Directions of little variance would be noise: their gain stays below that of a twentieth of the mean.
    Raises EqpropError for more directions than a patch has values.
    """
    rng, k = np.random.default_rng([seed, INIT, 1]), layer.kernel
    n, height, width, channels = images.shape
    half = -(-layer.channels // 2)
    if half > k * k * channels or min(height, width) < k:
        raise EqpropError(
            f"training: whitened: {layer.channels} channels are directions and opposites of patches of "
            f"{k * k * channels} values; take at most {2 * k * k * channels} channels"
        )
    rows = rng.integers(0, n, PATCHES)
    top, left = rng.integers(0, height - k + 1, PATCHES), rng.integers(0, width - k + 1, PATCHES)
    steps = np.arange(k)
    seen = images[rows[:, None, None], (top[:, None] + steps)[:, :, None], (left[:, None] + steps)[:, None]]
    values, vectors = np.linalg.eigh(np.cov(seen.reshape(PATCHES, -1).T.astype(np.float64)))
    gains = WHITE / np.sqrt(values + 0.05 * values.mean())
    some = (vectors * gains)[:, ::-1][:, :half]
    both = np.concatenate([some, -some], axis=1)[:, : layer.channels]
    return both.reshape(k, k, channels, layer.channels).astype(np.float32)


def encoder_of(dataset: Dataset, config: EqpropConfig) -> tuple[np.ndarray, np.ndarray]:
    """(shift, scale) of raw data, (1,) or one an input: with `standardise` every channel of the training
    images has mean 0 and spread 1.
    """
    if not config.standardise:
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    channels = (*dataset.image_shape, 1)[2] if len(dataset.image_shape) > 1 else 1
    x = dataset.x_train.reshape(-1, channels)
    mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    places = dataset.n_features // channels
    shift, scale = (np.tile(a, places).astype(np.float32) for a in (mean, 1 / np.maximum(spread, 1e-6)))
    return shift, scale


def nudging_of(config: EqpropConfig) -> Nudging:
    """Estimator and phases."""
    free, nudged = (
        Relaxation(most, config.tolerance, config.state_noise)
        for most in (config.sweeps_free, config.sweeps_nudged)
    )
    return Nudging(config.estimator, config.beta, config.points, free, nudged)


class LayersTrainer(EqpropTrainer):
    """Layers in JAX. Between epochs parameters are here, in NumPy's arrays."""

    def __init__(self, dataset: Dataset, config: EqpropConfig) -> None:
        super().__init__(dataset, config)
        device = config.device or EqpropDevice()
        known = EqpropDevice(device.imperfections, state_noise=device.state_noise, seed=device.seed)
        if device != known:
            others = [f.name for f in fields(device) if getattr(device, f.name) != getattr(known, f.name)]
            raise EqpropError(
                f"training: engine 'jax' does not know {', '.join(others)} of a device; leave what gives it "
                "out, or set engine to 'numba'"
            )
        self.layout = layout_of(dataset, config)
        self.drawn = None if device.imperfections.ideal else self.draw(device)
        self.nudging = nudging_of(config)
        check_nudging(self.layout, self.nudging)
        self.learning = Learning(
            config.layer_rates,
            config.optimiser,
            config.momentum,
            config.bias_rate if config.optimiser == "muon" else None,
            config.weight_decay,
            config.homeostasis,
            config.homeostasis_draws,
        )
        self.sweeps = sweeps_of(self.layout, config)
        self.encoder = encoder_of(dataset, config)
        p = start_parameters(self.layout, config)
        if config.whitened:
            p = p._replace(w=(jnp.asarray(self.principal()), *p.w[1:]))
        tree = (p, self.learning.rule().init(jax.tree.map(jnp.asarray, p)), p)
        self.leaves, self.form = _leaves(tree)
        self.n_parameters = len(jax.tree.leaves(p))
        self.key = jax.random.PRNGKey(config.seed)
        self.images: Any = None
        # sweeps up and down go through a batch tile by tile
        self.mesh = mesh_of(self.batch if self.sweeps is None else max(1, self.batch // config.tile))
        self.here: Any = None  # parameters and the optimiser's memory on the device, in an epoch

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        return {f"leaf{k}": a for k, a in enumerate(self.leaves)}

    def tree(self) -> tuple[Parameters, Any, Parameters]:
        """(parameters, optimiser's memory, parameters of the best epoch)."""
        shaped = [a.reshape(s).copy() for a, s in zip(self.leaves, self.form[1], strict=True)]
        return jax.tree.unflatten(self.form[0], shaped)

    def principal(self) -> np.ndarray:
        """A first layer's start."""
        layer = self.layout.layers[0]
        if not isinstance(layer, Conv):
            raise EqpropError(
                "training: whitened is of a convolution, the first layer is dense; leave it out, or add one"
            )
        rows = self.data.x_train[np.random.default_rng([self.config.seed, INIT, 2]).integers(0, self.n, 2000)]
        return principal_kernel(
            layer, self.encoded(rows).reshape(-1, *self.layout.input_shape), self.config.seed
        )

    def encoded(self, x: np.ndarray) -> np.ndarray:
        """What clamps the inputs, float32."""
        shift, scale = self.encoder
        return (np.asarray(x, np.float32) - shift) * scale

    def place(self) -> None:
        """Training data on the device, once."""
        if self.images is None:
            shape = self.layout.input_shape
            if self.config.augmentation.active and len(shape) == 1:
                shape = (*self.data.image_shape, 1)[:3]
            self.images = jnp.asarray(self.encoded(self.data.x_train).reshape(self.n, *shape))
            self.targets = jnp.asarray(np.eye(self.data.n_classes, dtype=np.float32)[self.data.y_train])
            self.images, self.targets = everywhere((self.images, self.targets), self.mesh)

    def run_batch(self, rows: np.ndarray, warps: np.ndarray) -> Any:
        """One update; (6,) figures, on the device."""
        config = self.config
        if self.here is None:
            self.place()
            p, memory, _ = self.tree()
            self.here = everywhere((p, memory), self.mesh)
        share = shared_out if self.sweeps is None else everywhere
        *self.here, figures = update(
            self.layout,
            self.nudging,
            self.learning,
            *self.here,
            self.images,
            self.targets,
            share(rows, self.mesh),
            share(warps, self.mesh) if warps.size else None,
            jax.random.fold_in(self.key, self.step),
            jnp.float32(coin(config.seed, self.step) if config.estimator == "one-sided" else 1.0),
            jnp.float32(self.rate()),
            None if self.drawn is None else self.acting(self.here[0], self.drawn_for_batch()),
            sweeps=self.sweeps,
            by_pixels=config.augmentation.by_pixels,
            mesh=None if self.sweeps is None else self.mesh,
        )
        self.step += 1
        return figures

    def mean(self, figures: list[Any]) -> np.ndarray:
        table = np.asarray(jnp.stack(figures), float)
        for kept, new in zip(self.leaves, _leaves(tuple(self.here))[0], strict=False):
            kept[:] = new
        self.here = None
        return table.mean(axis=0)

    def predictions(self, split: str) -> np.ndarray:
        x, _ = self.data.part(split)
        p, x = self.tree()[0], self.encoded(x)
        if self.sweeps is not None:
            return fast_outputs(self.sweeps, p, x, CHOSEN_TOLERANCE).argmax(axis=1)
        return free_outputs(self.layout, self.acting(p), x, self.config).argmax(axis=1)

    def draw(self, device: EqpropDevice) -> DrawnLayers:
        return draw_layers(self.layout, device)

    def acting(self, p: Parameters, drawn: DrawnLayers | None = None) -> Parameters:
        """What drives where p is programmed, on the device that is trained on or on this one."""
        drawn = drawn or self.drawn
        if self.config.feedback != 1.0:
            share = np.float32(self.config.feedback)
            p = p._replace(back=tuple(share * w for w in p.feedback))
            if p.skip:  # two layers down
                p = p._replace(skip_back=tuple(share * share * w for w in p.skip_feedback))
        return p if drawn is None else jax.tree.map(jnp.asarray, drawn.act(p))

    def keep(self) -> None:
        n = self.n_parameters
        for kept, new in zip(self.leaves[-n:], self.leaves[:n], strict=True):
            kept[:] = new

    def angle(self) -> float:
        p = self.tree()[0]
        if p.back is None:
            return 0.0
        ahead = np.concatenate([np.asarray(a, float).ravel() for a in p.w[1:]])
        back = np.concatenate([np.asarray(a, float).ravel() for a in p.back])
        c = ahead @ back / (np.linalg.norm(ahead) * np.linalg.norm(back))
        return float(np.degrees(np.arccos(np.clip(c, -1.0, 1.0))))

    @property
    def best(self) -> Parameters:
        """Parameters of the best epoch."""
        return self.tree()[2]

    def model(self) -> HopfieldNetwork | ConvHopfieldNetwork:
        data, best = self.data, self.best
        if self.config.feedback != 1.0:
            best = self.acting(best)
        x = self.encoded(data.x_valid[:SETTLED_ROWS])
        return to_network(
            self.layout,
            best,
            labels=data.labels,
            meta={"method": "eqprop", "data": data.name, "split": data.split},
            relax_time=settling_time(self.layout, self.acting(self.best), to_network(self.layout, best), x),
            encoder=self.encoder,
        )


def _leaves(tree: Any) -> tuple[list[np.ndarray], tuple[Any, list[tuple[int, ...]]]]:
    """(arrays of at least one dimension, (structure, shapes)) of a tree."""
    leaves, structure = jax.tree.flatten(tree)
    some = [np.array(a) for a in leaves]
    return [np.atleast_1d(a) for a in some], (structure, [a.shape for a in some])


def sweeps_of(layout: Layout, config: EqpropConfig) -> Sweeps | None:
    """Of schedule "up-down"; EqpropError for layers that it does not take."""
    if config.schedule == "parity":
        return None
    check_strides(layout.layers, layout.skips)
    return Sweeps(layout, config.precision, config.feedback, config.tile)


def fast_outputs(
    s: Sweeps, p: Parameters, x: np.ndarray, tolerance: float = EVALUATION_TOLERANCE
) -> np.ndarray:
    """(n, n_out) outputs at rest for encoded inputs (n, n_inputs), by sweeps up and down."""
    p, n = jax.tree.map(jnp.asarray, p), x.shape[0]
    rows = np.pad(x, ((0, -n % EVALUATION_ROWS), (0, 0)))  # one compiled shape
    parts = rows.reshape(-1, EVALUATION_ROWS, *s.layout.input_shape)
    found = [swept_outputs(s, p, jnp.asarray(a), EVALUATION_SWEEPS, tolerance) for a in parts]
    return np.concatenate([np.asarray(a) for a in found])[:n]


def free_outputs(layout: Layout, p: Parameters, x: np.ndarray, config: EqpropConfig) -> np.ndarray:
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


def layers_accuracy(trained: TrainedLayers, dataset: Dataset, split: str = "test") -> float:
    """Share of right decisions of a trained network, on the device it was trained on."""
    x, y = dataset.part(split)
    x = np.asarray((x - trained.model.input_shift) * trained.model.input_scale, np.float32)
    config = trained.config
    if config.schedule == "up-down":  # as the model is, in float32
        sweeps = Sweeps(trained.layout, "float32", config.feedback)
        outputs = fast_outputs(sweeps, trained.parameters, x)
    else:
        outputs = free_outputs(trained.layout, trained.acting, x, config)
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
