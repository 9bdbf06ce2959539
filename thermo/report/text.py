"""Tables and numbers as plain text for the terminal."""

from __future__ import annotations

from itertools import zip_longest
from textwrap import wrap

from thermo.report.page import Table

LONGEST = 88
"""Characters of a cell in one line; a longer one, a list of outputs say, goes on below."""


def text_table(table: Table) -> str:
    """The table in aligned columns, a rule below its head; long cells take several lines."""
    rows = [
        tuple(wrap(cell, LONGEST, break_on_hyphens=False, break_long_words=False) or [""] for cell in row)
        for row in (table.columns, *table.rows)
    ]
    width = [max(len(part) for row in rows for part in row[k]) for k in range(len(table.columns))]

    def lines(row: tuple[list[str], ...]) -> list[str]:
        texts = []
        for cells in zip_longest(*row, fillvalue=""):
            parts = (
                v.rjust(width[k]) if k in table.numeric and len(row[k]) == 1 else v.ljust(width[k])
                for k, v in enumerate(cells)
            )
            texts.append("  ".join(parts).rstrip())
        return texts

    rule = "  ".join("-" * w for w in width)
    head = [table.caption] if table.caption else []
    return "\n".join([*head, *lines(rows[0]), rule, *(text for row in rows[1:] for text in lines(row))])


def si(value: float, unit: str) -> str:
    """A figure with three digits and an SI prefix: si(4.1e-16, "J") is "410 aJ"."""
    if value == 0:
        return f"0 {unit}"
    prefixes = {
        -24: "y",
        -21: "z",
        -18: "a",
        -15: "f",
        -12: "p",
        -9: "n",
        -6: "µ",
        -3: "m",
        0: "",
        3: "k",
        6: "M",
        9: "G",
        12: "T",
    }
    power = -24
    for p in prefixes:
        if abs(value) >= 10.0**p * 0.9995:
            power = p
    return f"{value / 10.0**power:.3g} {prefixes[power]}{unit}"
