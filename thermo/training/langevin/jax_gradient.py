"""The gradient of thermo.kernels.langevin.bptt by JAX, on one device or several.

Equations, noise and loss are the kernel's; sums run in another order, so that it differs by rounding. JAX
differentiates; of the forward run only the states are kept, forces are made again on the way back.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermo.kernels.langevin import bptt
from thermo.kernels.langevin.images import Images, fill_inputs
from thermo.kernels.random import STREAM_TRAINING
from thermo.simulate.jax_random import halves, normals
from thermo.training.sharding import everywhere, mesh_of, shared_out, summed


class Figures(NamedTuple):
    """Of a batch: sums of losses, right answers and heat, and which cells (n,) ran away."""

    loss: Any
    right: Any
    heat: Any
    lost: Any


class Whole(NamedTuple):
    """What every part of a batch needs; numbers as arrays, so that no program is compiled for them."""

    machine: Any  # w_in, coupling, bias
    cells: Any
    x0: Any
    scale: Any
    offset: Any
    smoothing: Any
    weight: Any
    gamma: Any
    h: Any
    noise: Any
    seed: Any


class Part(NamedTuple):
    """Some trajectories: encoded inputs (lanes, n_in), labels or targets, ids (2, lanes), which are real."""

    u: Any
    answer: Any
    ids: Any
    real: Any


class JaxGradient:
    """Gradients of whole batches; see bptt.gradient_rows for machine, loss and steps.

    batch : trajectories; tile : most of one part. Results depend on it, not on the number of devices.
    devices : JAX's by default
    """

    def __init__(self, batch: int, tile: int, devices: Any = None) -> None:
        self.parts = -(-batch // tile)
        self.lanes = -(-batch // self.parts)
        self.mesh = mesh_of(self.parts, devices)

    def __call__(
        self,
        machine: bptt.Machine,
        loss: bptt.Loss,
        images: Images,
        answers: np.ndarray,
        steps: bptt.Steps,
        seed: int,
        trajectory: int,
    ) -> tuple[tuple[float, int, float, int], np.ndarray]:
        """((sum of losses, right answers, sum of heat, first runaway cell or -1), gradient (n_parameters,)).

        answers : (batch,) labels, or (batch, n_out) values
        """
        batch, n_in = images.rows.shape[0], machine.w_in.shape[1]
        u = np.empty((batch, n_in), np.float32)
        fill_inputs(images, None, u, np.uint64(seed), np.uint64(trajectory))
        ids = np.uint64(trajectory) + np.arange(self.parts * self.lanes, dtype=np.uint64)
        part = Part(
            self._cut(u),
            self._cut(answers),
            np.moveaxis(halves(ids).reshape(2, self.parts, self.lanes), 1, 0),
            self._cut(np.ones(batch, bool)),
        )
        whole = Whole(
            (machine.w_in, machine.coupling, machine.bias),
            machine.cells,
            machine.x0,
            loss.scale,
            loss.offset,
            np.float32(loss.smoothing),
            np.float32(loss.weight),
            np.float32(loss.gamma),
            np.float32(steps.h),
            np.float32(steps.noise),
            halves(np.uint64(seed)),
        )
        program = _program(self.mesh, loss.head, machine.coupled, steps.n, steps.heat, bool(steps.noise > 0))
        gradient, figures = program(everywhere(whole, self.mesh), shared_out(part, self.mesh))
        lost = np.flatnonzero(np.asarray(figures.lost) > 0)
        told = float(figures.loss), int(figures.right), float(figures.heat), int(lost[0]) if lost.size else -1
        return told, np.array(gradient)

    def _cut(self, rows: np.ndarray) -> np.ndarray:
        """(parts, lanes, ...); lanes that are none are filled with zeros."""
        more = self.parts * self.lanes - rows.shape[0]
        padded = np.pad(rows, ((0, more), *[(0, 0)] * (rows.ndim - 1)))
        return padded.reshape(self.parts, self.lanes, *rows.shape[1:])


@lru_cache(maxsize=16)
def _program(mesh: Any, head: int, coupled: bool, n_steps: int, heat: int, noisy: bool) -> Any:
    """The compiled gradient of a batch."""
    one = partial(_part, head=head, coupled=coupled, n_steps=n_steps, heat_mode=heat, noisy=noisy)
    return jax.jit(summed(one, mesh))


def _part(whole: Whole, part: Part, **how: Any) -> tuple[Any, Figures]:
    """Gradient and figures of a part."""
    trained = (*whole.machine, whole.scale, whole.offset)
    gradients, figures = jax.grad(_loss, has_aux=True)(trained, whole, part, **how)
    w, j, b, s, o = gradients
    j = j * (1 - jnp.eye(j.shape[0], dtype=j.dtype))
    return jnp.concatenate([g.ravel() for g in (w, j, b, s, o)]), figures


def _loss(
    trained: Any,
    whole: Whole,
    part: Part,
    *,
    head: int,
    coupled: bool,
    n_steps: int,
    heat_mode: int,
    noisy: bool,
) -> tuple[Any, Figures]:
    """Weighted loss with the price of heat, and figures; see thermo.kernels.langevin.bptt."""
    w, j, b, scale, offset = trained
    c2, c3, c4 = whole.cells
    c = _product(part.u, w) + b

    def force(x: Any) -> Any:
        own = c - x * (2 * c2 + x * (3 * c3 + x * (4 * c4)))
        return own + _product(x, j) if coupled else own

    @jax.checkpoint
    def step(x: Any, k: Any) -> Any:
        new = x + whole.h * force(x)
        if not noisy:
            return new
        z = normals(whole.seed, part.ids, k, x.shape[1], STREAM_TRAINING)
        return new + whole.noise * z

    @jax.checkpoint
    def along(x: Any, new: Any) -> Any:
        return 0.5 * jnp.sum((force(x) + force(new)) * (new - x), axis=1)

    def one(carry: Any, k: Any) -> Any:
        x, heat = carry
        new = step(x, k)
        return (new, heat + along(x, new) if heat_mode == bptt.HEAT_STRATONOVICH else heat), None

    start = jnp.broadcast_to(whole.x0, c.shape)
    still = jnp.zeros(c.shape[0], c.dtype)
    (x, heat), _ = jax.lax.scan(one, (start, still), jnp.arange(n_steps, dtype=jnp.uint32))
    if heat_mode == bptt.HEAT_ENERGY:

        def energy(x: Any) -> Any:
            inner = 0.5 * _product(x, j) if coupled else 0.0
            return jnp.sum(x * (x * (c2 + x * (c3 + x * c4)) - c - inner), axis=1)

        heat = energy(start) - energy(x)
    read = x[:, x.shape[1] - scale.shape[0] :] * scale + offset
    if head == bptt.HEAD_CLASSES:
        n_out = scale.shape[0]
        want = whole.smoothing / n_out + (1 - whole.smoothing) * jax.nn.one_hot(part.answer, n_out)
        losses = -jnp.sum(want * jax.nn.log_softmax(read, axis=1), axis=1)
        right = jnp.argmax(read, axis=1) == part.answer
    else:
        losses = 0.5 * jnp.sum((read - part.answer) ** 2, axis=1)
        right = jnp.zeros(losses.shape, bool)
    bound = jnp.where(c4 > 0, jnp.sqrt(1 / (2 * whole.h * jnp.maximum(c4, 1e-30))), bptt.RUNAWAY)
    lost = ~(jnp.abs(x) <= jnp.minimum(bound, bptt.RUNAWAY)) & part.real[:, None]

    def summed_over(values: Any) -> Any:
        return jnp.where(part.real, values, 0).sum()

    total = summed_over(losses + whole.gamma * heat) * whole.weight
    return total, Figures(
        summed_over(losses), summed_over(right), summed_over(heat), lost.sum(axis=0).astype(jnp.int32)
    )


def _product(x: Any, matrix: Any) -> Any:
    """(lanes, n) products with a matrix (n, m) of (lanes, m)."""
    return jnp.matmul(x, matrix.T, precision="highest")
