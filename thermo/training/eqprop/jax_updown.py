"""Relaxation up and down the layers, and the gradient from it: a few products an image.

Layers move one after another, from the top down and from the bottom up in turn. Each hears in a sweep
from one side only, for the other has not moved since; so that a sweep costs one product a layer, half of
what parity's costs, and news from the outputs reaches the first layer in one sweep. What a layer hears is
kept and grows by the product of its neighbour's *change*: changes may be rounded (bfloat16) without
rounding what they add up to, since what was left out is in the next change.

The free phase starts feed-forward. A centred nudge relaxes both signs from the same free state: what that
state had still to go moves both alike, and drops out of their difference (Laborieux et al. 2021, arXiv
2006.03824, for the estimator).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh

from thermo.training.eqprop.jax_estimators import Found, Nudging
from thermo.training.eqprop.jax_layers import Array, Layout, total
from thermo.training.eqprop.jax_patches import KINDS, contract, down, up
from thermo.training.eqprop.jax_rest import Parameters
from thermo.training.sharding import summed

T = TypeVar("T")
UNROLLED = 3


class Rest(NamedTuple):
    """Of layers 1 to L. u : states; below, above : drive heard from either side, biases in `below`;
    told_up, told_down : the states that the neighbours above and below have heard of
    """

    u: tuple[Array, ...]
    below: tuple[Array, ...]
    above: tuple[Array, ...]
    told_up: tuple[Array, ...]
    told_down: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Sweeps:
    """layout : of hard-sigmoid units; precision : of products; feedback : factor on all that drives
    a layer from above; tile : rows of a batch relaxed at once (what fits caches), where they divide it
    """

    layout: Layout
    precision: str = "float32"
    feedback: float = 1.0
    tile: int = 64

    @property
    def kind(self) -> Any:
        return KINDS[self.precision]

    def start(self, p: Parameters, x: Array) -> Rest:
        """Feed-forward from encoded inputs x (rows, *input_shape)."""
        layers, sigma, kind = self.layout.layers, self.layout.sigma, self.kind
        skips = self.layout.skips
        below = [up(layers[0], p.w[0], x, kind) + p.b[0]]
        u, told = [sigma.value(below[0])], []
        for l in range(1, len(layers)):
            heard = u[-1].astype(kind).astype(u[-1].dtype)
            told.append(heard)
            below.append(up(layers[l], p.w[l], heard, kind) + p.b[l])
            if l <= len(skips):  # from two layers below, too
                below[-1] += up(skips[l - 1], p.skip[l - 1], x if l == 1 else told[l - 2], kind)
            u.append(sigma.value(below[-1]))
        told.append(jnp.zeros_like(u[-1]))  # nothing is above
        nothing = tuple(jnp.zeros_like(v) for v in u)
        return Rest(tuple(u), tuple(below), nothing, tuple(told), nothing)

    def outputs(self, r: Rest, target: Array, beta: Array) -> Array:
        """Outputs at rest given the layer below, nudged by beta () or (rows, 1)."""
        return jnp.clip((r.below[-1] + beta * target) / (1 + beta), 0, 1)

    def falling(self, p: Parameters, r: Rest) -> Rest:
        """From the top down: every hidden layer at rest given the new state above it."""
        u, above, told = list(r.u), list(r.above), list(r.told_down)
        layers, shapes, skips = self.layout.layers, self.layout.shapes, self.layout.skips
        share = jnp.float32(self.feedback)
        for l in range(len(u) - 2, -1, -1):
            news = (u[l + 1] - told[l + 1]).astype(self.kind)
            told[l + 1] = told[l + 1] + news.astype(told[l + 1].dtype)
            heard = down(layers[l + 1], p.feedback[l], news, shapes[l + 1], self.kind)
            above[l] = above[l] + share * heard
            if 0 < l < len(skips):  # the layer below l hears of the layer above l, too
                further = down(skips[l], p.skip_feedback[l - 1], news, shapes[l], self.kind)
                above[l - 1] = above[l - 1] + share * share * further
            u[l] = self.layout.sigma.value(r.below[l] + above[l])
        return r._replace(u=tuple(u), above=tuple(above), told_down=tuple(told))

    def rising(self, p: Parameters, r: Rest, target: Array, beta: Array) -> Rest:
        """From the bottom up: every layer but the first at rest given the new state below it."""
        u, below, told = list(r.u), list(r.below), list(r.told_up)
        layers, last, skips = self.layout.layers, len(r.u) - 1, self.layout.skips
        for l in range(1, last + 1):
            news = (u[l - 1] - told[l - 1]).astype(self.kind)
            told[l - 1] = told[l - 1] + news.astype(told[l - 1].dtype)
            below[l] = below[l] + up(layers[l], p.w[l], news, self.kind)
            if l < len(skips):  # the layer above l hears of the layer below l, too
                below[l + 1] = below[l + 1] + up(skips[l], p.skip[l], news, self.kind)
            if l < last:
                u[l] = self.layout.sigma.value(below[l] + r.above[l])
        r = r._replace(below=tuple(below), told_up=tuple(told))
        u[last] = self.outputs(r, target, beta)
        return r._replace(u=tuple(u))

    def free(self, p: Parameters, r: Rest, most: int, tolerance: float) -> tuple[Rest, Array, Array]:
        """(rest, sweeps used, largest change of a unit in the last): sweeps down and up, at most `most`,
        until no unit moves by more than `tolerance`; 0: all are run.
        """
        zero = jnp.zeros((), jnp.float32)

        def sweep(c: tuple[Rest, Array, Array]) -> tuple[Rest, Array, Array]:
            new = self.rising(p, self.falling(p, c[0]), zero, zero)
            return new, c[1] + 1, moved(new, c[0])

        begin = (r, jnp.zeros((), jnp.int32), jnp.full((), jnp.inf))
        if tolerance:
            return lax.while_loop(lambda c: (c[1] < most) & ~(c[2] <= tolerance), sweep, begin)
        return repeated(sweep, begin, most)

    def nudged(self, p: Parameters, r: Rest, target: Array, beta: Array, most: int) -> tuple[Rest, Array]:
        """(rest, largest change of a unit in the last sweep) with nudge beta (rows, 1): the outputs move,
        then `most` sweeps down with sweeps up between them.
        """
        old = r._replace(u=(*r.u[:-1], self.outputs(r, target, beta)))

        def sweep(c: tuple[Rest, Array]) -> tuple[Rest, Array]:
            new = self.falling(p, self.rising(p, c[0], target, beta))
            return new, moved(new, c[0])

        r = self.falling(p, old)
        return repeated(sweep, (r, moved(r, old)), most - 1)


def repeated(sweep: Callable[[T], T], begin: T, times: int) -> T:
    """sweep(sweep(... begin)); a few sweeps are compiled one by one, which saves copies."""
    if times > UNROLLED:
        return lax.fori_loop(0, times, lambda _, c: sweep(c), begin)
    for _ in range(times):
        begin = sweep(begin)
    return begin


def moved(new: Rest, old: Rest) -> Array:
    """Largest change of a unit."""
    some = [jnp.abs(a - b).max() for a, b in zip(new.u, old.u, strict=True)]
    return jnp.stack(some).max()


def estimate(s: Sweeps, p: Parameters, x: Array, y: Array, how: Nudging, sign: Array | float = 1.0) -> Found:
    """Gradient of C = 1/2 |u_out - y|^2, batch mean, by nudges of "centred", "positive" or "one-sided".

    x : (rows, *input_shape) encoded; y : (rows, n_out); how.free.sweeps : sweeps down and up;
    how.nudged.sweeps : sweeps down; sign : of "one-sided"

    A pair's states u, v and u', v' at either nudge have uv - u'v' = (u - u')(v + v')/2 + (u + u')(v - v')/2:
    two products a layer, in which small differences are not rounded against their large parts.

    With a feedback g the energy of layer l weighs g^l, the nudge's g^L beta: dE/dw_l is g^(l-L) times what
    equal weights would make it; of weights down of their own, too. Couplings across a layer belong to the
    energy of the one that they lead into.
    """
    rows, layers, skips = x.shape[0], s.layout.layers, s.layout.skips
    free, used, left = s.free(p, s.start(p, x), how.free.sweeps, how.free.tolerance)
    centred = how.estimator == "centred"
    beta = jnp.float32(how.beta) * (1.0 if centred else sign)
    both = jax.tree.map(lambda a: jnp.concatenate([a, a]), free) if centred else free
    betas = jnp.repeat(jnp.stack([beta, -beta]), rows)[:, None] if centred else beta
    target = jnp.concatenate([y, y]) if centred else y
    rest, left_n = s.nudged(p, both, target, betas, how.nudged.sweeps)
    width = 2 * beta if centred else beta
    change, middle = [], []
    for l, u in enumerate(rest.u):
        a, b = (u[:rows], u[rows:]) if centred else (u, free.u[l])
        change.append((a - b) / width)
        middle.append(0.5 * (a + b))
    w: list[Array] = []
    back: list[Array] = []
    for l, layer in enumerate(layers):
        if not l:
            w.append(-contract(layer, change[0], x, s.kind) / rows)
            continue
        ahead = -contract(layer, change[l], middle[l - 1], s.kind) / rows
        behind = -contract(layer, middle[l], change[l - 1], s.kind) / rows
        w.append(ahead + behind if p.back is None else ahead)
        back.append(behind)
    skip = [-contract(skips[0], change[1], x, s.kind) / rows] if skips else []
    for k, layer in enumerate(skips[1:]):
        ahead = contract(layer, change[k + 2], middle[k], s.kind)
        skip.append(-(ahead + contract(layer, middle[k + 2], change[k], s.kind)) / rows)
    bias = [-total(c) / rows for c in change]
    weighs = [s.feedback ** (l + 1 - len(layers)) for l in range(len(layers))]
    w, bias = ([k * a for k, a in zip(weighs, some, strict=True)] for some in (w, bias))
    back = [k * a for k, a in zip(weighs[1:], back, strict=True)]
    skip = [k * a for k, a in zip(weighs[1:], skip, strict=False)]
    found = Parameters(tuple(w), tuple(bias), None if p.back is None else tuple(back), tuple(skip))
    cost = 0.5 * jnp.square(free.u[-1] - y).sum(axis=1).mean()
    right = jnp.mean(free.u[-1].argmax(axis=1) == y.argmax(axis=1))
    sweeps = jnp.asarray(how.nudged.sweeps)
    return Found(found, cost, right, used, left, sweeps, left_n)


def estimate_tiled(
    s: Sweeps,
    p: Parameters,
    x: Array,
    y: Array,
    how: Nudging,
    sign: Array | float = 1.0,
    mesh: Mesh | None = None,
) -> Found:
    """`estimate`, tile by tile, the tiles shared out among the mesh's devices where it has several; sweeps
    and residuals are means over tiles.
    """
    rows = x.shape[0]
    if rows <= s.tile or rows % s.tile:
        return estimate(s, p, x, y, how, sign)
    if mesh is not None and mesh.size > 1:
        tiles = tuple(a.reshape(rows // s.tile, s.tile, *a.shape[1:]) for a in (x, y))
        whole = (p, jnp.asarray(sign, x.dtype))
        found = summed(lambda w, part: estimate(s, w[0], part[0], part[1], how, w[1]), mesh)(whole, tiles)
        return jax.tree.map(lambda a: a / (rows // s.tile), found)
    # not a loop of XLA's, in which its convolutions are forty times slower on CPUs
    parts = [slice(k, k + s.tile) for k in range(0, rows, s.tile)]
    found = [estimate(s, p, x[part], y[part], how, sign) for part in parts]
    return jax.tree.map(lambda *some: jnp.stack(some).mean(axis=0), *found)


@partial(jax.jit, static_argnames=("s", "most", "tolerance"))
def free_outputs(s: Sweeps, p: Parameters, x: Array, most: int, tolerance: float) -> Array:
    """(rows, n_out) outputs without a nudge for encoded inputs x (rows, *input_shape), see Sweeps.free."""
    return s.free(p, s.start(p, x), most, tolerance)[0].u[-1]
