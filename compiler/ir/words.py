"""Words of bits among named nets: p[0], p[1], ... are the word p, lowest bit first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from compiler.errors import NetlistError

_BIT = re.compile(r"(.*)\[(\d+)\]")


def word_bits(words: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    """The bit of every net that `words` name: a net itself, or all of word[0], word[1], ...

    Raises NetlistError for names that are neither, and values that do not fit.
    """
    out: dict[str, int] = {}
    known = set(names)
    groups = word_nets(names)
    for word, value in words.items():
        nets = [word] if word in known else groups.get(word)
        if nets is None:
            choices = ", ".join(dict.fromkeys([*groups, *(n for n in names if not _BIT.match(n))]))
            raise NetlistError(f"clamp {word!r}: no input or output is called so; there are {choices}")
        if not 0 <= value < 1 << len(nets):
            raise NetlistError(
                f"clamp {word}={value}: the word has {len(nets)} bits, it holds 0 to {(1 << len(nets)) - 1}"
            )
        for k, net in enumerate(nets):
            bit = (value >> k) & 1
            if out.setdefault(net, bit) != bit:
                raise NetlistError(f"clamp: {net!r} is clamped to 0 and to 1; clamp it once")
    return out


def word_nets(names: Sequence[str]) -> dict[str, list[str]]:
    """The nets word[0], word[1], ... of every word whose bits are all there, lowest first."""
    groups: dict[str, dict[int, str]] = {}
    for name in names:
        if found := _BIT.fullmatch(name):
            groups.setdefault(found[1], {})[int(found[2])] = name
    return {
        word: [bits[k] for k in range(len(bits))]
        for word, bits in groups.items()
        if set(bits) == set(range(len(bits)))
    }


def words_and_nets(names: Sequence[str]) -> dict[str, list[str]]:
    """The words among `names`, and every other name as a word of one net."""
    words = word_nets(names)
    grouped = {net for nets in words.values() for net in nets}
    return words | {name: [name] for name in names if name not in grouped and name not in words}
