"""The reference part of docs/cli.md, made from the commands themselves.

`python -m thermo.cli.reference docs/cli.md` writes it anew; a test compares.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any

from thermo.cli.keys import KEYS
from thermo.cli.main import COMMANDS

BEGIN = "<!-- made by thermo.cli.reference; do not edit below -->"


def reference() -> str:
    """Tables of every command's flags and of JSON's keys, in Markdown."""
    parts = ["## Flags", "Every command takes `--help`."]
    for name, (place, _) in COMMANDS.items():
        module, function = place.split(":")
        rows = _flags(getattr(import_module(module), function))
        if rows:
            parts += [f"### {name}", _table(("flag", "value", "default", "what"), rows)]
    parts += [
        "## JSON keys",
        "A key that ends in ? is there only where it has a meaning. `study` writes what it prints as "
        "JSON beside its figure, too.",
    ]
    for name, keys in KEYS.items():
        rows = [(f"`{key}`", told) for key, told in keys.items()]
        parts += [f"### {name}: keys", _table(("key", "what"), rows)]
    return "\n\n".join(parts) + "\n"


def with_reference(page: str) -> str:
    """The page with its reference made anew."""
    return page.partition(BEGIN)[0].rstrip() + f"\n\n{BEGIN}\n\n{reference()}"


def _flags(command: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        kind, told = typing.get_args(parameter.annotation)[:2]
        if type(told).__name__ != "OptionInfo":
            continue
        first = told.default if isinstance(told.default, str) and told.default.startswith("-") else None
        names = [name for name in (first, *(told.param_decls or ())) if name]
        default = parameter.default
        shown = "required" if default is inspect.Parameter.empty else _default(default)
        limits = [f"≥ {told.min:g}"] if told.min is not None else []
        limits += [f"≤ {told.max:g}"] if told.max is not None else []
        value = " ".join([_value(kind), *limits])
        rows.append((", ".join(f"`{name}`" for name in names), value, shown, told.help or ""))
    return rows


def _value(kind: Any) -> str:
    """How a value is called: number, text, file; "" for a switch."""
    if typing.get_origin(kind) is list:
        return f"{_value(typing.get_args(kind)[0])}, repeatable"
    args = [a for a in typing.get_args(kind) if a is not NoneType]
    if args:
        return _value(args[0])
    return {bool: "", int: "whole number", float: "number", str: "text", Path: "file"}[kind]


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else f"{value}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_reference(path.read_text(encoding="utf-8")), encoding="utf-8")
