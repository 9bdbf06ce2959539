"""What the commands take, as plain values: for the reference, completion, files of options and help."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of a command.

    key : its name in Python; names : as declared, the short one first, --on/--off of a switch with two
    kind : bool, int, float, str or Path; many : whether it may be repeated
    default : None without one; required : whether it must be given
    """

    key: str
    names: tuple[str, ...]
    kind: type
    many: bool
    default: Any
    required: bool
    least: float | None
    most: float | None
    help: str

    @property
    def long(self) -> str:
        """--data of -d, --data; --on of --on/--off."""
        return self.names[-1].partition("/")[0]

    @property
    def off(self) -> str:
        """What turns a switch off, "" without such a word."""
        return self.names[-1].partition("/")[2]

    @property
    def words(self) -> tuple[str, ...]:
        """Every way to write it."""
        return tuple(word for name in self.names for word in name.split("/"))


def function_of(place: str) -> Callable[..., Any]:
    """The command's function by its place, "module:name"."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def flags_of(function: Callable[..., Any]) -> list[Flag]:
    """Flags of a command, in the order of its help."""
    return [
        _flag(parameter, kind, told)
        for parameter, kind, told in _parameters(function)
        if type(told).__name__ == "OptionInfo"
    ]


def _parameters(function: Callable[..., Any]) -> list[tuple[inspect.Parameter, Any, Any]]:
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    return [(p, *typing.get_args(p.annotation)[:2]) for p in parameters]


def _flag(parameter: inspect.Parameter, kind: Any, told: Any) -> Flag:
    first = told.default if isinstance(told.default, str) and told.default.startswith("-") else None
    names = tuple(name for name in (first, *(told.param_decls or ())) if name)
    default = parameter.default
    required = default is inspect.Parameter.empty
    many = typing.get_origin(kind) is list or any(
        typing.get_origin(part) is list for part in typing.get_args(kind)
    )
    return Flag(
        parameter.name,
        names,
        _plain(kind),
        many,
        None if required else default,
        required,
        told.min,
        told.max,
        told.help or "",
    )


def _plain(kind: Any) -> type:
    """The type of one value."""
    parts = [part for part in typing.get_args(kind) if part is not NoneType]
    return _plain(parts[0]) if parts else kind


def value_word(flag: Flag) -> str:
    """How its value is called: whole number, text, file; "" for a switch."""
    word = {bool: "", int: "whole number", float: "number", str: "text", Path: "file"}[flag.kind]
    return f"{word}, repeatable" if flag.many else word
