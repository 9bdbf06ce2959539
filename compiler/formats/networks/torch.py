"""torch.nn.Sequential of linear layers: as a module, a state dict, or a file of either format.

A state dict holds no activations, so they must be named. torch itself is needed only for modules
and `.pt` files (extra `interop`); a state dict may be of NumPy arrays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.mlp import ACTIVATIONS, HEADS, MLP
from compiler.formats.networks.state import plain, read_state

_KEY = re.compile(r"(?:(?P<prefix>.*)\.)?(?P<index>\d+)\.(?P<part>weight|bias)\Z")
_MODULES = {"Tanh": "tanh", "ReLU": "relu", "Sigmoid": "sigmoid"}
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


def from_module(module: Any, *, head: str = "classification", labels: tuple[str, ...] = ()) -> MLP:
    """The MLP of a torch.nn.Sequential of Linear, Tanh, ReLU, Sigmoid (Flatten, Identity, Dropout
    do nothing at inference; a Softmax at the end changes no decision).

    Raises UnsupportedError for any other module, by name.
    """
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    names: list[str] = []
    modules = list(module.children()) if type(module).__name__ == "Sequential" else [module]
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
