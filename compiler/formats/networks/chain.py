"""Layers as other libraries order them, channels first, gathered one by one to a FeedForward."""

from __future__ import annotations

import math
import os
from typing import NoReturn

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import HEADS
from compiler.ir.network import Layer, Network, Pooling, Shape, Weighted, Window


class Chain:
    """Layers gathered so far. Values are (channels, height, width) over there and come out with channels
    innermost: data, too, must have them so.

    origin : begins every error; input_shape : (height, width, channels); None: values in a row, as many as
        the first dense layer takes
    """

    def __init__(self, origin: str, input_shape: Shape | None) -> None:
        self.origin, self.input_shape, self.shape = origin, input_shape, input_shape
        self.layers: list[Layer] = []
        self.flat = input_shape is None

    def fail(self, what: str, rule: str) -> NoReturn:
        raise UnsupportedError(f"{self.origin}: {what} {rule}")

    def image(self, what: str) -> Shape:
        """The shape of the values so far, which must be an image's."""
        if self.shape is None:
            self.fail(
                what,
                "reads images of unknown size: export it with a fixed one, or give input_shape of a module",
            )
        if self.flat:
            self.fail(what, "reads images, but stands behind a dense layer or a Flatten")
        return self.shape

    def convolution(self, what: str, kernel: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> None:
        """kernel : (channels_out, channels_in, height, width)"""
        shape = self.image(what)
        if kernel.ndim != 4 or kernel.shape[1] != shape[2]:
            self.fail(what, f"must have a kernel for {shape[2]} channels, got shape {kernel.shape}")
        out, _, height, width = kernel.shape
        matrix = np.ascontiguousarray(kernel.transpose(0, 2, 3, 1).reshape(out, -1))
        self.add(Weighted(matrix, bias, window=Window(height, width, stride, padding)))

    def dense(self, what: str, weight: np.ndarray, bias: np.ndarray) -> None:
        """weight : (n_out, n_in)"""
        n = weight.shape[1]
        if self.shape is None:
            self.input_shape = self.shape = (1, 1, n)
        height, width, channels = self.shape
        if height * width * channels != n:
            self.fail(what, f"takes {n} values but {height * width * channels} come")
        if height * width > 1:
            if not self.flat:
                self.fail(what, "stands behind an image; put a Flatten between them")
            if channels > 1:
                weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(-1, n)
        self.add(Weighted(np.ascontiguousarray(weight), bias))
        self.flat = True

    def flatten(self) -> None:
        self.flat = True

    def pool(self, what: str, kind: str, height: int, width: int, stride: int) -> None:
        self.image(what)
        self.add(Pooling(kind, Window(height, width, stride)))

    def normalise(
        self,
        what: str,
        mean: np.ndarray,
        variance: np.ndarray,
        scale: np.ndarray,
        shift: np.ndarray,
        eps: float,
    ) -> None:
        """Batch normalisation with its running statistics, folded into the layer before it."""
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Weighted) or last.activation != "identity":
            self.fail(what, "must stand right behind a layer with weights, into which it is folded")
        factor = scale / np.sqrt(variance + eps)
        if factor.shape != (last.n_out,):
            self.fail(what, f"has {factor.size} channels where {last.n_out} come")
        weight, bias = last.weight * factor[:, None], (last.bias - mean) * factor + shift
        self.layers[-1] = Weighted(weight, bias, window=last.window)

    def activate(self, what: str, name: str) -> None:
        last = self.layers[-1] if self.layers else None
        if last is None or last.activation != "identity":
            self.fail(what, "must stand behind a layer that has no activation yet")
        if isinstance(last, Weighted):
            self.layers[-1] = Weighted(last.weight, last.bias, name, last.window)
        else:
            self.layers[-1] = Pooling(last.kind, last.window, name)

    def add(self, layer: Layer) -> None:
        assert self.shape is not None
        self.layers.append(layer)
        self.shape = layer.shape_after(self.shape)
        if min(self.shape) < 1:
            self.fail(f"layer {len(self.layers) - 1}", "has a window larger than the image that it reads")

    def finish(self, head: str, labels: tuple[str, ...]) -> FeedForward:
        """The model; a classifier with one output answers y below and above its threshold."""
        if (
            self.input_shape is None
            or self.shape is None
            or not any(isinstance(k, Weighted) for k in self.layers)
        ):
            self.fail("the network", "has no layer with weights")
        if head not in HEADS:
            raise UnsupportedError(f"head must be {' or '.join(HEADS)}, got {head!r}")
        scale = offset = None
        if head == "classification" and math.prod(self.shape) == 1:
            scale = np.array([[-1.0], [1.0]])
            if self.layers[-1].activation in ("sigmoid", "clip"):
                offset = np.array([0.5, -0.5])
            labels = labels or ("0", "1")
        network = Network(
            input_shape=self.input_shape,
            layers=tuple(self.layers),
            decision="argmax" if head == "classification" else "value",
            output_scale=scale,
            output_offset=offset,
            labels=labels,
        )
        return FeedForward(network, {"origin": os.path.basename(self.origin)})
