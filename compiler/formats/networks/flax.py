"""Flax: parameters by layer names, of linen's variables or nnx's state; neither holds a graph.

Arrays are Keras' own (kernels (*window, channels_in, channels_out), channels last), so that its reader takes
them where the layers are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.formats.networks.keras import model_of
from compiler.formats.networks.torch import from_state_dict

PARTS = {"kernel": "weight", "bias": "bias"}


def from_flax(
    variables: Any,
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
) -> MLP:
    """The MLP of one chain of Dense (linen) or Linear (nnx) layers, in the order of the numbers in their
    names, else as they are given.

    variables : {"params": {"Dense_0": {"kernel": (n_in, n_out), "bias": (n_out,)}, ...}}, what is in it, or
        nnx.state(model)
    activation : phi of every hidden layer; output_activation : phi of the last one

    Raises UnsupportedError for other layers and an activation that is not named.
    """
    held = variables.get("params", variables) if hasattr(variables, "get") else variables
    state = {}
    for path, value in _leaves(held, ()):
        *layer, part = path
        array = np.asarray(value)
        if part not in PARTS or array.ndim != (2 if part == "kernel" else 1):
            raise UnsupportedError(
                f"flax: {'.'.join(path)} with shape {array.shape} is no dense layer's kernel or bias; "
                "parameters hold no graph: tell the layers in their order to from_flax_layers, export the "
                "model to ONNX, or give one chain of dense layers"
            )
        array = array.astype(np.float32) if array.dtype.itemsize == 2 else array
        state[".".join([*layer, PARTS[part]])] = array.T if part == "kernel" else array
    return from_state_dict(
        state, activation, output_activation=output_activation, head=head, labels=labels, origin="flax"
    )


CURVES = ("relu", "relu6", "tanh", "sigmoid", "hard_tanh", "hard_sigmoid", "softmax", "log_softmax")
POOLS = {"avg_pool": "AveragePooling", "max_pool": "MaxPooling"}
NORM = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}


def from_flax_layers(
    variables: Any,
    layers: Sequence[str | tuple[Any, ...]],
    input_shape: Sequence[int],
    *,
    head: str = "classification",
    labels: tuple[str, ...] = (),
) -> MLP | FeedForward:
    """The model of one chain of layers, told in their order.

    variables : linen's {"params": ..., "batch_stats": ...}, or nnx.state(model)
    layers : in their order,
        the name of one with parameters, as "block.Conv_0", or (name, {"strides": 2, "padding": "VALID"})
            where that differs from Flax' defaults (of a BatchNorm "epsilon")
        "relu", "relu6", "tanh", "sigmoid", "hard_tanh", "hard_sigmoid"; "softmax" at the end
        ("avg_pool" or "max_pool", window, strides[, padding]); "global_avg_pool", the mean over all places
        "flatten"
    input_shape : of a sample, channels last

    Raises UnsupportedError for a name that is none, parameters that no layer takes, and a layer without a
    counterpart among cells.
    """
    arrays: dict[str, dict[str, np.ndarray]] = {}
    sources = (
        [variables.get(k, {}) for k in ("params", "batch_stats")]
        if _has(variables, "params")
        else [variables]
    )
    for held in sources:
        for (*layer, part), value in _leaves(held, ()):
            array = np.asarray(value)
            array = array.astype(np.float32) if array.dtype.itemsize == 2 else array
            arrays.setdefault(".".join(layer), {})[part] = array
    told: list[dict[str, Any]] = []
    used: dict[str, dict[str, np.ndarray]] = {}
    for k, given in enumerate(layers):
        name, more = (given, ()) if isinstance(given, str) else (given[0], given[1:])
        if name in arrays:
            kind, options, parts = _parametrised(name, arrays[name], *more)
            used[name] = parts
            told.append({"class_name": kind, "config": {"name": name, **options}})
        else:
            kind, options = _plain(name, len(input_shape) - 1, arrays, *more)
            told.append({"class_name": kind, "config": {"name": f"{name}_{k}", **options}})
    left = [name for name in arrays if name not in used]
    if left:
        raise UnsupportedError(f"flax: no layer takes the parameters of {', '.join(left)}; name all in order")
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *input_shape]}}
    config = {"class_name": "Sequential", "config": {"layers": [first, *told]}}
    return model_of("flax", config, used, head, labels)


def _has(variables: Any, name: str) -> bool:
    return hasattr(variables, "get") and name in variables


def _parametrised(
    name: str, parts: Mapping[str, np.ndarray], options: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """(Keras' kind, its configuration, its arrays) of a layer with parameters."""
    given = dict(options or {})
    kernel = parts.get("kernel")
    if kernel is None and {"mean", "var"} <= set(parts):
        epsilon = given.pop("epsilon", 1e-5)
        found = "BatchNormalization", {"axis": -1, "epsilon": epsilon}, {NORM[k]: v for k, v in parts.items()}
    elif kernel is not None and kernel.ndim == 2:
        found = "Dense", {"activation": "linear"}, dict(parts)
    elif kernel is not None and kernel.ndim in (3, 4):
        convolved = {
            "strides": given.pop("strides", 1),
            "padding": str(given.pop("padding", "SAME")).lower(),
            "dilation_rate": given.pop("kernel_dilation", 1),
            "groups": given.pop("feature_group_count", 1),
            "activation": "linear",
        }
        found = f"Conv{kernel.ndim - 2}D", convolved, dict(parts)
        if convolved["padding"] not in ("same", "valid"):
            raise UnsupportedError(
                f"flax: {name}: padding is 'SAME' or 'VALID', got {convolved['padding']!r}"
            )
    else:
        raise UnsupportedError(
            f"flax: {name} holds {', '.join(parts)}: no dense layer, convolution or batch normalisation with "
            "its statistics"
        )
    if given:
        raise UnsupportedError(f"flax: {name}: {', '.join(given)} is no option of a {found[0]}")
    return found


def _plain(name: str, n: int, arrays: Mapping[str, Any], *more: Any) -> tuple[str, dict[str, Any]]:
    """(Keras' kind, its configuration) of what has no parameters, on n axes of places."""
    if name in CURVES and not more:
        return "Activation", {"activation": name}
    if name == "flatten" and not more:
        return "Flatten", {}
    if name == "global_avg_pool" and not more:
        return f"GlobalAveragePooling{n}D", {}
    if name in POOLS and len(more) in (2, 3):
        window, strides, *padding = more
        around = str(padding[0]).lower() if padding else "valid"
        return f"{POOLS[name]}{n}D", {"pool_size": window, "strides": strides, "padding": around}
    raise UnsupportedError(
        f"flax: {name} is no layer of the parameters ({', '.join(arrays)}) and none of {', '.join(CURVES)}, "
        "flatten, global_avg_pool, (avg_pool or max_pool, window, strides[, padding])"
    )


def _leaves(held: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Arrays with the names that lead to them."""
    if isinstance(held, Mapping):
        for name, inner in held.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        # nnx keeps arrays in variables
        yield path, held[...] if hasattr(held, "get_value") else held
