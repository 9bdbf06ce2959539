"""Reading foreign circuit files: bytes, behind gzip or not, and their text by lines."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from compiler.errors import FormatError

GZIP = b"\x1f\x8b"
LIMIT = 1 << 30  # bytes: a small .gz file can unpack to any size


def read_bytes(path: str | os.PathLike, limit: int | None = None) -> bytes:
    """The file's bytes, unpacked if it is gzip; at most `limit` of them if given.

    Raises FormatError for a missing, unreadable, damaged or too large file.
    """
    try:
        with open(path, "rb") as file:
            packed = file.read(len(GZIP)) == GZIP
        with gzip.open(path, "rb") if packed else open(path, "rb") as content:
            data = content.read(LIMIT + 1 if limit is None else limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FormatError(f"{path}: is a damaged gzip file ({error}); copy it again") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    if len(data) > LIMIT:
        raise FormatError(f"{path}: unpacks to more than {LIMIT >> 20} MiB; too large")
    return data


def read_text(path: str | os.PathLike) -> str:
    """The file's text, UTF-8, with any line ends; FormatError as read_bytes."""
    try:
        return read_bytes(path).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is no UTF-8 text ({error.reason})") from None


def plain_suffix(path: str | os.PathLike) -> str:
    """The ending in lower case, that before `.gz` for a packed file."""
    path = Path(path)
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lower()
