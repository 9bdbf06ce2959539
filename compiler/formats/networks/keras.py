"""Keras models: `.keras` and `.h5` files, read as the JSON and arrays that they are, and live models.

h5py alone is needed for files. Axes are Keras' own, channels last: rows of data are taken as the model takes
them. Layout: keras/src/saving/saving_lib.py and keras/src/legacy/saving/legacy_h5_format.py, Keras 3.15.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compiler.arrays import members, npz_names, whole
from compiler.errors import FormatError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.families.windows import Seen, same, spread, windows
from compiler.formats.networks.builder import Builder, Value
from compiler.formats.networks.refusals import PARTS, SUPPORTED

HDF5 = b"\x89HDF\r\n\x1a\n"
Arrays = Mapping[str, Mapping[str, np.ndarray]]
"""By layer: its arrays by the names that Keras gives them (kernel, bias, gamma, ...)."""


def is_keras(path: str | os.PathLike) -> bool:
    """Whether the file is a zip with a Keras model in it."""
    return {"config.json", "model.weights.h5"} <= (npz_names(path) or frozenset())


def read_keras(
    path: str | os.PathLike, *, head: str = "classification", labels: tuple[str, ...] = ()
) -> MLP | FeedForward:
    """The model of a `.keras` or whole-model `.h5` file.

    Raises FormatError for a damaged file and one of weights alone, UnsupportedError for layers that have no
    counterpart among cells, by name, and where h5py is missing.
    """
    try:
        import h5py
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading Keras files needs h5py: pip install 'thermoc[interop]'"
        ) from None
    with whole(path, "Keras model", "save it with model.save"):
        if is_keras(path):
            with members(path) as archive:
                config = json.loads(archive.read("config.json"))
                content = io.BytesIO(archive.read("model.weights.h5"))
            with h5py.File(content, "r") as file:
                arrays = _by_place(file, config)
        else:
            with h5py.File(path, "r") as file:
                if "model_config" not in file.attrs:
                    raise FormatError(
                        f"{path}: holds weights alone, not their order; save the whole model with model.save"
                    )
                told = file.attrs["model_config"]
                config = json.loads(told.decode() if isinstance(told, bytes) else told)
                arrays = _by_name(file["model_weights"])
        return model_of(str(path), config, arrays, head, labels)


def from_keras(
    model: Any, *, head: str = "classification", labels: tuple[str, ...] = ()
) -> MLP | FeedForward:
    """The model of a live keras.Model, Sequential or functional.

    Raises UnsupportedError as read_keras.
    """
    name = type(model).__name__
    if name not in ("Sequential", "Functional", "Model"):
        raise UnsupportedError(
            f"keras: {name} is a class of its own, whose call is code; give a Sequential or functional model"
        )
    config = {"class_name": name, "config": json.loads(model.to_json())["config"]}
    arrays = {
        layer.name: {
            w.name.rpartition("/")[2].partition(":")[0]: np.asarray(v)
            for w, v in zip(layer.weights, layer.get_weights(), strict=True)
        }
        for layer in model.layers
    }
    return model_of("keras", config, arrays, head, labels)


def _by_name(group: Any) -> Arrays:
    """Of an `.h5` file: a group a layer, its arrays under any path, called kernel or kernel:0."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for layer, inner in group.items():
        arrays: dict[str, np.ndarray] = {}
        inner.visititems(
            lambda name, item, arrays=arrays: (
                arrays.update({name.rpartition("/")[2].partition(":")[0]: np.array(item)})
                if hasattr(item, "shape")
                else None
            )
        )
        found[layer] = arrays
    return found


NAMES = {  # in the order in which layers make their arrays
    "Dense": ("kernel", "bias"),
    "Conv1D": ("kernel", "bias"),
    "Conv2D": ("kernel", "bias"),
    "Conv1DTranspose": ("kernel", "bias"),
    "Conv2DTranspose": ("kernel", "bias"),
    "DepthwiseConv2D": ("kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "PReLU": ("alpha",),
    "Normalization": ("mean", "variance", "count"),
}


def _by_place(file: Any, config: Mapping[str, Any]) -> Arrays:
    """Of a `.keras` file: layers/KIND, layers/KIND_1, ... in the order of the configuration."""
    counts: dict[str, int] = {}
    found = {}
    for layer in config["config"]["layers"]:
        kind, told = layer["class_name"], layer["config"]
        snake = _snake(kind)
        k = counts[snake] = counts.get(snake, -1) + 1
        place = file.get(f"layers/{snake}{f'_{k}' if k else ''}")
        if place is None or kind not in NAMES:
            continue
        names = [name for name in NAMES[kind] if _has(kind, name, told)]
        arrays = [np.array(place["vars"][str(j)]) for j in range(len(place["vars"]))]
        found[told["name"]] = dict(zip(names, arrays, strict=False))
    return found


def _has(kind: str, name: str, told: Mapping[str, Any]) -> bool:
    flag = {"bias": "use_bias", "gamma": "scale", "beta": "center"}.get(name)
    return flag is None or bool(told.get(flag, True))


def _snake(name: str) -> str:
    """As keras.src.utils.naming.to_snake_case."""
    import re

    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def model_of(
    origin: str, config: Mapping[str, Any], arrays: Arrays, head: str, labels: tuple[str, ...]
) -> MLP | FeedForward:
    """The model of a configuration as Keras writes it and of arrays by layer; UnsupportedError as read_keras.

    origin : begins every error
    """
    kind, told = config["class_name"], config["config"]
    if kind not in ("Sequential", "Functional", "Model"):
        raise UnsupportedError(
            f"{origin}: {kind} is a class of its own, whose call is code; give a Sequential or functional "
            "model"
        )
    reader = _Reader(origin, arrays)
    result = reader.sequential(told) if kind == "Sequential" else reader.functional(told)
    return reader.builder.finish(result, head, labels)


class _Reader:
    def __init__(self, origin: str, arrays: Arrays) -> None:
        self.builder, self.arrays = Builder(origin), arrays

    def input(self, told: Mapping[str, Any]) -> Value:
        shape = told.get("batch_shape") or told.get("batch_input_shape")
        if shape is None or any(n is None for n in shape[1:]):
            self.builder.fail("the input", f"has no fixed shape ({shape}); build the model with one")
        self.builder.n_inputs = int(np.prod(shape[1:]))
        return Value(0, tuple(int(n) for n in shape[1:]))

    def sequential(self, told: Mapping[str, Any]) -> Value:
        layers = list(told["layers"])
        first = dict(layers[0]["config"])
        if told.get("build_input_shape") and "batch_shape" not in first:
            first["batch_shape"] = told["build_input_shape"]
        x = self.input(first)
        for layer in layers:
            if layer["class_name"] != "InputLayer":
                x = self.layer(layer, [x])
        return x

    def functional(self, told: Mapping[str, Any]) -> Value:
        made: dict[str, Value] = {}
        ends = []
        for key in ("input_layers", "output_layers"):
            names = told[key]
            names = [names] if isinstance(names[0], str) else names
            if len(names) != 1:
                self.builder.fail("the model", f"has {len(names)} {key.replace('_layers', 's')}, not one")
            ends.append(names[0][0])
        for layer in told["layers"]:
            name = layer.get("name", layer["config"]["name"])
            if layer["class_name"] == "InputLayer":
                made[name] = self.input(layer["config"])
                continue
            nodes = layer["inbound_nodes"]
            if len(nodes) != 1:
                self.builder.fail(f"{name}:", f"is used {len(nodes)} times; give each use a layer of its own")
            made[name] = self.layer(layer, [made[k] for k in _sources(nodes[0])])
        return made[ends[1]]

    def layer(self, layer: Mapping[str, Any], given: list[Value]) -> Value:
        kind, told = layer["class_name"], layer["config"]
        name = told.get("name", kind)
        known = LAYERS.get(kind)
        if known is None:
            rule = PARTS.get(kind) or f"has no counterpart among cells; what has: {SUPPORTED}"
            self.builder.fail(f"{name}: {kind}", rule)
        if told.get("data_format") == "channels_first":
            self.builder.fail(f"{name}: {kind}", "has channels first; build it with channels_last")
        return known(self, name, told, given, self.arrays.get(name, {}))

    # --- layers ----------------------------------------------------------------------------------

    def activated(self, name: str, x: Value, told: Any) -> Value:
        """An activation by name or configuration."""
        if isinstance(told, Mapping):
            return self.layer(told, [x])
        if told in (None, "linear"):
            return x
        if told in ("relu", "tanh", "sigmoid"):
            return self.builder.shown(name, x, told)
        if told == "relu6":
            return self.builder.shown(name, x, "clamp", low=0.0, high=6.0)
        if told == "hard_tanh":
            return self.builder.shown(name, x, "clamp", low=-1.0, high=1.0)
        if told == "hard_sigmoid":
            return self.builder.shown(name, self.builder.affine(name, x, 1 / 6, 0.5), "clamp")
        if told == "leaky_relu":
            return self.builder.shown(name, x, "leaky", slope=0.2)
        if told in ("softmax", "log_softmax"):
            return self.builder.end(f"{name}: softmax", x)
        self.builder.fail(f"{name}: {told}", PARTS.get(told) or "has a curve that no cell shows")

    def dense(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        y = self.builder.dense(name, given[0], arrays["kernel"].T, arrays.get("bias"))
        return self.activated(name, y, told["activation"])

    def inside(self, x: Value) -> Value:
        """Channels first."""
        return self.builder.view([x], np.moveaxis(np.arange(x.size).reshape(x.shape), -1, 0))

    def outside(self, x: Value) -> Value:
        """Channels last."""
        return self.builder.view([x], np.moveaxis(np.arange(x.size).reshape(x.shape), 0, -1))

    def around(self, name: str, told: Any, places: Any, window: Any, stride: Any, dilation: Any) -> Any:
        if told["padding"] == "same":
            return [same(*axis) for axis in zip(places, window, stride, dilation, strict=True)]
        if told["padding"] == "causal":
            return [(d * (k - 1), 0) for k, d in zip(window, dilation, strict=True)]
        return [(0, 0)] * len(window)

    def convolved(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        kernel = arrays["kernel"] if "kernel" in arrays else arrays["depthwise_kernel"]
        n, x = kernel.ndim - 2, self.inside(given[0])
        groups, stride = told.get("groups", 1), _axes(told["strides"], n)
        dilation, window = _axes(told.get("dilation_rate", 1), n), kernel.shape[:n]
        around = self.around(name, told, x.shape[1:], window, stride, dilation)
        seen = windows(x.shape[1:], window, stride=stride, padding=around, dilation=dilation)
        if "depth_multiplier" in told:  # (*window, channels, multiplier): every channel for itself
            groups = kernel.shape[n]
            kernel = kernel.reshape(*window, 1, -1)
        turned = np.moveaxis(kernel, (-1, -2), (0, 1))
        pointwise = arrays.get("pointwise_kernel")
        bias = None if pointwise is not None else arrays.get("bias")
        y = self.outside(self.builder.convolution(name, x, turned, bias, seen, groups))
        if pointwise is not None:
            y = self.builder.dense(name, y, pointwise.reshape(pointwise.shape[-2:]).T, arrays.get("bias"))
        return self.activated(name, y, told["activation"])

    def transposed(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        kernel = arrays["kernel"]  # (*window, channels_out, channels_in)
        n, x = kernel.ndim - 2, self.inside(given[0])
        stride, dilation = _axes(told["strides"], n), _axes(told.get("dilation_rate", 1), n)
        window, given_more = kernel.shape[:n], told.get("output_padding")
        if given_more is not None or any(d != 1 for d in dilation):
            self.builder.fail(
                f"{name}: transposed convolution", "must have no output_padding and no dilation"
            )
        padding, more = [], []
        for k, s in zip(window, stride, strict=True):
            # the length n s of "same" and max(k, s) + (n - 1) s of "valid"
            total = max(k - s, 0) if told["padding"] == "same" else 0
            padding.append(total // 2)
            more.append(max(s - k, 0) - (total - 2 * (total // 2)))
        seen = spread(
            x.shape[1:],
            window,
            stride=stride,
            padding=tuple(padding),
            dilation=dilation,
            output_padding=tuple(more),
        )
        turned = np.moveaxis(kernel, (-2, -1), (0, 1))
        y = self.outside(self.builder.convolution(name, x, turned, arrays.get("bias"), seen))
        return self.activated(name, y, told["activation"])

    def normalised(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x = given[0]
        axis = told["axis"][0] if isinstance(told["axis"], list) else told["axis"]
        if axis not in (-1, len(x.shape)):
            self.builder.fail(f"{name}: BatchNormalization", f"must be along the last axis, not {axis}")
        scale = arrays.get("gamma", 1.0) / np.sqrt(arrays["moving_variance"].astype(float) + told["epsilon"])
        return self.builder.affine(name, x, scale, arrays.get("beta", 0.0) - arrays["moving_mean"] * scale)

    def pooled(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x = self.inside(given[0])
        n = len(x.shape) - 1
        window = _axes(told["pool_size"], n)
        stride = window if told.get("strides") is None else _axes(told["strides"], n)
        around = self.around(name, told, x.shape[1:], window, stride, (1,) * n)
        seen = windows(x.shape[1:], window, stride=stride, padding=around)
        kind = "max" if "max" in told["kind"] else "average"
        return self.outside(self.builder.pool(name, x, kind, seen, window))

    def pooled_whole(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x = self.inside(given[0])
        members = np.arange(int(np.prod(x.shape[1:])), dtype=np.int32)[None, :]
        seen = Seen((1,) * (len(x.shape) - 1), members, np.ones_like(members, bool))
        y = self.builder.pool(name, x, "max" if "max" in told["kind"] else "average", seen, x.shape[1:])
        y = self.outside(y)
        flat = np.arange(y.size)
        return y if told.get("keepdims") else self.builder.view([y], flat)

    def joined(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        axis = told.get("axis", -1)
        rank = len(given[0].shape)
        axis = axis - 1 if axis > 0 else axis % rank
        ends = np.cumsum([0, *(v.size for v in given)])
        parts = [np.arange(v.size).reshape(v.shape) + e for v, e in zip(given, ends, strict=False)]
        return self.builder.view(given, np.concatenate(parts, axis=axis))

    def flat(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.view(given, np.arange(given[0].size))

    def reshaped(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.view(given, np.arange(given[0].size).reshape(told["target_shape"]))

    def permuted(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        index = np.arange(given[0].size).reshape(given[0].shape)
        return self.builder.view(given, index.transpose([d - 1 for d in told["dims"]]))

    def padded(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x, pads = given[0], told["padding"]
        pads = [
            (p, p) if isinstance(p, int) else tuple(p) for p in ([pads] if isinstance(pads, int) else pads)
        ]
        if len(x.shape) == 2 and len(pads) == 2 and all(a == b for a, b in pads):
            pads = [tuple(p[0] for p in pads)]  # (before, after) of one axis
        pads = pads * (len(x.shape) - 1) if len(pads) == 1 else pads
        index = np.arange(x.size).reshape(x.shape)
        return self.builder.view(given, np.pad(index, [*pads, (0, 0)], constant_values=-1))

    def cropped(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x, cuts = given[0], told["cropping"]
        cuts = [cuts] if isinstance(cuts[0], int) else cuts
        index = np.arange(x.size).reshape(x.shape)
        for axis, (a, b) in enumerate(cuts):
            index = index.take(np.arange(a, index.shape[axis] - b), axis)
        return self.builder.view(given, index)

    def repeated(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        if told.get("interpolation", "nearest") != "nearest":
            self.builder.fail(f"{name}: UpSampling2D", "must repeat (interpolation nearest)")
        index = np.arange(given[0].size).reshape(given[0].shape)
        for axis, k in enumerate(_axes(told["size"], index.ndim - 1)):
            index = index.repeat(k, axis)
        return self.builder.view(given, index)

    def rescaled(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.affine(name, given[0], np.asarray(told["scale"]), np.asarray(told["offset"]))

    def standardised(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        mean = np.asarray(arrays.get("mean", told.get("mean")), np.float64)
        variance = np.asarray(arrays.get("variance", told.get("variance")), np.float64)
        scale = 1.0 / np.maximum(np.sqrt(variance), 1e-7)
        if told.get("invert"):
            return self.builder.affine(name, given[0], 1.0 / scale, mean)
        return self.builder.affine(name, given[0], scale, -mean * scale)

    def relu(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        top, slope = told.get("max_value"), float(told.get("negative_slope") or 0.0)
        if told.get("threshold"):
            self.builder.fail(f"{name}: ReLU", "must have threshold 0")
        if top is not None and not slope:
            return self.builder.shown(name, given[0], "clamp", low=0.0, high=float(top))
        y = self.builder.shown(name, given[0], "leaky", slope=slope) if slope else None
        y = self.builder.shown(name, given[0], "relu") if y is None else y
        return y if top is None else self.builder.shown(name, y, "clamp", low=-np.inf, high=float(top))

    def leaky(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        slope = arrays.get("alpha", told.get("negative_slope", told.get("alpha", 0.3)))
        return self.builder.shown(name, given[0], "leaky", slope=slope)

    def added(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.sum(name, given, [1.0] * len(given))

    def subtracted(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.sum(name, given, [1.0, -1.0])

    def averaged(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return self.builder.sum(name, given, [1.0 / len(given)] * len(given))

    def larger(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        x = given[0]
        for other in given[1:]:
            x = self.builder.larger(name, x, other, told["kind"] == "minimum")
        return x

    def same(self, name: str, told: Any, given: list[Value], arrays: Any) -> Value:
        return given[0]


def _sources(node: Any) -> list[str]:
    """Layers that a layer reads, of Keras 3's and of Keras 2's configurations."""
    if isinstance(node, Mapping):
        found: list[str] = []

        def gather(part: Any) -> None:
            if isinstance(part, Mapping) and part.get("class_name") == "__keras_tensor__":
                found.append(part["config"]["keras_history"][0])
            elif isinstance(part, (list, tuple)):
                for each in part:
                    gather(each)

        gather(node["args"])
        return found
    return [each[0] for each in node]


def _axes(told: Any, n: int) -> tuple[int, ...]:
    return (int(told),) * n if isinstance(told, int) else tuple(int(k) for k in told)


Layer = Callable[[_Reader, str, Any, list[Value], Any], Value]


def _called(layer: Layer, kind: str) -> Layer:
    """A layer that is told which of its kind it is."""
    return lambda reader, name, told, given, arrays: layer(
        reader, name, {**told, "kind": kind}, given, arrays
    )


LAYERS: dict[str, Layer] = {
    "Dense": _Reader.dense,
    **dict.fromkeys(("Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv2D"), _Reader.convolved),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _Reader.transposed),
    "BatchNormalization": _Reader.normalised,
    **{f"{k}Pooling{n}D": _called(_Reader.pooled, k.lower()) for k in ("Max", "Average") for n in (1, 2)},
    **{
        f"Global{k}Pooling{n}D": _called(_Reader.pooled_whole, k.lower())
        for k in ("Max", "Average")
        for n in (1, 2)
    },
    "Flatten": _Reader.flat,
    "Reshape": _Reader.reshaped,
    "Permute": _Reader.permuted,
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _Reader.padded),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _Reader.cropped),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D"), _Reader.repeated),
    "Rescaling": _Reader.rescaled,
    "Normalization": _Reader.standardised,
    "Activation": lambda reader, name, told, given, arrays: reader.activated(
        name, given[0], told["activation"]
    ),
    "ReLU": _Reader.relu,
    **dict.fromkeys(("LeakyReLU", "PReLU"), _Reader.leaky),
    "Softmax": lambda reader, name, told, given, arrays: reader.activated(name, given[0], "softmax"),
    "Add": _Reader.added,
    "Subtract": _Reader.subtracted,
    "Average": _Reader.averaged,
    "Concatenate": _Reader.joined,
    "Maximum": _called(_Reader.larger, "maximum"),
    "Minimum": _called(_Reader.larger, "minimum"),
    **dict.fromkeys(
        ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Identity"),
        _Reader.same,
    ),
    "ActivityRegularization": _Reader.same,
}
