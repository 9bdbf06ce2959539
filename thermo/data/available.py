"""Which named data sets are on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from thermo.data.dataset import DataError
from thermo.data.sources import SOURCES, find_file

EMBEDDED = ("digits", "cosine")
_LOCAL = {
    "cifar10": ("cifar10", [f"data_batch_{k}.bin" for k in range(1, 6)]),
    **{f"monk{k}": ("monk", [f"monks-{k}.train", f"monks-{k}.test"]) for k in (1, 2, 3)},
}


def files_of(name: str, data_dir: str | os.PathLike | None = None) -> list[Path]:
    """Files of the named data set, none of an embedded one. Raises DataError if one is missing."""
    if name in EMBEDDED:
        return []
    folder, files = _LOCAL.get(name) or (SOURCES[name].folder, [f.name for f in SOURCES[name].files])
    return [find_file(folder, file, data_dir, dataset=name) for file in files]


def is_here(name: str, data_dir: str | os.PathLike | None = None) -> bool:
    """Whether every file of the named data set is here."""
    try:
        files_of(name, data_dir)
    except DataError:
        return False
    return True
