"""Convolutions as matrix products of patches, in float32 or bfloat16 with sums in float32.

XLA's convolutions on CPUs leave out the processor's bfloat16 products, and its transposed ones and those
that sum over places are slow; matrix products are neither. Kernels must be whole multiples of their strides:
a kernel's row then covers whole blocks of stride units, of which patches are copies, the transpose's too.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from thermo.gradients.errors import EqpropError
from thermo.training.eqprop import jax_layers
from thermo.training.eqprop.config import Conv
from thermo.training.eqprop.jax_layers import EXACT, Array, Dense

KINDS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}
THIN = 16


def check_strides(layers: tuple[Conv | Dense, ...], skips: tuple[Conv, ...] = ()) -> None:
    """Raise EqpropError for a kernel that is no whole multiple of its stride."""
    for k, skip in enumerate(skips):
        if skip.kernel % skip.stride:
            raise EqpropError(
                f"network: couplings from layer {k} to layer {k + 2} would be {skip.kernel} wide at stride "
                f"{skip.stride}; sweeps 'up-down' need a multiple of the stride: pad layers by half of "
                "kernel less stride, or set schedule to 'parity'"
            )
    for k, layer in enumerate(layers):
        if isinstance(layer, Conv) and layer.kernel % layer.stride:
            raise EqpropError(
                f"network: kernel of layer {k + 1} is {layer.kernel} wide, its stride {layer.stride}; sweeps "
                "'up-down' need a multiple of the stride: change the kernel, or set schedule to 'parity'"
            )


def _dot(a: Array, b: Array, over: int = 1) -> Array:
    """Sum over axis `over` of a and the first of b, matrices, in float32."""
    return lax.dot_general(
        a, b, (((over,), (0,)), ((), ())), precision=EXACT, preferred_element_type=jnp.float32
    )


def _thin(layer: Conv, channels: int) -> bool:
    """Whether patches are copied in pieces so small that XLA's own convolutions are faster."""
    return layer.stride * channels < THIN


def up(layer: Conv | Dense, w: Array, u: Array, kind: Any) -> Array:
    """Drive of the layer by u below, as jax_layers.up, from values and weights rounded to `kind` (those of
    few channels are not).
    """
    if isinstance(layer, Conv) and _thin(layer, u.shape[-1]):
        return jax_layers.up(layer, w, u.astype(w.dtype))
    u, w = u.astype(kind), w.astype(kind)
    if isinstance(layer, Dense):
        return _dot(u.reshape(u.shape[0], -1), w)
    seen = patches(layer, u)
    n, rows, columns = seen.shape[:3]
    z = _dot(seen.reshape(n * rows * columns, -1), w.reshape(-1, layer.channels))
    return z.reshape(n, rows, columns, layer.channels)


def down(layer: Conv | Dense, w: Array, v: Array, below: tuple[int, ...], kind: Any) -> Array:
    """Drive of the layer below, of shape `below`, by v: the transpose of `up`."""
    v, w = v.astype(kind), w.astype(kind)
    n = v.shape[0]
    if isinstance(layer, Dense):
        return _dot(v, w.T).reshape(n, *below)
    rows, columns = v.shape[1:3]
    height, width, channels = below
    s, p = layer.stride, layer.padding
    m = layer.kernel // s
    i, j = rows + m - 1, columns + m - 1  # blocks of s x s units below
    # unit s i + q of a row is driven by v at i - a through tap s a + q, a = 0 ... m - 1
    taps = w.reshape(m, s, m, s, channels, layer.channels)[::-1, :, ::-1]
    taps = taps.transpose(0, 2, 5, 1, 3, 4).reshape(m * m * layer.channels, s * s * channels)
    around = jnp.pad(v, ((0, 0), (m - 1, m - 1), (m - 1, m - 1), (0, 0)))
    seen = jnp.stack([around[:, a : a + i, b : b + j] for a in range(m) for b in range(m)], axis=3)
    z = _dot(seen.reshape(n * i * j, -1), taps).reshape(n, i, j, s, s * channels)
    z = z.transpose(0, 1, 3, 2, 4).reshape(n, i * s, j * s, channels)
    missing = (max(0, p + height - i * s), max(0, p + width - j * s))
    z = jnp.pad(z, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))  # not under any kernel
    return z[:, p : p + height, p : p + width]


def contract(layer: Conv | Dense, post: Array, pre: Array, kind: Any) -> Array:
    """Sum over rows and places of post x pre, shaped as the layer's weights."""
    if isinstance(layer, Conv) and _thin(layer, pre.shape[-1]):
        return jax_layers.contract(layer, post, pre.astype(post.dtype))
    post, pre = post.astype(kind), pre.astype(kind)
    if isinstance(layer, Dense):
        return _dot(pre.reshape(pre.shape[0], -1), post, over=0)
    seen = patches(layer, pre)
    channels = pre.shape[-1]
    seen = seen.reshape(-1, layer.kernel * layer.kernel * channels)
    found = _dot(post.reshape(-1, layer.channels), seen, over=0)
    return found.T.reshape(layer.kernel, layer.kernel, channels, layer.channels)


def patches(layer: Conv, u: Array) -> Array:
    """(rows, height, width, kernel * kernel / stride, stride * channels) what each place above sees of u:
    rows of the kernel, and in each its blocks of stride units.
    """
    n, height, width, channels = u.shape
    k, s, p = layer.kernel, layer.stride, layer.padding
    m = k // s
    rows, columns = (height + 2 * p - k) // s + 1, (width + 2 * p - k) // s + 1
    i, j = rows + m - 1, columns + m - 1
    u = jnp.pad(u, ((0, 0), (p, p), (p, p), (0, 0)))[:, : i * s, : j * s]
    blocks = u.reshape(n, i, s, j, s * channels)
    some = [blocks[:, a // s : a // s + rows, a % s, b : b + columns] for a in range(k) for b in range(m)]
    return jnp.stack(some, axis=3)
