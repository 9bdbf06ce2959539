"""torch.nn.Sequential: as a module, or of linear layers a state dict or a file of either format.

A module may have convolutions, batch normalisation and pooling. A state dict holds no activations, so
they must be named. torch itself is needed only for modules
and `.pt` files (extra `interop`); a state dict may be of NumPy arrays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import ACTIVATIONS, HEADS, MLP
from compiler.formats.networks.chain import Chain
from compiler.formats.networks.state import plain, read_state

_KEY = re.compile(r"(?:(?P<prefix>.*)\.)?(?P<index>\d+)\.(?P<part>weight|bias)\Z")
_MODULES = {"Tanh": "tanh", "ReLU": "relu", "Sigmoid": "sigmoid"}
_POOLS = {"AvgPool2d": "average", "MaxPool2d": "max"}
_IMAGES = ("Conv2d", "BatchNorm1d", "BatchNorm2d", *_POOLS, "Unflatten")
_IGNORED = ("Flatten", "Identity", "Dropout")


def from_state_dict(
    state: Mapping[str, Any],
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
    origin: str = "state dict",
) -> MLP:
    """The MLP of a Sequential's state dict with keys `0.weight`, `0.bias`, `2.weight`, ...

    activation : phi of every hidden layer; output_activation : phi of the last one. A missing bias
        is 0; a common prefix (`net.0.weight`) is allowed.
    A classifier with one output decides by its sign (or by 1/2 after a sigmoid).

    Raises UnsupportedError for a key that is no linear layer's or an activation that is not named.
    """
    layers: dict[int, dict[str, np.ndarray]] = {}
    prefixes = set()
    for key, tensor in state.items():
        match = _KEY.match(key)
        array = _array(tensor)
        if match is None or array.ndim != (2 if match["part"] == "weight" else 1):
            raise UnsupportedError(
                f"{origin}: entry {key!r} with shape {array.shape} is no linear layer of a "
                "Sequential (keys `0.weight`, `0.bias`); only fully connected chains are supported"
            )
        prefixes.add(match["prefix"])
        layers.setdefault(int(match["index"]), {})[match["part"]] = array
    if not layers or len(prefixes) > 1:
        found = ", ".join(sorted(str(p) for p in prefixes)) or "no layer"
        raise UnsupportedError(f"{origin}: one Sequential is needed, got {found}")
    if activation is None and len(layers) > 1:
        raise UnsupportedError(
            f"{origin}: a state dict does not hold the activation; name it: " + ", ".join(ACTIVATIONS)
        )
    weights, biases = [], []
    for index in sorted(layers):
        if "weight" not in layers[index]:
            raise UnsupportedError(f"{origin}: layer {index} has a bias but no weight")
        weights.append(layers[index]["weight"])
        biases.append(layers[index].get("bias", np.zeros(weights[-1].shape[0])))
    names = [activation or "identity"] * (len(weights) - 1) + [output_activation]
    return chain_to_mlp(weights, biases, names, head=head, labels=labels, origin=origin)


def from_module(
    module: Any,
    *,
    head: str = "classification",
    labels: tuple[str, ...] = (),
    input_shape: tuple[int, ...] = (),
) -> MLP | FeedForward:
    """The model of a torch.nn.Sequential: an MLP of Linear, Tanh, ReLU, Sigmoid (Flatten, Identity, Dropout
    do nothing at inference; a Softmax at the end changes no decision); with Conv2d, BatchNorm, AvgPool2d or
    MaxPool2d, too, a FeedForward.

    input_shape : (height, width, channels) of images, where no Unflatten at the beginning tells it. The
        data have channels innermost; the module's weights are turned to match

    Raises UnsupportedError for any other module, by name.
    """
    modules = list(module.children()) if type(module).__name__ == "Sequential" else [module]
    if input_shape or any(type(child).__name__ in _IMAGES for child in modules):
        return _image_network(modules, head, labels, input_shape)
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    names: list[str] = []
    for k, child in enumerate(modules):
        name = type(child).__name__
        if name == "Linear":
            weights.append(_array(child.weight))
            no_bias = child.bias is None
            biases.append(np.zeros(child.out_features) if no_bias else _array(child.bias))
            names.append("identity")
        elif name in _MODULES and names and names[-1] == "identity":
            names[-1] = _MODULES[name]
        elif name in _IGNORED or (
            name in ("Softmax", "LogSoftmax") and k == len(modules) - 1 and head == "classification"
        ):
            continue
        else:
            raise UnsupportedError(
                f"torch: module {k} ({name}) is not supported here; a chain of Linear, each with "
                f"at most one of {', '.join(_MODULES)} behind it, is"
            )
    if not weights:
        raise UnsupportedError("torch: the module has no Linear layer")
    return chain_to_mlp(weights, biases, names, head=head, labels=labels, origin="torch")


def _image_network(
    modules: list[Any], head: str, labels: tuple[str, ...], input_shape: tuple[int, ...]
) -> FeedForward:
    if input_shape and len(input_shape) != 3:
        raise UnsupportedError(f"torch: input_shape must be (height, width, channels), got {input_shape}")
    shape = (input_shape[0], input_shape[1], input_shape[2]) if input_shape else None
    if modules and type(modules[0]).__name__ == "Unflatten" and len(modules[0].unflattened_size) == 3:
        channels, height, width = modules[0].unflattened_size
        shape, modules = (int(height), int(width), int(channels)), modules[1:]
    chain = Chain("torch", shape)
    for k, child in enumerate(modules):
        name = type(child).__name__
        what = f"module {k} ({name})"
        if name == "Linear":
            chain.dense(what, _array(child.weight), _bias(child, child.out_features))
        elif name == "Conv2d":
            if (
                child.groups != 1
                or any(d != 1 for d in _pair(child.dilation))
                or child.padding_mode != "zeros"
            ):
                chain.fail(what, "must have groups 1, dilation 1 and padding by zeros")
            if isinstance(child.padding, str):
                chain.fail(what, f"must have its padding as a number, got {child.padding!r}")
            stride, padding = (
                _one(chain, what, "stride", child.stride),
                _one(chain, what, "padding", child.padding),
            )
            chain.convolution(what, _array(child.weight), _bias(child, child.out_channels), stride, padding)
        elif name in ("BatchNorm1d", "BatchNorm2d"):
            if child.running_mean is None:
                chain.fail(what, "has no running statistics: train it with track_running_stats")
            mean, variance = _array(child.running_mean), _array(child.running_var)
            scale = np.ones_like(mean) if child.weight is None else _array(child.weight)
            shift = np.zeros_like(mean) if child.bias is None else _array(child.bias)
            chain.normalise(what, mean, variance, scale, shift, float(child.eps))
        elif name in _POOLS:
            if (
                any(_pair(child.padding))
                or child.ceil_mode
                or any(d != 1 for d in _pair(getattr(child, "dilation", 1)))
            ):
                chain.fail(what, "must have no padding, no dilation and no ceil_mode")
            height, width = _pair(child.kernel_size)
            chain.pool(what, _POOLS[name], height, width, _one(chain, what, "stride", child.stride))
        elif name in _MODULES:
            chain.activate(what, _MODULES[name])
        elif name == "Flatten":
            chain.flatten()
        elif name not in ("Identity", "Dropout", "Dropout2d") and not (
            name in ("Softmax", "LogSoftmax") and k == len(modules) - 1 and head == "classification"
        ):
            known = ", ".join(("Linear", *_IMAGES, *_MODULES, "Flatten"))
            chain.fail(what, f"is not supported here; a chain of {known} is")
    return chain.finish(head, labels)


def _bias(child: Any, n: int) -> np.ndarray:
    return np.zeros(n) if child.bias is None else _array(child.bias)


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _one(chain: Chain, what: str, name: str, value: Any) -> int:
    rows, columns = _pair(value)
    if rows != columns:
        chain.fail(what, f"must have the same {name} along both sides, got {rows} and {columns}")
    return rows


def read_torch(
    path: str | os.PathLike,
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
) -> MLP:
    """The MLP of a state dict in a .pt (read with weights_only), .safetensors or .npz file.

    Raises FormatError for a file that is none of these, UnsupportedError as from_state_dict, and
    where torch is missing.
    """
    state = read_state(path)
    return from_state_dict(
        state, activation, output_activation=output_activation, head=head, labels=labels, origin=str(path)
    )


def _array(tensor: Any) -> np.ndarray:
    return np.array(plain(tensor))


def chain_to_mlp(
    weights: list[np.ndarray],
    biases: list[np.ndarray],
    activations: list[str],
    *,
    head: str,
    labels: tuple[str, ...],
    origin: str,
) -> MLP:
    """MLP of a chain of layers. A classifier with one output gets two answers, y below and above
    its threshold: 0, or 1/2 after a sigmoid or clip."""
    scale = offset = None
    if head not in HEADS:
        raise UnsupportedError(f"head must be {' or '.join(HEADS)}, got {head!r}")
    if head == "classification" and weights[-1].shape[0] == 1:
        scale = np.array([[-1.0], [1.0]])
        threshold = 0.5 if activations[-1] in ("sigmoid", "clip") else 0.0
        offset = np.array([threshold, -threshold]) if threshold else None
        labels = labels or ("0", "1")
    return MLP(
        tuple(weights),
        tuple(biases),
        tuple(activations),
        head=head,
        output_scale=scale,
        output_offset=offset,
        labels=labels,
        meta={"origin": os.path.basename(origin)},
    )
