"""EQN: INORDER = a b; OUTORDER = y; y = a * !b + c; as SIS and ABC write it (write_eqn)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from compiler.errors import FormatError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.equations import Algebra, evaluate
from compiler.formats.circuits.wires import Wires
from compiler.formats.format import Format, plain
from compiler.ir.gates import GateNetlist


def read_eqn(path: str | os.PathLike) -> GateNetlist:
    """The netlist of an .eqn file; errors as parse_eqn."""
    return parse_eqn(read_text(path), name=str(path))


def parse_eqn(text: str, *, name: str = "text") -> GateNetlist:
    """The netlist of a list of equations. Raises FormatError, with `name` and line."""
    wires = Wires(name)
    nets: dict[str, int] = {}
    sides: dict[str, list[tuple[int, int]]] = {"INORDER": [], "OUTORDER": []}

    def net(word: str) -> int:
        if word not in nets:
            nets[word] = wires.net(word)
        return nets[word]

    algebra: Algebra[int] = Algebra(
        lambda word: 2 * net(word), lambda op, xs: wires.tree(op, xs), lambda x: x ^ 1, lambda value: value
    )
    for line, statement in _statements(text, name):
        left, equal, right = statement.partition("=")
        left = left.strip()
        if not equal or len(left.split()) != 1:
            raise FormatError(f"{name}, line {line}: {statement[:40]!r} is no equation `y = a * b;`")
        if left in sides:
            sides[left] += [(net(word), line) for word in right.split()]
            continue
        wires.line = line
        try:
            literal = evaluate(right, algebra)
        except ValueError as error:
            raise FormatError(f"{name}, line {line}: the equation of {left!r}: {error}") from None
        wires.drive(net(left), literal, line)
    if not nets:
        raise FormatError(f"{name}: holds no equations")
    return wires.netlist(sides["INORDER"], sides["OUTORDER"], "")


def _statements(text: str, name: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what semicolons end; comments are gone."""
    plain_text = re.sub(r"#[^\n]*", "", text.removeprefix("\ufeff"))
    line = 1
    *whole, rest = plain_text.split(";")
    for part in whole:
        if part.strip():
            yield line + part[: len(part) - len(part.lstrip())].count("\n"), " ".join(part.split())
        line += part.count("\n")
    if rest.strip():
        line += rest[: len(rest) - len(rest.lstrip())].count("\n")
        raise FormatError(
            f"{name}, line {line}: {' '.join(rest.split())[:40]!r} lacks its ';'; it is truncated"
        )


FORMAT = Format(
    "eqn", "EQN", (".eqn",), re.compile(rb"(?:\s|#[^\n]*\n)*(?:INORDER|OUTORDER)\s*="), plain(read_eqn)
)
