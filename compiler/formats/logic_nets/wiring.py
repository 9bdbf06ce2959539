"""The wiring of a network in a file of its own, where the state dict has none.

difflogic keeps the indices of its layers in plain attributes, which a state dict leaves out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from compiler.arrays import read_npz, read_safetensors
from compiler.errors import FormatError
from compiler.formats.logic_nets.stack import whole_numbers
from compiler.formats.networks.state import is_npz, load_pt, plain

HOW = (
    "save it beside the model, numpy.savez('wiring.npz', *[torch.stack(tuple(m.indices)).cpu() "
    "for m in model if hasattr(m, 'indices')]), and give --wiring wiring.npz"
)


def read_wiring(path: str | os.PathLike) -> list[np.ndarray]:
    """Index arrays in the order of the layers, each (2, gates) or (candidates, 2, gates) int64.

    A .npz or .safetensors file with an array a layer (in the order of the numbers in their names)
    or a .pt file with a list, or a dict, of tensors or of pairs of tensors.

    Raises FormatError for any other file or shape, naming the entry.
    """
    entries: Iterable[tuple[str, Any]]
    if os.fspath(path).lower().endswith(".c"):
        raise FormatError(
            f"{path}: C code that difflogic generates holds gates, wiring and classes: compile it by itself, "
            "without the model's file"
        )
    if is_npz(path):
        entries = _sorted(read_npz(path))
    elif os.fspath(path).lower().endswith(".safetensors"):
        entries = _sorted(read_safetensors(path)[1])
    else:
        loaded = load_pt(path)
        if isinstance(loaded, Mapping):
            entries = _sorted(loaded)
        elif isinstance(loaded, list | tuple):
            entries = [(f"entry {k}", value) for k, value in enumerate(loaded)]
        else:
            raise FormatError(f"{path}: holds a {type(loaded).__name__}; wiring is a list of index tensors")
    return [_indices(value, name, str(path)) for name, value in entries]


def _indices(value: Any, name: str, path: str) -> np.ndarray:
    if isinstance(value, list | tuple):
        parts = [np.asarray(plain(part)) for part in value]
        if len({part.shape for part in parts}) != 1:
            raise FormatError(f"{path}: {name} must be two index arrays of equal length")
        value = np.stack(parts)
    array = whole_numbers(plain(value), name, path)
    if array.ndim not in (2, 3) or array.shape[-2] != 2:
        raise FormatError(
            f"{path}: {name} has shape {array.shape}; wiring is (2, gates), or (candidates, 2, "
            "gates) where it is learnt"
        )
    return array


def _sorted(entries: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """By the numbers in the names: arr_2 before arr_10."""
    return sorted(entries.items(), key=lambda item: [int(n) for n in re.findall(r"\d+", str(item[0]))])
