"""ONNX files: feed-forward graphs from one input to one output."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.arrays import whole
from compiler.errors import MALFORMED, FormatError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.windows import Seen, same, spread, windows
from compiler.formats.networks.builder import Builder, Value
from compiler.formats.networks.refusals import PARTS, SUPPORTED, words

BATCH = 2  # samples by which orders are tried


def read_onnx(
    path: str | os.PathLike, *, head: str = "classification", labels: tuple[str, ...] = ()
) -> MLP | FeedForward:
    """The model of an ONNX file; of dense layers alone an MLP. Rows of data have the channels of images
    innermost, whatever the file has; everything else is taken row by row, as the file takes it.

    A Softmax or LogSoftmax at the end changes no decision and is left out of a classifier.

    Raises FormatError for a file that is no ONNX model, UnsupportedError naming the first operator that has
    no counterpart among cells, and where the onnx package is missing.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
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
    with whole(path, "ONNX model", "export it again"):
        reader = _Reader(str(path), graph)
        inputs = [i for i in graph.input if i.name not in reader.values]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise UnsupportedError(
                f"{path}: the graph has {len(inputs)} inputs and {len(graph.output)} outputs; a "
                "network has one of each"
            )
        reader.values[inputs[0].name] = reader.data(inputs[0])
        for node in graph.node:
            reader.add(node)
        found = reader.values.get(graph.output[0].name)
        if not isinstance(found, Value):
            raise UnsupportedError(f"{path}: output {graph.output[0].name!r} does not depend on the data")
        return reader.builder.finish(found, head, labels)


class _Reader:
    """Values by their tensors' names: arrays of constants, or Values of the builder."""

    def __init__(self, path: str, graph: Any) -> None:
        from onnx import numpy_helper

        self.builder, self.graph = Builder(path), graph
        self.values: dict[str, Any] = {t.name: _whole(numpy_helper.to_array(t)) for t in graph.initializer}

    def what(self, node: Any) -> str:
        return f"operator {node.op_type}{f' ({node.name})' if node.name else ''}"

    def fail(self, node: Any, rule: str) -> None:
        self.builder.fail(self.what(node), rule)

    def data(self, told: Any) -> Value:
        """The input; of an unknown number of values, as many as the first matrix takes."""
        shape = tuple(d.dim_value for d in told.type.tensor_type.shape.dim)[1:]
        if len(shape) == 1 and shape[0] < 1:
            shape = (self.first_size(told.name),)
        if not shape or min(shape) < 1:
            self.builder.fail(
                f"input {told.name!r}", f"has no fixed size {shape}; export it with one, all but the batch"
            )
        return self.builder.data(shape, channels_last=self.channels_last(told.name, shape))

    def channels_last(self, name: str, shape: tuple[int, ...]) -> bool:
        """Whether images have channels innermost already: they are turned before the first layer, or a file
        without layers of images has few of them there.
        """
        for node in self.graph.node:  # in topological order
            if name in node.input and node.op_type in ELEMENTWISE:
                name = node.output[0]
            elif name in node.input:
                turned = [list(a.ints) for a in node.attribute if a.name == "perm"]
                if node.op_type == "Transpose" and turned == [[0, 3, 1, 2]]:
                    return True
                break
        if any("Conv" in node.op_type or "Pool" in node.op_type for node in self.graph.node):
            return False
        return shape[-1] <= 4 or shape[0] > 4

    def first_size(self, name: str) -> int:
        for node in self.graph.node:
            if name not in node.input:
                continue
            if node.op_type in ("Gemm", "MatMul") and len(node.input) > 1:
                w = self.values.get(node.input[1])
                if w is None:
                    return 0
                turned = node.op_type == "Gemm" and self.attributes(node).get("transB", 0)
                return int(w.shape[1] if turned else w.shape[0])
            return self.first_size(node.output[0])
        return 0

    def attributes(self, node: Any) -> dict[str, Any]:
        import onnx

        return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}

    def add(self, node: Any) -> None:
        given = [self.values.get(name) if name else None for name in node.input]
        for name, value in zip(node.input, given, strict=True):
            if name and value is None:
                self.fail(node, f"takes {name!r}, which nothing before it makes")
        first = next((v for v in given if isinstance(v, Value)), None)
        if node.domain not in ("", "ai.onnx"):
            self.fail(node, f"is of the domain {node.domain!r}, not of ONNX itself")
        if first is None:
            made: Any = self.ran(node, given)
        elif node.op_type == "Shape":
            whole = np.array((BATCH, *first.shape))
            told = self.attributes(node)
            made = [whole[told.get("start", 0) : told.get("end", None)]]
        elif node.op_type in SAME:
            made = [first]
        elif node.op_type in ORDERS:
            made = self.ordered(node, given)
        elif node.op_type in OPERATORS:
            made = [OPERATORS[node.op_type](self, node, given, self.attributes(node))]
        else:
            rule = f"has no counterpart among cells; what has: {SUPPORTED}"
            self.fail(node, PARTS.get(node.op_type, rule))
        for name, value in zip(node.output, made, strict=False):
            self.values[name] = value

    def ran(self, node: Any, given: list[Any]) -> list[Any]:
        """A node of constants, by ONNX's own reference."""
        from onnx import defs, helper
        from onnx.reference import ReferenceEvaluator

        names = [name for name in node.input if name]
        empty = [helper.make_tensor_value_info(name, 0, None) for name in (*names, *node.output)]
        graph = helper.make_graph([node], "g", empty[: len(names)], empty[len(names) :])
        opset = [helper.make_opsetid("", defs.onnx_opset_version())]
        try:
            evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=opset))
            return list(evaluator.run(None, {k: v for k, v in zip(node.input, given, strict=True) if k}))
        except Exception as error:  # of many kinds
            self.fail(node, f"cannot be evaluated ({' '.join(str(error).split())[:100]})")
            raise

    def ordered(self, node: Any, given: list[Any]) -> list[Value]:
        """A pure reordering, found by running it on the numbers of the values."""
        held = [v for v in given if isinstance(v, Value)]
        ends = np.cumsum([0, *(v.size for v in held)])
        total, numbered, k = int(ends[-1]), [], 0
        for value in given:
            if isinstance(value, Value):
                first = np.arange(value.size).reshape(value.shape) + ends[k] + 1
                value = np.stack([first + b * total for b in range(BATCH)]).astype(np.float64)
                k += 1
            elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
                value = value.astype(np.float64)  # what is filled in is of the values' type
            numbered.append(value)
        return [self.viewed(node, held, part, total) for part in self.ran(node, numbered)]

    def viewed(self, node: Any, held: list[Value], made: Any, total: int) -> Value:
        index = np.asarray(made).astype(np.int64)
        if index.shape[:1] != (BATCH,) or index[0].max(initial=0) > total or index[0].min(initial=0) < 0:
            self.fail(node, "mixes the samples of a batch, or fills in something else than 0")
        for b in range(1, BATCH):
            if not np.array_equal(index[b], np.where(index[0] > 0, index[0] + b * total, 0)):
                self.fail(node, "mixes the samples of a batch, or fills in something else than 0")
        return self.builder.view(held, index[0] - 1)

    # --- operators -------------------------------------------------------------------------------

    def gemm(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, w, *rest = given
        if not isinstance(x, Value) or isinstance(w, Value) or told.get("transA", 0):
            self.fail(node, "must be data times a constant matrix, without transA")
        w = w if told.get("transB", 0) else w.T
        alpha, beta = told.get("alpha", 1.0), told.get("beta", 1.0)
        bias = rest[0] if rest and rest[0] is not None else None
        # 1.0 must leave the weights' own bits alone
        w = w if alpha == 1.0 else w * alpha
        bias = bias if bias is None or beta == 1.0 else bias * beta
        if bias is not None and bias.size not in (1, w.shape[0]):
            self.fail(node, f"has a bias of shape {bias.shape} for {w.shape[0]} outputs")
        return self.builder.dense(self.called(node), x, w, bias)

    def called(self, node: Any) -> str:
        return node.name or node.output[0]

    def matmul(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, w = given
        if isinstance(x, Value) and isinstance(w, Value):
            self.fail(node, PARTS["MatMul"])
        if not isinstance(x, Value) or w.ndim != 2:
            self.fail(node, "must be data times a constant matrix")
        return self.builder.dense(self.called(node), x, w.T, None)

    def convolved(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, kernel, *rest = given
        if isinstance(kernel, Value):
            self.fail(node, PARTS["MatMul"])
        bias = rest[0] if rest else None
        n, groups = kernel.ndim - 2, told.get("group", 1)
        if len(x.shape) != n + 1:
            self.fail(node, f"takes images of {n} axes behind their channels, got {x.shape}")
        window = tuple(kernel.shape[2:])
        stride, dilation = tuple(told.get("strides", (1,) * n)), tuple(told.get("dilations", (1,) * n))
        around = self.around(node, told, x.shape[1:], window, stride, dilation)
        if node.op_type == "ConvTranspose":
            if any(a != b for a, b in around) or "output_shape" in told:
                self.fail(node, "must have the same padding before and behind, and no output_shape")
            inner = kernel.shape[0] // groups
            parts = [kernel[g * inner : (g + 1) * inner].swapaxes(0, 1) for g in range(groups)]
            seen = spread(
                x.shape[1:],
                window,
                stride=stride,
                padding=tuple(a for a, _ in around),
                dilation=dilation,
                output_padding=tuple(told.get("output_padding", (0,) * n)),
            )
            return self.builder.convolution(self.called(node), x, np.concatenate(parts), bias, seen, groups)
        seen = windows(x.shape[1:], window, stride=stride, padding=around, dilation=dilation)
        return self.builder.convolution(self.called(node), x, kernel, bias, seen, groups)

    def around(
        self,
        node: Any,
        told: dict[str, Any],
        places: tuple[int, ...],
        window: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> list[tuple[int, int]]:
        """Padding before and behind along each axis."""
        n, auto = len(window), told.get("auto_pad", b"NOTSET").decode()
        if auto in ("NOTSET", "VALID"):
            pads = list(told.get("pads", (0,) * 2 * n)) if auto == "NOTSET" else [0] * 2 * n
            return list(zip(pads[:n], pads[n:], strict=True))
        pairs = [same(*axis) for axis in zip(places, window, stride, dilation, strict=True)]
        return pairs if auto == "SAME_UPPER" else [(b, a) for a, b in pairs]

    def pooled(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, window = given[0], tuple(told["kernel_shape"])
        n = len(window)
        stride, dilation = tuple(told.get("strides", (1,) * n)), tuple(told.get("dilations", (1,) * n))
        seen = windows(
            x.shape[1:],
            window,
            stride=stride,
            padding=self.around(node, told, x.shape[1:], window, stride, dilation),
            dilation=dilation,
            ceil=bool(told.get("ceil_mode", 0)),
        )
        kind = "max" if node.op_type == "MaxPool" else "average"
        counted = seen.inside.sum(axis=1) if told.get("count_include_pad", 0) else None
        return self.builder.pool(self.called(node), x, kind, seen, window, counted)

    def pooled_whole(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x = given[0]
        members = np.arange(int(np.prod(x.shape[1:])), dtype=np.int32)[None, :]
        seen = Seen((1,) * (len(x.shape) - 1), members, np.ones_like(members, bool))
        kind = "max" if "Max" in node.op_type else "average"
        return self.builder.pool(self.called(node), x, kind, seen, x.shape[1:])

    def reduced(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, axes = given[0], told.get("axes", given[1] if len(given) > 1 else None)
        rank = len(x.shape) + 1
        axes = [] if axes is None else [int(a) % rank for a in axes]
        if not axes or 0 in axes:
            self.fail(node, "mixes the samples of a batch; name the axes")
        kind = {"ReduceMean": "average", "ReduceSum": "sum", "ReduceMax": "max"}[node.op_type]
        keep = bool(told.get("keepdims", 1))
        return self.builder.reduced(self.called(node), x, [a - 1 for a in axes], keep, kind)

    def normalised(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x, scale, shift, mean, variance = given
        eps = float(told.get("epsilon", 1e-5))
        return self.builder.normalise(self.called(node), x, mean, variance, scale, shift, eps)

    def constant(self, array: Any) -> np.ndarray:
        """A constant without the axis of the batch."""
        array = np.asarray(array, np.float64)
        return array[0] if array.ndim > 1 and array.shape[0] == 1 else array

    def added(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        sign = -1.0 if node.op_type == "Sub" else 1.0
        called = self.called(node)
        if all(isinstance(v, Value) for v in given):
            return self.builder.sum(called, given, [1.0, *(sign for _ in given[1:])])
        if len(given) != 2:
            self.fail(node, "must be a sum of values, or of two terms")
        a, b = given
        if isinstance(a, Value):
            return self.builder.affine(called, a, 1.0, sign * self.constant(b))
        return self.builder.affine(called, b, sign, self.constant(a))

    def multiplied(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        a, b = given
        divides = node.op_type == "Div"
        if (isinstance(a, Value) and isinstance(b, Value)) or (divides and not isinstance(a, Value)):
            self.fail(node, PARTS[node.op_type])
        x, factor = (a, b) if isinstance(a, Value) else (b, a)
        factor = self.constant(factor)
        return self.builder.affine(self.called(node), x, 1.0 / factor if divides else factor)

    def negative(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        return self.builder.affine(self.called(node), given[0], -1.0)

    def clamped(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        bounds = [told.get("min"), told.get("max")]
        for k, bound in enumerate(given[1:3]):
            bounds[k] = bound if bound is not None else bounds[k]
        low, high = (
            float(np.asarray(e if b is None else b)) for b, e in zip(bounds, (-np.inf, np.inf), strict=True)
        )
        # what frameworks write for one-sided clamps
        low, high = (np.sign(b) * np.inf if abs(b) > 3e38 else b for b in (low, high))
        return self.builder.shown(self.called(node), given[0], "clamp", low=low, high=high)

    def leaky(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        slope: Any = told.get("alpha", 0.01)
        if node.op_type == "PRelu":
            slope = self.constant(given[1])
        return self.builder.shown(
            self.called(node), given[0], "leaky", slope=-1.0 if node.op_type == "Abs" else slope
        )

    def hard_sigmoid(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        x = self.builder.affine(self.called(node), given[0], told.get("alpha", 0.2), told.get("beta", 0.5))
        return self.builder.shown(self.called(node), x, "clamp")

    def larger(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        called, smaller = self.called(node), node.op_type == "Min"
        values = [v for v in given if isinstance(v, Value)]
        bounds = [self.constant(v) for v in given if not isinstance(v, Value)]
        x = values[0]
        for other in values[1:]:
            x = self.builder.larger(called, x, other, smaller)
        sign = -1.0 if smaller else 1.0
        for bound in bounds:  # max(x, b) = b + relu(x - b)
            over = self.builder.shown(called, self.builder.affine(called, x, sign, -sign * bound), "relu")
            x = self.builder.affine(called, over, sign, bound)
        return x

    def softmax(self, node: Any, given: list[Any], told: dict[str, Any]) -> Value:
        return self.builder.end(self.what(node), given[0])


Operator = Callable[[_Reader, Any, list[Any], dict[str, Any]], Value]


def _phi(name: str) -> Operator:
    return lambda reader, node, given, told: reader.builder.shown(reader.called(node), given[0], name)


def _whole(array: np.ndarray) -> np.ndarray:
    """16-bit floats as float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iu" else array


OPERATORS: dict[str, Operator] = {
    "Gemm": _Reader.gemm,
    "MatMul": _Reader.matmul,
    **dict.fromkeys(("Conv", "ConvTranspose"), _Reader.convolved),
    **dict.fromkeys(("MaxPool", "AveragePool"), _Reader.pooled),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _Reader.pooled_whole),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), _Reader.reduced),
    "BatchNormalization": _Reader.normalised,
    **dict.fromkeys(("Add", "Sub", "Sum"), _Reader.added),
    **dict.fromkeys(("Mul", "Div"), _Reader.multiplied),
    "Neg": _Reader.negative,
    "Clip": _Reader.clamped,
    **dict.fromkeys(("LeakyRelu", "PRelu", "Abs"), _Reader.leaky),
    "HardSigmoid": _Reader.hard_sigmoid,
    **dict.fromkeys(("Max", "Min"), _Reader.larger),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _Reader.softmax),
    "Tanh": _phi("tanh"),
    "Relu": _phi("relu"),
    "Sigmoid": _phi("sigmoid"),
}
SAME = ("Identity", "Dropout", "Cast")
ELEMENTWISE = ("Sub", "Add", "Mul", "Div", *SAME)
ORDERS = words(
    "Flatten Reshape Transpose Squeeze Unsqueeze Slice Split Concat Pad Expand Tile Gather DepthToSpace",
    "SpaceToDepth Resize Upsample",
)
