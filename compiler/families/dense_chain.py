"""A graph of dense layers one after another as an MLP, which more is known to do with."""

from __future__ import annotations

import numpy as np

from compiler.families.feedforward import FeedForward
from compiler.families.graph import Affine, Dense, Shown, Taken
from compiler.families.mlp import MLP
from compiler.families.relaxing import encoded


def as_mlp(model: FeedForward) -> MLP | None:
    """The MLP, or None for a graph that is none.

    Scalings of the data become its encoder's, others go into the layers beside them; a clamp between other
    bounds than 0 and 1 is a clip between two scalings.
    """
    graph = model.graph
    encoder, start = encoded(graph)
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    shown: list[str] = []
    # of what the last layer shows, to be undone by the next one
    scale: np.ndarray | float = 1.0
    shift: np.ndarray | float = 0.0
    for k in range(start, len(graph.nodes)):
        node, operation = graph.nodes[k], graph.nodes[k].operation
        if node.reads != (k,):
            return None
        if isinstance(operation, Taken):
            if not np.array_equal(operation.members, np.arange(np.prod(graph.shape(k)))):
                return None
        elif isinstance(operation, Dense):
            if np.prod(node.shape) != node.shape[-1]:
                return None
            weight, bias = operation.weight, operation.bias
            if not (np.all(scale == 1.0) and np.all(shift == 0.0)):
                whole = weight.astype(np.float64)
                bias = bias + whole @ np.broadcast_to(shift, weight.shape[1:])
                weight, scale, shift = whole * scale, 1.0, 0.0
            weights.append(weight)
            biases.append(bias)
            shown.append("identity")
        elif isinstance(operation, Affine) and weights:
            a, c = (
                np.broadcast_to(x, node.shape).ravel().astype(np.float64)
                for x in (operation.scale, operation.shift)
            )
            if shown[-1] == "identity" and np.all(scale == 1.0):
                weights[-1], biases[-1] = weights[-1] * a[:, None], biases[-1] * a + c
            else:
                scale, shift = a * scale, a * shift + c
        elif (
            isinstance(operation, Shown) and weights and shown[-1] == "identity" and operation.phi != "leaky"
        ):
            low, high = operation.low, operation.high
            if operation.phi == "clamp" and not np.isfinite(high - low):
                return None
            if operation.phi == "clamp" and (low, high) != (0.0, 1.0):
                weights[-1] = weights[-1] / (high - low)
                biases[-1] = (biases[-1] - low) / (high - low)
                scale, shift = high - low, low
            shown.append("clip" if operation.phi == "clamp" else operation.phi)
            del shown[-2]
        else:
            return None
    output_scale, output_offset = model.output_scale, model.output_offset
    if not (np.all(scale == 1.0) and np.all(shift == 0.0)):
        n = graph.n_outputs
        before = np.eye(n) if output_scale is None else output_scale
        added = before @ np.broadcast_to(shift, (n,))
        output_scale = before * np.broadcast_to(scale, (n,))
        output_offset = added if output_offset is None else output_offset + added
    return MLP(
        tuple(weights),
        tuple(biases),
        tuple(shown),
        encoder.shift,
        encoder.scale,
        model.head,
        output_scale,
        output_offset,
        model.labels,
        model.meta,
    )
