"""Data sets by name."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from thermo.data import folders, idx, npz, tables
from thermo.data.dataset import DataError, Dataset, split_rows
from thermo.data.sources import find_file, read_bytes

NAMES = ("digits", "mnist", "fashion-mnist", "cifar10", "monk1", "monk2", "monk3", "cosine")


def load_dataset(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """The named data set, or the one in the file or folder of that name.

    digits : scikit-learn's 1,797 8x8 digits, embedded; stratified 65/15/20 %, seed 0
    mnist, fashion-mnist : the last 5,000 training images are the validation split
    cifar10 : batches 1-4 train (last 4,000 validation), batch 5 held out as the test split
    monk1, monk2, monk3 : attributes one-hot; 20 % of the training rows validate
    cosine : y = cos(2 pi z) on [0, 1], regression (arXiv 2412.17183)
    a file or a folder : .npz (thermo.data.npz), .csv, .tsv or .parquet (tables), IDX (idx), folders of
        pictures (folders); what it holds is told by thermo.data.arrays.dataset_of, which says so in `notes`

    Raises DataError if it is unknown, missing or damaged.
    """
    reader = _reader(name)
    if reader is not None:
        return reader(Path(name))
    if name == "digits":
        return _digits()
    if name in ("mnist", "fashion-mnist"):
        return _idx(name, data_dir)
    if name == "cifar10":
        return _cifar10(data_dir)
    if name in ("monk1", "monk2", "monk3"):
        return _monk(int(name[-1]), data_dir)
    if name == "cosine":
        return _cosine()
    raise DataError(
        f"no data set {name!r}; choose one of {', '.join(NAMES)}, or a file or folder of "
        "your own (.npz, .csv, .parquet, IDX, folders of pictures)"
    )


def _reader(name: str) -> Callable[[Path], Dataset] | None:
    """What reads a file or folder of this name, None for the name of a data set."""
    path = Path(name)
    if name.endswith(".npz"):
        return npz.read_dataset
    if tables.is_table(path):
        return tables.read_dataset
    if name in NAMES or not path.exists():
        return None
    if path.is_dir():
        if any(idx.is_idx(p) for p in path.iterdir()):
            return idx.read_dataset
        if folders.holds_pictures(path):
            return folders.read_dataset
        raise DataError(f"{name}: no IDX files and no folders of pictures in this folder; name a file in it")
    return idx.read_dataset if idx.is_idx(path) else None


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = (bunch.data / 16.0).astype(np.float32)
    y = bunch.target.astype(np.int64)
    train, valid, test = split_rows(y, 0.15, 0.20)
    return Dataset(
        "digits",
        x[train],
        y[train],
        x[valid],
        y[valid],
        x[test],
        y[test],
        10,
        (8, 8),
        tuple(str(k) for k in range(10)),
        "stratified 65/15/20 %, seed 0",
    )


_FASHION = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def _idx(name: str, data_dir: str | os.PathLike | None, n_valid: int = 5000) -> Dataset:
    def images(stem: str) -> tuple[np.ndarray, np.ndarray]:
        x = idx.read_idx(find_file(name, f"{stem}-images-idx3-ubyte.gz", data_dir, dataset=name))
        y = idx.read_idx(find_file(name, f"{stem}-labels-idx1-ubyte.gz", data_dir, dataset=name))
        return x.reshape(x.shape[0], -1).astype(np.float32) / np.float32(255), y.astype(np.int64)

    x, y = images("train")
    x_test, y_test = images("t10k")
    return Dataset(
        name,
        x[:-n_valid],
        y[:-n_valid],
        x[-n_valid:],
        y[-n_valid:],
        x_test,
        y_test,
        10,
        (28, 28),
        _FASHION if name == "fashion-mnist" else tuple(str(k) for k in range(10)),
        f"{x.shape[0] - n_valid:,} train, last {n_valid:,} of the training file validation, "
        f"official test {x_test.shape[0]:,}",
    )


_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _cifar10(data_dir: str | os.PathLike | None) -> Dataset:
    def batch(k: int) -> bytes:
        try:
            return read_bytes(find_file("cifar10", f"data_batch_{k}.bin", data_dir, dataset="cifar10"))
        except DataError:
            archive = find_file("cifar10", "cifar-10-binary.tar.gz", data_dir, dataset="cifar10")
            with tarfile.open(archive) as tar:
                member = tar.extractfile(f"cifar-10-batches-bin/data_batch_{k}.bin")
                assert member is not None
                return member.read()

    def records(raw: bytes, k: int) -> np.ndarray:
        if len(raw) != 10000 * 3073:
            raise DataError(f"cifar10 batch {k}: {len(raw)} bytes, must be {10000 * 3073}; fetch it again")
        return np.frombuffer(raw, np.uint8).reshape(10000, 3073)

    rows = np.concatenate([records(batch(k), k) for k in range(1, 6)])
    # Stored as R, G, B planes; images are (height, width, channel) here.
    x = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 3072)
    x = x.astype(np.float32) / np.float32(255)
    y = rows[:, 0].astype(np.int64)
    return Dataset(
        "cifar10",
        x[:36000],
        y[:36000],
        x[36000:40000],
        y[36000:40000],
        x[40000:],
        y[40000:],
        10,
        (32, 32, 3),
        _CIFAR10,
        "batches 1-4: 36,000 train and the last 4,000 validation; batch 5 held out as test",
    )


_MONK_VALUES = (3, 3, 2, 3, 4, 2)


def _monk(k: int, data_dir: str | os.PathLike | None) -> Dataset:
    def table(part: str) -> tuple[np.ndarray, np.ndarray]:
        path = find_file("monk", f"monks-{k}.{part}", data_dir, dataset=f"monk{k}")
        rows = []
        for number, line in enumerate(read_bytes(path).decode().splitlines(), 1):
            words = line.split()
            if not words:
                continue
            if len(words) != 8 or not all(w.isdecimal() for w in words[:7]):
                raise DataError(f"{path}, line {number}: must be a class, 6 attributes and an id")
            rows.append([int(w) for w in words[:7]])
        a = np.array(rows)
        x = np.concatenate(
            [np.eye(v, dtype=np.float32)[a[:, i + 1] - 1] for i, v in enumerate(_MONK_VALUES)], 1
        )
        return x, a[:, 0].astype(np.int64)

    x, y = table("train")
    x_test, y_test = table("test")
    train, valid, _ = split_rows(y, 0.2, 0.0)
    return Dataset(
        f"monk{k}",
        x[train],
        y[train],
        x[valid],
        y[valid],
        x_test,
        y_test,
        2,
        (),
        ("0", "1"),
        "20 % of the training rows validate, seed 0; official test rows",
    )


def _cosine() -> Dataset:
    z = np.linspace(0.0, 1.0, 250, dtype=np.float32)[:, None]
    y = np.cos(2 * np.pi * z).astype(np.float32)[:, 0]
    train, valid, test = split_rows(y, 0.15, 0.20)
    return Dataset(
        "cosine",
        z[train],
        y[train],
        z[valid],
        y[valid],
        z[test],
        y[test],
        0,
        (),
        (),
        "250 points on [0, 1], shuffled 65/15/20 %, seed 0",
    )
