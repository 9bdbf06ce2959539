"""Which circuit format is this file in? Told by its content first and its ending second."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from compiler.errors import FormatError
from compiler.formats.circuits.aiger import read_aiger
from compiler.formats.circuits.bench import read_bench
from compiler.formats.circuits.blif import read_blif
from compiler.formats.circuits.circuit_files import plain_suffix
from compiler.formats.circuits.verilog import read_verilog
from compiler.ir.gates import GateNetlist
from compiler.packed import GZIP, read_packed

READERS: dict[str, Callable[[str | os.PathLike], GateNetlist]] = {
    "AIGER": read_aiger,
    "BLIF": read_blif,
    "bench": read_bench,
    "Verilog": read_verilog,
}
SUFFIXES = {".aig": "AIGER", ".aag": "AIGER", ".blif": "BLIF", ".bench": "bench", ".v": "Verilog"}
_CONTENT = (
    (re.compile(rb"a[ai]g \d+ \d+ "), "AIGER"),
    (re.compile(rb"(?:\s|#[^\n]*\n)*\.(?:model|inputs|outputs|names)\s"), "BLIF"),
    (re.compile(rb"(?:\s|#[^\n]*\n)*(?:INPUT|OUTPUT)\s*\("), "bench"),
    (re.compile(rb"(?:\s|//[^\n]*\n|/\*.*?\*/|`[^\n]*\n|\(\*.*?\*\))*module\s", re.DOTALL), "Verilog"),
)
_HEAD = 4096  # bytes looked at: past a comment at the top


def circuit_format(path: str | os.PathLike) -> str | None:
    """AIGER, BLIF, bench or Verilog; None for any other file. Sees through gzip."""
    try:
        head = read_packed(path, _HEAD)
    except FormatError:
        head = b""
    for pattern, name in _CONTENT:
        if pattern.match(head):
            return name
    return SUFFIXES.get(plain_suffix(path))


def may_be_circuit(head: bytes, path: Path) -> bool:
    """Whether a file with these first bytes is a circuit, for the general detection."""
    if head.startswith((b"\x89", b"PK", b"\x80", b"langevin ")):
        return False
    return head.startswith(GZIP) or circuit_format(path) is not None


def read_circuit(path: str | os.PathLike) -> GateNetlist:
    """The netlist of a circuit file in any format known here, gzipped or not.

    Raises FormatError for a missing, foreign or malformed file, UnsupportedError for what its
    reader refuses.
    """
    read_packed(path, 1)
    name = circuit_format(path)
    if name is None:
        raise FormatError(f"{path}: is no circuit known here; formats are {', '.join(READERS)}, also gzipped")
    return READERS[name](path)
