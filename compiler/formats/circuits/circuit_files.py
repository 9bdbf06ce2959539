"""Reading foreign circuit files: their text, behind gzip or not."""

from __future__ import annotations

import os

from compiler.errors import FormatError
from compiler.packed import read_packed


def read_text(path: str | os.PathLike) -> str:
    """The file's text, UTF-8, with any line ends; FormatError as read_packed."""
    try:
        text = read_packed(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is no UTF-8 text ({error.reason})") from None
    for end in ("\r\r\n", "\r\n", "\r"):  # the first where a file was converted twice, the last of old Macs
        text = text.replace(end, "\n")
    return text
