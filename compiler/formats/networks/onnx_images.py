"""ONNX graphs of images: a chain of Conv, BatchNormalization, pooling, Flatten, Gemm and activations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from compiler.families.feedforward import FeedForward
from compiler.formats.networks.chain import Chain
from compiler.ir.network import Shape

ACTIVATIONS = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid"}
POOLS = {"AveragePool": "average", "MaxPool": "max"}
IMAGES = ("Conv", "BatchNormalization", *POOLS)
"""Operators that only a network of images has."""
SUPPORTED = (*IMAGES, "Flatten", "Reshape", "Gemm", *ACTIVATIONS, "Identity", "Dropout", "Softmax at the end")

Nodes = Iterable[tuple[Any, dict[str, Any]]]


def image_network(
    path: str,
    nodes: Nodes,
    constants: Mapping[str, np.ndarray],
    tensor: str,
    end: str,
    shape: tuple[int, ...],
    head: str,
    labels: tuple[str, ...],
) -> FeedForward:
    """The model of a chain from `tensor` to `end`.

    nodes : with their attributes; shape : of the input as the graph has it, 0 where it does not say

    Raises UnsupportedError naming the first operator that does not fit.
    """
    chain = Chain(path, _image(shape))
    for node, attributes in nodes:
        name = f" ({node.name})" if node.name else ""
        what = f"operator {node.op_type}{name}"
        data = [k for k in node.input if k and k not in constants]
        if node.op_type == "Reshape" and not chain.layers and chain.input_shape is None:
            chain.input_shape = chain.shape = _image(
                tuple(np.ravel(constants.get(node.input[1], ())).tolist())
            )
            chain.flat = chain.shape is None
        elif data != [tensor] or node.domain not in ("", "ai.onnx"):
            chain.fail(what, f"takes {', '.join(data) or 'no data'}; it must follow {tensor!r}")
        else:
            given = [constants[k] for k in node.input if k in constants]
            _add(chain, what, node, attributes, given, node.output[0] == end and head == "classification")
        tensor = node.output[0]
    if tensor != end:
        chain.fail("the chain", f"ends at {tensor!r}, the graph's output is {end!r}")
    return chain.finish(head, labels)


def _image(shape: tuple[int, ...]) -> Shape | None:
    """(height, width, channels) of (batch, channels, height, width); None for another shape."""
    if len(shape) != 4 or min(shape[1:]) < 1:
        return None
    return int(shape[2]), int(shape[3]), int(shape[1])


def _add(
    chain: Chain, what: str, node: Any, attributes: dict[str, Any], given: list[np.ndarray], last: bool
) -> None:
    op = node.op_type
    if op == "Conv":
        if attributes.get("group", 1) != 1 or any(d != 1 for d in attributes.get("dilations", ())):
            chain.fail(what, "must have group 1 and dilations 1")
        bias = given[1] if len(given) > 1 else np.zeros(given[0].shape[0])
        stride, padding = _square(chain, what, attributes)
        chain.convolution(what, given[0], bias, stride, padding)
    elif op == "BatchNormalization":
        scale, shift, mean, variance = given
        chain.normalise(what, mean, variance, scale, shift, float(attributes.get("epsilon", 1e-5)))
    elif op in POOLS:
        stride, padding = _square(chain, what, attributes)
        if padding or attributes.get("ceil_mode", 0) or any(d != 1 for d in attributes.get("dilations", ())):
            chain.fail(what, "must have no padding, no dilations and no ceil_mode")
        height, width = attributes["kernel_shape"]
        chain.pool(what, POOLS[op], int(height), int(width), stride)
    elif op == "Gemm":
        if (
            attributes.get("transA", 0)
            or attributes.get("alpha", 1.0) != 1.0
            or attributes.get("beta", 1.0) != 1.0
        ):
            chain.fail(what, "must be data times a constant matrix, without transA, alpha and beta")
        weight = given[0] if attributes.get("transB", 0) else given[0].T
        bias = given[1].ravel() if len(given) > 1 else np.zeros(1)
        chain.dense(what, weight, np.array(np.broadcast_to(bias, weight.shape[:1])))
    elif op in ACTIVATIONS:
        chain.activate(what, ACTIVATIONS[op])
    elif op == "Flatten" or (op == "Reshape" and given and given[0].size == 2):
        chain.flatten()
    elif op not in ("Identity", "Dropout") and not (op in ("Softmax", "LogSoftmax") and last):
        chain.fail(what, f"is not supported; supported are {', '.join(SUPPORTED)}")


def _square(chain: Chain, what: str, attributes: dict[str, Any]) -> tuple[int, int]:
    """Stride and padding, the same on all sides."""
    strides, pads = set(attributes.get("strides", (1,))), set(attributes.get("pads", (0,)))
    if (
        len(strides) > 1
        or len(pads) > 1
        or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
    ):
        chain.fail(what, "must have the same stride and padding on all sides")
    return int(strides.pop()), int(pads.pop())
