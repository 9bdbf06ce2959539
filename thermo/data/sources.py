"""Files behind the named data sets: where they are looked for, and how they are fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pooch

from compiler.errors import FormatError
from compiler.packed import read_packed
from thermo.data.dataset import DataError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a data set with its MD5 checksum (of the file as served)."""

    name: str
    md5: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of a data set come from.

    folder : sub-folder of the data directory
    base_url : address that the file names are appended to
    """

    folder: str
    base_url: str
    files: tuple[RemoteFile, ...]


SOURCES = {
    "mnist": Source(
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            RemoteFile("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            RemoteFile("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            RemoteFile("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            RemoteFile("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
    ),
    "fashion-mnist": Source(
        "fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            RemoteFile("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            RemoteFile("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
            RemoteFile("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            RemoteFile("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    ),
    "cifar10": Source(
        "cifar10",
        "https://www.cs.toronto.edu/~kriz/",
        (RemoteFile("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),),
    ),
}


def data_folders(data_dir: str | os.PathLike | None = None) -> list[Path]:
    """Folders searched, in order: `data_dir`, else THERMOC_DATA, then the user's cache."""
    given = data_dir or os.environ.get("THERMOC_DATA")
    folders = [Path(given)] if given else []
    return [*folders, Path(pooch.os_cache("thermoc"))]


def find_file(folder: str, name: str, data_dir: str | os.PathLike | None = None, *, dataset: str) -> Path:
    """The path of data file `name` (or `name` without .gz, or with .xz), DataError if missing."""
    roots = data_folders(data_dir)
    names = [name, name.removesuffix(".gz"), name + ".xz"]
    for root in roots:
        for candidate in (c / n for c in (root / folder, root) for n in names):
            # Fashion-MNIST has MNIST's file names: only its own folder can tell them apart.
            if candidate.is_file() and (candidate.parent != root or folder != "fashion-mnist"):
                return candidate
    way_out = (
        f"`thermoc data fetch {dataset}`, or set THERMOC_DATA or --data-dir to its folder"
        if dataset in SOURCES
        else "set THERMOC_DATA or --data-dir to its folder"
    )
    raise DataError(
        f"data set {dataset}: {name} is in none of {', '.join(str(r / folder) for r in roots)}; {way_out}"
    )


def read_bytes(path: Path) -> bytes:
    """The file's content, unpacked if it is gzip or xz; DataError names a damaged file."""
    try:
        return read_packed(path)
    except FormatError as error:
        raise DataError(f"{error}; or fetch it again") from None


def fetch(name: str, data_dir: str | os.PathLike | None = None) -> list[Path]:
    """Download the files of a named data set and check them. Returns their paths.

    Raises DataError on an unknown name, no connection or a wrong checksum.
    """
    if name not in SOURCES:
        raise DataError(f"nothing to fetch for {name!r}; can be had: {', '.join(sorted(SOURCES))}")
    source = SOURCES[name]
    target = data_folders(data_dir)[0] / source.folder
    paths = []
    for file in source.files:
        try:
            paths.append(
                Path(pooch.retrieve(source.base_url + file.name, f"md5:{file.md5}", file.name, target))
            )
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{source.base_url}{file.name}: not fetched ({reason})") from None
    return paths


def checksum_ok(name: str, path: Path) -> bool | None:
    """Whether `path` has the published MD5 of its name in data set `name`; None if unknown."""
    for file in SOURCES[name].files if name in SOURCES else ():
        if file.name == path.name:
            return pooch.file_hash(str(path), alg="md5") == file.md5
    return None
