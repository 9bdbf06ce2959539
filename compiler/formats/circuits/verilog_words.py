"""Words of a Verilog text (IEEE 1364-2005, clauses 3 and 19): comments gone, directives obeyed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from compiler.errors import FormatError, UnsupportedError

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\ufeff]+|//[^\n]*|\(\*(?!\s*\)).*?\*\)|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<skipped>`(?:timescale|default_nettype|celldefine|endcelldefine|resetall|nounconnected_drive
        |unconnected_drive|line|pragma|begin_keywords|end_keywords)\b[^\n]*)
    |`define[ \t]+(?P<define>(?:[^\n\\]|\\\r?\n|\\.)*)
    |`(?P<directive>[A-Za-z_][A-Za-z0-9_$]*)
    |\\(?P<escaped>[^\s]+)
    |(?P<name>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>(?:\d[\d_]*)?\s*'\s*[sS]?[bBoOdDhH]\s*[0-9a-fA-FxXzZ_?]+|\d[\d_]*(?:\.\d[\d_]*)?)
    |(?P<system>\$[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<symbol><<<|>>>|[=!]==|~\^|\^~|~&|~\||&&|\|\||\*\*|[+-]:|[=!]=|<=|>=|<<|>>
        |[~!&|^?:=(){}\[\],;.\#@*+\-/%<>'])
    """,
    re.VERBOSE | re.DOTALL,
)
_MACRO = re.compile(r"([A-Za-z_][A-Za-z0-9_$]*)(\(?)(.*)", re.DOTALL)
MAX_MACROS = 1 << 20  # words that macros may insert: one that doubles another grows without end


class BeyondError(UnsupportedError):
    """Legal Verilog that this reader leaves to Yosys."""


@dataclass(frozen=True, slots=True)
class Word:
    """kind : escaped, name, number, string, system, symbol or end"""

    kind: str
    text: str
    line: int


def words(text: str, name: str) -> list[Word]:
    """All words, an `end` last. Raises FormatError with the line, UnsupportedError for `include."""
    return _Reader(name).all(text)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.macros: dict[str, list[Word] | None] = {}  # None: one with arguments
        self.branches: list[list[bool]] = []  # of `ifdef: [on, one was on, else was seen]
        self.inserted = 0
        self.line = 1

    def fail(self, rule: str) -> FormatError:
        return FormatError(f"{self.name}, line {self.line}: {rule}")

    @property
    def on(self) -> bool:
        return all(branch[0] for branch in self.branches)

    def all(self, text: str) -> list[Word]:
        found: list[Word] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                if not self.on:
                    at += 1
                    continue
                strange = text[at].isspace() or not text[at].isprintable()
                shown = (
                    f"the character U+{ord(text[at]):04X}" if strange else repr(text[at : at + 20].split()[0])
                )
                raise self.fail(f"cannot read {shown}")
            at = match.end()
            kind = match.lastgroup or ""
            if kind == "directive":
                at = self.directive(match[kind], text, at, found)
            elif not self.on:
                pass
            elif kind == "define":
                self.define(match[kind])
            elif kind in ("escaped", "name", "number", "string", "symbol", "system"):
                found.append(Word(kind, match[kind], self.line))
            self.line += text.count("\n", match.start(), at)
        if self.branches:
            raise self.fail("`ifdef without its `endif; the file is truncated")
        found.append(Word("end", "the end of the file", self.line))
        return found

    def define(self, rest: str) -> None:
        match = _MACRO.match(rest)
        if match is None:
            raise self.fail(f"`define needs a name, got {rest[:20]!r}")
        if match[2]:
            self.macros[match[1]] = None
            return
        inner = _Reader(self.name)
        inner.line, inner.macros = self.line, self.macros
        self.macros[match[1]] = inner.all(re.sub(r"\\(\r?\n)", r"\1", match[3]))[:-1]

    def directive(self, word: str, text: str, at: int, found: list[Word]) -> int:
        """Obey a directive whose name ends at `at`; where its own words end."""
        if word in ("ifdef", "ifndef", "elsif", "undef"):
            match = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_$]*)").match(text, at)
            if match is None:
                raise self.fail(f"`{word} needs a name")
            at, known = match.end(), match[1] in self.macros
            if word == "undef":
                if self.on:
                    self.macros.pop(match[1], None)
            elif word == "elsif":
                self.turn(word, known)
            else:
                taken = known == (word == "ifdef")
                self.branches.append([taken, taken, False])
        elif word == "else":
            self.turn(word, True)
        elif word == "endif":
            if not self.branches:
                raise self.fail("`endif without `ifdef")
            self.branches.pop()
        elif self.on:
            self.insert(word, found)
        return at

    def turn(self, word: str, known: bool) -> None:
        if not self.branches or self.branches[-1][2]:
            raise self.fail(f"`{word} without `ifdef")
        taken = known and not self.branches[-1][1]
        self.branches[-1] = [taken, taken or self.branches[-1][1], word == "else"]

    def insert(self, word: str, found: list[Word]) -> None:
        if word == "include":
            raise UnsupportedError(
                f"{self.name}, line {self.line}: `include is not followed; put its text in its place"
            )
        if word not in self.macros:
            raise self.fail(f"`{word} is defined nowhere above")
        body = self.macros[word]
        if body is None:
            raise BeyondError(
                f"{self.name}, line {self.line}: `{word}, a macro with arguments, is not supported"
            )
        self.inserted += len(body)
        if self.inserted > MAX_MACROS:
            raise self.fail("its macros insert a million words; write them out")
        found += [replace(w, line=self.line) for w in body]
