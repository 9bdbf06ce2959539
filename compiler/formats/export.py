"""Writing a netlist in a foreign format, whatever its kind."""

from __future__ import annotations

import os
from typing import Any

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.files import replacing
from compiler.formats.circuits.circuits import FORMATS as CIRCUITS
from compiler.formats.circuits.export import DEFAULTS, ExportOptions, export_circuit
from compiler.formats.ising.files import WRITTEN as ISING
from compiler.formats.ising.files import to_ising
from compiler.formats.ising.write import export_ising
from compiler.formats.spice.deck import FORMAT as SPICE
from compiler.formats.spice.deck import write_deck
from compiler.formats.spice.options import DeckOptions
from compiler.ir.kinds import kind_of


def export(
    netlist: Any, format_: str, path: str | os.PathLike, options: ExportOptions | DeckOptions | None = None
) -> None:
    """Write a circuit (verilog, aiger, c, ...: compiler.formats.circuits.circuits), an Ising model or its
    netlist of p-bits (rudy, bqm, ...: compiler.formats.ising.files), a circuit of tables as blif, or a
    Langevin netlist as a deck (spice: compiler.formats.spice.deck).

    options : of circuits, see ExportOptions; of decks DeckOptions

    Raises UnsupportedError for an unknown format, for options that it does not take and for what
    it cannot hold, NetlistError for a bad netlist, OutputError where nothing can be written.
    """
    if isinstance(netlist, IsingModel):
        export_ising(netlist, format_, path)
        return
    kind = kind_of(netlist)
    if kind.name in ("cells", "tiles"):
        raise UnsupportedError(f"{kind.what} is not written in other formats; {kind.instead}")
    if kind.name == "langevin" and format_ == SPICE.name:
        if isinstance(options, ExportOptions):
            raise UnsupportedError("format spice takes DeckOptions, not the ExportOptions of circuits")
        with replacing(path) as temporary:
            temporary.write_text(write_deck(netlist, options or DeckOptions()), encoding="utf-8")
        return
    if kind.name == "langevin":
        if format_ in CIRCUITS:
            raise UnsupportedError(
                f"format {format_} is for circuits, got {kind.what}; for p-bits there are "
                f"{', '.join(ISING)}, for Langevin cells {SPICE.name}, and save() keeps every netlist"
            )
        export_ising(to_ising(netlist), format_, path)
        return
    if format_ in ISING:
        raise UnsupportedError(
            f"format {format_} is for Ising models, got {kind.what}; make it one with invertible(), or "
            f"choose one of {', '.join(CIRCUITS)}"
        )
    if isinstance(options, DeckOptions):
        raise UnsupportedError(f"format {format_} takes ExportOptions, not the DeckOptions of spice")
    export_circuit(netlist, format_, path, options or DEFAULTS)
