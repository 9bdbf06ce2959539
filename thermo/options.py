"""Options as data: what a dynamics, an estimate or a trainer takes, declared once.

`thermo.simulate` checks its keywords against these declarations, and the command line makes its
flags, its help and its refusals from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from types import MappingProxyType
from typing import Any

from compiler.errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    name : keyword in Python
    flag, short : on the command line, --out and -o; "" for an option of Python alone
    type, default, help, min, max : of the flag; a list[...] may be repeated
    read : makes the keyword's value of the flag's
    parts : flags that are fields of this keyword's value, a dataclass made by `build`
    """

    name: str
    flag: str = ""
    type: Any = None
    default: Any = None
    help: str = ""
    min: float | None = None
    max: float | None = None
    read: Callable[[Any], Any] | None = None
    parts: tuple[Option, ...] = ()
    build: Callable[..., Any] | None = None
    short: str = ""

    @property
    def key(self) -> str:
        """The flag as a Python name, --as as as_; "" without a flag; of --on/--off the first."""
        key = self.flag.split("/")[0].lstrip("-").replace("-", "_")
        return f"{key}_" if iskeyword(key) else key

    def is_given(self, value: Any) -> bool:
        """Whether a flag's value is another than its default."""
        return value not in (self.default, [], ())


def takes(*options: Option) -> Mapping[str, Option]:
    """Options by name, read-only."""
    return MappingProxyType({option.name: option for option in options})


def flags(options: Iterable[Option]) -> list[Option]:
    """The options with a flag, and the parts of composed ones."""
    found: list[Option] = []
    for option in options:
        found += [part for part in option.parts if part.flag]
        found += [option] if option.flag else []
    return found


def keywords(options: Iterable[Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of flags' values (by `key`), those that differ from their defaults."""
    found: dict[str, Any] = {}
    for option in options:
        if option.build is not None:
            parts = {p.name: values[p.key] for p in option.parts if p.is_given(values.get(p.key, p.default))}
            if parts:
                found[option.name] = option.build(**parts)
        elif option.flag and option.is_given(values.get(option.key, option.default)):
            value = values[option.key]
            found[option.name] = value if option.read is None else option.read(value)
    return found


def check_taken(kind: str, name: str, shown: str, takers: Mapping[str, Mapping[str, Option]]) -> None:
    """Raise UnsupportedError unless the kind takes the option.

    takers : what each kind takes, by how the kind is called in a sentence; shown : the option as
    the user wrote it
    """
    if name in takers[kind]:
        return
    others = [other for other, taken in takers.items() if name in taken]
    where = f"only to {' and '.join(others)}" if others else f"nor to {_rest(kind, takers)}"
    raise UnsupportedError(f"{shown} does not apply to {kind}, {where}: leave it out")


def _rest(kind: str, takers: Mapping[str, Any]) -> str:
    return " or ".join(other for other in takers if other != kind) or "anything else"
