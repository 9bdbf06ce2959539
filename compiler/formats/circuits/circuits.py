"""Circuits in files: one table of formats, told by content first and ending second."""

from __future__ import annotations

import os
from pathlib import Path

from compiler.errors import FormatError
from compiler.formats.circuits import aiger, bench, blif, c, dot, eqn, pla, verilog, yosys_json
from compiler.formats.format import told
from compiler.formats.options import CIRCUIT, DEFAULTS, Options
from compiler.ir.gates import GateNetlist
from compiler.packed import GZIP, read_packed

_ALL = (
    verilog.FORMAT,
    blif.FORMAT,
    aiger.FORMAT,
    aiger.ASCII,
    bench.FORMAT,
    pla.FORMAT,
    eqn.FORMAT,
    yosys_json.FORMAT,
    c.FORMAT,
    dot.FORMAT,
)
FORMATS = {known.name: known for known in _ALL if known.write is not None}
"""Those that are written, by name."""
READ = tuple(known for known in _ALL if known.read is not None)
SUFFIXES = tuple(suffix for known in READ for suffix in known.suffixes)


def may_be_circuit(head: bytes, path: Path) -> bool:
    """Whether a file with these first bytes is a circuit, for the general detection."""
    if head.startswith((b"\x89", b"PK", b"\x80", b"langevin ")):
        return False
    return head.startswith(GZIP) or told(READ, path) is not None


def read_circuit(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a circuit file in any format known here, gzipped or not.

    options : top, library, cut_latches

    Raises FormatError for a missing, foreign or malformed file, UnsupportedError for what its
    reader refuses and for options that its format has no use for.
    """
    read_packed(path, 1)
    known = told(READ, path)
    if known is None or known.read is None:
        titles = ", ".join(f.title for f in READ)
        raise FormatError(f"{path}: is no circuit known here; formats are {titles}, also gzipped")
    options.refuse((name for name in CIRCUIT if name not in known.asks), str(path), known.title)
    return known.read(path, options)


def obeyed(path: str | os.PathLike) -> frozenset[str]:
    """Of CIRCUIT, the options that the reader of a circuit file obeys; none of another file's."""
    known = told(READ, path)
    return frozenset() if known is None else known.asks
