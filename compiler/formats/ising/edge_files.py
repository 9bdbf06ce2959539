"""Graphs of other tools: DIMACS' .col and METIS' adjacency lists, read as Max-Cut or as `as_` says."""

from __future__ import annotations

import os
import re

import numpy as np

from compiler.errors import FormatError
from compiler.families.ising import IsingModel
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format
from compiler.formats.ising.number_lines import number_lines, real, whole
from compiler.formats.ising.terms import Terms


def read_col(path: str | os.PathLike, as_: str | None = None) -> IsingModel:
    """The graph in a DIMACS .col file, gzipped or not; errors as parse_col."""
    return parse_col(read_text(path), as_, name=str(path))


def parse_col(text: str, as_: str | None = None, *, name: str = "text") -> IsingModel:
    """DIMACS' graphs of the colouring and clique challenges: `p edge n m` (or col), lines `e i j`.

    Edges weigh 1; one given in both directions, as some files do, is one edge. A third number is
    its weight. Lines n, d, v, x are skipped.

    Raises FormatError, with the line, for what is malformed, loops, and weights that disagree.
    """
    n = promised = 0
    edges: dict[tuple[int, int], float] = {}
    lines = 0
    for number, words in number_lines(text, ("c",)):
        where = f"{name}, line {number}"
        if words[0] == "p":
            if n or len(words) != 4 or words[1] not in ("edge", "edges", "col"):
                raise FormatError(
                    f"{where}: the header is one line 'p edge nodes edges', got {' '.join(words)[:40]!r}"
                )
            n = whole(words[2], where, "the number of nodes", 1)
            promised = whole(words[3], where, "the number of edges", 1)
        elif words[0] == "e":
            if not n:
                raise FormatError(f"{where}: comes before the header 'p edge nodes edges'")
            if len(words) not in (3, 4):
                raise FormatError(f"{where}: an edge is 'e i j', got {' '.join(words)[:40]!r}")
            i, j = (whole(word, where, "a node", 1) for word in words[1:3])
            weight = real(words[3], where, "the weight") if len(words) == 4 else 1.0
            if max(i, j) > n:
                raise FormatError(f"{where}: names node {max(i, j)}; the header has nodes 1 to {n}")
            if i == j:
                raise FormatError(
                    f"{where}: joins node {i} to itself, which no cut can separate; leave it out"
                )
            pair = (min(i, j), max(i, j))
            if edges.setdefault(pair, weight) != weight:
                raise FormatError(f"{where}: edge ({i}, {j}) has another weight than before; write it once")
            lines += 1
        elif words[0] not in ("n", "d", "v", "x"):
            raise FormatError(
                f"{where}: {' '.join(words)[:40]!r} is no line of this format: p, e, n, d, v, x, c"
            )
    if not n:
        raise FormatError(f"{name}: has no header 'p edge nodes edges'")
    # some files count both directions, some each edge once
    if promised not in (lines, len(edges)) and 2 * promised != lines:
        raise FormatError(
            f"{name}: has {len(edges)} edges but its header promises {promised}; it is truncated or altered"
        )
    return _graph(n, edges, name, "dimacs-graph", as_)


def read_metis(path: str | os.PathLike, as_: str | None = None) -> IsingModel:
    """The graph in a METIS file, gzipped or not; errors as parse_metis."""
    return parse_metis(read_text(path), as_, name=str(path))


def parse_metis(text: str, as_: str | None = None, *, name: str = "text") -> IsingModel:
    """METIS' graphs: `n m [fmt [ncon]]`, a line of neighbours for each node, with weights where fmt says so.

    Weights and sizes of nodes (METIS balances by them) are read and have no meaning here. Source:
    the METIS 5 manual, section 4.5.

    Raises FormatError, with the line, for what is malformed, loops, an edge that one end lacks or
    weighs otherwise, and another number of edges or nodes than the header promises.
    """
    rows = [
        (k, line.split()) for k, line in enumerate(text.splitlines(), 1) if not line.lstrip().startswith("%")
    ]
    while rows and not rows[0][1]:
        rows.pop(0)
    number, header = rows.pop(0) if rows else (1, [])
    where = f"{name}, line {number}"
    if not 2 <= len(header) <= 4:
        raise FormatError(f"{where}: the header is 'nodes edges [fmt [ncon]]', got {' '.join(header)[:40]!r}")
    n, m = (whole(word, where, what, 1) for word, what in zip(header, ("nodes", "edges"), strict=False))
    fmt = header[2].zfill(3) if len(header) > 2 else "000"
    if not re.fullmatch("[01]{3}", fmt):
        raise FormatError(f"{where}: fmt is three digits of 0 and 1, got {header[2]!r}")
    constraints = whole(header[3], where, "ncon", 1) if len(header) > 3 else 1
    skipped = (fmt[0] == "1") + (constraints if fmt[1] == "1" else 0)
    weighted = fmt[2] == "1"
    while len(rows) > n and not rows[-1][1]:
        rows.pop()
    if len(rows) != n:
        raise FormatError(f"{name}: has {len(rows)} lines of neighbours but its header promises {n} nodes")
    both: dict[tuple[int, int], float] = {}
    for i, (number, words) in enumerate(rows, 1):
        where = f"{name}, line {number}"
        words = words[skipped:]
        if weighted and len(words) % 2:
            raise FormatError(f"{where}: neighbours and weights come in pairs, got {len(words)} numbers")
        step = 2 if weighted else 1
        for k in range(0, len(words), step):
            j = whole(words[k], where, "a neighbour", 1, n)
            if j == i:
                raise FormatError(
                    f"{where}: joins node {i} to itself, which no cut can separate; leave it out"
                )
            if (i, j) in both:
                raise FormatError(f"{where}: names neighbour {j} twice; write it once")
            both[i, j] = real(words[k + 1], where, "the weight") if weighted else 1.0
    for (i, j), weight in both.items():
        if both.get((j, i)) != weight:
            raise FormatError(
                f"{name}: node {i} names {j} with weight {weight:g}, node {j} does not; both ends must"
            )
    edges = {pair: weight for pair, weight in both.items() if pair[0] < pair[1]}
    if len(edges) != m:
        raise FormatError(
            f"{name}: has {len(edges)} edges but its header promises {m}; it is truncated or altered"
        )
    return _graph(n, edges, name, "metis", as_)


def _graph(
    n: int, edges: dict[tuple[int, int], float], name: str, source: str, as_: str | None
) -> IsingModel:
    if not edges:
        raise FormatError(f"{name}: the graph has no edges")
    ends = np.array(list(edges), dtype=np.int64).reshape(-1, 2) - 1
    names = tuple(str(k + 1) for k in range(n))
    return Terms(n, ends, np.array(list(edges.values())), names, name, source).model(as_ or "max-cut")


COL = Format(
    "col",
    "DIMACS graphs",
    (".col", ".clq"),
    re.compile(rb"(?:[ \t]*(?:c[^\n]*)?\n)*[ \t]*p[ \t]+(?:edges?|col)\b"),
    lambda path, options: read_col(path, options.as_),
    asks=frozenset({"as_"}),
)
METIS = Format(
    "metis",
    "METIS",
    (".graph", ".metis"),
    None,  # its header is that of rudy's files: the ending tells
    lambda path, options: read_metis(path, options.as_),
    asks=frozenset({"as_"}),
)
