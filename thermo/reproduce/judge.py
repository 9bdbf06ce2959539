"""Is a figure what the page says? Its value found in what a command printed, and held against the table."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from thermo.reproduce.table import SURE, Figure

HOLDS, DIFFERS, FAILED, SKIPPED = "holds", "DIFFERS", "FAILED", "skipped"


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure's verdict.

    value : measured, None where there is none
    allowed : largest difference from what is expected, of bounds 0
    told : why it was skipped or failed, or by how much it is off
    own : standard error that came with the value, 0 without one
    """

    name: str
    figure: Figure
    page: str
    verdict: str
    value: float | None = None
    allowed: float = 0.0
    told: str = ""
    own: float = 0.0


def judge(name: str, figure: Figure, page: str, output: str) -> Judged:
    """The verdict on the figure by what its command printed."""
    try:
        value = _number(found(figure, figure.at, output))
        own = _number(found(figure, figure.error_at, output)) if figure.error_at else 0.0
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        where = figure.at or figure.pattern
        told = f"{where} is not in what the command printed ({type(error).__name__}: {error})"
        return Judged(name, figure, page, FAILED, told=told)
    return verdict_of(name, figure, page, value, own)


def verdict_of(name: str, figure: Figure, page: str, value: float, own: float = 0.0) -> Judged:
    """The verdict on a value. own : its standard error, where the figure says that it brings one"""
    own = own if figure.error_at else 0.0
    if figure.expect is None:
        good = figure.least <= value <= figure.most
        return Judged(name, figure, page, HOLDS if good else DIFFERS, value, own=own)
    allowed = figure.within or SURE * math.hypot(figure.error, own)
    off = value - figure.expect
    # what a sum in another order may change
    good = abs(off) <= allowed + 1e-12 * abs(figure.expect)
    told = "" if good else f"off by {off:+.4g}, allowed {allowed:.3g}"
    return Judged(name, figure, page, HOLDS if good else DIFFERS, value, allowed, told, own)


def found(figure: Figure, at: str, output: str) -> Any:
    """What stands at that place of the output.

    Raises KeyError, IndexError, TypeError, ValueError or ZeroDivisionError if nothing does.
    """
    if not at:
        match = re.search(figure.pattern, output)
        if match is None:
            raise ValueError("no match")
        return float(match.group(1).replace(",", ""))
    value: Any = json.loads(output)
    for key in at.split("/"):
        if isinstance(value, list) and "=" in key:  # the row whose columns say so
            wanted = [condition.partition("=")[::2] for condition in key.split("&")]
            rows = [row for row in value if all(str(row[column]) == text for column, text in wanted)]
            value = rows[0]
        elif isinstance(value, list) and key == "mean":
            value = math.fsum(value) / len(value)
        else:
            value = value[int(key)] if isinstance(value, list) else value[key]
    return len(value) if isinstance(value, list | dict) else value


def _number(value: Any) -> float:
    if value is None:
        raise ValueError("null")
    return float(value)
