"""thermoc data: what is here, what can be had, checksums."""

from __future__ import annotations

from typing import Annotated

import typer

from thermo.cli.console import emit
from thermo.cli.flags import AS_JSON, DATA_DIR, Given, with_flags
from thermo.data import NAMES, SOURCES, DataError, Dataset, checksum_ok, fetch, load_dataset
from thermo.data.available import EMBEDDED, files_of
from thermo.report.page import Table
from thermo.report.text import text_table

OPTIONS = (DATA_DIR, AS_JSON)


@with_flags(*OPTIONS)
def data(
    action: Annotated[str, typer.Argument(help="list, show or fetch.")] = "list",
    name: Annotated[str | None, typer.Argument(help="Data set to fetch or show.")] = None,
    *,
    given: Given,
) -> None:
    """List the data sets that are here, show what one (or a file) is, or fetch one and check it.

    Example: thermoc data fetch mnist

    Example: thermoc data show mine.csv
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
    if action == "show":
        if name is None:
            raise DataError("`data show` needs a data set or a file: thermoc data show mine.csv")
        _show(load_dataset(name, given["data_dir"]), given["json"])
        return
    if action != "list":
        raise DataError(f"data takes list, show or fetch, got {action!r}")
    rows, result = [], {}
    for known in NAMES:
        status, where, checked = _status(known, given["data_dir"])
        rows.append((known, status, checked, where))
        result[known] = {"status": status, "where": where, "checksum": checked}
    table = Table(("data set", "status", "checksum", "where"), tuple(rows))
    emit(result, given["json"], text_table(table))


def _status(name: str, data_dir: object) -> tuple[str, str, str]:
    if name in EMBEDDED:
        return "embedded", "", ""
    try:
        paths = files_of(name, data_dir)  # type: ignore[arg-type]
    except DataError:
        return ("can be fetched" if name in SOURCES else "missing"), "", ""
    checks = {checksum_ok(name, p) for p in paths}
    word = "WRONG" if False in checks else "ok" if checks == {True} else "not published"
    return "here", str(paths[0].parent), word


def _show(dataset: Dataset, as_json: bool) -> None:
    """What a data set is taken for, and which settings of trainers follow."""
    from thermo.training.kinds import kind_of

    rows = {part: dataset.part(part)[0].shape[0] for part in ("train", "valid", "test")}
    shape = " x ".join(str(k) for k in dataset.image_shape)
    classes = ", ".join(dataset.labels[:12]) + (", ..." if dataset.n_classes > 12 else "")
    kind = kind_of(dataset).value
    told = (
        ("samples: train, valid, test", ", ".join(f"{n:,}" for n in rows.values())),
        ("split", dataset.split),
        ("values a sample", f"{dataset.n_features:,}" + (f", a picture of {shape}" if shape else "")),
        ("answers", f"{dataset.n_classes} classes: {classes}" if dataset.n_classes else "values"),
        ("trained as", kind),
        *(("note", note) for note in dataset.notes),
    )
    scaling = dataset.scaling
    emit(
        {
            "name": dataset.name,
            "rows": rows,
            "split": dataset.split,
            "features": dataset.n_features,
            "image_shape": list(dataset.image_shape),
            "classes": list(dataset.labels),
            "trained_as": kind,
            "notes": list(dataset.notes),
            "scaling": {"low": scaling.low, "width": scaling.width, "bounded": scaling.bounded},
        },
        as_json,
        text_table(Table((dataset.name, ""), told)),
    )
