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
    """One file of a data set with its SHA-256 (of the file as served)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of a data set come from.

    folder : sub-folder of the data directory
    base_url : address that the file names are appended to
    """

    folder: str
    base_url: str
    files: tuple[RemoteFile, ...]


def _files(sums: str) -> tuple[RemoteFile, ...]:
    """Lines as `sha256sum` writes them."""
    return tuple(RemoteFile(name, sha256) for sha256, name in map(str.split, sums.strip().splitlines()))


_MNIST = """
440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609  train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c  train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6  t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6  t10k-labels-idx1-ubyte.gz
"""
_FASHION = """
3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84  train-images-idx3-ubyte.gz
a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845  train-labels-idx1-ubyte.gz
346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073  t10k-images-idx3-ubyte.gz
67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5  t10k-labels-idx1-ubyte.gz
"""
_CIFAR10 = """
c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd  cifar-10-binary.tar.gz
"""
SOURCES = {
    "mnist": Source("mnist", "https://ossci-datasets.s3.amazonaws.com/mnist/", _files(_MNIST)),
    "fashion-mnist": Source(
        "fashion-mnist", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", _files(_FASHION)
    ),
    "cifar10": Source("cifar10", "https://www.cs.toronto.edu/~kriz/", _files(_CIFAR10)),
}
"""MNIST's sums are those of its files; those of the others were taken from TensorFlow Datasets' lists."""


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
                Path(pooch.retrieve(source.base_url + file.name, f"sha256:{file.sha256}", file.name, target))
            )
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{source.base_url}{file.name}: not fetched ({reason})") from None
    return paths


def checksum_ok(name: str, path: Path) -> bool | None:
    """Whether `path` has the SHA-256 of its name in data set `name`; None if unknown."""
    for file in SOURCES[name].files if name in SOURCES else ():
        if file.name == path.name:
            return pooch.file_hash(str(path), alg="sha256") == file.sha256
    return None
