"""ONNX files that are a chain of Gemm, MatMul, Add, Tanh, Relu, Sigmoid, Flatten, Identity, or of images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from compiler.errors import MALFORMED, FormatError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.formats.networks.onnx_images import IMAGES, image_network
from compiler.formats.networks.torch import chain_to_mlp

_ACTIVATIONS = {"Tanh": "tanh", "Relu": "relu", "Sigmoid": "sigmoid"}
_IGNORED = ("Flatten", "Identity", "Dropout")
_SUPPORTED = ("Gemm", "MatMul", "Add", *_ACTIVATIONS, *_IGNORED, "Softmax at the end")


def read_onnx(
    path: str | os.PathLike, *, head: str = "classification", labels: tuple[str, ...] = ()
) -> MLP | FeedForward:
    """The MLP of an ONNX file whose graph is one chain from its input to its output; with Conv,
    BatchNormalization or pooling in it, a FeedForward, whose data have channels innermost.

    A Softmax or LogSoftmax at the end changes no decision and is left out of a classifier.

    Raises FormatError for a file that is no ONNX model, UnsupportedError naming the first operator
    that does not fit, and where the onnx package is missing.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import numpy_helper
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading ONNX files needs onnx: pip install 'thermoc[interop]'"
        ) from None
    try:
        graph = onnx.load(os.fspath(path)).graph
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    except (*MALFORMED, DecodeError, onnx.checker.ValidationError) as error:
        raise FormatError(f"{path}: is no whole ONNX model ({str(error)[:80]})") from None
    if not graph.node:
        raise FormatError(f"{path}: is no ONNX model with a graph; it is empty or foreign")
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    inputs = [i.name for i in graph.input if i.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise UnsupportedError(
            f"{path}: the graph has {len(inputs)} inputs and {len(graph.output)} outputs; "
            "a chain has one of each"
        )
    if any(node.op_type in IMAGES for node in graph.node):
        attributes = [
            {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute} for node in graph.node
        ]
        nodes = []
        for node, named in zip(graph.node, attributes, strict=True):
            if node.op_type == "Constant" and "value" in named:
                constants[node.output[0]] = numpy_helper.to_array(named["value"])
            else:
                nodes.append((node, named))
        taken = next(i for i in graph.input if i.name == inputs[0])
        shape = tuple(d.dim_value for d in taken.type.tensor_type.shape.dim)
        ends = inputs[0], graph.output[0].name
        return image_network(str(path), nodes, constants, *ends, shape, head, labels)
    chain = _Chain(str(path), inputs[0], constants, graph.output[0].name, head)
    for node in graph.node:
        if node.op_type == "Constant":
            value = [a for a in node.attribute if a.name == "value"]
            if value:
                constants[node.output[0]] = numpy_helper.to_array(value[0].t)
            continue
        chain.add(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
    return chain.finish(labels)


class _Chain:
    """Layers gathered node by node; `tensor` is the name of the chain's value so far."""

    def __init__(self, path: str, tensor: str, constants: dict[str, np.ndarray], end: str, head: str) -> None:
        self.path, self.tensor, self.constants = path, tensor, constants
        self.end, self.head = end, head
        self.weights: list[np.ndarray] = []
        self.biases: list[np.ndarray] = []
        self.activations: list[str] = []
        self.open = False  # whether a bias may still be added to the last layer

    def fail(self, node: Any, rule: str) -> None:
        name = f" ({node.name})" if node.name else ""
        raise UnsupportedError(f"{self.path}: operator {node.op_type}{name} {rule}")

    def add(self, node: Any, attributes: dict[str, Any]) -> None:
        op = node.op_type
        data = [name for name in node.input if name and name not in self.constants]
        known = (*_ACTIVATIONS, *_IGNORED, "Gemm", "MatMul", "Add", "Softmax", "LogSoftmax")
        if op not in known or node.domain not in ("", "ai.onnx"):
            self.fail(node, f"is not supported; supported are {', '.join(_SUPPORTED)}")
        if data != [self.tensor]:
            self.fail(node, f"takes {', '.join(data) or 'no data'}; it must follow {self.tensor!r}")
        constants = [self.constants[name] for name in node.input if name in self.constants]
        if op == "Gemm":
            self.gemm(node, constants, attributes)
        elif op == "MatMul":
            if node.input[0] != self.tensor or constants[0].ndim != 2:
                self.fail(node, "must be data times a constant matrix")
            self.layer(constants[0].T, np.zeros(constants[0].shape[1], constants[0].dtype))
            self.open = True
        elif op == "Add":
            if not self.open or constants[0].size not in (1, self.biases[-1].size):
                self.fail(node, "is supported only as the bias right behind a MatMul")
            self.biases[-1] = self.biases[-1] + constants[0].ravel()
            self.open = False
        elif op in _ACTIVATIONS:
            if not self.activations or self.activations[-1] != "identity":
                self.fail(node, "must stand behind a linear layer that has no activation yet")
            self.activations[-1] = _ACTIVATIONS[op]
            self.open = False
        elif op in ("Softmax", "LogSoftmax") and (
            node.output[0] != self.end or self.head != "classification"
        ):
            self.fail(node, "is supported only at the end of a classifier")
        elif op == "Flatten" and attributes.get("axis", 1) != 1:
            self.fail(node, "must have axis 1")
        self.tensor = node.output[0]

    def gemm(self, node: Any, constants: list[np.ndarray], attributes: dict[str, Any]) -> None:
        if node.input[0] != self.tensor or not constants or attributes.get("transA", 0):
            self.fail(node, "must be data times a constant matrix, without transA")
        w = constants[0] if attributes.get("transB", 0) else constants[0].T
        alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        bias = constants[1] if len(constants) > 1 else np.zeros(1, dtype=w.dtype)
        if bias.size not in (1, w.shape[0]):
            self.fail(node, f"has a bias of shape {bias.shape} for {w.shape[0]} outputs")
        # 1.0 must leave the weights' own bits alone
        w = w if alpha == 1.0 else w * alpha
        bias = bias if beta == 1.0 else bias * beta
        self.layer(w, np.broadcast_to(bias.ravel(), (w.shape[0],)))

    def layer(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.weights.append(np.array(weight, order="C"))
        self.biases.append(np.array(bias))
        self.activations.append("identity")
        self.open = False

    def finish(self, labels: tuple[str, ...]) -> MLP:
        if not self.weights:
            raise UnsupportedError(f"{self.path}: the graph has no Gemm or MatMul")
        if self.tensor != self.end:
            raise UnsupportedError(
                f"{self.path}: the chain ends at {self.tensor!r}, the graph's output is {self.end!r}"
            )
        return chain_to_mlp(
            self.weights, self.biases, self.activations, head=self.head, labels=labels, origin=self.path
        )
