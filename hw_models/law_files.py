"""What a device suffers from, as tables of its file.

[imperfections]
laws = "pcm"                   # a set (hw_models.laws.sets), or "none" of those of `like`

[imperfections.mismatch]       # asymmetry, bits, bias_mismatch likewise
value = 5
unit = "%"
source = "measured"
ref = "our chip"

[[laws]]                       # one more, or in place of the one of that name
law = "drift"                  # hw_models.laws.families
like = "pcm"                   # figures that are not said here are those of this set's
[laws.t0]
value = 1
unit = "min"
source = "measured"
ref = "our chip"

[[laws]]
law = "measured"               # hw_models.laws.measured
data = "cells.csv"             # beside this file (hw_models.cells_csv)
source = "measured"
ref = "our chip, 200 cells"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from hw_models.cells_csv import read_cells, write_cells
from hw_models.errors import HardwareError
from hw_models.figure_tables import SOURCE, figure_of, figure_written, source_of, source_written
from hw_models.frozen import Frozen
from hw_models.imperfect import Imperfections
from hw_models.laws.families import LAWS
from hw_models.laws.law import Law
from hw_models.laws.measured import Measured
from hw_models.laws.sets import LAW_SETS
from hw_models.source import Quantity, Source
from hw_models.toml_file import Section
from hw_models.units import in_words

SPREADS: Mapping[str, str] = Frozen({"mismatch": "1", "asymmetry": "1", "bits": "bit", "bias_mismatch": "1"})
"""Units of the spreads of imperfections."""
KEYS = ("imperfections", "laws")
"""Of a device's file."""
NO_LAWS = "none"


def imperfections_of(top: Section, base: Imperfections) -> Imperfections:
    """What the file of a device says, and the base's where it says nothing.

    Raises HardwareError, with the file, the line and the key or value, for what it should not say.
    """
    laws: dict[str, Law] = {law.name: law for law in base.laws}
    stated: dict[str, Quantity] = dict(base.stated)
    if "imperfections" in top.values:
        at = top.section("imperfections")
        at.only((*SPREADS, "laws"))
        stated |= {name: _spread(at, name) for name in SPREADS if name in at.values}
        if "laws" in at.values:
            name = at.text("laws", (*LAW_SETS.names(), NO_LAWS))
            laws = {} if name == NO_LAWS else {law.name: law for law in LAW_SETS.get(name)}
    here: set[str] = set()
    for k in range(_count(top)):
        law = _law(top.section("laws", k))
        if law.name in here:
            top.section("laws", k).fail(f"law {law.name!r} is there twice; a device has one of each", "law")
        here.add(law.name)
        laws[law.name] = law
    values: dict[str, Any] = {name: int(f.value) if name == "bits" else f.value for name, f in stated.items()}
    try:
        return replace(base, **values, laws=tuple(laws.values()), stated=tuple(stated.items()))
    except HardwareError as error:
        raise HardwareError(f"{top.place('imperfections')}: {error}") from None


def imperfections_written(law: Imperfections, path: Path) -> dict[str, Any]:
    """Tables "imperfections" and "laws" of a device's file at `path`; measured cells go beside it."""
    own = {name: figure_written(_stated(law, name)) for name in SPREADS if getattr(law, name)}
    known = next((k for k in LAW_SETS.names() if Imperfections(laws=LAW_SETS.get(k)).laws == law.laws), None)
    named = {"laws": known} if law.laws and known else {}
    written = [] if known else [_law_written(one, path) for one in law.laws]
    tables = {"imperfections": {**named, **own}, "laws": written}
    return {name: table for name, table in tables.items() if table}


def _count(top: Section) -> int:
    laws = top.values.get("laws", [])
    if not isinstance(laws, list):
        top.fail("laws are tables in double brackets: [[laws]], with law = ... below", "laws")
    return len(laws)


def _spread(at: Section, name: str) -> Quantity:
    inner = at.section(name)
    figure = figure_of(inner, SPREADS[name])
    whole = name == "bits" and figure.value == int(figure.value)
    given: dict[str, Any] = {name: int(figure.value) if whole else figure.value}
    try:
        Imperfections(**given)
    except HardwareError as error:
        inner.fail(f"{error}", "value")
    return figure


def _stated(law: Imperfections, name: str) -> Quantity:
    """The figure of a spread, which has lost its source where it was given as a number."""
    value = float(getattr(law, name))
    figure = dict(law.stated).get(name)
    if figure is not None and figure.value == value:
        return figure
    return Quantity(value, SPREADS[name], Source("assumed", "as given, without a source"))


def _law(at: Section) -> Law:
    family = LAWS.get(at.text("law", LAWS.names()))
    if family is Measured:
        return _measured(at)
    base = None
    at.only(("law", "like", *family.UNITS))
    if "like" in at.values:
        name = at.text("like", LAW_SETS.names())
        base = next((law for law in LAW_SETS.get(name) if law.name == family.name), None)
        if base is None:
            at.fail(f"set {name!r} has no law {family.name!r}", "like")
    found: dict[str, Quantity] = {}
    for field in fields(family):
        if field.name in at.values:
            found[field.name] = figure_of(at.section(field.name), family.UNITS[field.name])
        elif base is not None:
            found[field.name] = getattr(base, field.name)
        elif field.default is MISSING:
            told = (
                f"add a table [laws.{field.name}] with value, unit (of {in_words(family.UNITS[field.name])})"
            )
            at.fail(f"law {family.name} needs {field.name}; {told}, source and ref")
    return _checked(at, family, found)


def _measured(at: Section) -> Law:
    at.only(("law", "data", *SOURCE, *Measured.UNITS))
    source = source_of(at)
    data = at.file.parent / at.text("data")
    if not data.exists():
        at.fail(f"no such file as {data}", "data")
    columns = read_cells(data)
    found = {k: figure_of(at.section(k), unit) for k, unit in Measured.UNITS.items() if k in at.values}
    return _checked(at, Measured, {"columns": columns, "source": source, **found})


def _checked(at: Section, family: type[Any], found: Mapping[str, Any]) -> Law:
    try:
        made: Law = family(**found)
    except HardwareError as error:
        blamed = next((k for k in found if k in at.values and f" {k} " in str(error)), None)
        raise HardwareError(f"{at.place(*([] if blamed is None else [blamed]))}: {error}") from None
    return made


def _law_written(law: Law, path: Path) -> dict[str, Any]:
    figures = {name: figure_written(figure) for name, figure in law.figures().items()}
    if not isinstance(law, Measured):
        if LAWS.get(law.name) is not type(law):
            raise HardwareError(
                f"law {law.name!r} is none of {', '.join(LAWS.names())}: it has no form as a file"
            )
        return {"law": law.name, **figures}
    data = path.with_name(f"{path.stem}-cells.csv")
    write_cells(data, law.columns)
    return {"law": law.name, "data": data.name, **source_written(law.source), **figures}
