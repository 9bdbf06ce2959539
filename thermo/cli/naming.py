"""Errors in the user's terms: the library names its arguments, the command line its flags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from thermo.cli.describe import Flag
from thermo.cli.reading import CIRCUIT

FIELDS = {
    "rates": "rate",
    "n_hidden": "hidden",
    "layers": "gates",
    "n_layers": "gates",
    "initial_angle": "angle",
    "time_step": "dt",
    "engine": "backend",
    "thresholds": "threshold",
    "clock_Hz": "clock",
}
"""Settings whose flag is called otherwise."""
WORD = r"(?<![-\w./'\"])[a-z_]+(?![\w(/'\"])"
LISTED = rf"({WORD}(?:, {WORD})+)(?:(,? (?:or|and) )({WORD}))?"
QUOTING = r"(^|: |; |, or |, | take |with |for )"
SETTING = r"((?:^|[,;:] |or |and )(?:set|leave|lower|raise) (?:[-\w]+ (?:or|and) )?)"
SET = r"(?= (?:to|at|out|or|and)\b|[,.;]|$)"
SAID = "adds|must|is|are|has|takes|lies?|needs?|names|reaches|scales|would|cannot|does"
VERBS = rf"(?= (?:[\d.e+-]+ )?(?:{SAID})\b| =)"


def in_flags(message: str, flags: Sequence[Flag], values: Mapping[str, Any]) -> str:
    """The message with flags in place of arguments, and before it the flag whose value it quotes.

    values : of every flag, by its name in Python
    """
    named = {flag.key: flag.long for flag in flags}
    named |= {name: named[key] for name, key in FIELDS.items() if key in named and name not in named}
    for name, long in sorted(named.items(), key=lambda pair: -len(pair[0])):
        if "_" in name.strip("_"):
            message = re.sub(rf"(?<![-\w./'\"]){re.escape(name)}(?![\w(/'\"])", long, message)
        else:  # an English word, or a letter or two: only where what stands around it tells
            word = re.escape(name)
            message = re.sub(rf"(^|: |\(|; ){word}{VERBS}", rf"\g<1>{long}", message)
            message = re.sub(rf"( or | and ){word}(?= to ['\d])", rf"\g<1>{long}", message)
            message = re.sub(rf"{QUOTING}{word}(?= ')", rf"\g<1>{long}", message)
            message = re.sub(rf"{SETTING}{word}{SET}", rf"\g<1>{long}", message)
    message = re.sub(LISTED, lambda found: _listed(found, named), message)
    given = [flag for flag in flags if _is_given(flag, values)]
    for flag in given:
        message = re.sub(rf"^{re.escape(flag.key)}: ", f"{flag.long}: ", message)
    if any(re.search(rf"(?<![-\w]){re.escape(word)}(?![-\w])", message) for f in given for word in f.words):
        return message
    quoted = [flag for flag in given if any(_quotes(message, text) for text in _texts(values[flag.key]))]
    return f"{quoted[0].long}: {message}" if len(quoted) == 1 else message


def with_place(message: str, flags: Sequence[Flag]) -> str:
    """A reader's message; where it offers what this command does not take, with the command that does."""
    own = {flag.long for flag in flags}
    others = [option.flag for option in CIRCUIT if option.flag not in own]
    offered = [flag for flag in others if re.search(rf"(?<![-\w]){re.escape(flag)}(?![-\w])", message)]
    if not offered:
        return message
    return f"{message} (thermoc compile takes {' and '.join(offered)}; this command then takes its netlist)"


def _listed(found: re.Match[str], named: Mapping[str, str]) -> str:
    """A list of three arguments or more with their flags: mismatch, asymmetry or bits."""
    words, joined, last = found.group(1).split(", "), found.group(2) or "", found.group(3) or ""
    flags = [named.get(word, "") for word in words]
    if not all(flags) or len(flags) + (last in named) < 3:
        return found.group()
    return ", ".join(flags) + joined + named.get(last, last)


def _is_given(flag: Flag, values: Mapping[str, Any]) -> bool:
    return flag.key in values and values[flag.key] not in (flag.default, None, [], ())


def _texts(value: Any) -> list[str]:
    """How a message may write the value."""
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool):
        return []
    if isinstance(value, float):
        return [f"{value!r}", f"{value:g}"]
    return [f"'{value}'", str(value)] if isinstance(value, str) else [str(value)]


def _quotes(message: str, text: str) -> bool:
    if not text:
        return False
    if text.startswith("'"):
        return text in message
    return re.search(rf"(?<![\w.'-]){re.escape(text)}(?![\w'])", message) is not None
