"""A crossbar tile with its wires as an ngspice deck: one operating point, read at the virtual grounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.signals import number
from hw_models.ir_drop import Wires, nodes_of

TABLE = "tile.out"


@dataclass(frozen=True, slots=True)
class TileDeck:
    """text : the deck, whose table holds the current into each column's ground, A
    end : 0 s, it has an operating point alone
    """

    text: str
    end: float = 0.0


def tile_deck(conductances: np.ndarray, volts: np.ndarray, wires: Wires) -> TileDeck:
    """The deck of a tile at one input.

    conductances : (rows, columns) S; volts : (rows,); devices of 0 S are left out

    Raises UnsupportedError unless there is a voltage for every row.
    """
    g, v = np.asarray(conductances, np.float64), np.asarray(volts, np.float64)
    if g.ndim != 2 or v.shape != g.shape[:1]:
        raise UnsupportedError(
            f"a tile of shape {g.shape} takes one voltage a row, got shape {v.shape}: give (rows,)"
        )
    return TileDeck("\n".join(_lines(g, v, wires)) + "\n")


def _lines(g: np.ndarray, v: np.ndarray, wires: Wires) -> Iterator[str]:
    rows, columns = g.shape
    nodes = nodes_of((rows, columns), wires)
    yield f"* crossbar tile of {rows} rows and {columns} columns"
    for i in range(rows):
        yield f"Vi{i} n{i} 0 {number(v[i])}"
    for j in range(columns):
        yield f"Vo{j} n{rows + j} 0 0"
    for a, b, s in zip(nodes.a.tolist(), nodes.b.tolist(), nodes.conductance.tolist(), strict=True):
        yield f"Rw{a}_{b} n{a} n{b} {number(1.0 / s)}"
    for i, j in np.argwhere(g).tolist():
        yield f"Rg{i}_{j} n{nodes.row[i, j]} n{nodes.column[i, j]} {number(1.0 / g[i, j])}"
    yield from (".control", "set numdgt=12", "set wr_singlescale", "set wr_vecnames", "op")
    yield f"wrdata {TABLE} " + " ".join(f"i(vo{j})" for j in range(columns))
    yield from ("quit", ".endc", ".end")
