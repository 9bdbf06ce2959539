"""What one model family adds to the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from thermo.report.page import Figure, Section


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; priced : whether it is the part's netlist, whose joules stand beside it."""

    what: str
    accuracy: str = ""
    priced: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of the page before it is drawn, which one process does for all: matplotlib takes a second
    to import.

    function : "module:function" that draws; caption and alt : see Figure
    """

    function: str
    args: tuple[Any, ...]
    caption: str
    alt: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def figure(self) -> Figure:
        """Draw it."""
        from thermo.report.figures import svg

        module, function = self.function.split(":")
        drawn = getattr(import_module(module), function)(*self.args, **self.options)
        return Figure(svg(drawn), self.caption, self.alt)


@dataclass(frozen=True, slots=True)
class Part:
    """name : of the netlist in comparisons; rows of the table, a few sentences, the report page's
    sections, figures for JSON, the netlist's file, and what is to be drawn below the first section."""

    name: str
    rows: tuple[Row, ...]
    reading: str
    sections: tuple[Section, ...]
    figures: Mapping[str, Any]
    netlist: Path
    drawings: tuple[Drawing, ...] = ()

    def drawn(self) -> Part:
        """The same with its drawings drawn, at the end of the first section."""
        first, *rest = self.sections
        figures = tuple(drawing.figure() for drawing in self.drawings)
        return replace(self, sections=(replace(first, parts=(*first.parts, *figures)), *rest), drawings=())


def per_cent(value: float | None) -> str:
    """A share as text; nothing for None."""
    return "" if value is None else f"{100 * value:.1f} %"
