"""Small networks of images, and modules that look as torch's do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

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


def module(name: str, **attributes: Any) -> Any:
    """An object whose class is called so."""
    return type(name, (SimpleNamespace,), {})(**attributes)


def sequential(*children: Any) -> Any:
    """What looks like a torch.nn.Sequential."""
    return type("Sequential", (), {"children": lambda self: iter(children), "__module__": "torch.nn"})()


def torch_like(rng: np.random.Generator) -> list[Any]:
    """Conv - batch norm - relu - max - conv - relu - average - flatten - linear on 8 x 8 x 2."""

    def conv(out: int, inner: int, k: int, stride: Any, padding: Any) -> Any:
        return module(
            "Conv2d",
            weight=rng.normal(0, 0.3, (out, inner, k, k)),
            bias=rng.normal(0, 0.1, out),
            stride=stride,
            padding=padding,
            groups=1,
            dilation=(1, 1),
            padding_mode="zeros",
            out_channels=out,
        )

    norm = module(
        "BatchNorm2d",
        running_mean=rng.normal(0, 0.3, 5),
        running_var=rng.uniform(0.5, 2.0, 5),
        weight=rng.normal(1, 0.2, 5),
        bias=rng.normal(0, 0.2, 5),
        eps=1e-5,
    )

    def pool(name: str) -> Any:
        return module(name, kernel_size=2, stride=(2, 2), padding=0, ceil_mode=False)

    linear = module("Linear", weight=rng.normal(0, 0.3, (4, 24)), bias=None, out_features=4)
    relu, flatten = module("ReLU"), module("Flatten")
    front = [conv(5, 2, 3, (1, 1), 1), norm, relu, pool("MaxPool2d")]
    return [*front, conv(6, 5, 3, 1, (1, 1)), relu, pool("AvgPool2d"), flatten, linear]
