"""A network of one hidden layer as a function of one vector of weights, and its potential, in JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np


class Network(NamedTuple):
    """n_in tanh(hidden) n_out; its weights are one vector: W_1, b_1, W_2, b_2, rows after each other.

    noise : sd of values about the outputs; 0: outputs are logits of classes
    """

    n_in: int
    hidden: int
    n_out: int
    noise: float = 0.0

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return (self.hidden, self.n_in), (self.hidden,), (self.n_out, self.hidden), (self.n_out,)

    @property
    def size(self) -> int:
        return sum(int(np.prod(s)) for s in self.shapes)

    def deviations(self, prior: float) -> np.ndarray:
        """(size,) float32 sd of every weight in the prior."""
        fans = (self.n_in, 1, self.hidden, 1)
        parts = [np.full(int(np.prod(s)), prior / np.sqrt(f)) for s, f in zip(self.shapes, fans, strict=True)]
        return np.concatenate(parts).astype(np.float32)


@lru_cache(maxsize=16)
def outputs(net: Network) -> Callable[[Any, Any], Any]:
    """f(w (size,), x (n, n_in)) -> (n, n_out): probabilities of classes, or values. Compiled."""
    import jax

    def shown(w: Any, x: Any) -> Any:
        y = _forward(net, w, x)
        return y if net.noise else jax.nn.softmax(y, axis=1)

    return jax.jit(shown)


@lru_cache(maxsize=16)
def potential(net: Network) -> Callable[[Any, Any, Any, Any], tuple[Any, Any]]:
    """f(w, stiffness (size,), x, y) -> (V, dV/dw), V = mean -ln p(y | x, w) + sum stiffness w^2 / 2.

    Compiled. y : (n,) classes, or (n, n_out) values; constants of -ln p are left out
    """
    import jax
    import jax.numpy as jnp

    def value(w: Any, stiffness: Any, x: Any, y: Any) -> Any:
        out = _forward(net, w, x)
        if net.noise:
            loss = jnp.square(out - y).sum() / (2 * net.noise**2)
        else:
            loss = -jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], axis=1).sum()
        return loss / x.shape[0] + (stiffness * w * w).sum() / 2

    return jax.jit(jax.value_and_grad(value))


def _forward(net: Network, w: Any, x: Any) -> Any:
    import jax.numpy as jnp

    parts, at = [], 0
    for shape in net.shapes:
        size = int(np.prod(shape))
        parts.append(w[at : at + size].reshape(shape))
        at += size
    w1, b1, w2, b2 = parts
    return jnp.tanh(x @ w1.T + b1) @ w2.T + b2
