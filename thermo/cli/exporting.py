"""thermoc export: a circuit in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.api import compile_circuit
from compiler.backends.circuits import FORMATS, export_circuit
from compiler.counts import gate_counts
from compiler.files import check_writable
from thermo.cli.console import emit, manifest
from thermo.cli.options import AsJson


def export(
    net: Annotated[Path, typer.Argument(help="Circuit: .tnl or any format that compile reads.")],
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a circuit as Verilog, BLIF, AIGER, .bench or DOT.

    Example: thermoc export adder.tnl --format verilog -o adder.v
    """
    check_writable(out)
    netlist = compile_circuit(net, optimise=0)
    export_circuit(netlist, format_, out)
    numbers = gate_counts(netlist)
    emit(
        {"file": out, "format": format_, "counts": numbers, "manifest": manifest(net=net)},
        as_json,
        f"wrote {out}: {numbers['gates']['declared']:,} gates, {numbers['inputs']} inputs, "
        f"{numbers['outputs']} outputs",
    )
