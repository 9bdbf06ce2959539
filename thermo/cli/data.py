"""thermoc data: what is here, what can be had, checksums."""

from __future__ import annotations

from typing import Annotated

import typer

from thermo.cli.console import emit
from thermo.cli.flags import AS_JSON, DATA_DIR, Given, with_flags
from thermo.data import NAMES, SOURCES, DataError, checksum_ok, fetch, find_file
from thermo.report.page import Table
from thermo.report.text import text_table

_LOCAL = {
    "cifar10": ("cifar10", [f"data_batch_{k}.bin" for k in range(1, 6)]),
    **{f"monk{k}": ("monk", [f"monks-{k}.train", f"monks-{k}.test"]) for k in (1, 2, 3)},
}
_EMBEDDED = ("digits", "cosine")


OPTIONS = (DATA_DIR, AS_JSON)


@with_flags(*OPTIONS)
def data(
    action: Annotated[str, typer.Argument(help="list or fetch.")] = "list",
    name: Annotated[str | None, typer.Argument(help="Data set to fetch.")] = None,
    *,
    given: Given,
) -> None:
    """List the data sets that are here, or fetch one and check it.

    Example: thermoc data fetch mnist
    """
    if action == "fetch":
        if name is None:
            raise DataError(f"`data fetch` needs a name; choose one of {', '.join(SOURCES)}")
        paths = fetch(name, given["data_dir"])
        emit(
            {"name": name, "files": [str(p) for p in paths]},
            given["json"],
            "\n".join(f"{p}: checksum ok" for p in paths),
        )
        return
    if action != "list":
        raise DataError(f"data takes list or fetch, got {action!r}")
    rows, result = [], {}
    for known in NAMES:
        status, where, checked = _status(known, given["data_dir"])
        rows.append((known, status, checked, where))
        result[known] = {"status": status, "where": where, "checksum": checked}
    table = Table(("data set", "status", "checksum", "where"), tuple(rows))
    emit(result, given["json"], text_table(table))


def _status(name: str, data_dir: object) -> tuple[str, str, str]:
    if name in _EMBEDDED:
        return "embedded", "", ""
    folder, files = _LOCAL.get(name) or (SOURCES[name].folder, [f.name for f in SOURCES[name].files])
    try:
        paths = [find_file(folder, f, data_dir, dataset=name) for f in files]  # type: ignore[arg-type]
    except DataError:
        return ("can be fetched" if name in SOURCES else "missing"), "", ""
    checks = {checksum_ok(name, p) for p in paths}
    word = "WRONG" if False in checks else "ok" if checks == {True} else "not published"
    return "here", str(paths[0].parent), word
