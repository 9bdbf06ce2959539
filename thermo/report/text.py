"""Tables and numbers as plain text for the terminal."""

from __future__ import annotations

from thermo.report.page import Table


def text_table(table: Table) -> str:
    """The table in aligned columns, a rule below its head."""
    rows = [table.columns, *table.rows]
    width = [max(len(r[k]) for r in rows) for k in range(len(table.columns))]

    def line(row: tuple[str, ...]) -> str:
        cells = (v.rjust(width[k]) if k in table.numeric else v.ljust(width[k]) for k, v in enumerate(row))
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * w for w in width)
    head = [table.caption] if table.caption else []
    return "\n".join([*head, line(table.columns), rule, *(line(r) for r in table.rows)])


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


def times(ratio: float) -> str:
    """A ratio in words: "0.42 times", "171 times", "3.5e+08 times"."""
    if ratio >= 1e5:
        return f"{ratio:.1e} times"
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.2g} times"
