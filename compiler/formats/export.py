"""Writing a netlist in a foreign format, whatever its kind."""

from __future__ import annotations

import os
from typing import Any

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.formats.circuits.circuits import FORMATS as CIRCUITS
from compiler.formats.circuits.export import DEFAULTS, ExportOptions, export_circuit
from compiler.formats.ising.files import WRITTEN as ISING
from compiler.formats.ising.files import to_ising
from compiler.formats.ising.write import export_ising
from compiler.ir.kinds import kind_of


def export(netlist: Any, format_: str, path: str | os.PathLike, options: ExportOptions = DEFAULTS) -> None:
    """Write a circuit (verilog, aiger, c, ...: compiler.formats.circuits.circuits), or an Ising model
    or its netlist of p-bits (rudy, bqm, ...: compiler.formats.ising.files); a circuit of tables as blif.

    options : of circuits, see ExportOptions

    Raises UnsupportedError for an unknown format, for options that it does not take and for what
    it cannot hold, NetlistError for a bad netlist, OutputError where nothing can be written.
    """
    if isinstance(netlist, IsingModel):
        export_ising(netlist, format_, path)
        return
    kind = kind_of(netlist)
    if kind.name == "cells":
        raise UnsupportedError(f"{kind.what} is not written in other formats; {kind.instead}")
    if kind.name == "langevin":
        if format_ in CIRCUITS:
            raise UnsupportedError(
                f"format {format_} is for circuits, got {kind.what}; for p-bits there are "
                f"{', '.join(ISING)}, and save() keeps every netlist"
            )
        export_ising(to_ising(netlist), format_, path)
        return
    if format_ in ISING:
        raise UnsupportedError(
            f"format {format_} is for Ising models, got {kind.what}; make it one with invertible(), or "
            f"choose one of {', '.join(CIRCUITS)}"
        )
    export_circuit(netlist, format_, path, options)
