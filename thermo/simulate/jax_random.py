"""The numbers of thermo.kernels.random in JAX: the same words, and normals that differ by rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from thermo.kernels.random import PARITY, ROTATIONS, ROUNDS, STREAM_NOISE

_U32 = jnp.uint32


def threefry(key: Sequence[Any], counter: Sequence[Any]) -> list[Any]:
    """Four words of Threefry4x32-13. key : 4 of uint32; counter : 4 of uint32 and of one shape"""
    keys = [*key, key[0] ^ key[1] ^ key[2] ^ key[3] ^ _U32(PARITY)]
    x = list(counter)

    def inject(group: int) -> None:
        for i in range(4):
            x[i] = x[i] + (keys[(i + group) % 5] + _U32(group if i == 3 else 0))

    inject(0)
    for r in range(ROUNDS):
        a, b = ROTATIONS[r % 8]
        for p, q, turn in ((0, 1, a), (2, 3, b)) if r % 2 == 0 else ((0, 3, a), (2, 1, b)):
            x[p] = x[p] + x[q]
            x[q] = ((x[q] << _U32(turn)) | (x[q] >> _U32(32 - turn))) ^ x[p]
        if r % 4 == 3:
            inject((r + 1) // 4)
    return x


def halves(numbers: Any) -> np.ndarray:
    """(2, ...) uint32 low and high words of uint64 numbers."""
    low = np.uint64(0xFFFFFFFF)
    return np.stack([numbers & low, numbers >> np.uint64(32)]).astype(np.uint32)


def normals(seed: Any, trajectories: Any, step: Any, n: int, stream: int = STREAM_NOISE) -> Any:
    """(N, n) float32 normals of thermo.kernels.random.fill_normals, transposed.

    seed : (2,) uint32, low and high word; trajectories : (2, N) likewise; step : a number
    """
    blocks = jnp.arange(-(-n // 4), dtype=_U32)
    shape = (trajectories.shape[1], blocks.shape[0])
    counter = (trajectories[0][:, None], trajectories[1][:, None], _U32(step), blocks)
    key = (seed[0], seed[1], _U32(stream), _U32(0))
    w = threefry(key, [jnp.broadcast_to(c, shape) for c in counter])
    out = jnp.stack([*_box_muller(w[0], w[1]), *_box_muller(w[2], w[3])], axis=-1)
    return out.reshape(shape[0], -1)[:, :n]


def _box_muller(w1: Any, w2: Any) -> tuple[Any, Any]:
    """An eighth of the circle either side of an axis: bit 0 chooses the axis, bit 1 its sign."""
    u = w1.astype(jnp.float32) * jnp.float32(2.0**-32) + jnp.float32(2.0**-33)
    angle = w2.astype(jnp.int32).astype(jnp.float32) * jnp.float32(np.pi / 2.0**33)
    r = jnp.sqrt(-2.0 * jnp.log(u)) * jnp.where(w2 & 2, jnp.float32(-1), jnp.float32(1))
    sine, cosine, swap = jnp.sin(angle), jnp.cos(angle), (w2 & 1).astype(bool)
    return r * jnp.where(swap, sine, cosine), r * jnp.where(swap, cosine, sine)
