"""Reader of Liberty files: text into a tree of groups, functions into truth tables.

Grammar (Liberty user guide, volume 1, chapter 1): a file is one group

    name ( arguments ) { name : value ;  name ( arguments ) ;  nested groups }

with C comments, lines continued by a backslash and semicolons that many writers leave out.
hw_models.characterise turns the tree into a CellLibrary.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hw_models.errors import HardwareError


class LibertyError(HardwareError):
    """A Liberty file breaks a rule, which the message names with file and line."""


@dataclass(slots=True)
class Group:
    """name (arguments) { ... }

    attributes : simple and complex ones by name, each a list of (arguments, line) in file order
    groups : nested ones in file order
    """

    name: str
    arguments: tuple[str, ...]
    line: int
    attributes: dict[str, list[tuple[tuple[str, ...], int]]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """First argument of the attribute, None if there is none."""
        found = self.attributes.get(name)
        return found[-1][0][0] if found and found[-1][0] else None

    def values(self, name: str) -> tuple[str, ...]:
        """All arguments of the attribute."""
        found = self.attributes.get(name)
        return found[-1][0] if found else ()

    def children(self, *names: str) -> Iterator[Group]:
        """Nested groups of these names."""
        return (g for g in self.groups if g.name in names)


_TOKEN = re.compile(
    r"(?P<space>(?:[ \t\r\f]|\\[ \t]*\r?\n)+)"
    r"|(?P<newline>\n)"
    r"|(?P<comment>/\*.*?\*/|//[^\n]*)"
    r'|"(?P<string>(?:[^"\\\n]|\\[ \t]*\r?\n|\\.)*)"'
    r"|(?P<punctuation>[(){}:;,])"
    r"|(?P<word>(?:(?!/\*)[^\s(){}:;,\"])+)",
    re.DOTALL,
)

Token = tuple[str, str, int]  # kind, text, line


def library_files(name: str) -> list[str]:
    """Files of a library as it is named: one, or several with + between them."""
    return [name] if Path(name).exists() else name.split("+")


def _tokens(text: str, where: str) -> Iterator[Token]:
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        if match.start() != at:
            break
        at = match.end()
        kind = match.lastgroup or "string"
        if kind == "newline":
            line += 1
            continue
        if kind not in ("space", "comment"):
            yield kind, match.group(kind), line
        line += match.group().count("\n")
    if at != len(text):
        what = "a string is not closed" if text[at] == '"' else f"{text[at]!r} is not expected"
        raise LibertyError(f"{where}, line {line}: {what}")


class _Parser:
    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self.tokens = _tokens(text, where)
        self.last = 1
        self.next: Token | None = None
        self.advance()

    def advance(self) -> Token | None:
        """The current token; the next one becomes current."""
        taken = self.next
        if taken is not None:
            self.last = taken[2]
        self.next = next(self.tokens, None)
        return taken

    def fail(self, message: str, line: int | None = None) -> LibertyError:
        return LibertyError(f"{self.where}, line {self.last if line is None else line}: {message}")

    def is_mark(self, mark: str) -> bool:
        return self.next is not None and self.next[:2] == ("punctuation", mark)

    def arguments(self) -> tuple[str, ...]:
        """What stands between ( and ), the ( being current."""
        start = self.next[2] if self.next else self.last
        self.advance()
        found: list[str] = []
        while not self.is_mark(")"):
            token = self.advance()
            if token is None or (token[1] in "{}" and token[0] == "punctuation"):
                raise self.fail("the parenthesis opened here is not closed", start)
            if token[0] != "punctuation":
                found.append(token[1])
        self.advance()
        return tuple(found)

    def value(self) -> tuple[str, ...]:
        """Words after a colon, to the semicolon or the end of the line."""
        line = self.last
        found: list[str] = []
        while self.next is not None and self.next[2] == line:
            if self.is_mark(";") or self.is_mark("}"):
                break
            token = self.advance()
            assert token is not None
            found.append(token[1])
        if not found:
            raise self.fail("a value must follow the colon")
        return tuple(found) if len(found) == 1 else (" ".join(found),)

    def group(self, name: str, arguments: tuple[str, ...], line: int) -> Group:
        """The rest of a group, its { being current."""
        self.advance()
        made = Group(name, arguments, line)
        while not self.is_mark("}"):
            token = self.advance()
            if token is None:
                raise self.fail(
                    f"the file ends within {name} ({', '.join(arguments)}) opened at line {line}; "
                    "it is truncated"
                )
            kind, text, at = token
            if (kind, text) == ("punctuation", ";"):
                continue
            if kind != "word":
                raise self.fail(f"a name is expected, got {text!r}", at)
            if self.is_mark(":"):
                self.advance()
                made.attributes.setdefault(text, []).append((self.value(), at))
            elif self.is_mark("("):
                found = self.arguments()
                if self.is_mark("{"):
                    made.groups.append(self.group(text, found, at))
                else:
                    made.attributes.setdefault(text, []).append((found, at))
            else:
                raise self.fail(f"`:` or `(` must follow {text!r}", at)
        self.advance()
        return made


def parse_liberty(text: str, where: str = "liberty text") -> Group:
    """The library group of a file's text; LibertyError names the line of what is wrong."""
    parser = _Parser(text, where)
    token = parser.advance()
    if token is None or token[1] != "library" or not parser.is_mark("("):
        line = token[2] if token else 1
        raise parser.fail("a Liberty file must begin with `library (NAME) {`", line)
    arguments = parser.arguments()
    if not parser.is_mark("{"):
        raise parser.fail("`{` must follow library (...)")
    made = parser.group("library", arguments, token[2])
    if (extra := parser.advance()) is not None and extra[1] != ";":
        raise parser.fail(f"{extra[1]!r} stands after the library's end", extra[2])
    return made


def read_liberty(path: str | os.PathLike) -> Group:
    """The library group of a .lib or .lib.gz file."""
    path = Path(path)
    if path.is_dir():
        raise LibertyError(f"{path}: is a folder; give a Liberty file")
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise LibertyError(f"{path}: is a damaged gzip file ({error})") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise LibertyError(f"{path}, line 1: is no text file; give a Liberty file (.lib, .lib.gz)")
    group = parse_liberty(text, str(path))
    if found := group.attributes.get("include_file"):
        raise LibertyError(
            f"{path}, line {found[0][1]}: include_file ({', '.join(found[0][0])}) is not followed; put its "
            "text in its place"
        )
    return group


# --- functions -------------------------------------------------------------------------------

_SYMBOL = re.compile(r"\s*(?:([A-Za-z_]\w*(?:\[\d+\])?)|([01])|(.))", re.DOTALL)


class _Function:
    """Recursive descent; from loosest to tightest: + |, then * & and nothing, then ^, then ! '."""

    def __init__(self, text: str) -> None:
        self.symbols = [m.group().strip() for m in _SYMBOL.finditer(text) if m.group().strip()]
        self.at = 0
        self.names: list[str] = []

    def peek(self) -> str:
        return self.symbols[self.at] if self.at < len(self.symbols) else ""

    def take(self) -> str:
        self.at += 1
        return self.symbols[self.at - 1]

    def either(self) -> tuple:
        left = self.both()
        while self.peek() in ("+", "|"):
            self.take()
            left = ("or", left, self.both())
        return left

    def both(self) -> tuple:
        left = self.differ()
        while True:
            if self.peek() in ("*", "&"):
                self.take()
            elif not (self.peek()[:1].isalnum() or self.peek()[:1] in ("_", "(", "!")) or (self.peek() == ""):
                return left
            left = ("and", left, self.differ())

    def differ(self) -> tuple:
        left = self.single()
        while self.peek() == "^":
            self.take()
            left = ("xor", left, self.single())
        return left

    def single(self) -> tuple:
        symbol = self.peek()
        if symbol == "!":
            self.take()
            return ("not", self.single())
        if symbol == "(":
            self.take()
            made = self.either()
            if self.peek() != ")":
                raise ValueError("a parenthesis is not closed")
            self.take()
        elif symbol in ("0", "1"):
            self.take()
            made = ("constant", int(symbol))
        elif symbol and (symbol[0].isalpha() or symbol[0] == "_"):
            self.take()
            if symbol not in self.names:
                self.names.append(symbol)
            made = ("pin", symbol)
        else:
            raise ValueError(f"{symbol!r} is not expected" if symbol else "it ends too early")
        while self.peek() == "'":
            self.take()
            made = ("not", made)
        return made


def _evaluate(tree: tuple, values: dict[str, int]) -> int:
    kind = tree[0]
    if kind == "pin":
        return values[tree[1]]
    if kind == "constant":
        return tree[1]
    if kind == "not":
        return 1 - _evaluate(tree[1], values)
    left, right = _evaluate(tree[1], values), _evaluate(tree[2], values)
    return left & right if kind == "and" else left | right if kind == "or" else left ^ right


def function_table(text: str, pins: tuple[str, ...]) -> int:
    """Table of a function string over the pins, the first the high bit (see hw_models.cells).

    Raises ValueError for a string that is no function or reads another pin.
    """
    parser = _Function(text)
    tree = parser.either()
    if parser.peek():
        raise ValueError(f"{parser.peek()!r} is not expected")
    strange = [name for name in parser.names if name not in pins]
    if strange:
        raise ValueError(f"it reads {strange[0]!r}, which is no input pin")
    table, n = 0, len(pins)
    for row in range(1 << n):
        values = {pin: row >> (n - 1 - k) & 1 for k, pin in enumerate(pins)}
        table = 2 * table + _evaluate(tree, values)
    return table


def function_pins(text: str) -> tuple[str, ...]:
    """Pins a function string reads, in order of appearance; ValueError as function_table."""
    parser = _Function(text)
    parser.either()
    return tuple(parser.names)
