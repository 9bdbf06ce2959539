"""The pages' tables made from the records of figures.

A table stands on its page between `<!-- figures: NAME -->` and `<!-- end -->`; `tables.toml` says what is in
it. `thermoc reproduce --record` writes the records and then the pages; a test holds the pages to the records.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.errors import ThermocError
from compiler.files import replacing
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.reproduce.judge import verdict_of
from thermo.reproduce.records import Record
from thermo.reproduce.run import Done
from thermo.reproduce.table import Recipe
from thermo.reproduce.tell import markdown, seconds_table, summary, verdict_table

TABLES = Path(__file__).parent / "tables.toml"


@dataclass(frozen=True, slots=True)
class Number:
    """A recorded figure that knows how pages print it: `{mnist-eqprop.accuracy:%2±}` is 98.90 ± 0.10.

    Of a format, % is per cent, a comma parts thousands, the digit counts decimals, ± adds the error.
    """

    value: float
    error: float

    def __format__(self, how: str) -> str:
        match = re.fullmatch(r"(%?)(,?)(\d+)(±?)", how)
        if match is None:
            raise ThermocError(f"{how!r}: no format of a figure; give [%][,]DIGITS[±], as %2±")
        percent, comma, digits, error = match.groups()
        scale = 100.0 if percent else 1.0
        parts = [self.value, self.error] if error else [self.value]
        return " ± ".join(f"{scale * part:{comma}.{digits}f}" for part in parts)


class Cells:
    """A record as templates see it: its figures, `seconds`, `minutes`, `cores` and `set`, of instructions."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        record = self._record
        if name in record.figures:
            return Number(*record.figures[name])
        if name in ("seconds", "minutes"):
            return record.seconds / (60.0 if name == "minutes" else 1.0)
        if name in ("cores", "set"):
            return _of_host(record.host)[name]
        raise ThermocError(f"no recorded figure {name!r}; there are {', '.join(record.figures)}")


def _of_host(host: str) -> dict[str, str]:
    """Cores and instruction set of a host as it is printed; what was not noted is said."""
    match = re.fullmatch(r".*, (\d+ cores?), (\w+) \(.*\)", host)
    if match is None:
        return {"cores": "cores not noted", "set": "not noted"}
    return {"cores": match.group(1), "set": match.group(2)}


def blocks(recipes: Mapping[str, Recipe], records: Mapping[str, Record]) -> dict[str, dict[str, str]]:
    """Every table as text, by page and name.

    Raises ThermocError for a table of what is not recorded.
    """
    found: dict[str, dict[str, str]] = {}
    cells = {name: Cells(record) for name, record in records.items()}
    for name, facts in tomllib.loads(TABLES.read_text(encoding="utf-8")).items():
        try:
            if "text" in facts:
                text = f"```\n{records[facts['text']].text.rstrip()}\n```"
            elif "rows" in facts:
                rows = tuple(tuple(cell.format_map(cells) for cell in row) for row in facts["rows"])
                text = markdown(Table(tuple(facts["columns"]), rows))
            else:
                text = _round(recipes, records)
        except KeyError as error:
            raise ThermocError(
                f"table {name}: {error} is not recorded; run `thermoc reproduce NAME --record`"
            ) from None
        found.setdefault(facts["page"], {})[name] = text
    return found


def _round(recipes: Mapping[str, Recipe], records: Mapping[str, Record]) -> str:
    """Verdicts on all that was recorded with its host, and the seconds."""
    hosts: dict[str, list[Done]] = {}
    for name, recipe in recipes.items():
        record = records.get(name)
        if record is not None and record.host:
            judged = tuple(
                verdict_of(f"{name}.{f.name}", f, recipe.page, *record.figures[f.name])
                for f in recipe.figures
                if f.name in record.figures
            )
            done = Done(recipe, judged, record.seconds, False)
            hosts.setdefault(record.host, []).append(done)
    everything = [done for group in hosts.values() for done in group]
    tables = [text_table(table) for table in (verdict_table(everything), seconds_table(everything))]
    told = [f"{summary(group)} on {host}" for host, group in hosts.items()]
    return "\n\n".join(["```\n" + tables[0], tables[1], "\n".join(told) + "\n```"])


def filled(page: str, made: Mapping[str, str]) -> str:
    """The page's text with these tables between their marks; ThermocError for marks that are not there."""
    for name, text in made.items():
        mark = f"<!-- figures: {name} -->\n"
        if page.count(mark) != 1:
            raise ThermocError(f"table {name}: the page has {page.count(mark)} marks {mark.strip()}, not one")
        before, _, rest = page.partition(mark)
        _, end, after = rest.partition("\n<!-- end -->")
        if not end:
            raise ThermocError(f"table {name}: no <!-- end --> follows {mark.strip()}")
        page = before + mark + text + end + after
    return page


def write_pages(root: Path, recipes: Mapping[str, Recipe], records: Mapping[str, Record]) -> tuple[Path, ...]:
    """Write the tables into the pages of a checkout; the pages that changed."""
    changed = []
    for name, made in blocks(recipes, records).items():
        path = root / name
        old = path.read_text(encoding="utf-8")
        new = filled(old, made)
        if new != old:
            with replacing(path) as beside:
                beside.write_text(new, encoding="utf-8")
            changed.append(path)
    return tuple(changed)
