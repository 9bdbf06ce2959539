"""A TOML file whose every complaint names the file, the line and the key."""

from __future__ import annotations

import difflib
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hw_models.errors import HardwareError

_HEADER = re.compile(r"\s*\[(\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*([\w.\-\"' ]+?)\s*=")
_WHERE = re.compile(r"\s*\(at line (\d+), column \d+\)$")

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a file. name : of the file; lines : where each key stands; key : of this table"""

    file: Path
    values: Mapping[str, Any]
    lines: Mapping[Key, int]
    key: Key = ()

    def fail(self, text: str, *keys: str | int) -> NoReturn:
        """Raise HardwareError that names the file and the line of a key of this table."""
        raise HardwareError(f"{self.place(*keys)}: {text}")

    def place(self, *keys: str | int) -> str:
        """ "my.toml, line 7: capacitance.unit", as far as the key is there."""
        whole: Key = (*self.key, *keys)
        shown = ".".join(str(k + 1) if isinstance(k, int) else k for k in whole)
        while whole and whole not in self.lines:
            whole = whole[:-1]
        line = f", line {self.lines[whole]}" if whole else ""
        return f"{self.file}{line}: {shown}" if shown else f"{self.file}{line}"

    def section(self, name: str, k: int | None = None) -> Section:
        """A table in this one, or the k-th of an array of them; HardwareError for what is none."""
        keys: tuple[str | int, ...] = (name,) if k is None else (name, k)
        value = self.values[name] if k is None else self.values[name][k]
        if not isinstance(value, Mapping):
            self.fail(f"must be a table, [{name}] with keys below it, got {value!r}", *keys)
        return Section(self.file, value, self.lines, (*self.key, *keys))

    def text(self, name: str, choices: Iterable[str] | None = None) -> str:
        """A string of this table, one of the choices; HardwareError for anything else."""
        value = self.values.get(name)
        if value is None:
            self.fail(f'is missing; add {name} = "..."', name)
        if not isinstance(value, str) or not value.strip():
            self.fail(f"must be text in quotes, got {value!r}", name)
        if choices is not None and value not in choices:
            self.fail(f"{value!r} does not exist{hint(value, choices)}", name)
        return value

    def number(self, name: str) -> float:
        """A number of this table; HardwareError for anything else."""
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(f"must be a number, got {value!r}", name)
        if not abs(value) <= sys.float_info.max:  # a whole number may be too large for a float
            self.fail(f"must be finite, got {str(value)[:20]}", name)
        return float(value)

    def only(self, known: Iterable[str]) -> None:
        """HardwareError for a key that is not known."""
        names = tuple(known)
        for key in self.values:
            if key not in names:
                self.fail(f"is not known here{hint(key, names)}", key)


def hint(word: str, choices: Iterable[str]) -> str:
    """ "; did you mean 'value'?", or the choices."""
    some = tuple(choices)
    close = difflib.get_close_matches(word, some, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; choose from {', '.join(some)}"


def read(path: str | Path) -> Section:
    """The whole file as a table.

    Raises HardwareError for no such file, and for text that is not TOML, with its line.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise HardwareError(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise HardwareError(f"{file}: not text in UTF-8; a device is a TOML file") from None
    except OSError as error:
        raise HardwareError(f"{file}: cannot be read ({error.strerror})") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _WHERE.search(str(error))
        line = f", line {found[1]}" if found else ""
        raise HardwareError(f"{file}{line}: not TOML: {_WHERE.sub('', str(error))}") from None
    return Section(file, values, key_lines(text))


def key_lines(text: str) -> dict[Key, int]:
    """Line (from 1) of every table and key; texts of several lines are skipped."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            table = _inner(_parts(header[2]), counts)
            if header[1]:
                k = counts.get(table, -1) + 1
                counts[table] = k
                lines.setdefault(table, number)
                table = (*table, k)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
        for mark in ('"""', "'''"):
            inside = mark if line.count(mark) == 1 else inside
    return lines


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _inner(parts: Key, counts: Mapping[Key, int]) -> Key:
    """A header's key with the number of the table that it continues in every array of tables."""
    whole: Key = ()
    for part in parts[:-1]:
        whole = (*whole, part)
        whole = (*whole, counts[whole]) if whole in counts else whole
    return (*whole, parts[-1])
