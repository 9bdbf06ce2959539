"""Ordinary feed-forward networks: dense layers, convolutions and pooling, one after another.

Values of a layer are images (height, width, channels), row by row with channels innermost, as data are;
a dense layer makes an image of one pixel. A layer that weighs is a matrix on what it reads: the whole
layer below, or at each of its positions what a window shows of it, again row by row, channels innermost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.activations import activate
from compiler.ir.langevin import Activation

ACTIVATIONS = ("identity", "clip", "sigmoid", "tanh", "relu")
POOLS = ("average", "max")
DECISIONS = ("argmax", "value")
CHUNK = 256  # samples at once: what windows show of an image is many times the image

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """height, width : of what one position reads; stride : between positions; padding : zeros on all sides"""

    height: int
    width: int
    stride: int = 1
    padding: int = 0

    def positions(self, shape: Shape) -> tuple[int, int]:
        """Rows and columns of positions on an image of this shape; below 1 where it does not fit."""
        spans = (self.height, self.width)
        rows, columns = (
            (n + 2 * self.padding - k) // self.stride + 1 for n, k in zip(shape[:2], spans, strict=True)
        )
        return rows, columns

    def patches(self, images: np.ndarray) -> np.ndarray:
        """(n, rows, columns, height, width, channels) of images (n, height, width, channels): a view."""
        p, s = self.padding, self.stride
        padded = np.pad(images, ((0, 0), (p, p), (p, p), (0, 0))) if p else images
        seen = np.lib.stride_tricks.sliding_window_view(padded, (self.height, self.width), axis=(1, 2))
        return seen[:, ::s, ::s].transpose(0, 1, 2, 4, 5, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """y = phi(W u + b) of what is read, u.

    weight : (n_out, n_read); bias : (n_out,); activation : of ACTIVATIONS
    window : what each position reads; None: there is one, which reads the whole layer below
    unrolled : whether each position has devices of its own, which work at the same time; otherwise all
        take turns at one matrix
    """

    weight: np.ndarray
    bias: np.ndarray
    activation: str = "identity"
    window: Window | None = None
    unrolled: bool = False

    @property
    def n_out(self) -> int:
        return int(self.weight.shape[0])

    @property
    def n_read(self) -> int:
        return int(self.weight.shape[1])

    def shape_after(self, shape: Shape) -> Shape:
        rows, columns = (1, 1) if self.window is None else self.window.positions(shape)
        return rows, columns, self.n_out

    def read(self, values: np.ndarray) -> np.ndarray:
        """(n, positions, n_read) of values (n, height, width, channels)."""
        if self.window is None:
            return values.reshape(values.shape[0], 1, -1)
        seen = self.window.patches(values)
        return seen.reshape(seen.shape[0], seen.shape[1] * seen.shape[2], -1)


@dataclass(frozen=True, slots=True)
class Pooling:
    """The average or the largest of what a window shows, each channel for itself; then the activation."""

    kind: str
    window: Window
    activation: str = "identity"

    def shape_after(self, shape: Shape) -> Shape:
        rows, columns = self.window.positions(shape)
        return rows, columns, shape[2]

    def pooled(self, values: np.ndarray) -> np.ndarray:
        """(n, rows, columns, channels) of values (n, height, width, channels), the activation left out."""
        seen = self.window.patches(values)
        return seen.mean(axis=(3, 4)) if self.kind == "average" else seen.max(axis=(3, 4))


Layer = Weighted | Pooling


def shown(layer: Layer, values: np.ndarray) -> np.ndarray:
    """phi of a layer's values."""
    return activate(Activation[layer.activation.upper()], values)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """answers = output_scale @ y + output_offset, y of the last layer; the first reads (data - shift) scale.

    input_shape : (height, width, channels) of the data
    shift, scale : (1,) or (n_inputs,)
    output_scale, output_offset : (n_answers, n_last) and (n_answers,), or None
    decision : "argmax" (labels[k]) or "value"; labels : class names, one for each answer, or none
    """

    input_shape: Shape
    layers: tuple[Layer, ...]
    shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    decision: str = "argmax"
    output_scale: np.ndarray | None = None
    output_offset: np.ndarray | None = None
    labels: tuple[str, ...] = ()

    @property
    def n_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Of the data and of every layer."""
        found = [self.input_shape]
        for layer in self.layers:
            found.append(layer.shape_after(found[-1]))
        return tuple(found)

    @property
    def n_answers(self) -> int:
        return math.prod(self.shapes[-1]) if self.output_scale is None else int(self.output_scale.shape[0])

    @property
    def weighted(self) -> tuple[tuple[Weighted, Shape, Shape], ...]:
        """The layers that weigh, each with the shape of what it reads and of what it makes."""
        shapes = self.shapes
        return tuple(
            (layer, shapes[k], shapes[k + 1])
            for k, layer in enumerate(self.layers)
            if isinstance(layer, Weighted)
        )

    def encoded(self, data: Any) -> np.ndarray:
        """(n, height, width, channels) float64 of data (n, n_inputs)."""
        rows = np.asarray(data, np.float64).reshape(-1, self.n_inputs)
        return ((rows - self.shift) * self.scale).reshape(-1, *self.input_shape)

    def answered(self, values: np.ndarray) -> np.ndarray:
        """(n, n_answers) of the last layer's values."""
        y = values.reshape(values.shape[0], -1)
        y = y if self.output_scale is None else y @ self.output_scale.T
        return y if self.output_offset is None else y + self.output_offset

    def answers(self, data: Any) -> np.ndarray:
        """(n, n_answers) float64 to data (n, n_inputs), as the network was trained."""
        rows = np.asarray(data).reshape(-1, self.n_inputs)
        return np.concatenate([self._forward(rows[a : a + CHUNK]) for a in range(0, len(rows), CHUNK)])

    def _forward(self, rows: np.ndarray) -> np.ndarray:
        values = self.encoded(rows)
        for layer, shape in zip(self.layers, self.shapes[1:], strict=True):
            if isinstance(layer, Pooling):
                values = layer.pooled(values)
            else:
                made = layer.read(values) @ layer.weight.T.astype(np.float64) + layer.bias
                values = made.reshape(-1, *shape)
            values = shown(layer, values)
        return self.answered(values)


def check_network(network: Network, what: str = "network") -> None:
    """Raise NetlistError naming the first thing about a network that breaks a rule."""
    for rule in _broken(network):
        raise NetlistError(f"{what}: {rule}")


def _broken(network: Network) -> Iterator[str]:
    shape = network.input_shape
    if len(shape) != 3 or min(shape) < 1:
        yield f"input shape must be (height, width, channels), each at least 1, got {shape}"
    if not network.layers or not any(isinstance(layer, Weighted) for layer in network.layers):
        yield "there is no layer with weights; give at least one"
    for k, layer in enumerate(network.layers):
        yield from _broken_layer(k, layer, shape)
        shape = layer.shape_after(shape)
    for name in ("shift", "scale"):
        column = getattr(network, name)
        if column.shape not in ((1,), (network.n_inputs,)) or not np.isfinite(column).all():
            yield f"{name} must be 1 or {network.n_inputs} finite values, got shape {column.shape}"
    if network.decision not in DECISIONS:
        yield f"decision must be {' or '.join(DECISIONS)}, got {network.decision!r}"
    last, scale, offset = math.prod(shape), network.output_scale, network.output_offset
    if scale is not None and (scale.ndim != 2 or scale.shape[1] != last or not np.isfinite(scale).all()):
        yield f"output scale must be (n_answers, {last}) and finite, got shape {scale.shape}"
    if offset is not None and (offset.shape != (network.n_answers,) or not np.isfinite(offset).all()):
        yield f"output offset must be ({network.n_answers},) and finite, got shape {offset.shape}"
    if network.labels and len(network.labels) != network.n_answers:
        yield f"{len(network.labels)} labels for {network.n_answers} answers; give one for each"


def _broken_layer(k: int, layer: Layer, shape: Shape) -> Iterator[str]:
    if layer.activation not in ACTIVATIONS:
        yield f"activation {layer.activation!r} of layer {k} is unknown; choices are {', '.join(ACTIVATIONS)}"
    if layer.window is not None:
        seen = layer.window
        if min(seen.height, seen.width, seen.stride) < 1 or seen.padding < 0:
            yield f"layer {k}: a window needs a height, width and stride of 1 or more and a padding >= 0"
        if min(seen.positions(shape)) < 1:
            image = f"{shape[0]} x {shape[1]}"
            yield f"layer {k}: a window of {seen.height} x {seen.width} does not fit an image of {image}"
    if isinstance(layer, Pooling):
        if layer.kind not in POOLS:
            yield f"pooling {layer.kind!r} of layer {k} is unknown; choices are {', '.join(POOLS)}"
        if layer.window.padding:
            yield f"layer {k}: pooling takes no padding, got {layer.window.padding}"
        return
    w, b = layer.weight, layer.bias
    window = layer.window
    reads = math.prod(shape) if window is None else window.height * window.width * shape[2]
    if w.ndim != 2 or w.shape[0] < 1 or w.shape[1] != reads:
        yield f"weights of layer {k} must be (n_out, {reads}), what it reads, got shape {w.shape}"
    if b.shape != w.shape[:1]:
        yield f"bias of layer {k} must have shape ({w.shape[0]},), got {b.shape}"
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        yield f"layer {k} has a weight or bias that is not finite"
    if layer.unrolled and window is None:
        yield f"layer {k} is dense and has one position: there is nothing to unroll"
