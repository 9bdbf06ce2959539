"""Verdicts as a table for people, as Markdown, and as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from thermo.report.page import Table
from thermo.report.text import si
from thermo.reproduce.judge import DIFFERS, FAILED, HOLDS, SKIPPED, Judged
from thermo.reproduce.run import Done
from thermo.reproduce.table import Figure, Recipe


def verdict_table(done: Sequence[Done]) -> Table:
    """A row a figure: what the page says, what came out, and the verdict."""
    rows = [
        (
            j.name,
            j.figure.says,
            _expected(j.figure),
            _value(j),
            _allowed(j),
            j.verdict + (f": {j.told}" if j.told else ""),
        )
        for round_ in done
        for j in round_.judged
    ]
    head = ("figure", "the page says", "expected", "got", "allowed", "verdict")
    return Table(head, tuple(rows), (2, 3, 4))


def seconds_table(done: Sequence[Done]) -> Table:
    """A row a recipe: its page, seconds and budget."""
    rows = [
        (
            d.recipe.name,
            d.recipe.page,
            f"{d.seconds:.0f}" + (" (kept)" if d.kept else ""),
            f"{60 * d.recipe.minutes:.0f}",
        )
        for d in done
        if d.seconds
    ]
    return Table(("recipe", "page", "seconds", "budget"), tuple(rows), (2, 3))


def listed_table(recipes: Mapping[str, Recipe]) -> Table:
    """A row a figure, with what it takes, nothing run."""
    rows = [
        (name, figure.what, figure.says, f"{recipe.minutes:g}", "yes" if recipe.fast else "", recipe.page)
        for recipe in recipes.values()
        for name, figure in zip(recipe.names, recipe.figures, strict=True)
    ]
    return Table(("figure", "what", "the page says", "minutes", "fast", "page"), tuple(rows), (3,))


def summary(done: Sequence[Done]) -> str:
    """How many figures hold, in a sentence."""
    counted = counts(done)
    words = {HOLDS: "hold", DIFFERS: "differ", FAILED: "failed", SKIPPED: "skipped"}
    parts = [f"{counted[word]} {said}" for word, said in words.items() if counted[word]]
    return f"{sum(counted.values())} figures: {', '.join(parts)}"


def counts(done: Sequence[Done]) -> dict[str, int]:
    """Figures by verdict."""
    verdicts = [j.verdict for d in done for j in d.judged]
    return {word: verdicts.count(word) for word in (HOLDS, DIFFERS, FAILED, SKIPPED)}


def markdown(table: Table) -> str:
    """The table in Markdown."""
    rule = tuple("---:" if k in table.numeric else "---" for k in range(len(table.columns)))
    lines = [table.columns, rule, *table.rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines)


def as_keys(done: Sequence[Done]) -> list[dict[str, Any]]:
    """Every verdict as plain values for JSON."""
    return [
        {
            "name": j.name,
            "page": j.page,
            "what": j.figure.what,
            "says": j.figure.says,
            "expected": j.figure.expect,
            "least": _bound(j.figure.least),
            "most": _bound(j.figure.most),
            "allowed": j.allowed,
            "why": j.figure.why,
            "value": j.value,
            "verdict": j.verdict.lower(),
            "told": j.told,
        }
        for d in done
        for j in d.judged
    ]


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _value(judged: Judged) -> str:
    return "" if judged.value is None else _shown(judged.value, judged.figure)


def _expected(figure: Figure) -> str:
    if figure.expect is not None:
        return _shown(figure.expect, figure)
    least, most = _shown(figure.least, figure), _shown(figure.most, figure)
    if figure.most == math.inf:
        return f"at least {least}"
    return f"at most {most}" if figure.least == -math.inf else f"{least} to {most}"


def _allowed(judged: Judged) -> str:
    figure = judged.figure
    if judged.value is None or figure.expect is None:
        return ""
    return "exact" if judged.allowed == 0 else f"± {_shown(judged.allowed, figure)}"


def _shown(value: float, figure: Figure) -> str:
    """In the unit that the page uses: per cent, joules, or the bare number."""
    if figure.says.rstrip().endswith("%"):
        return f"{100 * value:.2f} %"
    unit = figure.says.rsplit(" ", 1)[-1]
    if unit.endswith("J") and len(unit) <= 2:
        return si(value, "J")
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if 1e4 <= abs(value) < 1e15 else f"{value:,.4g}"
