"""A figure as a table of a file: value, low, high, unit, source, ref, locator."""

from __future__ import annotations

from typing import Any

from hw_models.errors import HardwareError
from hw_models.source import KINDS, Quantity, Source
from hw_models.toml_file import Section
from hw_models.units import in_unit, in_words, prefixed

SOURCE = ("source", "ref", "locator")
FIGURE = ("value", "unit", "low", "high", *SOURCE)


def source_of(at: Section) -> Source:
    """Where a table says that it is from; HardwareError, with file, line and key, where it does not."""
    what = at.key[-1]
    if "source" not in at.values:
        at.fail(f"{_of(what)}no source; add source = one of {', '.join(KINDS)}, and ref = where it is from")
    if "ref" not in at.values:
        at.fail(f'{_of(what)}no ref; add ref = "paper, data sheet or reasoning"')
    locator = at.text("locator") if "locator" in at.values else ""
    return Source(at.text("source", KINDS), at.text("ref"), locator)


def _of(what: str | int) -> str:
    return "has " if isinstance(what, int) else f"{what} has "


def figure_of(at: Section, wanted: str) -> Quantity:
    """A figure in the unit `wanted`.

    Raises HardwareError, with file, line and key, for a figure without value, unit or source, for another
    unit, and for a value outside its own interval.
    """
    at.only(FIGURE)
    what = at.key[-1]
    if "value" not in at.values:
        at.fail(f"{what} has no value; add value = ...")
    if "unit" not in at.values:
        at.fail(f"{what} has no unit; add unit = {in_words(wanted)}")
    source = source_of(at)
    unit = at.text("unit")
    given = {name: at.number(name) for name in ("value", "low", "high") if name in at.values}
    try:
        values = {name: in_unit(value, unit, wanted) for name, value in given.items()}
    except HardwareError as error:
        at.fail(f"{error}", "unit")
    try:
        return Quantity(values["value"], wanted, source, values.get("low"), values.get("high"))
    except HardwareError as error:
        at.fail(f"{error}")


def figure_written(figure: Quantity) -> dict[str, Any]:
    """The table of which `figure_of` makes the same figure."""
    known = {"value": figure.value, "low": figure.low, "high": figure.high}
    given = {name: value for name, value in known.items() if value is not None}
    numbers, unit = prefixed(list(given.values()), figure.unit)
    return {**dict(zip(given, numbers, strict=True)), "unit": unit, **source_written(figure.source)}


def source_written(source: Source) -> dict[str, str]:
    """source, ref and, where there is one, locator."""
    locator = {"locator": source.locator} if source.locator else {}
    return {"source": source.kind, "ref": source.ref, **locator}
