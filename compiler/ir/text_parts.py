"""Words of canonical texts: numbers, runs, spans and names, written and read. Grammar: docs/ir.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NoReturn

import numpy as np

from compiler.errors import FormatError
from compiler.ir.facts import Facts

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
MOST = 1 << 24  # values or ids that one line may name: a short text can name any number of them
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')


def meta_text(meta: Mapping[str, Any]) -> str:
    """One line of JSON, the same for equal facts."""
    return json.dumps(dict(meta), sort_keys=True, ensure_ascii=False)


def number_text(value: Any) -> str:
    """Shortest text that gives the same number back, in its own precision."""
    if isinstance(value, np.float32 | np.integer):
        return str(value)
    return repr(float(value))


def word_text(name: str) -> str:
    """A name, quoted unless it is a plain word."""
    return name if _BARE.match(name) else json.dumps(name)


def runs_text(column: np.ndarray, codes: type[IntEnum] | None = None, *, limit: int | None = None) -> str:
    """Values in order, equal neighbours written value*count; after `limit` runs ...number left."""
    if column.size == 0:
        return ""
    raw = np.ascontiguousarray(column).view(f"u{column.itemsize}")
    starts = np.flatnonzero(np.concatenate([[True], raw[1:] != raw[:-1]]))
    counts = np.diff(np.append(starts, column.size))
    words = []
    for value, count in zip(column[starts[:limit]], counts[:limit], strict=True):
        word = codes(value).name.lower() if codes else number_text(value)
        words.append(word if count == 1 else f"{word}*{count}")
    if limit is not None and starts.size > limit:
        words.append(f"...{starts.size - limit}")
    return " ".join(words)


def spans_text(ids: np.ndarray, limit: int | None = None) -> list[str]:
    """Ids in order, ascending neighbours written first..last; after `limit` spans ...number left."""
    if ids.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(ids.astype(np.int64)) != 1) + 1
    starts, stops = np.append(0, breaks), np.append(breaks, ids.size)
    words = [
        f"{ids[a]}" if b - a == 1 else f"{ids[a]}..{ids[b - 1]}"
        for a, b in zip(starts[:limit].tolist(), stops[:limit].tolist(), strict=True)
    ]
    return words if limit is None or starts.size <= limit else [*words, f"...{starts.size - limit}"]


class Parser:
    """A text read line by line; a subclass has a method for each statement and its indented lines."""

    def __init__(self, text: str, name: str) -> None:
        lines = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
        self.lines = lines
        self.name = name
        self.at = 0
        self.line_number = 1

    def fail(self, rule: str) -> NoReturn:
        raise FormatError(f"{self.name}, line {self.line_number}: {rule}")

    def next(self, *, indented: bool = False) -> str | None:
        """The next line if there is one of that kind."""
        if self.at == len(self.lines):
            return None
        number, line = self.lines[self.at]
        if line.startswith("  ") != indented:
            return None
        self.line_number = number
        self.at += 1
        return line.strip()

    def number(self, word: str) -> float:
        try:
            return float(word)
        except ValueError:
            self.fail(f"{word!r} is no number")

    def integer(self, word: str) -> int:
        try:
            return int(word)
        except ValueError:
            self.fail(f"{word!r} is no whole number")

    def word(self, token: str) -> str:
        if not token.startswith('"'):
            return token
        try:
            return str(json.loads(token))
        except ValueError:
            self.fail(f"{token} is no quoted name")

    def runs(self, words: Iterable[str], dtype: Any, codes: type[IntEnum] | None = None) -> Any:
        values: list[Any] = []
        for word in words:
            if word.startswith("..."):
                self.fail("this text leaves values out; dump it without a limit")
            value, star, count = word.partition("*")
            n = self.integer(count) if star else 1
            if n < 0 or len(values) + n > MOST:
                self.fail(f"{word!r} repeats a value too often")
            if codes is None:
                values += [self.number(value)] * n
            elif value.upper() in codes.__members__:
                values += [codes[value.upper()].value] * n
            else:
                choices = ", ".join(c.name.lower() for c in codes)
                self.fail(f"{value!r} is unknown; choices are {choices}")
        return np.array(values, dtype=dtype)

    def span(self, word: str) -> range:
        first, dots, last = word.partition("..")
        start = self.integer(first)
        return range(start, (self.integer(last) if dots else start) + 1)

    def ids(self, words: Iterable[str], dtype: Any = np.int32) -> np.ndarray:
        """Ids of spans, which fit into 32 bits."""
        spans = []
        for word in words:
            if word.startswith("..."):
                self.fail("this text leaves values out; dump it without a limit")
            spans.append(span := self.span(word))
            if not -(1 << 31) <= span.start <= span.stop <= 1 << 31:
                self.fail(f"{word!r} names numbers that are no ids of cells, spins or nets")
        if sum(len(span) for span in spans) > MOST:
            self.fail(f"more than {MOST:,} ids are listed; the text was altered")
        return np.concatenate([np.zeros(0, dtype), *(np.arange(s.start, s.stop) for s in spans)]).astype(
            dtype
        )

    def scalar(self, statement: str) -> float:
        line = self.next()
        words = (line or "").split()
        if len(words) != 2 or words[0] != statement:
            self.fail(f"expected `{statement} NUMBER`, got {line!r}")
        return self.number(words[1])

    def meta(self, text: str) -> Mapping[str, Any]:
        try:
            meta = json.loads(text)
        except ValueError as error:
            self.fail(f"meta is no JSON ({error})")
        if not isinstance(meta, dict):
            self.fail("meta must be a JSON object")
        return Facts(meta)
