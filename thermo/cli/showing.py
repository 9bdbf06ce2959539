"""thermoc show: canonical text, counts, and the targets a netlist is legal for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.counts import counts
from compiler.errors import TargetError
from compiler.ir.container import load
from compiler.ir.text import dump
from compiler.passes.legalize import legalize
from hw_models.targets import TARGETS
from thermo.cli.console import emit, manifest
from thermo.cli.options import AsJson
from thermo.report.page import Table
from thermo.report.text import text_table


def show(
    net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")],
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Couplings printed; 0 prints all of them.")
    ] = 40,
    as_json: AsJson = False,
) -> None:
    """Print a netlist's counts, the targets it is legal for, and its canonical text.

    Example: thermoc show net.tnl --limit 10
    """
    netlist = load(net)
    numbers = counts(netlist)
    legal = {}
    for name in TARGETS.names():
        try:
            legalize(netlist, TARGETS.get(name))
            legal[name] = "legal"
        except TargetError as error:
            legal[name] = str(error)
    text = dump(netlist, limit=limit or None)
    tables = (
        Table(("count", "value"), tuple((k, _short(v)) for k, v in numbers.items()), (1,)),
        Table(("target", "verdict"), tuple(legal.items())),
    )
    emit(
        {"counts": numbers, "targets": legal, "text": text, "manifest": manifest(net=net)},
        as_json,
        "\n\n".join([*(text_table(t) for t in tables), text]),
    )


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items()) or "none"
    return str(value)
