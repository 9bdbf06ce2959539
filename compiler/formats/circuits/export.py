"""Writing a circuit in a foreign format, by name."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from compiler.circuits.from_tables import circuit_of
from compiler.errors import UnsupportedError
from compiler.files import replacing
from compiler.formats.circuits.circuits import FORMATS
from compiler.formats.circuits.verilog_write import VerilogOptions
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import verify
from compiler.ir.luts import LutNetlist


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """pipeline, vectors : of Verilog, see VerilogOptions; harness : of C, see write_c
    luts : BLIF, or Verilog instances, of tables of so many inputs, see map_luts; 0: of the gates
    registers : inputs NAME with outputs NAME_next are registers (compiler.formats.circuits.state)
    """

    pipeline: int = 0
    vectors: bool = False
    harness: bool = False
    luts: int = 0
    registers: bool = False

    @property
    def verilog(self) -> VerilogOptions:
        return VerilogOptions(self.pipeline, self.vectors)

    def changed(self) -> dict[str, Any]:
        """Those that are not the default."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


DEFAULTS = ExportOptions()


def holds_tables(netlist: LutNetlist, format_: str, luts: int) -> bool:
    """Whether the format holds this circuit's tables as they are, of `luts` inputs where that is not 0."""
    return (format_ == "blif" and luts == 0) or (format_ in ("blif", "verilog") and luts >= netlist.k)


def export_circuit(
    netlist: GateNetlist | LutNetlist,
    format_: str,
    path: str | os.PathLike,
    options: ExportOptions = DEFAULTS,
) -> None:
    """Write `netlist` to `path`; format `aiger` is ascii if the file ends in .aag. Tables are written as they
    are where the format holds them (`holds_tables`), else as the gates they are made of.

    Raises UnsupportedError for an unknown format, for options that it does not take and for what
    it cannot hold, NetlistError for a bad netlist, OutputError where nothing can be written.
    """
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"format {format_!r} is unknown for a circuit; choices are {', '.join(FORMATS)}"
        )
    for name in options.changed():
        if name not in FORMATS[format_].takes:
            raise UnsupportedError(f"--{name} has no meaning for {format_}; leave it out")
    verify(netlist)
    if isinstance(netlist, LutNetlist) and not holds_tables(netlist, format_, options.luts):
        netlist = circuit_of(netlist)
    if format_ == "aiger" and Path(path).suffix.lower() == ".aag":
        format_ = "aiger-ascii"
    write = FORMATS[format_].write
    assert write is not None
    content = write(netlist, **options.changed())
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
