"""What a Verilog module says, before widths and instances are worked out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """kind and parts:

    number : value; width, signed, unsized; name : text; bit : name, index; part : name, first, last
    up, down : name, base, width; join : parts (one after another, high bits first)
    repeat : count, join; unary : op, x; nary : op, xs (equal operators side by side), odd
    binary : op, x, y; choice : condition, one, zero; cast : signed, x
    """

    kind: str
    line: int
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """A port or net. side : input, output or net; bounds : of its range; value : of supplies, 0 or 1"""

    name: str
    line: int
    side: str
    bounds: tuple[Expr, Expr] | None
    signed: bool
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    line: int
    bounds: tuple[Expr, Expr] | None
    signed: bool
    value: Expr
    local: bool


@dataclass(frozen=True, slots=True)
class Assign:
    target: Expr
    value: Expr
    line: int


@dataclass(frozen=True, slots=True)
class Gate:
    """A primitive and its terminals."""

    kind: str
    terminals: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Instance:
    """kind : of a module or a cell; pins, parameters : (name, or "" in the order of ports; None: open)"""

    kind: str
    name: str
    line: int
    parameters: tuple[tuple[str, Expr | None], ...]
    pins: tuple[tuple[str, Expr | None], ...]


@dataclass(slots=True)
class Module:
    """strict : whether its nets must be declared"""

    name: str
    line: int
    strict: bool = False
    header: list[tuple[str, int]] = field(default_factory=list)  # names in the port list
    declared: list[Declared] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    items: list[Assign | Gate | Instance] = field(default_factory=list)
