"""Converters as ideal quantisers: the level that is nearest."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.formats.spice.signals import number
from hw_models.converters import Lines, input_lines, output_lines


def lines_of(device: Any, side: str, span: tuple[float, float] | None) -> Lines | None:
    """The levels of the device's converters over their range; None where there is no range or converter."""
    converter = getattr(device, f"{side}_converter", None)
    if converter is None or span is None:
        return None
    return (input_lines if side == "input" else output_lines)(converter, span, 0, np.zeros(0, np.int64))


def level(lines: Lines, of: str, unit: float) -> str:
    """The level nearest to the volts `of`, in volts."""
    lo, step = number(lines.lo * unit), number(lines.step * unit)
    return f"{lo}+{step}*min(max(floor(({of}-({lo}))/{step}+0.5),0),{lines.levels - 1})"
