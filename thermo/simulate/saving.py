"""Results as files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from compiler.files import replacing


def save_arrays(path: str | Path, content: dict[str, Any], *, compressed: bool = False) -> Path:
    """Write arrays as an npz, complete or not at all; returns the path, which ends in .npz.

    None is left out. Raises OutputError if it cannot be written.
    """
    target = Path(path)
    if target.suffix != ".npz":
        target = target.with_name(target.name + ".npz")
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in content.items() if value is not None}
    with replacing(target) as beside, beside.open("wb") as file:
        (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return target


def contents(result: Any, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a result by name."""
    return {f.name: getattr(result, f.name) for f in fields(result) if f.name not in without}
