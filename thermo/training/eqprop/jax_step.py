"""One update of a layered network as one compiled function: images, phases, optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from thermo.training.eqprop.jax_estimators import Nudging, estimate, homeostatic_loss, normals, skew
from thermo.training.eqprop.jax_layers import Array, Layout
from thermo.training.eqprop.jax_muon import scale_by_muon
from thermo.training.eqprop.jax_rest import Parameters
from thermo.training.eqprop.jax_updown import Sweeps, estimate_tiled

SKIPS = 0.25
"""Rate of couplings across a layer, of that of the layer that they lead into: at the full rate, and from a
random start, they drive units to their walls, and one sweep is far from rest (docs/eqprop_training.md).
"""


@dataclass(frozen=True, slots=True)
class Learning:
    """What an update does with a gradient; see EqpropConfig."""

    rates: tuple[float, ...]
    optimiser: str = "momentum"
    momentum: float = 0.9
    bias_rate: float | None = None
    decay: float = 0.0
    homeostasis: float = 0.0
    draws: int = 5

    def rule(self) -> optax.GradientTransformation:
        if self.optimiser == "adam":
            return optax.scale_by_adam()
        if self.optimiser == "muon":
            return scale_by_muon(self.momentum)
        return optax.trace(self.momentum)


def warp(images: Array, maps: Array) -> Array:
    """(n, height, width, channels) images under the affine maps (n, 6) of Augmentation.draw:
    bilinear, out(y, x) = image at (a y + b x + c, d y + e x + f) from the centre, 0 outside.
    """
    n, height, width, channels = images.shape
    dy = (jnp.arange(height) - (height - 1) / 2)[None, :, None]
    dx = (jnp.arange(width) - (width - 1) / 2)[None, None, :]
    a, b, c, d, e, f = (maps[:, k, None, None] for k in range(6))
    y = a * dy + b * dx + c + (height - 1) / 2
    x = d * dy + e * dx + f + (width - 1) / 2
    top, left = jnp.floor(y), jnp.floor(x)
    flat = images.reshape(n, height * width, channels)

    def at(i: Array, j: Array) -> Array:
        inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        place = jnp.clip(i, 0, height - 1) * width + jnp.clip(j, 0, width - 1)
        place = place.astype(jnp.int32).reshape(n, -1, 1)
        found = jnp.take_along_axis(flat, place, axis=1).reshape(images.shape)
        return jnp.where(inside[..., None], found, 0.0)

    wy, wx = (y - top)[..., None], (x - left)[..., None]
    high = at(top, left) * (1 - wx) + at(top, left + 1) * wx
    low = at(top + 1, left) * (1 - wx) + at(top + 1, left + 1) * wx
    return high * (1 - wy) + low * wy


def moved_pixels(images: Array, maps: Array) -> Array:
    """`warp` where every pixel goes to a pixel: whole shifts, and mirror images."""
    n, height, width, channels = images.shape
    rows = (jnp.arange(height) + maps[:, 2, None]).astype(jnp.int32)  # (n, height)
    middle = (width - 1) / 2
    columns = (maps[:, 4, None] * (jnp.arange(width) - middle) + maps[:, 5, None] + middle).astype(jnp.int32)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    place = jnp.clip(rows, 0, height - 1)[:, :, None] * width + jnp.clip(columns, 0, width - 1)[:, None, :]
    flat = images.reshape(n, height * width, channels)
    found = jnp.take_along_axis(flat, place.reshape(n, -1, 1), axis=1).reshape(images.shape)
    return jnp.where(inside[..., None], found, 0.0)


def _in_proportion(change: tuple[Array, ...], gradient: Parameters) -> tuple[Array, ...]:
    """Muon's changes of weights down, as much smaller as their gradients are than those of the weights up:
    at full size they would tear the two ways apart, to no gain.
    """
    share = [
        jnp.minimum(1.0, jnp.linalg.norm(down) / (jnp.linalg.norm(up) + 1e-12))
        for up, down in zip(gradient.w[1:], gradient.back or (), strict=True)
    ]
    return tuple(k * d for k, d in zip(share, change, strict=True))


def learnt(
    layout: Layout,
    learning: Learning,
    p: Parameters,
    memory: Any,
    gradient: Parameters,
    rate: Array,
    e: list[Array] | None = None,
) -> tuple[Parameters, Any]:
    """(parameters, optimiser's memory) after one step down a gradient.

    rate : factor on all rates; e : vectors of the homeostatic loss, None: its expectation
    """
    apart = None
    if learning.homeostasis and learning.optimiser == "momentum":
        extra = jax.grad(lambda q: homeostatic_loss(layout, q, e))(p)
        gradient = jax.tree.map(lambda g, h: g + learning.homeostasis * h, gradient, extra)
    elif learning.homeostasis:  # beside optimisers whose updates have one size, whatever the loss's
        apart = skew(layout, p, e)
    change, memory = learning.rule().update(gradient, memory)
    if learning.optimiser == "muon" and p.back is not None:
        change = change._replace(back=_in_proportion(change.back, gradient))
    if learning.decay:
        change = jax.tree.map(lambda d, w: d + learning.decay * w if w.ndim > 1 else d, change, p)
    rates = [rate * r for r in learning.rates]
    of_biases = rates if learning.bias_rate is None else [rate * learning.bias_rate] * len(rates)

    def moved(old: tuple[Array, ...], by: tuple[Array, ...], some: list[Array]) -> Any:
        return tuple(w - r * d for w, d, r in zip(old, by, some, strict=True))

    p = Parameters(
        moved(p.w, change.w, rates),
        moved(p.b, change.b, of_biases),
        None if p.back is None else moved(p.back, change.back, rates[1:]),
        moved(p.skip, change.skip, [SKIPS * r for r in rates[1 : len(p.skip) + 1]]),
    )
    if apart is not None:
        p = jax.tree.map(lambda w, d: w - rate * learning.homeostasis * d, p, apart)
    return p, memory


@partial(jax.jit, static_argnames=("layout", "nudging", "learning", "sweeps", "by_pixels", "mesh"))
def update(
    layout: Layout,
    nudging: Nudging,
    learning: Learning,
    p: Parameters,
    memory: Any,
    images: Array,
    targets: Array,
    rows: Array,
    maps: Array | None,
    key: Array,
    sign: Array,
    rate: Array,
    acting: Parameters | None = None,
    sweeps: Sweeps | None = None,
    by_pixels: bool = False,
    mesh: Mesh | None = None,
) -> tuple[Parameters, Any, Array]:
    """(parameters, optimiser's memory, figures) after one batch.

    images : (n, *input_shape) all of the data; targets : (n, n_out) one-hot; rows : (batch,) ids
    maps : (batch, 6) warps or None; sign : of a one-sided nudge; rate : factor on all rates
    acting : what drives, of a device on which p is programmed
    sweeps : of schedule "up-down", None: "parity"; by_pixels : maps take pixels to pixels
    mesh : devices that share a batch's tiles by "up-down"
    figures : (6,) cost, share right, sweeps and residual of free phases, of nudged ones
    """
    noise, draw = jax.random.split(key)
    x = images[rows]
    if maps is not None:
        x = moved_pixels(x, maps) if by_pixels else warp(x, maps)
    if sweeps is None:
        found = estimate(layout, p, x, targets[rows], nudging, noise, sign, acting)
    else:
        found = estimate_tiled(sweeps, p, x, targets[rows], nudging, sign, mesh)
    e = None
    if learning.homeostasis and learning.draws:
        e = normals(layout, draw, learning.draws, x.dtype)
    p, memory = learnt(layout, learning, p, memory, found.gradient, rate, e)
    figures = jnp.stack([jnp.asarray(f, x.dtype) for f in found[1:]])
    return p, memory, figures
