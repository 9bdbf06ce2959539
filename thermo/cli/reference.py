"""The reference part of docs/cli.md, made from the commands themselves.

`python -m thermo.cli.reference docs/cli.md` writes it anew; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thermo.cli.describe import flags_of, function_of, value_word
from thermo.cli.keys import KEYS
from thermo.cli.main import COMMANDS

BEGIN = "<!-- made by thermo.cli.reference; do not edit below -->"


def reference() -> str:
    """Tables of every command's flags and of JSON's keys, in Markdown."""
    parts = ["## Flags", "Every command takes `--help` and `--config FILE.toml`."]
    for name, (place, _) in COMMANDS.items():
        rows = _flags(function_of(place))
        told = _table(("flag", "value", "default", "what"), rows) if rows else "No flags of its own."
        parts += [f"### {name}", told]
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
    for flag in flags_of(command):
        shown = "required" if flag.required else _default(flag.default)
        limits = [f"≥ {flag.least:g}"] if flag.least is not None else []
        limits += [f"≤ {flag.most:g}"] if flag.most is not None else []
        value = " ".join([value_word(flag), *limits])
        rows.append((", ".join(f"`{name}`" for name in flag.names), value, shown, flag.help))
    return rows


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
