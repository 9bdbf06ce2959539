"""The .tnl container: a netlist in one file, versioned, without pickle. Layout: docs/formats.md.

A file is a prefix, a JSON header and raw little-endian arrays, each at a multiple of 64 bytes.
Every byte is under a length or a SHA-256 digest, so that a cut or altered file is noticed. The
digest guards against damage and careless edits; it is no signature.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.errors import MALFORMED, FormatError, NetlistError, UnsupportedError
from compiler.files import replacing
from compiler.ir.kinds import KINDS, Kind, kind_of
from compiler.ir.langevin import LangevinNetlist
from compiler.packed import too_dense

MAGIC = b"\x89TNL\r\n\x1a\n"  # a non-text byte and both line ends: shows mangled transfers
VERSION = 1
ALIGN = 64
PREFIX = struct.Struct("<8sIIQQ32s")  # magic, version, 0, header bytes, file bytes, SHA-256
HEADER_LIMIT = 64 << 20
DTYPES = ("<f8", "<f4", "<i8", "<i4", "|i1", "|u1", "<u2", "<u4", "<u8")


# --- writing ---------------------------------------------------------------------------------


def save(netlist: Any, path: str | os.PathLike, *, check: bool = True) -> None:
    """Write the netlist to `path`; the same netlist gives the same bytes.

    The file is written beside `path` and renamed, so that nothing half-written remains.
    `check=False` skips verify (for tests of bad files).

    Raises NetlistError for an illegal netlist, UnsupportedError for a kind that files do not hold,
    OutputError where nothing can be written.
    """
    kind = kind_of(netlist)
    if kind.encode is None:
        raise UnsupportedError(f"{kind.what} is not kept in .tnl files; {kind.instead}")
    if check:
        kind.verify(netlist)
    body, arrays = kind.encode(netlist)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        _write(file, kind, body, arrays)


def _write(file: Any, kind: Kind, body: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    entries, blocks, offset = [], [], 0
    for name, array in arrays.items():
        array = np.ascontiguousarray(array)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        shape, constant = list(array.shape), _is_constant(array)
        if constant:
            array = array.reshape(-1)[:1]
        raw = array.reshape(-1).view(np.uint8).data
        pad = b"\0" * (-len(raw) % ALIGN)
        digest = hashlib.sha256(raw)
        digest.update(pad)
        entry: dict[str, Any] = {
            "name": name,
            "dtype": array.dtype.str,
            "shape": shape,
            "offset": offset,
            "bytes": len(raw),
            "sha256": digest.hexdigest(),
        }
        if constant:
            entry["constant"] = True
        entries.append(entry)
        blocks += [raw, pad]
        offset += len(raw) + len(pad)
    header = json.dumps(
        {"kind": kind.name, "kind_version": kind.version, "netlist": body, "arrays": entries},
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    header += b" " * (-(PREFIX.size + len(header)) % ALIGN)
    total = PREFIX.size + len(header) + offset
    header_digest = hashlib.sha256(header).digest()
    file.write(PREFIX.pack(MAGIC, VERSION, 0, len(header), total, header_digest))
    file.write(header)
    for block in blocks:
        file.write(block)


def _is_constant(array: np.ndarray) -> bool:
    """Whether a column repeats one bit pattern, so that one value stands for all of them."""
    if array.ndim != 1 or array.size < 2:
        return False
    raw = array.view(f"u{array.itemsize}")
    return bool((raw == raw[0]).all())


# --- reading ---------------------------------------------------------------------------------


def load(path: str | os.PathLike, *, check: bool = True) -> Any:
    """Read a netlist; any version up to this one's.

    Raises FormatError, one line naming the file and the rule it breaks, for a file that is
    missing, empty, truncated, altered, foreign, of a newer version, or holds an illegal netlist.
    """
    data = _read_file(path)
    version, header, content = _read_prefix(path, data)
    reader = _READERS.get(version)
    if reader is None:
        raise FormatError(
            f"{path}: .tnl version {version} is not known here (newest is {VERSION}); "
            "update thermoc or save the file with an older one"
        )
    kind_name, kind_version, body, arrays = reader(path, header, content)
    kind = KINDS.get(kind_name)
    if kind is None or kind.decode is None or kind_version > kind.version:
        raise FormatError(
            f"{path}: holds a netlist of kind {kind_name!r} version {kind_version}; this thermoc "
            "reads " + ", ".join(f"{k.name!r} up to {k.version}" for k in KINDS.values() if k.decode)
        )
    try:
        netlist = kind.decode(kind_version, body, arrays)
        if check:
            kind.verify(netlist)
    except NetlistError as error:
        raise FormatError(f"{path}: {error}") from None
    except MALFORMED as error:
        raise FormatError(
            f"{path}: the header of this {kind_name!r} netlist is incomplete or malformed "
            f"({type(error).__name__}: {error}); save it again"
        ) from None
    return netlist


def load_langevin(path: str | os.PathLike) -> LangevinNetlist:
    """Read a netlist that must be a Langevin one; FormatError as load, or if it is another kind."""
    netlist = load(path)
    if not isinstance(netlist, LangevinNetlist):
        raise FormatError(
            f"{path}: holds a circuit of gates where a Langevin netlist is needed; see "
            "`thermoc check` and `thermoc export` for circuits"
        )
    return netlist


def is_container(path: str | os.PathLike) -> bool:
    """Whether the file begins as a .tnl container does."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _read_file(path: str | os.PathLike) -> np.ndarray:
    """The whole file as one (n,) uint8 buffer; arrays are views into it."""
    try:
        with open(path, "rb") as file:
            data = np.empty(os.fstat(file.fileno()).st_size, dtype=np.uint8)
            n = file.readinto(data.data) if data.size else 0
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    return data[:n]


def _read_prefix(path: Any, data: np.ndarray) -> tuple[int, bytes, np.ndarray]:
    if data.size == 0:
        raise FormatError(f"{path}: is empty; a .tnl file begins with a {PREFIX.size}-byte prefix")
    head = data[: len(MAGIC)].tobytes()
    if not MAGIC.startswith(head):
        raise FormatError(
            f"{path}: is no .tnl file (begins with {head!r}); compile the model or netlist first"
        )
    if data.size < PREFIX.size:
        raise FormatError(f"{path}: is truncated: {data.size} bytes, the prefix has {PREFIX.size}")
    _, version, zero, n_header, total, digest = PREFIX.unpack(data[: PREFIX.size].tobytes())
    if not 1 <= version <= VERSION:
        raise FormatError(
            f"{path}: has .tnl version {version}; this thermoc reads versions 1 to {VERSION}: update thermoc"
        )
    if n_header > HEADER_LIMIT:
        raise FormatError(
            f"{path}: states a header of {n_header} bytes, at most {HEADER_LIMIT} are allowed; "
            "the file was altered or damaged"
        )
    if data.size < total:
        raise FormatError(f"{path}: is truncated: {data.size} bytes of {total}; copy or save it again")
    if data.size > total or zero or PREFIX.size + n_header > total:
        raise FormatError(
            f"{path}: was altered: {data.size} bytes where its prefix states {total}; save it again"
        )
    header = data[PREFIX.size : PREFIX.size + n_header].tobytes()
    if hashlib.sha256(header).digest() != digest:
        raise FormatError(f"{path}: was altered: the header's checksum is wrong; save it again")
    return version, header, data[PREFIX.size + n_header :]


def _read_v1(path: Any, header: bytes, content: np.ndarray) -> tuple[str, int, dict, dict]:
    try:
        parsed = json.loads(header)
        entries, body = list(parsed["arrays"]), dict(parsed["netlist"])
        name, version = str(parsed["kind"]), int(parsed["kind_version"])
    except MALFORMED:
        raise FormatError(
            f"{path}: the header is not the JSON object a .tnl file needs; save it again"
        ) from None
    arrays, end = {}, 0
    _check_constants(path, entries, content.size)
    for entry in entries:
        try:
            array, end = _read_array(path, entry, content, end)
            arrays[entry["name"]] = array
        except MALFORMED as error:
            raise FormatError(
                f"{path}: the header's entry of an array is malformed ({error}); save it again"
            ) from None
    if end != content.size:
        raise FormatError(f"{path}: {content.size - end} bytes belong to no array; save it again")
    return name, version, body, arrays


_READERS: dict[int, Callable[[Any, bytes, np.ndarray], tuple[str, int, dict, dict]]] = {1: _read_v1}


def _read_array(path: Any, entry: dict[str, Any], content: np.ndarray, end: int) -> tuple[np.ndarray, int]:
    name, dtype, shape = str(entry["name"]), entry["dtype"], tuple(entry["shape"])
    offset, size, constant = entry["offset"], entry["bytes"], bool(entry.get("constant", False))
    if dtype not in DTYPES:
        raise FormatError(f"{path}: array {name!r} has dtype {dtype!r}; known: {', '.join(DTYPES)}")
    if not all(type(v) is int and v >= 0 for v in (*shape, offset, size)):
        raise FormatError(f"{path}: array {name!r} has a malformed shape or size; save it again")
    count = 1
    for side in shape:
        count *= side
    padded = size + -size % ALIGN
    stored = min(count, 1) if constant else count
    if size != stored * np.dtype(dtype).itemsize or offset != end:
        raise FormatError(
            f"{path}: array {name!r} has {size} bytes at {offset}, which does not fit its shape "
            f"{shape} and dtype; save it again"
        )
    raw = content[offset : offset + padded]
    if raw.size != padded:
        raise FormatError(f"{path}: array {name!r} reaches beyond the end of the file")
    if hashlib.sha256(raw.data).hexdigest() != entry["sha256"]:
        raise FormatError(f"{path}: was altered: the checksum of array {name!r} is wrong")
    array = raw[:size].view(dtype)
    if constant:
        array = np.full(shape, array[0]) if count else np.empty(shape, dtype=dtype)
    else:
        array = array.reshape(shape)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    array.setflags(write=False)
    return array, offset + padded


def _check_constants(path: Any, entries: list[Any], n_content: int) -> None:
    """Raise FormatError where columns of one value would fill the memory from a small file."""
    total = 0
    for entry in entries:
        try:
            if entry.get("constant"):
                total += math.prod(entry["shape"]) * np.dtype(entry["dtype"]).itemsize
        except MALFORMED:
            continue  # which the reader of the entry tells
    if too_dense(n_content, total):
        raise FormatError(
            f"{path}: states {total:,} bytes of repeated values in a file of {n_content:,}; too many"
        )
