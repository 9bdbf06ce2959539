"""What torch's operators (ATen) become in a graph; torch.export makes a graph of them of any module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.windows import parted, same, spread, windows
from compiler.formats.networks.builder import Builder, Value
from compiler.formats.networks.refusals import PARTS, SUPPORTED, words
from compiler.formats.networks.state import plain


@dataclass(frozen=True, slots=True)
class Call:
    """One operator of a traced module.

    name : what it makes is called; target : "conv2d.default"
    given : arguments by name, References to values among them
    path, kind : of the module that calls it: "encoder.norm", "LayerNorm"
    """

    name: str
    target: str
    given: Mapping[str, Any]
    path: str
    kind: str

    @property
    def label(self) -> str:
        """What its cells are called."""
        return self.path or self.target.split(".")[0].strip("_")

    @property
    def what(self) -> str:
        """As messages call it."""
        operator = self.target.split(".")[0].strip("_")
        called = f" ({operator})" if self.kind.lower().replace("_", "") != operator.replace("_", "") else ""
        return f"{self.path or 'forward'}: {self.kind or operator}{called if self.kind else ''}"


@dataclass(frozen=True, slots=True)
class Reference:
    """To what a call, an input or a parameter of this name holds."""

    name: str


def read_calls(
    calls: Iterable[Call],
    *,
    data: str,
    shape: tuple[int, ...],
    constants: Mapping[str, Any],
    result: str,
    origin: str,
    head: str,
    labels: tuple[str, ...],
) -> MLP | FeedForward:
    """The model of a traced module.

    data : name of its input, of this shape, the batch first; constants : tensors by name
    result : name of what it returns

    Raises UnsupportedError naming the path of the first layer that has no counterpart among cells.
    """
    reader = _Reader(origin, shape[0])
    if len(shape) < 2:
        reader.builder.fail("the input", f"must have a batch before its values, got shape {shape}")
    calls = list(calls)
    rows = reader.builder.data(tuple(shape[1:]), channels_last=_channels_last(calls, data))
    values: dict[str, Any] = {**constants, data: rows}
    for call in calls:
        given = {name: _filled(argument, values) for name, argument in call.given.items()}
        values[call.name] = made = reader.call(call, given)
        if call.target.split(".")[0].endswith("_") and not call.target.startswith("_"):
            first = next(iter(call.given.values()))  # changed in place: later readers see it
            if isinstance(first, Reference):
                values[first.name] = made
    found = values.get(result)
    if not isinstance(found, Value):
        reader.builder.fail("the result", "does not depend on the data")
    return reader.builder.finish(found, head, labels)


def _channels_last(calls: Iterable[Call], name: str) -> bool:
    """Whether images are turned before the first layer: they have channels innermost already."""
    for call in calls:
        if Reference(name) not in call.given.values():
            continue
        if call.target.partition(".")[0] not in ("sub", "add", "mul", "div", "to", "_to_copy", "contiguous"):
            return call.target == "permute.default" and list(call.given["dims"]) == [0, 3, 1, 2]
        name = call.name
    return False


def _filled(argument: Any, values: Mapping[str, Any]) -> Any:
    """An argument with its references followed."""
    if isinstance(argument, Reference):
        return values[argument.name]
    if isinstance(argument, (list, tuple)):
        return [_filled(each, values) for each in argument]
    return argument


def _has_value(argument: Any) -> bool:
    if isinstance(argument, (list, tuple)):
        return any(_has_value(each) for each in argument)
    return isinstance(argument, Value)


def _array(x: Any) -> np.ndarray | None:
    return None if x is None else np.array(plain(x))


def _axes(x: Any, n: int) -> tuple[int, ...]:
    """A number along every axis."""
    if isinstance(x, int):
        return (x,) * n
    x = tuple(int(k) for k in x)
    return x * n if len(x) == 1 else x


class _Reader:
    def __init__(self, origin: str, batch: int) -> None:
        self.builder, self.batch = Builder(origin), batch

    def call(self, call: Call, given: dict[str, Any]) -> Any:
        name = call.target.partition(".")[0].strip("_")
        if name in SIZES and isinstance(given.get("self"), Value):
            shape = (self.batch, *given["self"].shape)
            return shape[given["dim"]] if "dim" in given else list(shape)
        if call.target == "getitem":
            return given["input"][given["index"]]
        if not any(_has_value(argument) for argument in given.values()):
            return _run(call.target, given)
        if call.kind == "MultiheadAttention":
            self.builder.fail(f"{call.path}: {call.kind}", PARTS[call.kind])
        if name in SAME:
            return next(argument for argument in given.values() if isinstance(argument, Value))
        if name in ORDERS:
            return self.ordered(call, given)
        operator = OPERATORS.get(name)
        if operator is None:
            rule = PARTS.get(name) or PARTS.get(call.kind)
            listed = f"has no counterpart among cells; what has: {SUPPORTED}"
            self.builder.fail(call.what, rule or listed)
        return operator(self, call, given)

    def ordered(self, call: Call, given: dict[str, Any]) -> Any:
        """A pure reordering, found by running it on the numbers of the values."""
        import torch

        held = [
            v for a in given.values() for v in (a if isinstance(a, list) else [a]) if isinstance(v, Value)
        ]
        ends = np.cumsum([0, *(v.size for v in held)])
        total, numbered = int(ends[-1]), {}
        for value, start in zip(held, ends, strict=False):
            first = np.arange(value.size).reshape(value.shape) + start + 1
            batch = np.stack([first + k * total for k in range(self.batch)])
            numbered[id(value)] = torch.tensor(batch, dtype=torch.float64)

        def replaced(argument: Any) -> Any:
            if isinstance(argument, list):
                return [replaced(each) for each in argument]
            return numbered.get(id(argument), argument)

        made = _run(call.target, {name: replaced(argument) for name, argument in given.items()})
        if isinstance(made, (list, tuple)):
            return [self.viewed(call, held, part, total) for part in made]
        return self.viewed(call, held, made, total)

    def viewed(self, call: Call, held: list[Value], made: Any, total: int) -> Value:
        index = made.detach().numpy().astype(np.int64)
        first = index[0] if index.ndim else index
        alike = index.ndim and index.shape[0] == self.batch
        alike = alike and (first >= 0).all() and (first <= total).all()
        if not alike or any(
            not np.array_equal(row, np.where(first > 0, first + k * total, 0)) for k, row in enumerate(index)
        ):
            self.builder.fail(call.what, "mixes the samples of a batch, or fills in something else than 0")
        return self.builder.view(held, first - 1)

    # --- operators -------------------------------------------------------------------------------

    def linear(self, call: Call, given: dict[str, Any]) -> Value:
        return self.builder.dense(
            call.label, given["input"], self.constant(call, given["weight"]), _array(given.get("bias"))
        )

    def matrix(self, call: Call, given: dict[str, Any]) -> Value:
        """mm, matmul and addmm."""
        a: Any = given["mat1"] if "mat1" in given else given["self"]
        b: Any = given["mat2"] if "mat2" in given else given["other"]
        if isinstance(a, Value) and isinstance(b, Value):
            self.builder.fail(call.what, PARTS["matmul"])
        bias = given["self"] if "mat1" in given else None
        if given.get("beta", 1) != 1 or given.get("alpha", 1) != 1:
            self.builder.fail(call.what, "must have alpha and beta 1")
        if isinstance(a, Value):
            return self.builder.dense(call.label, a, self.constant(call, b).T, _array(bias))
        w = self.constant(call, a)
        if w.ndim != 2 or len(b.shape) < 2:
            self.builder.fail(call.what, "must be data times a constant matrix")
        back = self.builder.dense(call.label, _swapped(self.builder, b), w, None)
        return _swapped(self.builder, back)

    def constant(self, call: Call, x: Any) -> np.ndarray:
        if isinstance(x, Value):
            self.builder.fail(call.what, PARTS["matmul"])
        return np.array(plain(x))

    def convolved(self, call: Call, given: dict[str, Any]) -> Value:
        x, kernel = given["input"], self.constant(call, given["weight"])
        n, bias = kernel.ndim - 2, _array(given.get("bias"))
        if len(x.shape) != n + 1:
            self.builder.fail(call.what, f"takes (channels, {n} axes) without a batch of its own")
        stride, dilation = _axes(given.get("stride", 1), n), _axes(given.get("dilation", 1), n)
        padding, groups = given.get("padding", 0), int(given.get("groups", 1))
        if given.get("transposed") or "transpose" in call.target:
            inner = kernel.shape[0] // groups
            parts = [kernel[g * inner : (g + 1) * inner].swapaxes(0, 1) for g in range(groups)]
            seen = spread(
                x.shape[1:],
                kernel.shape[2:],
                stride=stride,
                padding=_axes(padding, n),
                dilation=dilation,
                output_padding=_axes(given.get("output_padding", 0), n),
            )
            return self.builder.convolution(call.label, x, np.concatenate(parts), bias, seen, groups)
        sizes = zip(x.shape[1:], kernel.shape[2:], stride, dilation, strict=True)
        if padding == "same":
            around = [same(*axis) for axis in sizes]
        else:
            around = [(p, p) for p in _axes(0 if padding == "valid" else padding, n)]
        seen = windows(x.shape[1:], kernel.shape[2:], stride=stride, padding=around, dilation=dilation)
        return self.builder.convolution(call.label, x, kernel, bias, seen, groups)

    def normalised(self, call: Call, given: dict[str, Any]) -> Value:
        if given.get("training"):
            self.builder.fail(call.what, "is in its state of training; call module.eval() first")
        mean, variance, weight, bias = (
            _array(given.get(k)) for k in ("running_mean", "running_var", "weight", "bias")
        )
        eps = float(given["eps"])
        y = self.builder.normalise(call.label, given["input"], mean, variance, weight, bias, eps)
        return [y, None, None] if call.target.startswith("_") else y  # type: ignore[return-value]

    def pooled(self, call: Call, given: dict[str, Any]) -> Any:
        x: Any = given["self"] if "self" in given else given["input"]
        kind = "max" if "max" in call.target else "average"
        n = int(call.target.split("_pool")[1][0])
        window = _axes(given["kernel_size"], n)
        stride, padding = _axes(given.get("stride") or window, n), _axes(given.get("padding", 0), n)
        seen = windows(
            x.shape[1:],
            window,
            stride=stride,
            padding=[(p, p) for p in padding],
            dilation=_axes(given.get("dilation", 1), n),
            ceil=bool(given.get("ceil_mode", False)),
        )
        divisor = None
        if kind == "average" and given.get("divisor_override"):
            divisor = np.full(len(seen.members), float(given["divisor_override"]))
        elif kind == "average" and given.get("count_include_pad", True):
            divisor = seen.inside.sum(axis=1)
        y = self.builder.pool(call.label, x, kind, seen, window, divisor)
        return [y, None] if "indices" in call.target else y

    def adaptive(self, call: Call, given: dict[str, Any]) -> Any:
        x, n = given["self"], int(call.target.split("_pool")[1][0])
        wanted = given["output_size"]
        wanted = [wanted] * n if isinstance(wanted, int) else list(wanted) * (n if len(wanted) == 1 else 1)
        parts = tuple(int(k or m) for k, m in zip(wanted, x.shape[1:], strict=True))
        seen, kind = parted(x.shape[1:], parts), "max" if "max" in call.target else "average"
        window = tuple(-(-m // k) for m, k in zip(x.shape[1:], parts, strict=True))
        y = self.builder.pool(call.label, x, kind, seen, window)
        return [y, None] if kind == "max" else y

    def reduced(self, call: Call, given: dict[str, Any]) -> Value:
        x, axes = given["self"], given.get("dim")
        kind = {"mean": "average", "sum": "sum", "amax": "max"}[call.target.split(".")[0]]
        if axes is None or axes == []:
            self.builder.fail(call.what, "mixes the samples of a batch; name the axes")
        axes = [axes] if isinstance(axes, int) else axes
        rank = len(x.shape) + 1
        axes = [a % rank for a in axes]
        if 0 in axes:
            self.builder.fail(call.what, "mixes the samples of a batch")
        return self.builder.reduced(
            call.label, x, [a - 1 for a in axes], bool(given.get("keepdim", False)), kind
        )

    def added(self, call: Call, given: dict[str, Any]) -> Value:
        a, b = given["self"], given["other"]
        minus = -1.0 if "sub" in call.target else 1.0
        if call.target.startswith("rsub"):
            a, b = b, a
        factor = minus * float(given.get("alpha", 1))
        if isinstance(a, Value) and isinstance(b, Value):
            return self.builder.sum(call.label, [a, b], [1.0, factor])
        if isinstance(a, Value):
            return self.builder.affine(call.label, a, 1.0, factor * self.unbatched(call, b, a))
        return self.builder.affine(call.label, b, factor, self.unbatched(call, a, b))

    def multiplied(self, call: Call, given: dict[str, Any]) -> Value:
        a, b = given["self"], given["other"]
        if (isinstance(a, Value) and isinstance(b, Value)) or (
            call.target.startswith("div") and not isinstance(a, Value)
        ):
            self.builder.fail(call.what, PARTS["div" if call.target.startswith("div") else "mul"])
        if call.target.startswith("div"):
            if given.get("rounding_mode"):
                self.builder.fail(call.what, "rounds, which no cell does")
            return self.builder.affine(call.label, a, 1.0 / self.unbatched(call, b, a))
        x, factor = (a, b) if isinstance(a, Value) else (b, a)
        return self.builder.affine(call.label, x, self.unbatched(call, factor, x))

    def unbatched(self, call: Call, x: Any, beside: Value) -> np.ndarray:
        """A constant beside a value, without the axis of the batch."""
        array = np.asarray(plain(x), np.float64)
        if array.ndim > len(beside.shape) and array.shape[0] == 1:
            array = array[0]
        if array.ndim > len(beside.shape):
            self.builder.fail(call.what, f"has a constant for every sample, of shape {array.shape}")
        return array

    def negative(self, call: Call, given: dict[str, Any]) -> Value:
        return self.builder.affine(call.label, given["self"], -1.0)

    def clamped(self, call: Call, given: dict[str, Any]) -> Value:
        low, high = given.get("min", given.get("min_val")), given.get("max", given.get("max_val"))
        if call.target.startswith("hardtanh"):
            low, high = given.get("min_val", -1.0), given.get("max_val", 1.0)
        if call.target.startswith("relu6"):
            low, high = 0.0, 6.0
        low, high = (
            float(end if bound is None else plain(bound)) for bound, end in ((low, -np.inf), (high, np.inf))
        )
        return self.builder.shown(call.label, given["self"], "clamp", low=low, high=high)

    def hard_sigmoid(self, call: Call, given: dict[str, Any]) -> Value:
        return self.builder.shown(
            call.label, self.builder.affine(call.label, given["self"], 1 / 6, 0.5), "clamp"
        )

    def leaky(self, call: Call, given: dict[str, Any]) -> Value:
        slope = given.get("negative_slope", 0.01)
        if call.target.startswith("abs"):
            slope = -1.0
        if call.target.startswith("prelu"):
            slope = np.asarray(plain(given["weight"]), np.float64)
            slope = slope.reshape(-1, *(1,) * (len(given["self"].shape) - 1)) if slope.size > 1 else slope[0]
        return self.builder.shown(call.label, given["self"], "leaky", slope=slope)

    def larger(self, call: Call, given: dict[str, Any]) -> Value:
        a, b, smaller = given["self"], given.get("other"), call.target.startswith("min")
        if b is None:
            self.builder.fail(call.what, "of one value has indices and mixes axes; use amax")
        if not (isinstance(a, Value) and isinstance(b, Value)):
            x, bound = (a, b) if isinstance(a, Value) else (b, a)
            bound = self.unbatched(call, bound, x)
            if smaller:  # b - relu(b - x)
                over = self.builder.shown(call.label, self.builder.affine(call.label, x, -1.0, bound), "relu")
                return self.builder.affine(call.label, over, -1.0, bound)
            over = self.builder.shown(call.label, self.builder.affine(call.label, x, 1.0, -bound), "relu")
            return self.builder.affine(call.label, over, 1.0, bound)
        return self.builder.larger(call.label, a, b, smaller)

    def softmax(self, call: Call, given: dict[str, Any]) -> Value:
        return self.builder.end(call.what, given["self"])


def _swapped(builder: Builder, x: Value) -> Value:
    """The last two axes exchanged."""
    return builder.view([x], np.arange(x.size).reshape(x.shape).swapaxes(-1, -2))


def _phi(name: str) -> Callable[[_Reader, Call, dict[str, Any]], Value]:
    return lambda reader, call, given: reader.builder.shown(call.label, given["self"], name)


def _run(target: str, given: dict[str, Any]) -> Any:
    """The operator on tensors."""
    import torch

    name, _, overload = target.partition(".")
    return getattr(getattr(torch.ops.aten, name), overload or "default")(**given)


OPERATORS: dict[str, Callable[[_Reader, Call, dict[str, Any]], Any]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), _Reader.convolved),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _Reader.convolved),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices"), _Reader.pooled),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), _Reader.pooled),
    **{f"adaptive_{kind}_pool{n}d": _Reader.adaptive for kind in ("avg", "max") for n in (1, 2, 3)},
    **dict.fromkeys(("mean", "sum", "amax"), _Reader.reduced),
    **dict.fromkeys(("batch_norm", "native_batch_norm_legit_no_training"), _Reader.normalised),
    **dict.fromkeys(("add", "sub", "rsub"), _Reader.added),
    **dict.fromkeys(("mul", "div"), _Reader.multiplied),
    **dict.fromkeys(("mm", "matmul", "addmm"), _Reader.matrix),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "clip", "hardtanh", "relu6"), _Reader.clamped),
    **dict.fromkeys(("leaky_relu", "prelu", "abs"), _Reader.leaky),
    **dict.fromkeys(("maximum", "minimum", "max", "min"), _Reader.larger),
    **dict.fromkeys(("softmax", "log_softmax"), _Reader.softmax),
    **{name: _phi(name) for name in ("relu", "tanh", "sigmoid")},
    "linear": _Reader.linear,
    "neg": _Reader.negative,
    "hardsigmoid": _Reader.hard_sigmoid,
}
SIZES = ("sym_size", "size")
SAME = words(
    "dropout feature_dropout alpha_dropout feature_alpha_dropout native_dropout contiguous clone detach",
    "alias to to_copy lift_fresh_copy lift_fresh type_as",
)
"""Operators that do nothing at inference."""
ORDERS = words(
    "view reshape unsafe_view view_copy flatten unflatten permute transpose t swapaxes movedim squeeze",
    "unsqueeze slice select narrow index_select index cat stack concat expand expand_as repeat tile flip",
    "roll split split_with_sizes chunk unbind pixel_shuffle pixel_unshuffle channel_shuffle constant_pad_nd",
    "pad reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d upsample_nearest1d",
    "upsample_nearest2d hstack vstack",
)
"""Operators that only reorder, repeat, leave out or fill in zeros."""
