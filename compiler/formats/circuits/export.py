"""Writing a circuit in a foreign format, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from compiler.errors import UnsupportedError
from compiler.files import replacing
from compiler.formats.circuits.aiger_write import write_aiger
from compiler.formats.circuits.bench_write import write_bench
from compiler.formats.circuits.blif_write import write_blif
from compiler.formats.circuits.c import write_c
from compiler.formats.circuits.dot import write_dot
from compiler.formats.circuits.verilog_write import VerilogOptions, write_verilog
from compiler.formats.circuits.yosys_json import write_yosys_json
from compiler.ir.gates import GateNetlist, verify_gates
from compiler.passes.gates.lut_map import map_luts


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """pipeline, vectors : of Verilog, see VerilogOptions; harness : of C, see write_c
    luts : BLIF of tables of so many inputs, see map_luts; 0: of the gates
    """

    pipeline: int = 0
    vectors: bool = False
    harness: bool = False
    luts: int = 0

    @property
    def verilog(self) -> VerilogOptions:
        return VerilogOptions(self.pipeline, self.vectors)


DEFAULTS = ExportOptions()
Writer = Callable[..., str | bytes]
"""(netlist, options = DEFAULTS) -> the file's content"""


def _plain(write: Callable[[GateNetlist], str | bytes]) -> Writer:
    return lambda netlist, options=DEFAULTS: write(netlist)


FORMATS: dict[str, Writer] = {
    "verilog": lambda netlist, options=DEFAULTS: write_verilog(netlist, options.verilog),
    "blif": lambda netlist, options=DEFAULTS: write_blif(
        map_luts(netlist, options.luts) if options.luts else netlist
    ),
    "aiger": _plain(write_aiger),
    "aiger-ascii": lambda netlist, options=DEFAULTS: write_aiger(netlist, binary=False),
    "bench": _plain(write_bench),
    "yosys-json": _plain(write_yosys_json),
    "c": lambda netlist, options=DEFAULTS: write_c(netlist, harness=options.harness),
    "dot": _plain(write_dot),
}
USES = {"verilog": ("pipeline", "vectors"), "c": ("harness",), "blif": ("luts",)}


def export_circuit(
    netlist: GateNetlist, format_: str, path: str | os.PathLike, options: ExportOptions = DEFAULTS
) -> None:
    """Write `netlist` to `path`; format `aiger` is ascii if the file ends in .aag.

    Raises UnsupportedError for an unknown format, for options that it does not take and for what
    it cannot hold, NetlistError for a bad netlist, OutputError where nothing can be written.
    """
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"format {format_!r} is unknown for a circuit; choices are {', '.join(FORMATS)}"
        )
    for field in fields(options):
        unused = field.name not in USES.get(format_, ())
        if unused and getattr(options, field.name) != field.default:
            raise UnsupportedError(f"--{field.name} has no meaning for {format_}; leave it out")
    verify_gates(netlist)
    if format_ == "aiger" and Path(path).suffix.lower() == ".aag":
        format_ = "aiger-ascii"
    content = FORMATS[format_](netlist, options)
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
