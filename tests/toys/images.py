"""Small networks of images."""

from __future__ import annotations

import numpy as np

from compiler.ir.network import Network, Pooling, Weighted, Window


def image_network(rng: np.random.Generator, *, labels: tuple[str, ...] = ()) -> Network:
    """Digits of 8 x 8: convolution, max pooling, convolution, average pooling, dense."""

    def weighted(out: int, reads: int, activation: str, window: Window | None = None) -> Weighted:
        w = rng.normal(0.0, 1.0 / np.sqrt(reads), (out, reads))
        return Weighted(w, rng.normal(0.0, 0.1, out), activation, window)

    return Network(
        (8, 8, 1),
        (
            weighted(6, 9, "relu", Window(3, 3, 1, 1)),
            Pooling("max", Window(2, 2, 2)),
            weighted(8, 54, "tanh", Window(3, 3, 1)),
            Pooling("average", Window(2, 2, 2), "relu"),
            weighted(10, 8, "identity"),
        ),
        labels=labels,
    )
