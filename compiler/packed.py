"""Packed files: a small one can unpack to any size, so large ones are held to what real data reach."""

from __future__ import annotations

import gzip
import lzma
import os
import zlib
from pathlib import Path

from compiler.errors import FormatError

GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
LARGE = 256 << 20  # bytes; what unpacks to less is read however well it is packed
DENSEST = 200  # times that more may be larger than its packed bytes; deflate reaches 1,032
LIMIT = 1 << 30
_CHUNK = 16 << 20


def too_dense(packed: int, unpacked: int) -> bool:
    """Whether so few packed bytes for so many are a bomb rather than data."""
    return unpacked > LARGE and unpacked > DENSEST * max(packed, 1)


def read_packed(path: str | os.PathLike, limit: int | None = None) -> bytes:
    """The file's bytes, unpacked if it is gzip or xz, told by its first bytes; at most `limit` if given.

    Raises FormatError for a missing, unreadable or damaged file, for more than 1 GiB, and, as soon as
    256 MiB have come out, for a file packed more than 200 times.
    """
    try:
        size = Path(path).stat().st_size
        with open(path, "rb") as file:
            head = file.read(len(XZ))
        opener = gzip.open if head.startswith(GZIP) else lzma.open if head == XZ else open
        parts, total = [], 0
        with opener(path, "rb") as content:
            while limit is None or total < limit:
                part = content.read(_CHUNK if limit is None else min(_CHUNK, limit - total))
                if not part:
                    break
                parts.append(part)
                total += len(part)
                if total > LIMIT or (opener is not open and too_dense(size, total)):
                    raise FormatError(
                        f"{path}: unpacks {size:,} bytes to {total:,} or more, too much for data; unpack it"
                    )
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: is a damaged gzip file ({error}); copy it again") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    return b"".join(parts)
