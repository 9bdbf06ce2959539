"""One foreign format: how its files are told, read and written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.errors import FormatError
from compiler.formats.options import Options
from compiler.packed import read_packed

HEAD = 4096  # bytes looked at: past a comment at the top


@dataclass(frozen=True, slots=True)
class Format:
    """What is known of one format; every folder of formats has a table of these.

    name : of `export --format`; title : in messages
    suffixes : endings of its files, lower case, without .gz
    content : how a file begins, comments skipped; None: told by its ending alone
    read : path, Options -> model or netlist, None where it is only written; it sees through gzip
    write : model or netlist, options of `takes` by name -> content, None where it is only read
    takes : names of the options that its writer takes
    asks : of Options' as_, weight and field, and of its CIRCUIT, those that its reader obeys
    """

    name: str
    title: str
    suffixes: tuple[str, ...] = ()
    content: re.Pattern[bytes] | None = None
    read: Callable[[str | os.PathLike, Options], Any] | None = None
    write: Callable[..., str | bytes] | None = None
    takes: frozenset[str] = field(default_factory=frozenset)
    asks: frozenset[str] = field(default_factory=frozenset)


def plain(read: Callable[[str | os.PathLike], Any]) -> Callable[[str | os.PathLike, Options], Any]:
    """A reader that needs no options."""
    return lambda path, options: read(path)


def told(formats: Iterable[Format], path: str | os.PathLike) -> Format | None:
    """The format of a file, by its content first and its ending second; None if it is of none."""
    formats = [f for f in formats if f.read is not None]
    try:
        head = read_packed(path, HEAD).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    except FormatError:
        head = b""
    for known in formats:
        if known.content is not None and known.content.match(head):
            return known
    suffix = plain_suffix(path)
    return next((known for known in formats if suffix in known.suffixes), None)


def plain_suffix(path: str | os.PathLike) -> str:
    """The ending in lower case, that before `.gz` for a packed file."""
    path = Path(path)
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lower()
