"""Which Ising format is this file in? Told by its content first and its ending second."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from compiler.errors import FormatError
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.format import plain_suffix
from compiler.formats.ising.bqm import MAGIC, read_bqm
from compiler.formats.ising.dimacs import read_dimacs
from compiler.formats.ising.qubo import read_qubo
from compiler.formats.ising.rudy import read_rudy
from compiler.formats.options import Options
from compiler.ir.kinds import expect
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.problem import PLAIN
from compiler.packed import read_packed
from compiler.passes.spins.model import logical_model, logical_netlist

_HEAD = 4096  # bytes looked at: past comments at the top
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COMMENTS = rb"(?:[ \t]*(?:#[^\n]*)?\n)*"
_CONTENT = (
    (re.compile(re.escape(MAGIC)), "dimod BQM"),
    (re.compile(rb"(?:[ \t]*(?:c[^\n]*)?\n)*[ \t]*p[ \t]+w?cnf\b"), "DIMACS"),
    (re.compile(rb"(?:[ \t]*(?:c[^\n]*)?\n)*[ \t]*p[ \t]+qubo\b"), "QUBO"),
    (re.compile(rb"[ \t]*#[^\n]*vartype[:=]"), "QUBO"),
    (re.compile(_COMMENTS + rb"[ \t]*\d+[ \t]+\d+[ \t]+" + _NUMBER + rb"[ \t]*(?:\n|$)"), "QUBO"),
    (re.compile(_COMMENTS + rb"[ \t]*\d+[ \t]+\d+[ \t]*(?:\n|$)"), "rudy"),
    (re.compile(rb"\s*<(?:[^<]|<[!?])*<?graphml\b"), "graph"),
    (re.compile(rb"(?:[ \t]*(?:#[^\n]*|Creator[^\n]*|Version[^\n]*)?\n)*\s*graph\s*\["), "graph"),
)
SUFFIXES = {
    ".txt": "rudy",
    ".rud": "rudy",
    ".rudy": "rudy",
    ".mc": "rudy",
    ".cnf": "DIMACS",
    ".coo": "QUBO",
    ".qubo": "QUBO",
    ".graphml": "graph",
    ".gml": "graph",
}
READERS: dict[str, Callable[[str | os.PathLike], IsingModel]] = {
    "dimod BQM": read_bqm,
    "DIMACS": read_dimacs,
    "QUBO": read_qubo,
    "rudy": read_rudy,
}


def ising_format(path: str | os.PathLike) -> str | None:
    """dimod BQM, DIMACS, QUBO, rudy or graph; None for any other file. Sees through gzip."""
    try:
        head = read_packed(path, _HEAD).replace(b"\r\n", b"\n")
    except FormatError:
        head = b""
    for pattern, name in _CONTENT:
        if name in ("QUBO", "rudy") and plain_suffix(path) == ".cnf":
            return "DIMACS"  # clauses without their header look like these
        if pattern.match(head):
            return name
    return SUFFIXES.get(plain_suffix(path)) if head else None


def may_be_ising(head: bytes, path: Path) -> bool:
    """Whether a file with these first bytes is an Ising model, for the general detection."""
    return not head.startswith((b"\x89", b"PK", b"\x80")) and ising_format(path) is not None


def read_ising(path: str | os.PathLike, options: Options | None = None) -> IsingModel:
    """The model in a rudy, DIMACS, QUBO, dimod or graph file, gzipped or not.

    options : `as_`, what a graph stands for, "max-cut" (the default) or "ising"; `weight` of its edges

    Raises FormatError for a missing, foreign or malformed file.
    """
    read_packed(path, 1)
    name = ising_format(path)
    if name == "graph":
        from compiler.formats.ising.graph import read_graph  # networkx takes its time

        options = options or Options()
        return read_graph(path, options.as_ or "max-cut", weight=options.weight)
    if name is None:
        raise FormatError(
            f"{path}: is no Ising model known here; formats are {', '.join(READERS)}, GraphML, GML"
        )
    return READERS[name](path)


def to_ising(netlist: LangevinNetlist) -> IsingModel:
    """The model of a netlist of p-bits, or that it was lowered from: the inverse of lower_ising.

    Raises UnsupportedError for other cells, frozen inputs, and couplings that are not symmetric
    and linear.
    """
    expect(netlist, "langevin", "to_ising", "invertible() makes an Ising model of a circuit of gates")
    netlist = logical_netlist(netlist)
    h, edges, J = logical_model(netlist)
    return from_edges(
        h,
        edges[:, 0],
        edges[:, 1],
        J,
        kT=netlist.kT or 1.0,
        problem=netlist.problem or PLAIN,
        meta=netlist.meta,
    )
