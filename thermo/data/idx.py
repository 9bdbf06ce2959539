"""IDX files, MNIST's: a header of shape, then numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from thermo.data.arrays import dataset_of
from thermo.data.dataset import DataError, Dataset
from thermo.data.sources import read_bytes

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
IMAGES, LABELS = "images", "labels"
TRAIN, TEST = "train", ("t10k", "test")


def is_idx(path: Path) -> bool:
    """Whether a file's name is that of an IDX file."""
    return "-ubyte" in path.name or ".idx" in path.name.lower()


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file, packed or not; DataError for a damaged one."""
    raw = read_bytes(path)
    dtype = TYPES.get(raw[2]) if len(raw) >= 4 and raw[:2] == b"\0\0" else None
    if dtype is None or not raw[3] or len(raw) < 4 + 4 * raw[3]:
        raise DataError(f"{path}: not an IDX file (two zeros, a type, dimensions, sizes); fetch it again")
    shape = tuple(int(k) for k in np.frombuffer(raw, ">u4", raw[3], 4))
    header, size = 4 + 4 * len(shape), int(np.prod(shape, dtype=np.float64)) * np.dtype(dtype).itemsize
    if len(raw) != header + size:
        raise DataError(f"{path}: {len(raw)} bytes, its header promises {header + size}; fetch it again")
    values = np.frombuffer(raw, dtype, offset=header).reshape(shape)
    return values.astype(values.dtype.newbyteorder("="))


def read_dataset(path: Path) -> Dataset:
    """The data set of an IDX file of images, or of a folder of them, labels in files beside them.

    Files of images and of labels are told by those words in their names; those with t10k or test in
    their names are the test split.
    """
    files = sorted(p for p in path.iterdir() if is_idx(p)) if path.is_dir() else [path, _beside(path)]
    pairs: dict[str, dict[str, Path]] = {"train": {}, "test": {}}
    for file in files:
        part = "test" if any(word in file.name for word in TEST) and path.is_dir() else "train"
        for side in (IMAGES, LABELS):
            if side in file.name:
                kept = pairs[part].setdefault(side, file)
                if kept != file and kept.name.removesuffix(".gz") != file.name.removesuffix(".gz"):
                    raise DataError(
                        f"{path}: {kept.name} and {file.name} are both {side} of the {part} split; name one "
                        "of them, --data FILE"
                    )
    for part in [p for p, pair in pairs.items() if p == "train" or pair]:
        if missing := {IMAGES, LABELS} - pairs[part].keys():
            raise DataError(
                f"{path}: no IDX file of {' and '.join(sorted(missing))} for the {part} split among "
                f"{', '.join(f.name for f in files) or 'no files'}; name them "
                "...-images-... and ...-labels-..."
            )
    found = {p: (read_idx(pair[IMAGES]), read_idx(pair[LABELS])) for p, pair in pairs.items() if pair}
    return dataset_of(path.name, *found["train"], test=found.get("test"))


def _beside(images: Path) -> Path:
    """The file of labels of a file of images."""
    names = [images.name.replace(IMAGES, LABELS).replace(f"idx{k}", "idx1") for k in (3, 4, 2)]
    for name in dict.fromkeys(names):
        if name != images.name and images.with_name(name).is_file():
            return images.with_name(name)
    raise DataError(f"{images}: no labels beside it; call them {names[0]}, and images ...-images-...")
