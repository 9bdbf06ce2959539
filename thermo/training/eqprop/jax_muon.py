"""Muon: momentum whose matrices are made orthogonal before they are added.

Every update of a layer has the same size in all directions, whatever the scale of its gradient, so that
layers far from the outputs keep up (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; code:
coefficients, five steps, Nesterov's momentum). Biases move by Adam's rule.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from thermo.training.eqprop.jax_layers import Array

STEPS = 5
A, B, C = 3.4445, -4.7750, 2.0315
"""Of a (x) + b x^3 + c x^5, which takes singular values in (0, 1] to about 1."""


class Memory(NamedTuple):
    """momentum of all parameters; adam : memory of Adam's rule, for those of one dimension"""

    momentum: Any
    adam: Any


def orthogonal(g: Array) -> Array:
    """The matrix (n, m) with singular values near 1 and g's vectors, by Newton and Schulz's iteration, in
    bfloat16.
    """
    tall = g.shape[0] > g.shape[1]
    x = (g.T if tall else g) / (jnp.linalg.norm(g) + 1e-12)
    x = x.astype(jnp.bfloat16)
    for _ in range(STEPS):
        s = x @ x.T
        x = A * x + (B * s + C * (s @ s)) @ x
    x = x.astype(g.dtype)
    return x.T if tall else x


def scale_by_muon(momentum: float = 0.95) -> optax.GradientTransformation:
    """Kernels (height, width, in, out) are matrices (height width in, out)."""
    adam = optax.scale_by_adam()

    def init(params: Any) -> Memory:
        return Memory(jax.tree.map(jnp.zeros_like, params), adam.init(params))

    def update(gradient: Any, memory: Memory, params: Any = None) -> tuple[Any, Memory]:
        kept = jax.tree.map(lambda m, g: momentum * m + g, memory.momentum, gradient)
        biases, own = adam.update(gradient, memory.adam)

        def moved(g: Array, m: Array, b: Array) -> Array:
            if g.ndim < 2:
                return b
            ahead = (g + momentum * m).reshape(-1, g.shape[-1])
            return orthogonal(ahead).reshape(g.shape)

        return jax.tree.map(moved, gradient, kept, biases), Memory(kept, own)

    return optax.GradientTransformation(init, update)
