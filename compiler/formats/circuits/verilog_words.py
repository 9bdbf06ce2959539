"""Words of a Verilog text (IEEE 1364-2005, clauses 3 and 19): comments gone, directives obeyed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from compiler.errors import FormatError, UnsupportedError

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\ufeff]+|//[^\n]*|\(\*(?!\s*\)).*?\*\)|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<skipped>`(?:timescale|unconnected_drive|line|pragma|begin_keywords)\b[^\n]*
        |`(?:celldefine|endcelldefine|nounconnected_drive|end_keywords)\b)
    |`(?:default_nettype\s+(?P<nettype>[A-Za-z_]\w*)|(?P<reset>resetall)\b)
    |`define[ \t]+(?P<define>(?:[^\n\\]|\\\r?\n|\\.)*)
    |`(?P<directive>[A-Za-z_][A-Za-z0-9_$]*)
    |\\(?P<escaped>[^\s]+)
    |(?P<name>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>(?:\d[\d_]*)?\s*'\s*[sS]?[bBoOdDhH]\s*[0-9a-fA-FxXzZ_?]*|\d[\d_]*(?:\.\d[\d_]*)?)
    |(?P<system>\$[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<symbol><<<|>>>|[=!]==|~\^|\^~|~&|~\||&&|\|\||\*\*|[+-]:|[=!]=|<=|>=|<<|>>
        |[~!&|^?:=(){}\[\],;.\#@*+\-/%<>'])
    """,
    re.VERBOSE | re.DOTALL,
)
_MACRO = re.compile(r"([A-Za-z_][A-Za-z0-9_$]*)(\(?)(.*)", re.DOTALL)
_BASE_ALONE = re.compile(r"[^'\"]*'\s*[sS]?[bBoOdDhH]\s*")  # of a constant, its digits follow as a macro
_DIGITS = re.compile(r"[0-9a-fA-FxXzZ_?]+")
MAX_MACROS = 1 << 20  # words that macros may insert: one that doubles another grows without end
MAX_NESTED = 100  # macros within macros: the reader calls itself


class BeyondError(UnsupportedError):
    """Legal Verilog that this reader leaves to Yosys."""


class UnexpectedError(FormatError):
    """What the grammar here has no place for: a mistake, or legal SystemVerilog; Yosys tells which."""


@dataclass(frozen=True, slots=True)
class Word:
    """kind : escaped, name, number, string, system, symbol or end"""

    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Macro:
    """text : None of one with arguments"""

    text: str | None
    line: int


def words(text: str, name: str) -> tuple[list[Word], frozenset[int]]:
    """(all words, an `end` last; places of each word `module` that stands under `default_nettype none).

    Raises FormatError with the line, UnexpectedError for what may be SystemVerilog, BeyondError for
    `include and macros with arguments.
    """
    reader = _Reader(name)
    return reader.all(text), frozenset(reader.strict)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.macros: dict[str, _Macro] = {}
        self.inside: list[str] = []  # macros whose text is being read
        self.branches: list[list[bool]] = []  # of `ifdef: [on, one was on, else was seen]
        self.found: list[Word] = []
        self.declared = False  # whether all nets must be
        self.strict: list[int] = []
        self.inserted = 0
        self.line = 1

    def told(self, rule: str) -> str:
        within = f" (`{self.inside[-1]} of line {self.macros[self.inside[-1]].line})" if self.inside else ""
        return f"{self.name}, line {self.line}: {rule}{within}"

    def fail(self, rule: str) -> FormatError:
        return FormatError(self.told(rule))

    @property
    def on(self) -> bool:
        return all(branch[0] for branch in self.branches)

    def all(self, text: str) -> list[Word]:
        self.read(text)
        if self.branches:
            raise self.fail("`ifdef without its `endif; the file is truncated")
        self.found.append(Word("end", "the end of the file", self.line))
        return self.found

    def read(self, text: str) -> None:
        """Words of the file, or of a macro's text, which stand on the line of its use."""
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                if not self.on:
                    at += 1
                    continue
                raise self.unread(text, at)
            at = match.end()
            kind = match.lastgroup or ""
            if kind == "directive":
                at = self.directive(match[kind], text, at)
            elif self.on:
                self.word(kind, match[kind] if kind else "")
            if not self.inside:
                self.line += text.count("\n", match.start(), at)

    def unread(self, text: str, at: int) -> FormatError:
        if text[at].isspace() or not text[at].isprintable():
            return self.fail(f"cannot read the character U+{ord(text[at]):04X}")
        rule = f"cannot read {text[at : at + 20].split()[0]!r}"
        return UnexpectedError(self.told(rule)) if text[at].isascii() else self.fail(rule)

    def word(self, kind: str, text: str) -> None:
        if kind == "define":
            self.define(text)
        elif kind in ("nettype", "reset"):
            self.declared = text == "none"
        elif kind in ("escaped", "name", "number", "string", "symbol", "system"):
            if self.declared and kind == "name" and text in ("module", "macromodule"):
                self.strict.append(len(self.found))
            self.found.append(Word(kind, text, self.line))
            if self.inside:
                self.count(1)

    def count(self, inserted: int) -> None:
        self.inserted += inserted
        if self.inserted > MAX_MACROS:
            raise self.fail("the macros insert a million words; write them out")

    def define(self, rest: str) -> None:
        match = _MACRO.match(rest)
        if match is None:
            raise self.fail(f"`define needs a name, got {rest[:20]!r}")
        text = None if match[2] else re.sub(r"\\(\r?\n)", r"\1", match[3]).strip()
        self.macros[match[1]] = _Macro(text, self.line)

    def directive(self, word: str, text: str, at: int) -> int:
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
            self.insert(word)
        return at

    def turn(self, word: str, known: bool) -> None:
        if not self.branches or self.branches[-1][2]:
            raise self.fail(f"`{word} without `ifdef")
        taken = known and not self.branches[-1][1]
        self.branches[-1] = [taken, taken or self.branches[-1][1], word == "else"]

    def insert(self, word: str) -> None:
        """The text of a macro, read where it is used: its own macros are those of now."""
        if word == "include":
            raise BeyondError(self.told("`include is not followed here; put its text in its place"))
        if word not in self.macros:
            raise self.fail(f"`{word} is defined nowhere above")
        text = self.macros[word].text
        if text is None:
            raise BeyondError(self.told(f"`{word}, a macro with arguments, is not supported"))
        if word in self.inside:
            raise self.fail(f"the macro `{word} inserts itself; it has no end")
        if len(self.inside) == MAX_NESTED:
            raise self.fail(f"macros insert each other more than {MAX_NESTED} deep; write them out")
        self.count(1 + len(text) // 16)
        last = self.found[-1] if self.found else None
        if last and last.kind == "number" and _BASE_ALONE.fullmatch(last.text) and _DIGITS.fullmatch(text):
            self.found[-1] = replace(last, text=last.text + text)
            return
        branches = len(self.branches)
        self.inside.append(word)
        self.read(text)
        if len(self.branches) != branches:
            raise self.fail("`ifdef and its `endif stand in different macros")
        self.inside.pop()
