"""Boolean expressions of .eqn and .genlib files: ! and ' complement, * and & and, ^ xor, + and | or."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from compiler.ir.gates import AND, OR, XOR

V = TypeVar("V")
_WORD = re.compile(r"\s*([^\s()!'*&+|^=;,\"]+|[()!'*&+|^])")
LEVELS = ((OR, "+|"), (XOR, "^"), (AND, "*&"))
CONSTANTS = {"0": 0, "1": 1, "CONST0": 0, "CONST1": 1}
MAX_DEPTH = 120


@dataclass(frozen=True, slots=True)
class Algebra(Generic[V]):
    """What the expressions are evaluated to.

    name : of a variable -> value; tree : op (AND, OR, XOR), values -> value
    """

    name: Callable[[str], V]
    tree: Callable[[int, list[V]], V]
    complement: Callable[[V], V]
    constant: Callable[[int], V]


def evaluate(text: str, algebra: Algebra[V]) -> V:
    """The expression's value. Raises ValueError, of one line, for malformed text."""
    words, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            raise ValueError(f"cannot read {text[at:].strip()[:20]!r}")
        words.append(match[1])
        at = match.end()
    parser = _Parser(words, algebra)
    found = parser.level(0)
    if parser.at < len(words):
        raise ValueError(f"{words[parser.at][:20]!r} is not expected")
    return found


class _Parser(Generic[V]):
    def __init__(self, words: list[str], algebra: Algebra[V]) -> None:
        self.words, self.algebra, self.at, self.depth = words, algebra, 0, 0

    @property
    def word(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def level(self, k: int) -> V:
        if k == len(LEVELS):
            return self.factor()
        op, signs = LEVELS[k]
        parts = [self.level(k + 1)]
        while self.word and self.word in signs:
            self.at += 1
            parts.append(self.level(k + 1))
        return parts[0] if len(parts) == 1 else self.algebra.tree(op, parts)

    def factor(self) -> V:
        flips = 0
        while self.word == "!":
            self.at += 1
            flips += 1
        word = self.word
        if not word or word in ")*&+|^'":
            raise ValueError(f"an operand is missing before {word!r}" if word else "an operand is missing")
        self.at += 1
        if word == "(":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
            found = self.level(0)
            self.depth -= 1
            if self.word != ")":
                raise ValueError("')' is missing")
            self.at += 1
        elif word in CONSTANTS:
            found = self.algebra.constant(CONSTANTS[word])
        else:
            found = self.algebra.name(word)
        while self.word == "'":
            self.at += 1
            flips += 1
        return self.algebra.complement(found) if flips % 2 else found
