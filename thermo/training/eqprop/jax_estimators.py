"""Estimators of dC/dtheta for layered networks in JAX, those of thermo.gradients.estimators.

All nudges of an estimator relax at once, real ones as real states and points off the real axis as
complex ones, of which conjugate symmetry leaves half: u(conj beta) = conj u(beta).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermo.gradients.errors import EqpropError, NudgeError
from thermo.training.eqprop.config import Conv
from thermo.training.eqprop.estimators import BY_JAX, points_of
from thermo.training.eqprop.jax_layers import Array, Dense, Layout, contract, down, total, up
from thermo.training.eqprop.jax_rest import Parameters, Relaxation, input_drive, input_skip, relax, start

FREE, NUDGED = Relaxation(30, 1e-2), Relaxation(12, 1e-2)


@dataclass(frozen=True, slots=True)
class Nudging:
    """estimator : "positive", "one-sided" (random sign a batch), "centred" (+-beta), "holomorphic"
        or "generalised-cauchy" (`points` nudges on the circle |beta|; the gradient from dE/dtheta
        at each, or from du/dbeta and the free state)
    beta : radius > 0; points : N of the last two
    free, nudged : the two kinds of phases

    Networks with backward weights of their own have no energy: all estimators then are
    -(du/dbeta) u with du/dbeta from the same nudges.
    """

    estimator: str = "centred"
    beta: float = 0.5
    points: int = 2
    free: Relaxation = FREE
    nudged: Relaxation = NUDGED

    def __post_init__(self) -> None:
        if self.estimator not in BY_JAX:
            raise EqpropError(
                f"estimator {self.estimator!r} is unknown to the JAX backend; choices are {', '.join(BY_JAX)}"
            )
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise EqpropError(f"estimator: beta must be a number above 0, got {self.beta}")
        if not isinstance(self.points, int) or self.points < 1:
            raise EqpropError(f"estimator: points must be a whole number >= 1, got {self.points}")

    def nodes(self) -> tuple[list[float], list[complex], list[float], int]:
        """(real nudges, complex ones, weight of each in that order, N)."""
        return points_of(self.estimator, self.beta, self.points)


class Found(NamedTuple):
    """gradient : batch mean; cost : mean of 1/2 |u_out - y|^2; right : share of right answers
    sweeps, residual : free; sweeps_nudged, residual_nudged : the largest of the nudged phases
    """

    gradient: Parameters
    cost: Array
    right: Array
    sweeps: Array
    residual: Array
    sweeps_nudged: Array
    residual_nudged: Array


def check_nudging(layout: Layout, how: Nudging) -> None:
    """Raise EqpropError for complex nudges of a kinked activation, NudgeError for those that take
    the outputs' own curvature away.
    """
    sigma, (real, off, _, _) = layout.sigma, how.nodes()
    if off and not sigma.holomorphic:
        raise EqpropError(
            f"estimator {how.estimator} with {how.points} points has complex nudges, and "
            f"{layout.activation} is not holomorphic; use sigmoid, shifted-sigmoid or tanh, or "
            "at most 2 points"
        )
    least = min(np.real([*real, *off]))
    if how.estimator == "one-sided":
        least = -how.beta
    if least <= -sigma.curvature:
        raise NudgeError(
            f"nudge beta = {least:.3g} reaches the output curvature {sigma.curvature:g} of "
            f"{layout.activation} units, which then have no minimum; take |beta| < "
            f"{sigma.curvature:g} or the estimator 'positive'"
        )


def estimate(
    layout: Layout,
    p: Parameters,
    x: Array,
    y: Array,
    how: Nudging,
    key: Array,
    sign: Array | float = 1.0,
    acting: Parameters | None = None,
) -> Found:
    """Gradient of C = 1/2 |u_out - y|^2 from free and nudged rest states.

    x : (rows, *input_shape) encoded; y : (rows, n_out); key : of state noise
    sign : of the nudge of "one-sided"; acting : what drives, of a device on which p is programmed
    """
    keys = jax.random.split(key, 3)
    real, off, weights, n = how.nodes()
    rows = x.shape[0]
    drives = p if acting is None else acting
    drive, over = input_drive(layout, drives, x), input_skip(layout, drives, x)
    free, used, left = relax(
        layout, drives, drive, start(layout, drive), y, jnp.zeros((), drive.dtype), how.free, keys[0], over
    )
    single = n == 1
    betas_real = jnp.asarray(real, drive.dtype) * (sign if how.estimator == "one-sided" else 1.0)
    parts: list[tuple[list[Array], Array]] = []  # states, and weight / (N beta), row by row
    used_n, left_n = jnp.zeros((), jnp.int32), jnp.zeros((), drive.dtype)
    kind = jax.dtypes.canonicalize_dtype(np.result_type(drive.dtype, np.complex64))
    for betas, share, k in (
        (betas_real, weights[: len(real)], keys[1]),
        (jnp.asarray(off, kind), weights[len(real) :], keys[2]),
    ):
        if not share:
            continue
        many = len(share)
        row_beta = jnp.repeat(betas, rows)[:, None]

        def tiled(a: Array, many: int = many) -> Array:
            return jnp.tile(a, (many, *(1,) * (a.ndim - 1)))

        begin = [tiled(u).astype(row_beta.dtype) for u in free]
        skipped = None if over is None else tiled(over)
        states, a, b = relax(layout, drives, tiled(drive), begin, tiled(y), row_beta, how.nudged, k, skipped)
        used_n, left_n = jnp.maximum(used_n, a), jnp.maximum(left_n, b)
        factor = jnp.repeat(jnp.asarray(share, drive.dtype) / (n * betas), rows)
        parts.append((states, factor))
    if single:  # on a whole circle the free state cancels
        parts.append((list(free), jnp.repeat(-1.0 / betas_real, rows)))
    tied = p.back is None
    if tied and how.estimator != "generalised-cauchy":
        gradient = _from_energy(layout, x, parts)
    else:
        gradient = _from_response(layout, x, free, parts, rows, tied)
    mean = jax.tree.map(lambda g: g / rows, gradient)
    cost = 0.5 * jnp.square(free[-1] - y).sum(axis=1).mean()
    right = jnp.mean(free[-1].argmax(axis=1) == y.argmax(axis=1))
    return Found(mean, cost, right, used, left, used_n, left_n)


def _sum(arrays: Iterable[Array]) -> Array:
    """Of at least one array."""
    return functools.reduce(jnp.add, arrays)


def _scaled(u: Array, factor: Array) -> Array:
    return u * factor.reshape(-1, *(1,) * (u.ndim - 1))


def _pairs(post: Array, pre: Array) -> tuple[Array, Array]:
    """Real rows whose products add up to Re(post pre)."""
    if not jnp.iscomplexobj(post):
        return post, pre
    return (jnp.concatenate([post.real, -post.imag]), jnp.concatenate([pre.real, pre.imag]))


def _from_energy(layout: Layout, x: Array, parts: Sequence[tuple[list[Array], Array]]) -> Parameters:
    """Sum over nudges of weight Re(dE/dtheta / beta), dE/dw = -u_post u_pre of a tied pair."""

    def product(layer: Conv | Dense, above: int, below: int) -> Array:
        """Of states `above` and `below`, inputs where that is -1."""
        posts, pres = [], []
        for states, factor in parts:
            post = _scaled(states[above], factor)
            if below < 0:  # inputs are real, and the same for every nudge
                posts.append(jnp.real(post).reshape(-1, *x.shape[:1], *post.shape[1:]).sum(axis=0))
                continue
            a, c = _pairs(post, states[below])
            posts.append(a)
            pres.append(c)
        if below < 0:
            posts, pres = [_sum(posts)], [x]
        return -contract(layer, jnp.concatenate(posts), jnp.concatenate(pres))

    w = [product(layer, l, l - 1) for l, layer in enumerate(layout.layers)]
    b = [-_sum(total(jnp.real(_scaled(s[l], f))) for s, f in parts) for l in range(len(w))]
    skip = [product(layer, k + 1, k - 1) for k, layer in enumerate(layout.skips)]
    return Parameters(tuple(w), tuple(b), skip=tuple(skip))


def _from_response(
    layout: Layout,
    x: Array,
    free: Sequence[Array],
    parts: Sequence[tuple[list[Array], Array]],
    rows: int,
    tied: bool,
) -> Parameters:
    """-(du/dbeta)_post u_pre with the free state; both directions of a tied pair add up."""
    du = [
        _sum(
            jnp.real(_scaled(states[l], factor)).reshape(-1, rows, *free[l].shape[1:]).sum(axis=0)
            for states, factor in parts
        )
        for l in range(len(layout.layers))
    ]
    w, b, back = [], [], []
    for l, layer in enumerate(layout.layers):
        pre = x if l == 0 else free[l - 1]
        one = -contract(layer, du[l], pre)
        if l:
            other = -contract(layer, free[l], du[l - 1])
            one = one + other if tied else one
            back.append(other)
        w.append(one)
        b.append(-total(du[l]))
    return Parameters(tuple(w), tuple(b), None if tied else tuple(back))


def normals(layout: Layout, key: Array, draws: int, dtype: Any) -> list[Array]:
    """`draws` standard normal vectors e over all units, by layer."""
    shapes = layout.shapes[1:]
    keys = jax.random.split(key, len(shapes))
    return [jax.random.normal(k, (draws, *s), dtype) for k, s in zip(keys, shapes, strict=True)]


def homeostatic_loss(layout: Layout, p: Parameters, e: Sequence[Array] | None) -> Array:
    """Mean over the rows of e of (|J e|^2 - e^T J^2 e) / n; over normal e that is half the squared
    norm of J - J^T over n (Laborieux and Zenke 2023, arXiv 2309.02214). J is that of the drives in
    activity coordinates, J e and J (J e) two Jacobian-vector products; differentiate it by p.

    e : vectors over all units, by layer; None: the expectation itself, pair by pair
    """
    n = sum(layout.sizes[1:])
    if e is None:
        pairs = zip(places(layout), p.w[1:], p.feedback, strict=True)
        return _sum(jnp.sum(k * jnp.square(w - b)) for k, w, b in pairs) / n
    je = recurrent(layout, p, e)
    jje = recurrent(layout, p, je)
    norm = _sum(jnp.sum(a * a) for a in je)
    twice = _sum(jnp.sum(a * b) for a, b in zip(e, jje, strict=True))
    return (norm - twice) / (n * e[0].shape[0])


def places(layout: Layout) -> list[Array]:
    """How many couplings share each parameter of w[1:], to be broadcast: 1 in dense layers, else (kernel,
    kernel, 1, 1).
    """
    found = []
    for l, layer in enumerate(layout.layers[1:], 1):
        if isinstance(layer, Dense):
            found.append(jnp.ones((1, 1)))
            continue
        below, above = ((1, *shape[:2], 1) for shape in layout.shapes[l : l + 2])
        one = Conv(1, layer.kernel, layer.stride, layer.padding)
        found.append(contract(one, jnp.ones(above), jnp.ones(below)))
    return found


def skew(layout: Layout, p: Parameters, e: Sequence[Array] | None) -> Parameters:
    """n / 2 times the slope of `homeostatic_loss` by each coupling, in the mean over its places: by how much
    it is more than its partner, estimated from e, or so it is.
    """
    slope = jax.grad(lambda q: homeostatic_loss(layout, q, e))(p)
    half, some = 0.5 * sum(layout.sizes[1:]), places(layout)

    def each(of: Sequence[Array]) -> tuple[Array, ...]:
        return tuple(half * g / k for g, k in zip(of, some, strict=True))

    return slope._replace(w=(slope.w[0], *each(slope.w[1:])), back=each(slope.back or ()))


def recurrent(layout: Layout, p: Parameters, u: Sequence[Array]) -> list[Array]:
    """Drive of every layer by its neighbours, without inputs and biases: the Jacobian of the drives
    times u, since they are linear in u (what jax.jvp of them gives).
    """
    feedback, shapes, last = p.feedback, layout.shapes, len(layout.layers)
    out = []
    for l in range(1, last + 1):
        z = jnp.zeros_like(u[l - 1])
        if l > 1:
            z = z + up(layout.layers[l - 1], p.w[l - 1], u[l - 2])
        if l < last:
            z = z + down(layout.layers[l], feedback[l - 1], u[l], shapes[l])
        out.append(z)
    return out


@functools.partial(jax.jit, static_argnames=("layout", "how"))
def gradient(layout: Layout, p: Parameters, x: Array, y: Array, how: Nudging, key: Array) -> Found:
    """`estimate`, checked and compiled."""
    check_nudging(layout, how)
    return estimate(layout, p, x, y, how, key)
