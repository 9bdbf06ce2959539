"""Arrays in .npz and .safetensors files: told from their headers, read only if those can be true.

A small zip can unpack to any size. Every array is therefore checked by its header first: the size
that it claims, the size that the archive claims, and how much larger than the packed bytes it is.
"""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO

import numpy as np
import safetensors
from numpy.lib import format as npy

from compiler.errors import MALFORMED, FormatError
from compiler.packed import DENSEST, LIMIT, too_dense

_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "C64": "<c8",
    "BF16": "<u2",
}  # those of safetensors' format
# zipfile raises NotImplementedError for a version or compression that it does not know, RuntimeError
# for an encrypted member; NumPy's header reader lets what its parsers raise through
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    RecursionError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Header:
    """What an array's header says. nbytes : of its values, unpacked; packed : of them in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int
    packed: int


def npz_names(path: str | os.PathLike) -> frozenset[str] | None:
    """Names of a zip's members (arrays as name.npy), by its table alone; None for a file that is no
    zip or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return frozenset(file.namelist())
    except _DAMAGE:
        return None


@contextmanager
def whole(path: str | os.PathLike, what: str, way_out: str) -> Iterator[None]:
    """What a reader meets in a file that is none of its kind, as one FormatError: path is no whole `what`."""
    try:
        yield
    except (*MALFORMED, *_DAMAGE) as error:
        told = f"{type(error).__name__}: {_reason(error)}" if isinstance(error, KeyError) else _reason(error)
        raise FormatError(f"{path}: is no whole {what} ({told}); {way_out}") from None


@contextmanager
def members(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """The archive, if what its members unpack to is no bomb by its table.

    Raises FormatError for one that is, and what zipfile raises for a damaged file.
    """
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        packed, unpacked = (sum(sizes) for sizes in zip(*_sizes(infos), strict=True))
        if too_dense(packed, unpacked) or unpacked > LIMIT:
            raise FormatError(
                f"{path}: unpacks {packed:,} bytes to {unpacked:,}, too much for a model; save it again"
            )
        yield archive


def _sizes(infos: list[zipfile.ZipInfo]) -> list[tuple[int, int]]:
    return [(0, 0), *((info.compress_size, info.file_size) for info in infos)]


def npz_headers(path: str | os.PathLike) -> Mapping[str, Header]:
    """Header of every array of an .npz file, nothing unpacked.

    Raises FormatError for a damaged file and for a header that promises more than its member holds.
    """
    headers = {}
    try:
        with zipfile.ZipFile(path) as file:
            for info in file.infolist():
                if info.filename.endswith(".npy"):
                    with file.open(info) as member:
                        headers[info.filename.removesuffix(".npy")] = _header(member, info)
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file; check the name") from None
    except _DAMAGE as error:
        raise FormatError(f"{path}: is no whole .npz file ({_reason(error)}); write it again") from None
    return MappingProxyType(headers)


def read_npz(
    path: str | os.PathLike,
    headers: Mapping[str, Header] | None = None,
    *,
    names: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """Arrays of an .npz file; those of Python objects, which only pickle reads, are left out.

    headers : of npz_headers, where the caller has looked at them already
    names : which arrays; all by default

    Raises FormatError for a damaged file, and for an array of over 256 MiB that is packed more than
    200 times: such a file is refused before it is unpacked.
    """
    headers = npz_headers(path) if headers is None else headers
    wanted = [n for n, h in headers.items() if not h.dtype.hasobject and (names is None or n in names)]
    for name in wanted:
        _check_density(path, name, headers[name])
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in wanted}
    except _DAMAGE as error:
        raise FormatError(f"{path}: is no whole .npz file ({_reason(error)}); write it again") from None


def read_safetensors(path: str | os.PathLike) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """(metadata, arrays) of a safetensors file, arrays by name in their order; bfloat16, which NumPy
    lacks, as float32.

    Raises FormatError if it is none, and for numbers of a type that is not read here.
    """
    try:
        with safetensors.safe_open(os.fspath(path), framework="np") as file:
            metadata = dict(file.metadata() or {})
        with open(path, "rb") as content:
            tensors = safetensors.deserialize(content.read())
    except FileNotFoundError:
        raise FormatError(f"{path}: does not exist; check the name") from None
    except (safetensors.SafetensorError, OSError, ValueError, TypeError) as error:
        raise FormatError(
            f"{path}: is no whole safetensors file ({_reason(error)}); it is truncated, altered or foreign"
        ) from None
    return metadata, {name: _tensor(path, name, entry) for name, entry in sorted(tensors)}


def _tensor(path: str | os.PathLike, name: str, entry: Mapping) -> np.ndarray:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise FormatError(
            f"{path}: tensor {name!r} holds numbers of type {entry['dtype']}, which is not read here; "
            "save it as F32, F16 or BF16"
        )
    values = np.frombuffer(entry["data"], dtype).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.copy()


def _header(member: IO[bytes], info: zipfile.ZipInfo) -> Header:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    nbytes = math.prod(shape) * dtype.itemsize
    held = info.file_size - member.tell()
    if not dtype.hasobject and nbytes != held:
        raise ValueError(f"{info.filename} promises {nbytes} bytes and holds {held}")
    return Header(tuple(shape), dtype, nbytes, info.compress_size)


def _check_density(path: str | os.PathLike, name: str, header: Header) -> None:
    if too_dense(header.packed, header.nbytes):
        raise FormatError(
            f"{path}: array {name!r} would unpack {header.packed:,} bytes to {header.nbytes:,}, more than "
            f"{DENSEST} times; if it is meant, save it with numpy.savez, which does not pack"
        )


def _reason(error: BaseException) -> str:
    told = error.args[0] if isinstance(error, tokenize.TokenError) else error
    return " ".join(str(told).split())[:100] or type(error).__name__
