"""Lines of numbers in text files: every refusal names the file and the line."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import numpy as np

from compiler.errors import FormatError


def number_lines(text: str, comments: tuple[str, ...] = ("#",)) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, words) of the lines that are not blank and no comment."""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if words and not line.lstrip().startswith(comments):
            yield number, words


MOST = 1 << 26  # variables and couplings read: a header's typo should not fill the memory


def whole(word: str, where: str, what: str, least: int = 0, most: int = MOST) -> int:
    """The whole number in `word`, from `least` to `most`, or FormatError."""
    try:
        value = int(word)
    except ValueError:
        value = least - 1
    if value < least:
        raise FormatError(f"{where}: {what} must be a whole number of at least {least}, got {word!r}")
    if value > most:
        raise FormatError(f"{where}: {what} must be at most {most}, got {word!r}")
    return value


def real(word: str, where: str, what: str) -> float:
    """The finite number in `word`."""
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise FormatError(f"{where}: {what} must be a finite number, got {word!r}")
    return value


def number_text(value: float) -> str:
    """The shortest text that gives the same float, without an exponent: dimod reads none."""
    return np.format_float_positional(value + 0.0, trim="-")
