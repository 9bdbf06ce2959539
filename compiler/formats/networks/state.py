"""Arrays by name from a state dict: torch's own format, safetensors or .npz, nothing unpickled."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.arrays import npz_names, read_npz, read_safetensors
from compiler.errors import FormatError, UnsupportedError

ZIP = b"PK"


def read_state(path: str | os.PathLike) -> dict[str, Any]:
    """Entries of a .pt, .safetensors or .npz file: tensors as NumPy arrays, others as they are.

    Raises FormatError for a file that is none of these or damaged, UnsupportedError where torch
    is needed and missing.
    """
    if is_npz(path) or os.fspath(path).lower().endswith(".npz"):
        return read_npz(path)
    if _head(path).startswith(ZIP):
        loaded = load_pt(path)
        if not isinstance(loaded, Mapping):
            raise FormatError(
                f"{path}: holds a {type(loaded).__name__}, not a state dict; save module.state_dict()"
            )
        return unwrapped(loaded)
    return unwrapped(read_safetensors(path)[1])


WRAPPED = ("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "params")
"""What training loops call a module's weights in a checkpoint, beside the optimiser's state."""
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""


def unwrapped(loaded: Mapping[Any, Any]) -> dict[str, Any]:
    """The entries of a state dict that may be wrapped in a checkpoint's dictionaries."""
    inner = next((loaded[name] for name in WRAPPED if isinstance(loaded.get(name), Mapping)), None)
    if inner is not None:
        return unwrapped(inner)
    held = {str(k): plain(v) for k, v in loaded.items()}
    for prefix in PREFIXES:
        if held and all(name.startswith(prefix) for name in held):
            return unwrapped({name.removeprefix(prefix): value for name, value in held.items()})
    return held


def is_npz(path: str | os.PathLike) -> bool:
    """Whether the file is a zip of .npy members (torch's zips have none)."""
    if not _head(path).startswith(ZIP):
        return False
    names = npz_names(path)
    if names is None:
        return os.fspath(path).lower().endswith(".npz")
    return any(name.endswith(".npy") for name in names)


def load_pt(path: str | os.PathLike) -> Any:
    """What torch.save wrote, tensors and plain containers only (weights_only).

    Raises UnsupportedError without torch, FormatError for anything else in the file.
    """
    try:
        import torch
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading torch files needs torch: pip install 'thermoc[interop]', or save the "
            "state dict as .safetensors or .npz"
        ) from None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, ValueError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise FormatError(
            f"{path}: torch cannot read it as plain weights ({reason}); "
            "save module.state_dict(), not the module"
        ) from None


def plain(value: Any) -> Any:
    """A tensor as a NumPy array (16-bit floats, which NumPy lacks, as float32); others as is."""
    if not hasattr(value, "detach"):
        return value
    import torch

    value = value.detach().cpu()
    if value.dtype in (torch.bfloat16, torch.float16):
        value = value.to(torch.float32)
    return np.array(value.numpy())


def _head(path: str | os.PathLike) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(8)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
