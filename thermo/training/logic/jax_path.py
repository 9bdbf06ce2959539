"""The network of `general_network` as a pure JAX function: gradients by autodiff, for accelerators.

Arrays are (samples, nets). The straight-through estimator is written with stop_gradient: forward a
gate reads bits and gives a bit, backward it is the relaxed gate at the bits that it read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermo.kernels.logic.layers import RESTE_FAR, RESTE_NEAR
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.temperature import LEAST_SPREAD, TAU_MEMORY

Parameters = list[dict[str, jax.Array]]
"""One dict a layer: logits (G, 4 or 16) and, unless the wiring is fixed, scores (2, G, K)."""

# f(0, 0), f(0, 1), f(1, 0), f(1, 1) of the 16 gate ids
TABLES = np.array([[op >> 3 & 1, op >> 2 & 1, op >> 1 & 1, op & 1] for op in range(16)], np.float32)
_frozen = jax.lax.stop_gradient


@dataclass(frozen=True, slots=True)
class Head:
    """What a step needs beside parameters and data.

    spread : running standard deviation of the class sums before this step, 0 at the first
    power : present order of the ReSTE estimator
    gain : (G,) what each gate of the last layer counts for, or None
    """

    spread: Any = 0.0
    power: Any = 1.0
    gain: Any = None


jax.tree_util.register_dataclass(Head, data_fields=["spread", "power", "gain"], meta_fields=[])


def temperature(config: LogicConfig, block: int, spread: Any) -> Any:
    """What class sums of `block` gates are divided by, see LogicConfig.tau."""
    if config.tau == "width":
        return math.sqrt(block / (4.0 * config.tau_target))
    if config.tau == "adaptive":
        return spread / (4.0 * config.tau_target)
    return float(config.tau)


def draw_noise(config: LogicConfig, parameters: Parameters, key: jax.Array) -> Parameters:
    """Gumbel noise for scores and gate logits, logistic noise for table logits."""
    noise = []
    for number, layer in enumerate(parameters):
        keys = jax.random.split(jax.random.fold_in(key, number))
        table = config.parametrisation == "table"
        draw = jax.random.logistic if table else jax.random.gumbel
        part = {"logits": config.gumbel_noise * draw(keys[0], layer["logits"].shape)}
        if "scores" in layer:
            part["scores"] = config.gumbel_noise * jax.random.gumbel(keys[1], layer["scores"].shape)
        noise.append(part)
    return noise


def _straight(hard: jax.Array, soft: jax.Array) -> jax.Array:
    """The value of `hard`, exactly, with the derivative of `soft`."""
    return _frozen(hard) + (soft - _frozen(soft))


def _tables(config: LogicConfig, z: jax.Array, power: Any) -> tuple[jax.Array, jax.Array]:
    """(soft, hard) tables, (G, 4) each, of tempered logits."""
    if config.parametrisation == "gates":
        return jax.nn.softmax(z, axis=1) @ TABLES, jnp.asarray(TABLES)[jnp.argmax(z, axis=1)]
    hard = (z > 0).astype(z.dtype)
    if config.estimator == "identity":
        return jax.nn.sigmoid(z), hard
    size = _frozen(jnp.abs(z))
    safe = jnp.maximum(size, RESTE_NEAR)
    near = RESTE_NEAR ** (1.0 / power) / RESTE_NEAR
    slope = jnp.where(size > RESTE_NEAR, safe ** (1.0 / power - 1.0) / power, near)
    slope = 0.5 * jnp.where(size > RESTE_FAR, 0.0, slope)
    f = jnp.minimum(size ** (1.0 / power), 1.0)
    value = 0.5 * (1.0 + jnp.where(z > 0, f, -f))
    return _frozen(value) + slope * (z - _frozen(z)), hard


def _multilinear(t: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    t00, t01, t10, t11 = t[:, 0], t[:, 1], t[:, 2], t[:, 3]
    return t00 + (t10 - t00) * a + (t01 - t00) * b + (t11 - t10 - t01 + t00) * a * b


def layer_values(
    config: LogicConfig,
    layer: dict[str, jax.Array],
    noise: dict[str, jax.Array] | None,
    wires: jax.Array | None,
    x: jax.Array,
    *,
    relaxed: bool,
    power: Any = 1.0,
) -> jax.Array:
    """(samples, G) values of a layer's gates for (samples, n_below) values of the nets below.

    wires : (2, G, K), or None where candidate k is net k; relaxed : expectations, else bits
    """

    def tempered(name: str) -> jax.Array:
        return layer[name] if noise is None else ((layer[name] + noise[name]) / config.gumbel_temperature)

    soft, hard = _tables(config, tempered("logits"), power)
    inputs = []
    for side in range(2):
        if "scores" not in layer:
            assert wires is not None
            inputs.append(x[:, wires[side, :, 0]])
            continue
        z = tempered("scores")[side]
        p = jax.nn.softmax(z, axis=1)
        mean = x @ p.T if wires is None else jnp.einsum("sgk,gk->sg", x[:, wires[side]], p)
        if not relaxed:
            net = jnp.argmax(z, axis=1)
            if wires is not None:
                net = jnp.take_along_axis(wires[side], net[:, None], axis=1)[:, 0]
            mean = _straight(x[:, net], mean)
        inputs.append(mean)
    y = _multilinear(soft, *inputs)
    return y if relaxed else _straight(_multilinear(hard, *inputs), y)


def network_sums(
    config: LogicConfig,
    parameters: Parameters,
    wires: list[jax.Array | None],
    n_classes: int,
    bits: jax.Array,
    *,
    relaxed: bool,
    noise: Parameters | None = None,
    head: Head | None = None,
) -> jax.Array:
    """(samples, n_classes) sums of the last layer's blocks for (samples, n_inputs) of 0 and 1."""
    x = bits.astype(jnp.float32)
    power = 1.0 if head is None else head.power
    for number, layer in enumerate(parameters):
        part = None if noise is None else noise[number]
        x = layer_values(config, layer, part, wires[number], x, relaxed=relaxed, power=power)
    if head is not None and head.gain is not None:
        x = x * head.gain
    return x.reshape(x.shape[0], n_classes, -1).sum(axis=2)


def loss_function(
    config: LogicConfig, wires: list[jax.Array | None], n_classes: int
) -> Callable[..., tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]]:
    """loss(parameters, bits, targets, head, noise) -> (mean loss, (class sums, spread, log probabilities)).

    bits : (samples, n_inputs); targets : (samples, n_classes), what the probabilities should be
    noise : as draw_noise, or None
    The loss is the cross entropy of the targets, to be differentiated; spread is the running one with this
    batch, a constant to it.
    """
    block = config.layers[-1] // n_classes

    def loss(
        parameters: Parameters,
        bits: jax.Array,
        targets: jax.Array,
        head: Head,
        noise: Parameters | None = None,
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
        sums = network_sums(
            config,
            parameters,
            wires,
            n_classes,
            bits,
            relaxed=config.forward == "soft",
            noise=noise,
            head=head,
        )
        now = jnp.maximum(_frozen(sums).std(), LEAST_SPREAD)
        old = jnp.asarray(head.spread)
        spread = jnp.where(old == 0, now, TAU_MEMORY * old + (1 - TAU_MEMORY) * now)
        log_p = jax.nn.log_softmax(sums / temperature(config, block, spread), axis=1)
        return -jnp.mean((targets * log_p).sum(axis=1)), (sums, spread, log_p)

    return loss
