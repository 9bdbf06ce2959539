"""What figures came out as, where and in how many seconds: kept in the sources, for the pages' tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.errors import ThermocError
from compiler.files import replacing
from thermo.reproduce.judge import DIFFERS, HOLDS
from thermo.reproduce.run import Done

RECORDS = Path(__file__).parent / "records.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a recipe gave.

    host : as thermo.reproduce.host prints it, "" where it was not noted; seconds : of its commands, 0
        likewise
    figures : (value, standard error or 0) by name; text : of the file that the recipe prints, or ""
    """

    host: str
    seconds: float
    figures: Mapping[str, tuple[float, float]]
    text: str = ""


def read_records(path: Path = RECORDS) -> dict[str, Record]:
    """By recipe; ThermocError for a file that holds none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: Record(
                **{**facts, "figures": {k: (float(v), float(e)) for k, (v, e) in facts["figures"].items()}}
            )
            for name, facts in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ThermocError(f"{path}: no records of figures ({error})") from None


def with_round(records: Mapping[str, Record], done: Sequence[Done], host: str) -> dict[str, Record]:
    """The records after a round. Figures that failed or were skipped stay as they were."""
    after = dict(records)
    for one in done:
        got = {
            j.figure.name: (float(j.value), j.own or j.figure.error)
            for j in one.judged
            if j.verdict in (HOLDS, DIFFERS) and j.value is not None
        }
        if got:
            name = one.recipe.name
            kept = records[name].figures if name in records else {}
            after[name] = Record(host, round(one.seconds, 1), {**kept, **got}, one.text)
    return after


def write_records(records: Mapping[str, Record], path: Path = RECORDS) -> None:
    """The file, written whole or not at all."""
    whole = {
        name: {"host": r.host, "seconds": r.seconds, "figures": dict(r.figures)}
        | ({"text": r.text} if r.text else {})
        for name, r in records.items()
    }
    with replacing(path) as beside:
        beside.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
