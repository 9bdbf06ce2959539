"""Pages of the API: what a package shows, its signature and its docstring."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import re
from html import escape
from importlib import import_module
from types import ModuleType
from typing import Any

PACKAGES = ("thermo", "compiler", "hw_models")
ITEM = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.+)$")


def page(package: str) -> str:
    """The page of a package in Markdown."""
    module = import_module(package)
    parts = [f"# {package}", inspect.cleandoc(module.__doc__ or "")]
    names = sorted((n for n in module.__all__ if not n.startswith("_")), key=lambda n: (n.lower(), n))
    shown = [(name, _of(getattr(module, name))) for name in names]
    parts.append(" · ".join(f"[`{name}`](#{package}.{name})" for name in names))
    for name, value in shown:
        parts.append(f'<a id="{package}.{name}"></a>\n\n## {name}')
        parts.append(_told(package, name, value))
    return "\n\n".join(parts) + "\n"


def _of(value: Any) -> Any:
    """The function of a module that can be called."""
    if isinstance(value, ModuleType) and callable(value):
        return getattr(value, value.__name__.rpartition(".")[2])
    return value


def _told(package: str, name: str, value: Any) -> str:
    home = getattr(value, "__module__", package)
    lines = [f"`{home}`"]
    if inspect.isclass(value) or callable(value):
        with contextlib.suppress(ValueError, TypeError):
            lines.append(f"```python\n{name}{_signature(value)}\n```")
    doc = value.__doc__ if (inspect.isclass(value) or callable(value)) else None
    if doc and not (dataclasses.is_dataclass(value) and doc.startswith(f"{name}(")):
        lines.append(_prose(inspect.cleandoc(doc)))
    if inspect.isclass(value):
        for key, member in vars(value).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if key.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
                continue
            shown = key if isinstance(member, property) else f"{key}{_signature(function)}"
            lines.append(f"**`{shown}`**\n\n{_prose(inspect.cleandoc(function.__doc__))}")
    return "\n\n".join(lines)


def _signature(value: Any) -> str:
    """On several lines where one would be long; defaults that are objects by three dots."""
    signature = inspect.signature(value)
    back = "" if signature.return_annotation in (inspect.Signature.empty, "None", None) else "yes"
    told = f" -> {_annotation(signature.return_annotation)}" if back else ""
    inner, keyword = [], False
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not keyword:
            inner.append("*")
        keyword = keyword or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        kind = "" if p.annotation is p.empty else f": {_annotation(p.annotation)}"
        default = "" if p.default is p.empty else f" = {_default(p.default)}"
        inner.append(f"{stars}{p.name}{kind}{default}")
    whole = f"({', '.join(inner)}){told}"
    return whole if len(whole) < 80 else "(\n    " + ",\n    ".join(inner) + f"\n){told}"


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", str(value))


def _default(value: Any) -> str:
    text = repr(value)
    return "..." if text.startswith("<") or len(text) > 60 else text


def _prose(doc: str) -> str:
    """The docstring: paragraphs, with `name : meaning` lines as a list, and indented text as it is."""
    found: list[str] = []
    for block in doc.split("\n\n"):
        rows: list[str] = []
        for line in block.split("\n"):
            match = ITEM.match(line)
            if match:
                rows.append(f"- `{match.group(1)}`: {escape(match.group(2), quote=False)}")
            elif line.startswith("    ") and rows and rows[-1].startswith("- "):
                rows[-1] += f" {escape(line.strip(), quote=False)}"
            else:
                rows.append(line if line.startswith("    ") else escape(line, quote=False))
        lists = [k for k, row in enumerate(rows) if row.startswith("- `")]
        if lists and lists[0] > 0:
            rows.insert(lists[0], "")
        found.append("\n".join(rows))
    return "\n\n".join(found)
