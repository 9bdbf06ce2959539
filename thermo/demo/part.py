"""What one model family adds to the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermo.report.page import Section

Row = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of the table (what, test accuracy, heat, energy per answer), a few sentences, the
    report page's sections, figures for JSON, and the netlist that was run."""

    rows: tuple[Row, ...]
    reading: str
    sections: tuple[Section, ...]
    figures: Mapping[str, Any]
    netlist: Path


def per_cent(value: float | None) -> str:
    """A share as text; nothing for None."""
    return "" if value is None else f"{100 * value:.1f} %"
