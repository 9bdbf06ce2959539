"""Reading foreign circuit files: their text, behind gzip or not."""

from __future__ import annotations

import os
from pathlib import Path

from compiler.errors import FormatError
from compiler.packed import read_packed


def read_text(path: str | os.PathLike) -> str:
    """The file's text, UTF-8, with any line ends; FormatError as read_packed."""
    try:
        return read_packed(path).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is no UTF-8 text ({error.reason})") from None


def plain_suffix(path: str | os.PathLike) -> str:
    """The ending in lower case, that before `.gz` for a packed file."""
    path = Path(path)
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lower()
