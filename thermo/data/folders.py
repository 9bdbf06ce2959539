"""Folders of pictures, a folder a class. Pillow is imported here and nowhere else in thermo.data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compiler.errors import UnsupportedError
from thermo.data.arrays import Pair, dataset_of
from thermo.data.dataset import DataError, Dataset

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
"""Names of folders that hold a split, each with a folder a class."""
MOST = 1 << 30  # pixels of all pictures together


def holds_pictures(path: Path) -> bool:
    """Whether a folder has folders of pictures in it."""
    return any(p.suffix.lower() in ENDINGS for sub in ("*/*", "*/*/*") for p in path.glob(sub))


def read_dataset(path: Path) -> Dataset:
    """The data set of FOLDER/class/picture, or of FOLDER/train/class/picture with test or valid beside it.

    All pictures have one size; they are grey where all are. Raises DataError for others, UnsupportedError
    without Pillow.
    """
    folders = {SPLITS[p.name]: p for p in sorted(path.iterdir()) if p.is_dir() and p.name in SPLITS}
    if folders and "train" not in folders:
        raise DataError(f"{path}: has {', '.join(p.name for p in folders.values())} and no folder train")
    found = _pairs(folders or {"train": path})
    return dataset_of(path.name, *found["train"], valid=found.get("valid"), test=found.get("test"))


def _pairs(folders: dict[str, Path]) -> dict[str, Pair]:
    try:
        from PIL import Image
    except ImportError:
        raise UnsupportedError("pictures need the package pillow: pip install 'thermoc[data]'") from None

    listed = {
        part: [
            (file, group.name)
            for group in sorted(p for p in folder.iterdir() if p.is_dir())
            for file in sorted(group.iterdir())
            if file.suffix.lower() in ENDINGS
        ]
        for part, folder in folders.items()
    }
    first: tuple[Path, tuple[int, int]] | None = None
    pictures: dict[str, list[np.ndarray]] = {part: [] for part in listed}
    for part, files in listed.items():
        for file, _ in files:
            try:
                with Image.open(file) as image:
                    first = first or (file, image.size)
                    if image.size != first[1]:
                        raise DataError(
                            f"{file}: {image.width} x {image.height} pixels, {first[0].name} has "
                            f"{first[1][0]} x {first[1][1]}; bring all to one size"
                        )
                    if sum(map(len, listed.values())) * image.width * image.height > MOST:
                        raise DataError(
                            f"{file}: {image.width} x {image.height} pixels are too many for so many "
                            "pictures; make them smaller (28 x 28 or 32 x 32)"
                        )
                    grey = image.mode in ("1", "L", "LA")
                    pictures[part].append(np.asarray(image.convert("L" if grey else "RGB")))
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                raise DataError(f"{file}: not read as a picture ({' '.join(str(error).split())})") from None
    colour = any(p.ndim == 3 for some in pictures.values() for p in some)

    def alike(p: np.ndarray) -> np.ndarray:
        return np.repeat(p[:, :, None], 3, axis=2) if colour and p.ndim == 2 else p

    empty = [str(folders[part]) for part, some in pictures.items() if not some]
    if empty:
        raise DataError(
            f"{empty[0]}: no pictures in its folders; put those of a class into a folder of its name"
        )
    return {
        part: (np.stack([alike(p) for p in pictures[part]]), np.array([name for _, name in listed[part]]))
        for part in pictures
    }
