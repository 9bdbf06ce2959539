"""Writing a circuit in a foreign format, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from compiler.backends.aiger import write_aiger
from compiler.backends.bench import write_bench
from compiler.backends.blif import write_blif
from compiler.backends.dot import write_dot
from compiler.backends.verilog import write_verilog
from compiler.errors import UnsupportedError
from compiler.files import replacing
from compiler.ir.gates import GateNetlist, verify_gates

FORMATS: dict[str, Callable[[GateNetlist], str | bytes]] = {
    "verilog": write_verilog,
    "blif": write_blif,
    "aiger": write_aiger,
    "aiger-ascii": lambda netlist: write_aiger(netlist, binary=False),
    "bench": write_bench,
    "dot": write_dot,
}


def export_circuit(netlist: GateNetlist, format_: str, path: str | os.PathLike) -> None:
    """Write `netlist` to `path`; format `aiger` is ascii if the file ends in .aag.

    Raises UnsupportedError for an unknown format or what the format cannot hold, NetlistError for
    a bad netlist, OutputError where nothing can be written.
    """
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"format {format_!r} is unknown for a circuit; choices are {', '.join(FORMATS)}"
        )
    verify_gates(netlist)
    if format_ == "aiger" and Path(path).suffix.lower() == ".aag":
        format_ = "aiger-ascii"
    content = FORMATS[format_](netlist)
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
