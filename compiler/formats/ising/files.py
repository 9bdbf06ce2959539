"""Ising models in files: one table of formats, told by content first and ending second."""

from __future__ import annotations

import os
import re
from pathlib import Path

from compiler.errors import FormatError
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.format import Format, plain_suffix, told
from compiler.formats.ising import bqm, dimacs, edge_files, matrix_market, ommx, qubo, rudy
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.kinds import expect
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.problem import PLAIN
from compiler.packed import read_packed
from compiler.passes.spins.model import logical_model, logical_netlist


def _read_graph(path: str | os.PathLike, options: Options) -> IsingModel:
    from compiler.formats.ising.graph import read_graph  # networkx takes its time

    return read_graph(path, options.as_ or "max-cut", weight=options.weight, field=options.field)


GRAPH = Format(
    "graph",
    "GraphML, GML",
    (".graphml", ".gml"),
    re.compile(
        rb"\s*<(?:[^<]|<[!?])*<?graphml\b"
        rb"|(?:[ \t]*(?:#[^\n]*|Creator[^\n]*|Version[^\n]*)?\n)*\s*graph\s*\["
    ),
    _read_graph,
    asks=frozenset({"as_", "weight", "field"}),
)
_ORDER = (  # as a file is told
    bqm.FORMAT,
    dimacs.FORMAT,
    matrix_market.FORMAT,
    edge_files.COL,
    edge_files.METIS,
    ommx.FORMAT,
    qubo.FORMAT,
    rudy.FORMAT,
    GRAPH,
)
FORMATS = {known.name: known for known in (rudy.FORMAT, bqm.FORMAT, qubo.FORMAT, *_ORDER)}
WRITTEN = tuple(name for name, known in FORMATS.items() if known.write is not None)
_BY_ENDING = {
    ".cnf": dimacs.FORMAT,
    ".wcnf": dimacs.FORMAT,
    ".graph": edge_files.METIS,
    ".metis": edge_files.METIS,
}
"""What other formats' content looks like these without their header."""


def ising_format(path: str | os.PathLike) -> Format | None:
    """The format of FORMATS that a file is in; None for any other file. Sees through gzip."""
    known = told(_ORDER, path)
    if known in (qubo.FORMAT, rudy.FORMAT):
        return _BY_ENDING.get(plain_suffix(path), known)
    return known


def may_be_ising(head: bytes, path: Path) -> bool:
    """Whether a file with these first bytes is an Ising model, for the general detection."""
    other = not head or head.startswith((b"\x89", b"PK", b"\x80"))
    return not other and ising_format(path) is not None


def read_ising(path: str | os.PathLike, options: Options | None = None) -> IsingModel:
    """The model in a file of any format of FORMATS, text gzipped or not.

    options : `as_`, what terms, a matrix or a graph stand for; `weight` and `field` of a graph

    Raises FormatError for a missing, foreign or malformed file.
    """
    read_packed(path, 1)
    known = ising_format(path)
    if known is None or known.read is None:
        titles = ", ".join(known.title for known in _ORDER)
        raise FormatError(f"{path}: is no Ising model known here; formats are {titles}")
    return known.read(path, options or DEFAULTS)


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
