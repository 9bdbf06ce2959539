"""What notebooks show of netlists, models and results: small tables, no script, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

import numpy as np

LONGEST = 100  # characters of a value
RANGED = 1 << 20  # largest array whose range is looked for
SHOWN = 4  # parts of a tuple that get rows of their own


def table_html(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()
) -> str:
    """A table whose heads say what they are of. numeric : columns that are aligned to the right"""

    def line(row: Sequence[str], scope: str) -> str:
        cells = []
        for k, value in enumerate(row):
            style = ' style="text-align:right"' if k in numeric else ' style="text-align:left"'
            head = scope == "col" or k == 0
            tag, of = ("th", f' scope="{scope}"') if head else ("td", "")
            cells.append(f"<{tag}{of}{style}>{escape(value)}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line(row, "row") for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{said}<thead>{line(columns, 'col')}</thead><tbody>{body}</tbody></table>"


def fields_html(thing: Any) -> str:
    """A dataclass as a table of its fields, parts of it one level down; the `_repr_html_` of many.

    Arrays are told by type, shape and range; what is None is left out.
    """
    own = type(thing).__repr__
    # the repr that dataclasses are given prints whole arrays
    caption = type(thing).__name__ if hasattr(own, "__wrapped__") else repr(thing)
    return table_html(caption, ("field", "value"), [*_rows(thing, "", 1)])


def _rows(thing: Any, prefix: str, depth: int) -> Iterator[tuple[str, str]]:
    for field in fields(thing):
        value, name = getattr(thing, field.name), prefix + field.name
        if value is None:
            continue
        parts = value if isinstance(value, tuple) and value and is_dataclass(value[0]) else None
        if depth and is_dataclass(value):
            yield from _rows(value, f"{name}.", depth - 1)
        elif depth and parts is not None:
            for k, part in enumerate(parts[:SHOWN]):
                yield from _rows(part, f"{name}[{k}].", depth - 1)
            if len(parts) > SHOWN:
                yield name, f"{len(parts)} in all"
        else:
            yield name, _said(value)


def _said(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        text = "; ".join(f"{key}: {_said(part)}" for key, part in value.items())
    elif isinstance(value, tuple | list):
        if value and is_dataclass(value[0]):
            return f"{len(value)} of {type(value[0]).__name__}"
        text = ", ".join(_said(part) for part in value[:20]) + (
            f", ... ({len(value):,})" if len(value) > 20 else ""
        )
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, int) and not isinstance(value, bool):
        text = f"{value:,}"
    else:
        text = type(value).__name__ if is_dataclass(value) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."


def _array(a: np.ndarray) -> str:
    """Type, shape, range."""
    if not a.ndim:
        return _said(a.item())
    text = f"{a.dtype} {' x '.join(f'{n:,}' for n in a.shape)}"
    if a.dtype.kind in "iuf" and 0 < a.size <= RANGED:
        low, high = a.min(), a.max()
        text += f", all {low:.4g}" if low == high else f", {low:.4g} to {high:.4g}"
    return text
