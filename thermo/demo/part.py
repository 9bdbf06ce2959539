"""What one model family adds to the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermo.report.page import Section


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; priced : whether it is the part's netlist, whose joules stand beside it."""

    what: str
    accuracy: str = ""
    priced: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """name : of the netlist in comparisons; rows of the table, a few sentences, the report page's
    sections, figures for JSON, and the netlist's file."""

    name: str
    rows: tuple[Row, ...]
    reading: str
    sections: tuple[Section, ...]
    figures: Mapping[str, Any]
    netlist: Path


def per_cent(value: float | None) -> str:
    """A share as text; nothing for None."""
    return "" if value is None else f"{100 * value:.1f} %"
