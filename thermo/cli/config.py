"""--config FILE.toml: flags of a command from a file.

    data = "digits"          # a flag without its dashes; a list for one that may be repeated
    epochs = 20
    [train.logic]            # of one command alone; tables of other commands are left alone
    gates = 1000

What is given on the command line itself has the last word.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compiler.errors import FormatError
from thermo.cli.describe import Flag, flags_of, function_of

FLAG = "--config"


def with_config(arguments: Sequence[str], commands: dict[str, tuple[str, str]]) -> list[str]:
    """The arguments with those of the file that --config names behind the command's name.

    Raises FormatError for a file that is missing or no TOML, and for a key that the command does not take.
    """
    words = list(arguments)
    path = _taken(words)
    if path is None:
        return words
    name = next((c for c in commands if c.split() == words[: len(c.split())]), None)
    if name is None:
        raise FormatError(f"{path}: {FLAG} goes behind the name of a command, thermoc COMMAND {FLAG} {path}")
    flags = {flag.long.lstrip("-"): flag for flag in flags_of(function_of(commands[name][0]))}
    given = {word.partition("=")[0] for word in words}
    made: list[str] = []
    for key, value in _options(path, name, commands).items():
        flag = flags.get(key) or flags.get(key.replace("_", "-"))
        if flag is None:
            raise FormatError(
                f"{path}: thermoc {name} has no flag --{key}; `thermoc {name} --help` lists them"
            )
        if not given.intersection(flag.words):
            made += _words(path, flag, key, value)
    size = len(name.split())
    return [*words[:size], *made, *words[size:]]


def _taken(words: list[str]) -> Path | None:
    """The file of --config, both taken out of the words; None without it."""
    for k, word in enumerate(words):
        if word == FLAG:
            if k + 1 == len(words):
                raise FormatError(f"{FLAG}: give a file of flags, {FLAG} mine.toml")
            path = Path(words[k + 1])
            del words[k : k + 2]
            return path
        if word.startswith(f"{FLAG}="):
            del words[k]
            return Path(word.partition("=")[2])
    return None


def _options(path: Path, name: str, commands: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Keys of the top and of the command's own table."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: is no TOML ({error})") from None
    found = {key: value for key, value in document.items() if not isinstance(value, dict)}
    known = {word for command in commands for word in command.split()[:1]}
    for key, value in document.items():
        if isinstance(value, dict) and key not in known:
            raise FormatError(f"{path}: [{key}] is no command; `thermoc --help` lists them")
    table: Any = document
    for word in name.split():
        table = table.get(word, {}) if isinstance(table, dict) else {}
    if isinstance(table, dict):
        found |= {key: value for key, value in table.items() if not isinstance(value, dict)}
    return found


def _words(path: Path, flag: Flag, key: str, value: Any) -> list[str]:
    """The value as words of the command line."""
    if flag.kind is bool:
        if not isinstance(value, bool):
            raise FormatError(f"{path}: {key} is a switch, true or false, got {value!r}")
        return [flag.long] if value else [flag.off] if flag.off else []
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not flag.many:
        raise FormatError(f"{path}: {flag.long} takes one value, got {value!r}")
    if any(isinstance(one, bool | dict | list) for one in values):
        raise FormatError(f"{path}: {flag.long} takes a number or a text, got {value!r}")
    return [f"{flag.long}={one}" for one in values]
