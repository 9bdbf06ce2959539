"""thermoc reproduce: every figure of the pages, made again and judged."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compiler.errors import UnsupportedError
from compiler.files import check_writable, replacing
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.flags import AS_JSON, DATA_DIR, Given, with_flags
from thermo.options import Option
from thermo.report.text import text_table
from thermo.reproduce.host import this_host
from thermo.reproduce.judge import DIFFERS, FAILED
from thermo.reproduce.pages import write_pages
from thermo.reproduce.records import read_records, with_round, write_records
from thermo.reproduce.run import ROOT
from thermo.reproduce.run import reproduce as run_recipes
from thermo.reproduce.table import chosen, read_table
from thermo.reproduce.tell import (
    as_keys,
    counts,
    listed_table,
    markdown,
    seconds_table,
    summary,
    verdict_table,
)
from thermo.studies.executors import WHERE, executor_for

OPTIONS = (
    Option("fast", "--fast", bool, False, "Only what takes minutes at most."),
    Option("list", "--list", bool, False, "Name the figures, run nothing."),
    Option(
        "out",
        "--out",
        Path,
        Path("thermoc-reproduce"),
        "Folder of what was run; what is there is not run again.",
        short="-o",
    ),
    Option("again", "--again", bool, False, "Run also what the folder has."),
    Option("record", "--record", bool, False, "Write what came out into the pages of this checkout."),
    Option("markdown", "--markdown", Path, None, "File for the tables in Markdown."),
    *WHERE,
    DATA_DIR,
    AS_JSON,
)


@with_flags(*OPTIONS)
def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(help="Recipes or RECIPE.FIGURE; else all but those of hours.")
    ] = None,
    *,
    given: Given,
) -> None:
    """Make figures of README and docs again by their commands, and judge them.

    Exit code 0 if all hold or are skipped, 1 if one differs or fails. An interrupted round goes on where it
    stopped.

    Example: thermoc reproduce --fast
    """
    table = read_table()
    everything = given["list"] and not given["fast"]
    recipes = chosen(table, names or (tuple(table) if everything else ()), given["fast"])
    if given["list"]:
        rows = [
            {"name": name, "what": f.what, "says": f.says, "page": r.page, "minutes": r.minutes}
            for r in recipes.values()
            for name, f in zip(r.names, r.figures, strict=True)
        ]
        emit({"figures": rows, "manifest": manifest()}, given["json"], text_table(listed_table(recipes)))
        return
    if given["markdown"] is not None:
        check_writable(given["markdown"])
    if given["record"] and not (ROOT / "docs").is_dir():
        raise UnsupportedError("--record writes the pages of a checkout of the sources; this is none")
    with executor_for(given["jobs"], given["scheduler"]) as executor:
        done = run_recipes(
            recipes,
            table,
            given["out"],
            (sys.executable, "-m", "thermo.cli"),
            again=given["again"],
            data_dir=given["data_dir"],
            progress=BarProgress(),
            executor=executor,
        )
    host = this_host()
    tables = (verdict_table(done), seconds_table(done))
    if given["markdown"] is not None:
        with replacing(given["markdown"]) as beside:
            page = [f"{summary(done)} on {host}", *(markdown(t) for t in tables)]
            beside.write_text("\n\n".join(page) + "\n", encoding="utf-8")
    if given["record"]:
        records = with_round(read_records(), done, str(host))
        write_records(records)
        for path in write_pages(ROOT, table, records):
            notes.print(f"wrote {path}", markup=False)
    emit(
        {
            "figures": as_keys(done),
            "counts": {word.lower(): n for word, n in counts(done).items()},
            "host": asdict(host),
            "seconds": {d.recipe.name: d.seconds for d in done},
            "manifest": manifest(),
        },
        given["json"],
        "\n\n".join([*(text_table(t) for t in tables), f"{summary(done)} on {host}"]),
    )
    found = counts(done)
    if found[DIFFERS] or found[FAILED]:
        raise typer.Exit(1)
