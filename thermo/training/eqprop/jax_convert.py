"""Between the parameters that JAX trains and the models that compile to netlists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.hopfield import HopfieldNetwork
from compiler.ir.facts import Facts
from thermo.gradients.errors import EqpropError
from thermo.training.eqprop.config import Conv
from thermo.training.eqprop.jax_layers import Dense, Layout
from thermo.training.eqprop.jax_rest import Parameters

NO_META: Mapping[str, Any] = Facts()
PLAIN = (np.zeros(1), np.ones(1))


def to_network(
    layout: Layout,
    p: Parameters,
    *,
    labels: tuple[str, ...] = (),
    relax_time: float = 30.0,
    meta: Mapping[str, Any] = NO_META,
    encoder: tuple[np.ndarray, np.ndarray] = PLAIN,
) -> HopfieldNetwork | ConvHopfieldNetwork:
    """The model. A shifted activation sigma(4 z - 2) becomes the plain one of 4 times the weights,
    exactly: models and cells know the plain ones only. encoder : shift and scale of raw data
    """
    sigma = layout.sigma
    scale = np.float32(sigma.scale)
    w = [scale * np.asarray(a) for a in p.w]
    b = [scale * np.asarray(a) + np.float32(sigma.shift) for a in p.b]
    back = None if p.back is None else [scale * np.asarray(a) for a in p.back]
    skip = tuple(scale * np.asarray(a) for a in p.skip)
    turned = tuple(scale * np.asarray(a) for a in p.skip_feedback)
    n = len(layout.convolutions)
    dense = tuple(np.ascontiguousarray(a.T) for a in w[n:])
    if not n:
        return HopfieldNetwork(
            weights=dense,
            biases=tuple(b),
            activation=sigma.base,
            backward=None if back is None else tuple(back),  # (n_l, n_(l+1)) on either side
            input_shift=encoder[0],
            input_scale=encoder[1],
            relax_time=relax_time,
            labels=labels,
            meta=meta,
        )
    height, width, channels = layout.input_shape
    return ConvHopfieldNetwork(
        input_shape=(height, width, channels),
        kernels=tuple(w[:n]),
        strides=tuple(c.stride for c in layout.convolutions),
        paddings=tuple(c.padding for c in layout.convolutions),
        weights=dense,
        biases=tuple(b),
        activation=sigma.base,
        backward_kernels=None if back is None else tuple(back[: n - 1]),
        backward=None if back is None else tuple(back[n - 1 :]),
        skips=skip,
        backward_skips=turned if skip and back is not None else None,
        input_shift=encoder[0],
        input_scale=encoder[1],
        relax_time=relax_time,
        labels=labels,
        meta=meta,
    )


def from_model(network: HopfieldNetwork | ConvHopfieldNetwork) -> tuple[Layout, Parameters]:
    """Layout and parameters of a model, in JAX's precision; data must be encoded as the model says.

    Raises EqpropError for kernels that are not square.
    """
    layers: list[Conv | Dense] = []
    shape: tuple[int, ...] = (network.n_inputs,)
    ahead: list[np.ndarray] = []
    back: list[np.ndarray] | None = None if network.backward is None else list(network.backward)
    skips: tuple[np.ndarray, ...] = ()
    turned: tuple[np.ndarray, ...] | None = None
    if isinstance(network, ConvHopfieldNetwork):
        shape, skips, turned = network.input_shape, network.skips, network.backward_skips
        for k, stride, padding in zip(network.kernels, network.strides, network.paddings, strict=True):
            if k.shape[0] != k.shape[1]:
                raise EqpropError(
                    f"network: a kernel of {k.shape[0]} x {k.shape[1]} is not square; the JAX "
                    "backend takes square ones"
                )
            layers.append(Conv(k.shape[3], k.shape[0], stride, padding))
            ahead.append(k)
        if back is not None:
            back = [*(network.backward_kernels or ()), *back]
    layers += [Dense(w.shape[0]) for w in network.weights]
    ahead += [w.T for w in network.weights]
    return Layout(shape, tuple(layers), network.activation, bool(skips)), Parameters(
        tuple(jnp.asarray(a, float) for a in ahead),
        tuple(jnp.asarray(a, float) for a in network.biases),
        None if back is None else tuple(jnp.asarray(a, float) for a in back),
        tuple(jnp.asarray(a, float) for a in skips),
        None if turned is None else tuple(jnp.asarray(a, float) for a in turned),
    )
