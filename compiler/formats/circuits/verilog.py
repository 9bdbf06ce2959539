"""Verilog (IEEE 1364-2005): modules of gates, cells and assigns, put together to one flat circuit.

Read here: vectors, parameters, hierarchy, primitive gates, cells of a library, and assigns with all
operators but division, with the widths and signs of the standard; `define and `ifdef. What describes
behaviour (always, functions, generate, ...) is read through Yosys where that is installed, and so is what
the grammar here has no place for: SystemVerilog.
"""

from __future__ import annotations

import os
import re

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.library_cells import CellFunctions, cell_functions
from compiler.formats.circuits.lut_verilog import write_lut_verilog
from compiler.formats.circuits.verilog_modules import elaborate
from compiler.formats.circuits.verilog_parse import parse_modules
from compiler.formats.circuits.verilog_registers import write_sequential
from compiler.formats.circuits.verilog_words import BeyondError, UnexpectedError
from compiler.formats.circuits.verilog_write import VerilogOptions, write_verilog
from compiler.formats.circuits.yosys import read_through_yosys, yosys_program
from compiler.formats.format import Format
from compiler.formats.options import CIRCUIT, DEFAULTS, Options
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from compiler.passes.gates.lut_map import map_luts


def read_verilog(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a .v file, behaviour through Yosys; errors as parse_verilog.

    options : top, the module that is the circuit; library, which holds cells that the file uses;
        cut_latches, of registers
    """
    text = read_text(path)
    cells = None
    if options.library is not None:
        cells = cell_functions(options.library, cut_latches=options.cut_latches)
    try:
        return parse_verilog(text, name=str(path), top=options.top, cells=cells)
    except BeyondError as error:
        return read_through_yosys(text, str(error), str(path), options)
    except UnexpectedError as error:
        if yosys_program() is None:
            raise
        try:
            return read_through_yosys(text, str(error), str(path), options)
        except FormatError as second:  # Yosys makes a net of many a mistake, which then lacks its driver
            raise second if "; yosys: " in str(second) else error from None


def parse_verilog(
    text: str, *, name: str = "text", top: str | None = None, cells: CellFunctions | None = None
) -> GateNetlist:
    """The netlist of a Verilog text. Bit k of a vector x is called x[k].

    top : the module that is the circuit, where several are instances of no other
    cells : what instances that are no module of the text compute

    Raises FormatError, with `name` and line, for malformed text, UnsupportedError for what no circuit of
    gates has, BeyondError for what is left to Yosys, UnexpectedError (a FormatError) for what may be.
    """
    return elaborate(parse_modules(text, name), name, top=top, cells=cells)


def _write(
    netlist: GateNetlist | LutNetlist,
    pipeline: int = 0,
    vectors: bool = False,
    luts: int = 0,
    registers: bool = False,
) -> str:
    if registers and (pipeline or vectors or luts):
        raise UnsupportedError(
            "Verilog with registers takes no --pipeline, --vectors and --luts: leave them out"
        )
    if registers and isinstance(netlist, GateNetlist):
        return write_sequential(netlist)
    if luts and (pipeline or vectors):
        raise UnsupportedError(
            "Verilog of tables has neither registers nor vectors of its own: leave --luts out"
        )
    if isinstance(netlist, LutNetlist):
        return write_lut_verilog(netlist)
    return (
        write_lut_verilog(map_luts(netlist, luts))
        if luts
        else write_verilog(netlist, VerilogOptions(pipeline, vectors))
    )


FORMAT = Format(
    "verilog",
    "Verilog",
    (".v",),
    re.compile(rb"(?:\s|//[^\n]*\n|/\*.*?\*/|`[^\n]*\n|\(\*.*?\*\))*module\s", re.DOTALL),
    read_verilog,
    _write,
    frozenset({"pipeline", "vectors", "luts", "registers"}),
    frozenset(CIRCUIT),
)
