"""PLA of Berkeley's espresso: two-level covers, one row a product.

Source: espresso(5), octtools. Types: f, fd (the default), fr and fdr; a row's output 1 puts its cube into the
on-set, any other does not, so what is left open is 0. With r an output 0 puts it into the off-set, which must
not meet the on-set.
"""

from __future__ import annotations

import os
import re
from typing import NoReturn

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.wires import Wires
from compiler.formats.format import Format, plain
from compiler.ir.gates import AND, OR, GateNetlist

TYPES = ("f", "fd", "fr", "fdr")
MOST_PAIRED = 4096  # rows of which all pairs are compared; of more, equal cubes


def read_pla(path: str | os.PathLike) -> GateNetlist:
    """The netlist of a .pla file; errors as parse_pla."""
    return parse_pla(read_text(path), name=str(path))


def parse_pla(text: str, *, name: str = "text") -> GateNetlist:
    """The netlist of a PLA; inputs without names are x0, x1, ..., outputs z0, z1, ...

    Products that several outputs share are built once.

    Raises FormatError, with `name` and line, UnsupportedError for multi-valued variables and phases.
    """
    return _Parser(name).netlist(text)


class _Parser:
    def __init__(self, name: str) -> None:
        self.name, self.line = name, 0
        self.numbers: dict[str, int] = {}
        self.names: dict[str, tuple[list[str], int]] = {}
        self.rows: list[tuple[str, str, int]] = []
        self.type = "fd"

    def fail(self, rule: str) -> NoReturn:
        raise FormatError(f"{self.name}, line {self.line}: {rule}")

    def netlist(self, text: str) -> GateNetlist:
        for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            self.line = number
            words = raw.partition("#")[0].replace("|", " ").split()
            if not words:
                continue
            if words[0] in (".e", ".end"):
                break
            if words[0].startswith("."):
                self.statement(words[0], words[1:])
            else:
                self.row("".join(words))
        if not {".i", ".o"} <= set(self.numbers):
            raise FormatError(
                f"{self.name}: holds no PLA: .i and .o state how many inputs and outputs it has"
            )
        return self.build()

    def statement(self, head: str, rest: list[str]) -> None:
        if head in (".i", ".o"):
            if len(rest) != 1 or not (rest[0].isascii() and rest[0].isdigit()) or len(rest[0]) > 6:
                self.fail(f"{head} takes a number")
            if head in self.numbers:
                self.fail(f"{head} is given twice")
            self.numbers[head] = int(rest[0])
        elif head in (".ilb", ".ob"):
            self.names[head] = (rest, self.line)
        elif head == ".type":
            if (rest[:1] and rest[0] not in TYPES) or not rest:
                self.fail(f".type must be one of {', '.join(TYPES)}")
            self.type = rest[0]
        elif head == ".phase" and set("".join(rest)) <= {"1"}:
            pass
        elif head != ".p":
            raise UnsupportedError(
                f"{self.name}, line {self.line}: {head} is not supported; write a PLA of bits in phase 1"
            )

    def row(self, row: str) -> None:
        if not {".i", ".o"} <= set(self.numbers):
            self.fail("a row before .i and .o")
        n, m = self.numbers[".i"], self.numbers[".o"]
        cube, shown = row[:n].replace("2", "-"), row[n:]
        if len(row) != n + m or set(cube) - set("01-") or set(shown) - set("01-~24"):
            self.fail(f"row {row[:40]!r} must be {n} characters 0, 1 or -, then {m} of 0, 1, - or ~")
        self.rows.append((cube, shown.replace("4", "1"), self.line))

    def refuse_disputed(self, titles: list[str]) -> None:
        """FormatError where one row puts into an output's on-set what another puts into its off-set."""
        if "r" not in self.type or (pair := _disputed(self.rows)) is None:
            return
        (cube, shown, line), (other, against, self.line) = (self.rows[k] for k in pair)
        k = next(k for k, bits in enumerate(zip(shown, against, strict=True)) if set(bits) == {"0", "1"})
        self.fail(
            f"{other or 'the row'} gives {titles[k]!r} a {against[k]}, and {cube or 'that'} at line {line}, "
            f"which meets it, a {shown[k]}; on-set and off-set of type {self.type} lie apart: leave one out"
        )

    def labels(self, key: str, count: int, letter: str) -> tuple[list[str], int]:
        found, line = self.names.get(key, ([f"{letter}{k}" for k in range(count)], 1))
        self.line = line
        if len(found) != count:
            self.fail(f"{key} gives {len(found)} names; there are {count}")
        if len(set(found)) < count:
            self.fail(f"{key} gives a name twice")
        return found, line

    def build(self) -> GateNetlist:
        wires = Wires(self.name)
        names, line = self.labels(".ilb", self.numbers[".i"], "x")
        inputs = [(wires.net(name), line) for name in names]
        products: dict[str, int] = {}
        outputs = []
        titles, line = self.labels(".ob", self.numbers[".o"], "z")
        if both := set(names) & set(titles):
            self.fail(f"{min(both)!r} is an input and an output; rename one of them")
        self.refuse_disputed(titles)
        for cube, _, number in self.rows:
            if cube not in products:
                wires.line = number
                literals = [
                    2 * net + (bit == "0") for (net, _), bit in zip(inputs, cube, strict=True) if bit != "-"
                ]
                products[cube] = wires.tree(AND, literals)
        for k, name in enumerate(titles):
            chosen = dict.fromkeys(cube for cube, shown, _ in self.rows if shown[k] == "1")
            wires.line = line
            net = wires.net(name)
            wires.drive(net, wires.tree(OR, [products[cube] for cube in chosen]), line)
            outputs.append((net, line))
        return wires.netlist(inputs, outputs, "")


def _disputed(rows: list[tuple[str, str, int]]) -> tuple[int, int] | None:
    """Two rows, the earlier one first, whose cubes meet and of which an output is 1 and 0."""
    if len(rows) > MOST_PAIRED:
        return _disputed_equals(rows)
    ones, zeros, on, off = (
        _packed(side, bit) for side in ([row[0] for row in rows], [row[1] for row in rows]) for bit in "10"
    )
    for k in range(1, len(rows)):
        apart = ((ones[:k] & zeros[k]) | (zeros[:k] & ones[k])).any(axis=1)
        against = ((on[:k] & off[k]) | (off[:k] & on[k])).any(axis=1)
        if (found := np.flatnonzero(against & ~apart)).size:
            return int(found[0]), k
    return None


def _packed(texts: list[str], bit: str) -> np.ndarray:
    """(n, bytes) uint8: where texts of one length have the bit, eight places a byte."""
    places = np.frombuffer("".join(texts).encode(), dtype=np.uint8) == ord(bit)
    return np.packbits(places.reshape(len(texts), len(texts[0]) if texts else 0), axis=1)


def _disputed_equals(rows: list[tuple[str, str, int]]) -> tuple[int, int] | None:
    """As _disputed, of equal cubes only: in time that grows with the rows, not with their pairs."""
    seen: dict[str, dict[tuple[int, str], int]] = {}
    for number, (cube, shown, _) in enumerate(rows):
        own = seen.setdefault(cube, {})
        for k, bit in enumerate(shown):
            if bit in "01":
                if (before := own.get((k, "10"[int(bit)]))) is not None:
                    return before, number
                own.setdefault((k, bit), number)
    return None


FORMAT = Format(
    "pla", "PLA", (".pla",), re.compile(rb"(?:\s|#[^\n]*\n)*\.(?:i|ilb|type|o)\s"), plain(read_pla)
)
