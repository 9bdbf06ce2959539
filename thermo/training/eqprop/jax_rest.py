"""Relaxation of layered networks in JAX: layer by layer, real or complex, until nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from thermo.training.eqprop.jax_layers import Array, Layout, down, up


class Parameters(NamedTuple):
    """Of a layered network, by layer: w and b; back is shaped as w[1:] and drives the layer below,
    None: w[1:] does (symmetric). Of a residual one, skip drives layers 2, 3, ... from two below, skip_back is
    shaped as skip[1:] and drives the way back, None: skip[1:] does.
    """

    w: tuple[Array, ...]
    b: tuple[Array, ...]
    back: tuple[Array, ...] | None = None
    skip: tuple[Array, ...] = ()
    skip_back: tuple[Array, ...] | None = None

    @property
    def feedback(self) -> tuple[Array, ...]:
        return self.w[1:] if self.back is None else self.back

    @property
    def skip_feedback(self) -> tuple[Array, ...]:
        return self.skip[1:] if self.skip_back is None else self.skip_back


@dataclass(frozen=True, slots=True)
class Relaxation:
    """sweeps : at most; tolerance : largest change of a unit in a sweep that counts as settled, 0:
    all sweeps are run
    sigma : standard deviation of the noise added to every unit after each of its updates, the
        meaning of EqpropDevice.state_noise (no phase then settles); to both parts of complex units
    """

    sweeps: int
    tolerance: float = 0.0
    sigma: float = 0.0


def input_drive(layout: Layout, p: Parameters, u: Array) -> Array:
    """What inputs (rows, *input_shape) and biases drive in layer 1."""
    return up(layout.layers[0], p.w[0], u) + p.b[0]


def start(layout: Layout, drive: Array) -> list[Array]:
    """Layer 1 at its inputs' drive alone, those above at rest without any drive."""
    sigma, rows = layout.sigma, drive.shape[0]
    rest = sigma.value(jnp.zeros((), drive.dtype))
    above = [jnp.full((rows, *s), rest, drive.dtype) for s in layout.shapes[2:]]
    return [sigma.value(drive), *above]


def input_skip(layout: Layout, p: Parameters, u: Array) -> Array | None:
    """What inputs (rows, *input_shape) of a residual network drive in layer 2; None of others."""
    return up(layout.skips[0], p.skip[0], u) if layout.skips else None


def across(layout: Layout, p: Parameters, z: Array, u: Sequence[Array], l: int, over: Array | None) -> Array:
    """Drive z of layer l, and what drives it across a layer. u : of layers 1 to L; over : input_skip."""
    skips, shapes = layout.skips, layout.shapes
    if over is not None and l == 2:
        z = z + over
    if 3 <= l < len(skips) + 2:
        z = z + up(skips[l - 2], p.skip[l - 2], u[l - 3])
    if l < len(skips):
        z = z + down(skips[l], p.skip_feedback[l - 1], u[l + 1], shapes[l])
    return z


def relax(
    layout: Layout,
    p: Parameters,
    drive: Array,
    states: Sequence[Array],
    target: Array,
    beta: Array,
    how: Relaxation,
    key: Array,
    over: Array | None = None,
) -> tuple[list[Array], Array, Array]:
    """(states, sweeps used, largest change of a unit in the last sweep) at rest.

    drive : (rows, ...) of the inputs; states : L arrays, real or complex, the start
    target : (rows, n_out); beta : () or (rows, 1) nudge, 0: free
    key : of the noise, folded with sweep and layer
    over : (rows, ...) what inputs drive in layer 2, of a residual network

    Layers of the outputs' parity move first, then the others, each to its own rest given its
    neighbours. A nudged output u = sigma(z - beta (u - y)) is solved exactly for the hard sigmoid
    and by one Newton step a sweep for others (u = sigma(z) where beta = 0).
    """
    last = len(layout.layers)
    sigma, shapes, feedback = layout.sigma, layout.shapes, p.feedback
    # images make convolutions slow to batch: biases of images broadcast over places by themselves
    order = [*range(last, 0, -2), *range(last - 1, 0, -2)]

    def moved(u: list[Array], l: int) -> Array:
        z = drive if l == 1 else up(layout.layers[l - 1], p.w[l - 1], u[l - 2]) + p.b[l - 1]
        z = across(layout, p, z, u, l, over)
        if l < last:
            return sigma.value(z + down(layout.layers[l], feedback[l - 1], u[l], shapes[l]))
        if not sigma.holomorphic:
            return jnp.clip((z + beta * target) / (1 + beta), 0, 1)
        old = u[-1]
        shown = sigma.value(z - beta * (old - target))
        return old - (old - shown) / (1 + beta * sigma.slope(shown))

    def noise(u: Array, sweep: Array, l: int) -> Array:
        own = jax.random.fold_in(jax.random.fold_in(key, sweep), l)
        if not jnp.iscomplexobj(u):
            return how.sigma * jax.random.normal(own, u.shape, u.dtype)
        parts = jax.random.normal(own, (2, *u.shape), u.real.dtype)
        return how.sigma * lax.complex(parts[0], parts[1])

    def sweep(carry: tuple[list[Array], Array, Array]) -> tuple[list[Array], Array, Array]:
        u, done, _ = carry
        u = list(u)
        change = jnp.zeros((), drive.dtype)
        for l in order:
            new = moved(u, l)
            change = jnp.maximum(change, jnp.abs(new - u[l - 1]).max())
            u[l - 1] = new if not how.sigma else new + noise(new, done, l)
        return u, done + 1, change

    begin = (list(states), jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, drive.dtype))
    if how.tolerance and not how.sigma:
        return lax.while_loop(lambda c: (c[1] < how.sweeps) & ~(c[2] <= how.tolerance), sweep, begin)
    return lax.fori_loop(0, how.sweeps, lambda _, c: sweep(c), begin)


@partial(jax.jit, static_argnames=("layout", "how"))
def free_rest(
    layout: Layout, p: Parameters, x: Array, how: Relaxation, key: Array
) -> tuple[list[Array], Array, Array]:
    """States at rest without a nudge for encoded inputs x (rows, *input_shape), see `relax`."""
    drive, over = input_drive(layout, p, x), input_skip(layout, p, x)
    target = jnp.zeros((x.shape[0], layout.sizes[-1]), drive.dtype)
    return relax(layout, p, drive, start(layout, drive), target, jnp.zeros((), drive.dtype), how, key, over)


@partial(jax.jit, static_argnames=("layout",))
def euler_steps(layout: Layout, p: Parameters, x: Array, dt: float, most: int, tolerance: float) -> Array:
    """Euler steps, at most `most`, after which all but one in a thousand of the compiled netlist's
    runs on x (rows, *input_shape) have no cell that moves faster than `tolerance`.

    Cells hold u itself (hard sigmoid) or the drive, and start at 0 as the netlist's do.
    """
    last = len(layout.layers)
    sigma, shapes, feedback = layout.sigma, layout.shapes, p.feedback
    box = not sigma.holomorphic
    fixed, over = input_drive(layout, p, x), input_skip(layout, p, x)
    rows = x.shape[0]
    # cells of the netlist hold scale z + shift, and that starts at 0
    first = 0.0 if box else -sigma.shift / sigma.scale
    cells = [jnp.full((rows, *s), first, fixed.dtype) for s in shapes[1:]]

    def step(carry: tuple[list[Array], Array, Array]) -> tuple[list[Array], Array, Array]:
        cells, done, _ = carry
        u = cells if box else [sigma.value(c) for c in cells]
        speed = jnp.zeros(rows, fixed.dtype)
        new = []
        for l in range(1, last + 1):
            z = fixed if l == 1 else up(layout.layers[l - 1], p.w[l - 1], u[l - 2]) + p.b[l - 1]
            z = across(layout, p, z, u, l, over)
            if l < last:
                z = z + down(layout.layers[l], feedback[l - 1], u[l], shapes[l])
            c = cells[l - 1] + dt * (z - cells[l - 1])
            c = jnp.clip(c, 0, 1) if box else c
            move = jnp.abs(c - cells[l - 1]).reshape(rows, -1).max(axis=1) / dt
            speed = jnp.maximum(speed, move)
            new.append(c)
        return new, done + 1, jnp.sum(speed >= tolerance)

    begin = (cells, jnp.zeros((), jnp.int32), jnp.full((), rows))
    return lax.while_loop(lambda c: (c[1] < most) & (c[2] > rows // 1000), step, begin)[1]
