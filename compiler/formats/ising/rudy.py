"""Max-Cut graphs in rudy's text, the format of the Gset: "n m", then m lines "i j weight".

Nodes count from 1, and so do the spins' names. A line without a weight has weight 1. Cutting
maximises 1/2 sum w (1 - s_i s_j) over the edges, so J = -w.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.format import Format, plain
from compiler.formats.ising.number_lines import number_lines, number_text, real, whole
from compiler.ir.problem import MaxCut


def max_cut(n: int, row: np.ndarray, col: np.ndarray, weight: np.ndarray, **facts: Any) -> IsingModel:
    """The Max-Cut problem of a weighted graph as an Ising model, J = -w; parallel edges add up."""
    weight = np.asarray(weight, dtype=np.float64)
    model = from_edges(np.zeros(n), row, col, 0.0 - weight, **facts)
    goal = MaxCut(model.row, model.col, 0.0 - model.J)
    return replace(model, problem=replace(model.problem, goal=goal))


def read_rudy(path: str | os.PathLike) -> IsingModel:
    """The Max-Cut problem in a rudy file, gzipped or not; errors as parse_rudy."""
    return parse_rudy(read_text(path), name=str(path))


def parse_rudy(text: str, *, name: str = "text") -> IsingModel:
    """The Max-Cut problem in rudy text.

    Raises FormatError, with the line, for a malformed header or edge, a node out of range, an edge
    from a node to itself or given twice, a weight that is no finite number, a graph without edges,
    or another number of edges than the header promises.
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
    for number, words in lines:
        where = f"{name}, line {number}"
        if len(words) not in (2, 3):
            raise FormatError(f"{where}: an edge is two nodes and a weight, got {' '.join(words)[:40]!r}")
        i, j = (whole(word, where, "a node", 1) for word in words[:2])
        if max(i, j) > n:
            raise FormatError(f"{where}: names node {max(i, j)}; the header has nodes 1 to {n}")
        if i == j:
            raise FormatError(f"{where}: joins node {i} to itself, which no cut can separate; leave it out")
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
    edges = np.array(list(first), dtype=np.int64).reshape(-1, 2) - 1
    return max_cut(
        n,
        edges[:, 0],
        edges[:, 1],
        np.array(weights),
        names=tuple(str(k + 1) for k in range(n)),
        meta={"source": "rudy"},
    )


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
    plain(read_rudy),
    write_rudy,
)
