"""A second opinion on delay and area of a mapped circuit: OpenSTA, where it is installed.

Source: the program's own commands (`sta`, OpenSTA 2.0.17 of Debian): read_liberty, read_verilog,
link_design, report_checks -unconstrained, get_cells.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.errors import UnsupportedError
from compiler.formats.circuits.cells_verilog import write_cells_verilog
from compiler.formats.circuits.names import title
from compiler.ir.cells import CellNetlist
from hw_models.cells import CellLibrary
from hw_models.liberty import Group, read_liberty
from hw_models.liberty_write import write_liberty

PROGRAMS = ("sta", "opensta")
TIMEOUT = 300


@dataclass(frozen=True, slots=True)
class StaFigures:
    """What OpenSTA says of a circuit: delay_s of the slowest path, None without one.

    area_um2 : of the cells that it linked, by the Liberty file's areas (Debian's version tells none)
    """

    delay_s: float | None
    area_um2: float


def find_sta() -> str | None:
    """The program, None where it is not installed."""
    return next((p for p in PROGRAMS if shutil.which(p)), None)


def ask_opensta(
    netlist: CellNetlist, *, liberty: Sequence[str | Path] = (), timeout: float = TIMEOUT
) -> StaFigures:
    """Delay and area of a circuit of cells, read back from the Verilog that is exported, with ports numbered.

    liberty : files whose cells they are; by default one written of the library as it is modelled here.
        Inputs change with the library's slew; every output drives the library's load; wires hold no
        charge, whatever wire load the file would put on them
    timeout : seconds

    Raises UnsupportedError where OpenSTA is not installed, fails, or takes longer.
    """
    library = netlist.library
    plain = replace(  # OpenSTA loses ports whose names have brackets inside, as y[0]_state
        netlist,
        input_names=tuple(f"i{k}" for k in range(netlist.n_inputs)),
        output_names=tuple(f"o{k}" for k in range(len(netlist.output_names))),
    )
    verilog = write_cells_verilog(plain)
    if liberty:
        return ask_about(verilog, title(netlist.subject), library, liberty, timeout=timeout)
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "cells.lib"
        own.write_text(write_liberty(library, netlist.names()), encoding="utf-8")
        return ask_about(verilog, title(netlist.subject), library, [own], timeout=timeout)


def ask_about(
    verilog: str, top: str, library: CellLibrary, liberty: Sequence[str | Path], *, timeout: float = TIMEOUT
) -> StaFigures:
    """The same of a module of Verilog, whoever wrote it; slew and load are the library's."""
    program = find_sta()
    if program is None:
        raise UnsupportedError("OpenSTA is not installed: Debian's package is opensta, its program sta")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        cells = [Path(file).resolve() for file in liberty]
        script = [
            *(f"read_liberty {{{file}}}" for file in cells),
            f"read_verilog {{{here / 'circuit.v'}}}",
            f"link_design {{{top}}}",
            "set_cmd_units -time ns -capacitance pF",
            "create_clock -name answers -period 1",  # slacks are floats: a long period would hide the delay
            "set_input_delay 0 -clock answers [all_inputs]",
            "set_output_delay 0 -clock answers [all_outputs]",
            f"set_input_transition {library.slew.value * 1e9:.9g} [all_inputs]",
            f"set_load {library.load.value * 1e12:.9g} [all_outputs]",
            "set_load 0 [get_nets *]",
            'foreach cell [get_cells *] { puts "CELL [get_property $cell ref_name]" }',
            'puts "LINKED"',
            "report_checks -path_delay max -digits 6",
            "exit",
        ]
        (here / "circuit.v").write_text(verilog, encoding="utf-8")
        (here / "run.tcl").write_text("\n".join(script) + "\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [program, "-no_splash", "-exit", str(here / "run.tcl")],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnsupportedError(f"OpenSTA took longer than {timeout:g} s") from None
        return _read(done.stdout + done.stderr, [read_liberty(file) for file in cells])


def _read(text: str, libraries: Sequence[Group]) -> StaFigures:
    linked = re.findall(r"^CELL (\S+)", text, re.MULTILINE)
    if "LINKED" not in text or "Error" in text or "black box" in text:
        lines = [line for line in text.splitlines() if line and not line.startswith("CELL ")]
        raise UnsupportedError(f"OpenSTA gave no answer: {'; '.join(lines)[:400]}")
    cells = [g for library in libraries for g in library.children("cell") if g.arguments]
    area = {g.arguments[0]: float(g.get("area") or 0.0) for g in cells}
    delay = re.search(r"(\S+)\s+data arrival time", text)
    return StaFigures(
        None if delay is None else float(delay.group(1)) * 1e-9, sum(area[name] for name in linked)
    )
