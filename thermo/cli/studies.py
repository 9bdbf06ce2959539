"""thermoc study NAME: every study of thermo.studies as a command."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.files import make_folder, replacing
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, DATA_DIR, Given, with_flags
from thermo.options import Option
from thermo.report.text import text_table
from thermo.studies import STUDIES
from thermo.studies.executors import WHERE, executor_for
from thermo.studies.study import Study


def __getattr__(name: str) -> Callable[..., None]:
    """The command of a study, by its name with underscores."""
    study = name.replace("_", "-")
    if study not in STUDIES:
        raise AttributeError(f"module {__name__} has no study {study!r}")
    module, entry = STUDIES[study].split(":")
    return _command(getattr(import_module(module), entry))


def _command(study: Study) -> Callable[..., None]:
    def run(given: Given, **source: Any) -> None:
        options: dict[str, Any] = {o.name: given[o.key] for o in study.options}
        if options.get("dataset") is not None:
            options["dataset"] = told_dataset(options["dataset"], given["data_dir"])
        elif "data_dir" in given:
            options["data_dir"] = given["data_dir"]
        where = {o.name: options.pop(o.name) for o in WHERE if o in study.options}
        with executor_for(**where) as executor:
            new = not Path(given["out"]).exists()
            folder = make_folder(given["out"])
            if where:
                options["executor"] = executor
            try:
                found = study.run(folder, progress=BarProgress(), **source, **options)
            except BaseException:
                if new:  # refused before anything was kept
                    with suppress(OSError):
                        folder.rmdir()
                raise
        for name, figure in found.figures.items():
            from thermo.report.figures import save_png

            with replacing(folder / f"{name}.png") as beside:
                save_png(figure, str(beside))
            notes.print(f"figure: {folder / f'{name}.png'}", markup=False)
        text = "\n\n".join(text_table(table) for table in found.tables)
        result = {**found.result, "manifest": manifest()}
        with replacing(folder / f"{study.name}.json") as beside:
            beside.write_text(json.dumps(plain(result), indent=1))
        with replacing(folder / f"{study.name}.txt") as beside:
            beside.write_text(text + "\n")
        emit(result, given["json"], text)

    run.__doc__, run.__name__ = study.told, study.name
    parameters = []
    if study.source is not None:
        name, told = study.source
        taken: Any = list[Path] if study.many else Path
        kind = Annotated[taken, typer.Argument(help=told)]
        parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    out = Option("out", "--out", Path, ..., study.folder, short="-o")
    places = (DATA_DIR,) if any(o.name == "dataset" for o in study.options) else ()
    return with_flags(out, *study.options[:1], *places, *study.options[1:], AS_JSON)(run)
