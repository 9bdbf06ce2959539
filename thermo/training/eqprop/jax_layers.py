"""Layers for JAX: what each drives in its neighbours, and the products of states that updates need.

Images are (rows, height, width, channels), dense layers (rows, units). States may be complex while
couplings are real: both parts go through one real product, stacked along the rows. Nothing is
differentiated; `contract` is the product of two states, summed over a parameter's places.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from compiler.families.conv_hopfield import image_shapes
from compiler.families.skips import skip_geometries
from thermo.gradients.errors import EqpropError
from thermo.training.eqprop.config import Conv

Array = jax.Array
EXACT = lax.Precision.HIGHEST  # differences of states are small: no half-precision products
_NHWC = ("NHWC", "HWIO", "NHWC")


@dataclass(frozen=True, slots=True)
class Dense:
    """A layer of `units`, driven by all of the layer below."""

    units: int


@dataclass(frozen=True, slots=True)
class Sigma:
    """An activation. value : of real or complex drive; slope : sigma' as a function of sigma
    scale, shift : sigma(z) = base(scale z + shift), base being what models and cells know
    curvature : smallest 1 / sigma'; holomorphic : whether nudges may be complex
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    base: str
    curvature: float
    scale: float = 1.0
    shift: float = 0.0
    holomorphic: bool = True


def tanh(z: Array) -> Array:
    """tanh, of complex z by one exponential: with t = exp(-2 |a|),
    tanh(a + ib) = (sign(a) (1 - t^2) + 2i t sin 2b) / (1 + t^2 + 2 t cos 2b).
    """
    if not jnp.iscomplexobj(z):
        return jnp.tanh(z)
    a, b = z.real, 2 * z.imag
    t = jnp.exp(-2 * jnp.abs(a))
    below = 1 + t * t + 2 * t * jnp.cos(b)
    return lax.complex(jnp.sign(a) * (1 - t * t) / below, 2 * t * jnp.sin(b) / below)


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), of complex z, too."""
    return 0.5 + 0.5 * tanh(0.5 * z)


SIGMAS = {
    "hard-sigmoid": Sigma(lambda z: jnp.clip(z, 0, 1), jnp.ones_like, "hard-sigmoid", 1.0, holomorphic=False),
    "sigmoid": Sigma(sigmoid, lambda s: s * (1 - s), "sigmoid", 4.0),
    # of Laborieux and Zenke's code: steepest at a drive of 1/2, slope 1 there
    "shifted-sigmoid": Sigma(
        lambda z: sigmoid(4 * z - 2), lambda s: 4 * s * (1 - s), "sigmoid", 1.0, 4.0, -2.0
    ),
    "tanh": Sigma(tanh, lambda s: 1 - s * s, "tanh", 1.0),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the network looks like; hashable, so that compiled functions are kept by it.

    input_shape : (height, width, channels), or (n,); layers : from the inputs up, convolutions
    first, the last being the outputs; residual : convolutions from two layers below into those of
    convolutions, too
    """

    input_shape: tuple[int, ...]
    layers: tuple[Conv | Dense, ...]
    activation: str = "hard-sigmoid"
    residual: bool = False

    def __post_init__(self) -> None:
        if self.activation not in SIGMAS:
            raise EqpropError(
                f"network: activation must be one of {', '.join(SIGMAS)}, got {self.activation!r}"
            )
        kinds = [isinstance(layer, Conv) for layer in self.layers]
        if not kinds or kinds[-1] or sorted(kinds, reverse=True) != kinds:
            raise EqpropError(
                "network: convolutions come first and the last layer is dense, got "
                f"{', '.join(type(layer).__name__ for layer in self.layers) or 'no layer'}"
            )
        image_shapes(
            self.input_shape if kinds[0] else (1, 1, 1),
            self._kernels(),
            tuple(c.stride for c in self.convolutions),
            tuple(c.padding for c in self.convolutions),
        )
        if self.residual and len(self.convolutions) < 2:
            raise EqpropError(
                f"network: residual couplings lead across a convolution, the network has "
                f"{len(self.convolutions)}; take at least two (--channels, repeated), or leave residual out"
            )

    @property
    def sigma(self) -> Sigma:
        return SIGMAS[self.activation]

    @property
    def convolutions(self) -> tuple[Conv, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Conv))

    @property
    def skips(self) -> tuple[Conv, ...]:
        """Convolutions into layers 2, 3, ... from two below, of a residual network; none of others."""
        if not self.residual:
            return ()
        some = self.convolutions
        found = skip_geometries([(c.kernel, c.stride, c.padding) for c in some])
        return tuple(Conv(c.channels, *g) for c, g in zip(some[1:], found, strict=True))

    def _kernels(self) -> list[tuple[int, int, int, int]]:
        channels, out = self.input_shape[-1], []
        for c in self.convolutions:
            out.append((c.kernel, c.kernel, channels, c.channels))
            channels = c.channels
        return out

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the states of every layer, inputs first, without rows."""
        some = self.convolutions
        images: tuple[tuple[int, ...], ...] = (self.input_shape,)
        if some:
            images = image_shapes(
                self.input_shape,
                self._kernels(),
                tuple(c.stride for c in some),
                tuple(c.padding for c in some),
            )
        return (*images, *((d.units,) for d in self.layers if isinstance(d, Dense)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units in each layer, inputs first."""
        return tuple(math.prod(s) for s in self.shapes)

    @property
    def weight_shapes(self) -> list[tuple[int, ...]]:
        """(height, width, in, out) of a kernel, (n_in, n_out) of a dense layer."""
        sizes, some = self.sizes, self.convolutions
        dense = [(sizes[l], sizes[l + 1]) for l in range(len(some), len(self.layers))]
        return [*self._kernels(), *dense]

    @property
    def skip_shapes(self) -> list[tuple[int, ...]]:
        """(height, width, in, out) of the kernels of `skips`."""
        return [(s.kernel, s.kernel, self.shapes[k][-1], s.channels) for k, s in enumerate(self.skips)]

    @property
    def bias_shapes(self) -> list[tuple[int]]:
        """One bias a channel or a unit."""
        return [(s[-1],) for s in self.shapes[1:]]


def _by_parts(linear: Callable[[Array], Array], u: Array) -> Array:
    """A real linear map of a real or complex state."""
    if not jnp.iscomplexobj(u):
        return linear(u)
    both = linear(jnp.concatenate([u.real, u.imag]))
    n = u.shape[0]
    return lax.complex(both[:n], both[n:])


def up(layer: Conv | Dense, w: Array, u: Array) -> Array:
    """Drive of the layer by the state u below: w * u, or u w. Couplings of a convolution that differ
    from place to place are (height, width, k, k, in, out).
    """
    if isinstance(layer, Dense):
        return _by_parts(lambda v: jnp.matmul(v.reshape(v.shape[0], -1), w, precision=EXACT), u)
    if w.ndim == 6:
        return _by_parts(lambda v: _by_place(v, w, layer), u)
    return _by_parts(lambda v: _conv(v, w, layer), u)


def down(layer: Conv | Dense, w: Array, v: Array, below: tuple[int, ...]) -> Array:
    """Drive of the layer below, of shape `below`, by the state v: the transpose of `up`.

    Of a convolution that is written as another one, over blocks of stride x stride units: a
    convolution with a dilated input, as the transpose is usually written, is slow on CPUs.
    """
    if isinstance(layer, Dense):
        return _by_parts(lambda r: jnp.matmul(r, w.T, precision=EXACT).reshape(r.shape[0], *below), v)
    if w.ndim == 6:
        return _by_parts(lambda r: _turned(r, w, layer, below), v)
    return _by_parts(lambda r: _transposed(r, w, layer, below), v)


def _conv(v: Array, w: Array, layer: Conv) -> Array:
    pad = (layer.padding, layer.padding)
    return lax.conv_general_dilated(
        v, w, (layer.stride, layer.stride), (pad, pad), dimension_numbers=_NHWC, precision=EXACT
    )


def _by_place(v: Array, w: Array, layer: Conv) -> Array:
    """The convolution with couplings w (height, width, k, k, in, out) of each place."""
    rows, columns, k = w.shape[:3]
    v = jnp.pad(v, ((0, 0), (layer.padding,) * 2, (layer.padding,) * 2, (0, 0)))
    y = jnp.arange(rows)[:, None] * layer.stride + jnp.arange(k)
    x = jnp.arange(columns)[:, None] * layer.stride + jnp.arange(k)
    seen = v[:, y[:, None, :, None], x[None, :, None, :]]  # (n, height, width, k, k, in)
    return jnp.einsum("nijabc,ijabco->nijo", seen, w, precision=EXACT)


def _turned(v: Array, w: Array, layer: Conv, below: tuple[int, ...]) -> Array:
    """The transpose of `_by_place`."""
    zero = jax.ShapeDtypeStruct((v.shape[0], *below), v.dtype)
    return jax.linear_transpose(lambda u: _by_place(u, w, layer), zero)(v)[0]


def _transposed(v: Array, w: Array, layer: Conv, below: tuple[int, ...]) -> Array:
    """Unit (s i + p) of the layer below, padding included, is driven by v at i - a through tap
    s a + p of the kernel, a = 0 ... m - 1: a convolution of v with s^2 channels for every one.
    """
    s, k = layer.stride, layer.kernel
    m = -(-k // s)
    height, width, channels = below
    rows, out = v.shape[0], v.shape[-1]
    filled = jnp.pad(w, ((0, m * s - k), (0, m * s - k), (0, 0), (0, 0)))
    # (a, p, b, q, in, out) -> (a, b, out, p, q, in), taps in reverse order
    taps = filled.reshape(m, s, m, s, channels, out).transpose(0, 2, 5, 1, 3, 4)[::-1, ::-1]
    taps = taps.reshape(m, m, out, s * s * channels)
    z = lax.conv_general_dilated(
        v, taps, (1, 1), ((m - 1, m - 1),) * 2, dimension_numbers=_NHWC, precision=EXACT
    )
    i, j = z.shape[1:3]
    z = z.reshape(rows, i, j, s, s, channels).transpose(0, 1, 3, 2, 4, 5)
    z = z.reshape(rows, i * s, j * s, channels)
    edge = layer.padding
    missing = (max(0, edge + height - i * s), max(0, edge + width - j * s))
    z = jnp.pad(z, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))  # not under any kernel
    return z[:, edge : edge + height, edge : edge + width]


def contract(layer: Conv | Dense, post: Array, pre: Array) -> Array:
    """sum over rows and places of post x pre, shaped as the layer's weights; real states."""
    if isinstance(layer, Dense):
        return jnp.matmul(pre.reshape(pre.shape[0], -1).T, post, precision=EXACT)
    shape = (layer.kernel, layer.kernel, pre.shape[-1], layer.channels)
    zero = jax.ShapeDtypeStruct(shape, pre.dtype)
    # the bilinear form post . (w * pre) is linear in w; its transpose is the product of the states
    return jax.linear_transpose(lambda w: _conv(pre, w, layer), zero)(post)[0]


def total(post: Array) -> Array:
    """sum over rows and places: what a bias collects."""
    return post.sum(axis=tuple(range(post.ndim - 1)))
