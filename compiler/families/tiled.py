"""Feed-forward networks on crossbar tiles: chains of dense layers, convolutions and pooling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.graph import Affine, Convolution, Dense, Graph, Node, Operation, Pool, Shown, Taken
from compiler.families.mlp import MLP
from compiler.families.windows import windows
from compiler.ir.network import Layer, Network, Pooling, Weighted, Window
from compiler.ir.network import Shape as Image
from compiler.ir.tiles import Layout, TileNetlist

SHOWN = ("relu", "tanh", "sigmoid")


def network_of(model: MLP | FeedForward | Network) -> Network:
    """The network as layers one after another.

    Raises UnsupportedError naming the first layer of a graph that tiles do not have.
    """
    if isinstance(model, Network):
        return model
    if isinstance(model, MLP):
        layers = zip(model.weights, model.biases, model.activations, strict=True)
        return Network(
            input_shape=(1, 1, model.n_inputs),
            layers=tuple(Weighted(w, b, phi) for w, b, phi in layers),
            shift=model.input_shift,
            scale=model.input_scale,
            decision="argmax" if model.head == "classification" else "value",
            output_scale=model.output_scale,
            output_offset=model.output_offset,
            labels=model.labels,
        )
    chain = _Chain(model.n_inputs)
    for k, node in enumerate(model.graph.nodes):
        if node.reads != (k,):
            chain.fail(node, "does not read the layer before it alone; tiles hold one chain of layers")
        chain.add(node, model.graph.shape(k))
    output_scale, order = model.output_scale, chain.order
    if not np.array_equal(order, np.arange(order.size)):  # answers in the graph's order
        turned = np.eye(order.size)[order]
        output_scale = turned if output_scale is None else output_scale @ turned
    return Network(
        input_shape=chain.input_shape,
        layers=tuple(chain.layers),
        shift=chain.shift,
        scale=chain.scale,
        decision="argmax" if model.head == "classification" else "value",
        output_scale=output_scale,
        output_offset=model.output_offset,
        labels=model.labels,
    )


def on_tiles(model: MLP | FeedForward | Network, layout: Layout, unrolled: bool = False) -> TileNetlist:
    """The model on tiles of this layout.

    unrolled : whether every position of a convolution has devices of its own

    Raises UnsupportedError as network_of.
    """
    network = network_of(model)
    if unrolled:
        layers = tuple(
            replace(one, unrolled=True) if isinstance(one, Weighted) and one.window is not None else one
            for one in network.layers
        )
        network = replace(network, layers=layers)
    source = "mlp" if isinstance(model, MLP) else "feedforward"
    meta = {} if isinstance(model, Network) else model.meta
    return TileNetlist(network, layout, {**meta, "source": source})


def innermost(shape: tuple[int, ...]) -> np.ndarray:
    """(channels x height x width,) place of each value, channels first, in an image with them innermost."""
    channels, height, width = shape
    return np.arange(math.prod(shape)).reshape(height, width, channels).transpose(2, 0, 1).ravel()


class _Chain:
    """Layers so far; `order` is the place of each of the graph's values in the last layer's image."""

    def __init__(self, n_inputs: int) -> None:
        self.layers: list[Layer] = []
        self.input_shape: Image = (1, 1, n_inputs)
        self.shift, self.scale = np.zeros(1), np.ones(1)
        self.order = np.arange(n_inputs)

    def fail(self, node: Node, rule: str) -> NoReturn:
        called = type(node.operation).__name__.lower()
        raise UnsupportedError(
            f"{node.name or 'network'} ({called}) {rule}; leave --target out: cells hold any graph"
        )

    def add(self, node: Node, shape: tuple[int, ...]) -> None:
        operation = node.operation
        match operation:
            case Taken():
                self.taken(node, operation, shape)
            case Affine():
                self.scaled(node, operation, shape)
            case Shown():
                self.shown(node, operation)
            case Dense():
                if len(shape) > 1:
                    self.fail(node, "works along one of several axes, which tiles do not")
                weight = np.empty_like(operation.weight)
                weight[:, self.order] = operation.weight
                self.layers.append(Weighted(weight, operation.bias))
                self.order = np.arange(weight.shape[0])
            case Convolution():
                if operation.groups != 1:
                    self.fail(node, "has groups of channels, which tiles do not")
                out, _, *size = operation.kernel.shape
                window = self.window(node, operation.members, tuple(size), shape)
                matrix = operation.flat.transpose(0, 2, 1).reshape(out, -1)
                self.layers.append(Weighted(np.ascontiguousarray(matrix), operation.bias, window=window))
                self.order = innermost(node.shape)
            case Pool():
                window = self.window(node, operation.members, operation.window, shape)
                taps = operation.members.shape[1]
                if window.padding or (operation.kind == "average" and (operation.divisor != taps).any()):
                    self.fail(node, "has padding, which pooling behind tiles does not")
                self.layers.append(Pooling(operation.kind, window))
                self.order = innermost(node.shape)
            case _:
                self.fail(node, "joins values, which tiles do not")

    def taken(self, node: Node, taken: Taken, shape: tuple[int, ...]) -> None:
        if not np.array_equal(np.sort(taken.members), np.arange(math.prod(shape))):
            self.fail(node, "leaves out or repeats values, which tiles do not")
        if not self.layers and len(node.shape) == 3:
            channels, height, width = node.shape
            self.input_shape = (height, width, channels)
        self.order = self.order[taken.members]

    def scaled(self, node: Node, affine: Affine, shape: tuple[int, ...]) -> None:
        a, c = (np.broadcast_to(x, shape).astype(np.float64) for x in (affine.scale, affine.shift))
        if not self.layers:
            if (a == 0).any():
                self.fail(node, "leaves out values, which tiles do not")
            scale, shift = np.empty(a.size), np.empty(a.size)
            scale[self.order], shift[self.order] = a.ravel(), c.ravel()
            if (scale == scale[0]).all() and (shift == shift[0]).all():
                scale, shift = scale[:1], shift[:1]
            self.shift, self.scale = self.shift - shift / (scale * self.scale), self.scale * scale
            return
        last = self.layers[-1]
        rows = a.reshape(shape[0], -1), c.reshape(shape[0], -1)
        even = all((x == x[:, :1]).all() for x in rows)
        if not isinstance(last, Weighted) or last.activation != "identity" or not even:
            self.fail(node, "does not stand right behind a layer with weights, into which it would be folded")
        factor, more = rows[0][:, 0], rows[1][:, 0]
        if factor.size != last.n_out:
            self.fail(node, "does not scale the layer's outputs")
        self.layers[-1] = Weighted(
            last.weight * factor[:, None], last.bias * factor + more, window=last.window
        )

    def shown(self, node: Node, shown: Shown) -> None:
        last = self.layers[-1] if self.layers else None
        clip = shown.phi == "clamp" and (shown.low, shown.high) == (0.0, 1.0)
        if shown.phi not in SHOWN and not clip:
            self.fail(node, "shows another activation than relu, tanh, sigmoid or a clamp to [0, 1]")
        if last is None or last.activation != "identity":
            self.fail(node, "does not stand behind a layer that has no activation yet")
        self.layers[-1] = replace(last, activation="clip" if clip else shown.phi)

    def window(
        self, node: Node, members: np.ndarray, size: tuple[int, ...], shape: tuple[int, ...]
    ) -> Window:
        """The window of these members on the last layer's image."""
        if len(shape) != 3 or len(size) != 2:
            self.fail(node, "is not on images of two axes, as tiles' are")
        if not np.array_equal(self.order, innermost(shape)):
            self.fail(node, "reads values in another order than an image's")
        height, width = size
        # of one position any stride will do: that of pooling is its window's, as a rule
        likely = (height,) if isinstance(node.operation, Pool) else ()
        for stride in (*likely, *range(1, max(shape) + 1)):
            for padding in range(max(size)):
                both = (stride, stride), [(padding, padding)] * 2
                seen = windows(shape[1:], (height, width), stride=both[0], padding=both[1])
                if np.array_equal(seen.members, members) and seen.shape == node.shape[1:]:
                    return Window(height, width, stride, padding)
        self.fail(node, "has no window of one stride and padding, without dilation, on all sides")


def graph_of_network(network: Network, meta: Mapping[str, Any] | None = None) -> FeedForward:
    """The way back: layers one after another as a graph, which files hold and cells can become."""
    nodes: list[Node] = []

    def add(name: str, operation: Operation, shape: tuple[int, ...]) -> None:
        nodes.append(Node(name, operation, (len(nodes),), shape))

    if (network.scale != 1).any() or network.shift.any():
        shape = (network.n_inputs,)
        add("data", Affine(network.scale, -network.shift * network.scale), shape)
    outside = True  # whether values are in the order of the network's images
    for k, (layer, before, after) in enumerate(
        zip(network.layers, network.shapes, network.shapes[1:], strict=False)
    ):
        name, (height, width, channels) = f"layer{k}", before
        window = layer.window
        first = (channels, height, width)
        if window is None:
            if not outside and height * width > 1:
                order = np.argsort(innermost(first))
                add("", Taken(order), (math.prod(before),))
            elif not outside:
                add("", Taken(np.arange(channels)), (channels,))
            assert isinstance(layer, Weighted)
            add(name, Dense(layer.weight, layer.bias), (layer.n_out,))
            outside = True
        else:
            if outside:
                add("", Taken(innermost(first)), first)
                outside = False
            size, made = (window.height, window.width), (after[2], after[0], after[1])
            seen = windows(
                (height, width), size, stride=(window.stride,) * 2, padding=[(window.padding,) * 2] * 2
            )
            if isinstance(layer, Weighted):
                kernel = layer.weight.reshape(layer.n_out, *size, channels).transpose(0, 3, 1, 2)
                add(name, Convolution(np.ascontiguousarray(kernel), layer.bias, seen.members), made)
            else:
                add(name, Pool(layer.kind, seen.members, seen.shown.astype(np.float64), size), made)
        if layer.activation != "identity":
            clip = layer.activation == "clip"
            add(name, Shown("clamp" if clip else layer.activation), nodes[-1].shape)
    if not outside:
        height, width, channels = network.shapes[-1]
        add("", Taken(np.argsort(innermost((channels, height, width)))), (math.prod(network.shapes[-1]),))
    return FeedForward(
        Graph(tuple(nodes), network.n_inputs),
        "classification" if network.decision == "argmax" else "regression",
        network.output_scale,
        network.output_offset,
        network.labels,
        {} if meta is None else meta,
    )
