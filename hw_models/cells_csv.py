"""Measured cells as CSV: a header of columns with their units, and a row a cell.

    target_uS,measured_uS,time_s
    5,5.21,60

Columns are target and measured (S, with a prefix) and time (s, min, h, d, or with a prefix), or pulses and
measured; see hw_models.laws.measured.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from hw_models.errors import HardwareError
from hw_models.toml_file import hint
from hw_models.units import in_unit

UNITS = {"target": "S", "measured": "S", "time": "s", "pulses": ""}

Columns = tuple[tuple[str, tuple[float, ...]], ...]


def read_cells(path: str | Path) -> Columns:
    """Columns of a file in S, s and numbers of pulses.

    Raises HardwareError, with the file, the line and the value, for a column that is not known or has no
    unit, a row that is too short or long, and what is no number, or negative.
    """
    file = Path(path)
    try:
        with open(file, newline="", encoding="utf-8-sig") as stream:
            rows = [
                (k, row) for k, row in enumerate(csv.reader(stream), 1) if any(cell.strip() for cell in row)
            ]
    except FileNotFoundError:
        raise HardwareError(f"{file}: no such file") from None
    except (UnicodeDecodeError, csv.Error):
        raise HardwareError(f"{file}: not text with commas; measured cells are a CSV file") from None
    except OSError as error:
        raise HardwareError(f"{file}: cannot be read ({error.strerror})") from None
    if not rows:
        raise HardwareError(f"{file}: empty; it needs a header, target_uS,measured_uS, and a row a cell")
    heads = [_head(file, rows[0][0], head.strip()) for head in rows[0][1]]
    names = [name for name, _ in heads]
    if len(set(names)) < len(names):
        raise HardwareError(f"{file}, line {rows[0][0]}: a column is there twice: {', '.join(names)}")
    columns: dict[str, list[float]] = {name: [] for name in names}
    for line, row in rows[1:]:
        if len(row) != len(heads):
            raise HardwareError(f"{file}, line {line}: {len(row)} values for {len(heads)} columns")
        for (name, unit), text in zip(heads, row, strict=True):
            columns[name].append(_value(file, line, name, unit, text.strip()))
    return tuple((name, tuple(values)) for name, values in columns.items())


def write_cells(path: str | Path, columns: Columns) -> None:
    """Write columns so that `read_cells` finds the same."""
    heads = [f"{name}_{UNITS[name]}" if UNITS[name] else name for name, _ in columns]
    lines = [heads, *([repr(v) for v in row] for row in zip(*(v for _, v in columns), strict=True))]
    Path(path).write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")


def _head(file: Path, line: int, head: str) -> tuple[str, str]:
    name, _, unit = head.partition("_")
    if name not in UNITS:
        raise HardwareError(f"{file}, line {line}: column {head!r} is not known{hint(name, UNITS)}")
    wanted = UNITS[name]
    if bool(unit) != bool(wanted):
        example = {"target": "target_uS", "measured": "measured_uS", "time": "time_s"}.get(name, "pulses")
        told = "has no unit" if wanted else "is a number, without a unit"
        raise HardwareError(f"{file}, line {line}: column {head!r} {told}; write {example}")
    if wanted:
        try:
            in_unit(1.0, unit, wanted)
        except HardwareError as error:
            raise HardwareError(f"{file}, line {line}: column {head!r}: {error}") from None
    return name, unit


def _value(file: Path, line: int, name: str, unit: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise HardwareError(f"{file}, line {line}: {name} must be a number, got {text!r}") from None
    if not (math.isfinite(value) and value >= 0):
        raise HardwareError(f"{file}, line {line}: {name} must be a number >= 0, got {text}")
    return in_unit(value, unit, UNITS[name]) if unit else value
