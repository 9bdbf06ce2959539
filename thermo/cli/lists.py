"""A flag of numbers that may be repeated takes them with commas, too: --gates 500,2000."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from thermo.cli.describe import flags_of, function_of


def parted(words: Sequence[str], commands: Mapping[str, tuple[str, str]]) -> list[str]:
    """The words of a command line with --gates 500,2000 as --gates=500 --gates=2000."""
    name = next((c for c in commands if c.split() == list(words[: len(c.split())])), None)
    if name is None or not any("," in word for word in words):
        return list(words)
    flags = flags_of(function_of(commands[name][0]))
    numbers = {word for flag in flags if flag.many and flag.kind in (int, float) for word in flag.words}
    return list(_parted(words, {word for word in numbers if word.startswith("--")}))


def _parted(words: Sequence[str], numbers: set[str]) -> Iterator[str]:
    left = iter(words)
    for word in left:
        flag, same, value = word.partition("=")
        if word == "--":
            yield word
            yield from left
        elif flag not in numbers:
            yield word
        else:
            value = value if same else next(left, "")
            yield from (f"{flag}={part}" for part in value.split(","))
