"""Lists of terms with a header, "n m", then m lines "i j value": rudy's and MQLib's text.

Without lines i i it is a Max-Cut graph, as in the Gset: cutting maximises 1/2 sum w (1 - s_i s_j)
over the edges, so J = -w. With such lines it is a QUBO or an Ising model, of which there are
dialects: MQLib's and OR-Library's QUBOs are made large and their pairs count twice. The file does
not say, so `as_` must. Nodes count from 1, and so do the spins' names (from 0 where `as_` is given
and a node 0 is). A line without a value has 1.
"""

from __future__ import annotations

import os
import re

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.families.ising import IsingModel
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format
from compiler.formats.ising.number_lines import number_lines, number_text, real, whole
from compiler.formats.ising.terms import Terms, unsaid


def read_rudy(path: str | os.PathLike, as_: str | None = None) -> IsingModel:
    """The model in a rudy file, gzipped or not; errors as parse_rudy."""
    return parse_rudy(read_text(path), as_, name=str(path))


def parse_rudy(text: str, as_: str | None = None, *, name: str = "text") -> IsingModel:
    """The Max-Cut problem in rudy text, or what `as_` says of it, see compiler.formats.ising.terms.

    Raises FormatError, with the line, for a malformed header or term, a node out of range, a term
    given twice, a value that is no finite number, no terms at all, or another number of them than
    the header promises; for terms of a node with itself unless `as_` says what they are.
    """
    lines = number_lines(text, ("#", "%"))
    number, header = next(lines, (1, []))
    where = f"{name}, line {number}"
    if len(header) != 2:
        raise FormatError(
            f"{where}: a rudy file begins with the numbers of nodes and edges, got {' '.join(header)[:40]!r}"
        )
    n = whole(header[0], where, "the number of nodes", 1)
    m = whole(header[1], where, "the number of edges", 1)
    first: dict[tuple[int, int], int] = {}
    weights = []
    least = 1 if as_ is None else 0
    for number, words in lines:
        where = f"{name}, line {number}"
        if len(words) not in (2, 3):
            raise FormatError(f"{where}: an edge is two nodes and a weight, got {' '.join(words)[:40]!r}")
        i, j = (whole(word, where, "a node", least) for word in words[:2])
        if max(i, j) > n:
            raise FormatError(f"{where}: names node {max(i, j)}; the header has nodes 1 to {n}")
        if i == j and as_ is None:
            raise unsaid(
                where,
                f"joins node {i} to itself, so this is no graph to cut: a QUBO to be made small (qubo), one "
                "to be made large whose pairs count twice, as MQLib's (qubo-max), or an Ising model (ising)",
                ("qubo", "qubo-max", "ising"),
            )
        pair = (min(i, j), max(i, j))
        if pair in first:
            raise FormatError(
                f"{where}: edge ({i}, {j}) is in line {first[pair]} already; write it once, with "
                "the sum of the weights"
            )
        first[pair] = number
        weights.append(real(words[2], where, "the weight") if len(words) == 3 else 1.0)
    if len(weights) != m:
        raise FormatError(
            f"{name}: has {len(weights)} edges but its header promises {m}; it is truncated or altered"
        )
    ends = np.array(list(first), dtype=np.int64).reshape(-1, 2)
    start = int(ends.min()) if as_ is not None and ends.min() == 0 else 1
    if ends.max() - start >= n:
        raise FormatError(f"{name}: names the nodes 0 and {n}; of {n} nodes they count from 0 or from 1")
    names = () if start == 0 else tuple(str(k + 1) for k in range(n))
    return Terms(n, ends - start, np.array(weights), names, name, "rudy").model(as_ or "max-cut")


def write_rudy(model: IsingModel) -> str:
    """The Max-Cut graph with weights w = -J; nodes count from 1.

    Raises UnsupportedError for a model with fields, which no graph holds.
    """
    if (bad := model.h != 0).any():
        i = int(np.argmax(bad))
        raise UnsupportedError(
            f"rudy: spin {model.name(i)} has the field {model.h[i]:g}, and a graph to cut has "
            "none; choose --format bqm or coo"
        )
    if not model.n_couplings:
        raise UnsupportedError("rudy: the model has no couplings, so there is nothing to cut")
    lines = [f"{model.n} {model.n_couplings}"]
    lines += [
        f"{i + 1} {j + 1} {number_text(-w)}"
        for i, j, w in zip(model.row.tolist(), model.col.tolist(), model.J.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


FORMAT = Format(
    "rudy",
    "rudy",
    (".txt", ".rud", ".rudy", ".mc"),
    re.compile(rb"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\d+[ \t]+\d+[ \t]*(?:\n|$)"),
    lambda path, options: read_rudy(path, options.as_),
    write_rudy,
    asks=frozenset({"as_"}),
)
