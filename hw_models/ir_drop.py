"""What the resistance of its wires makes of a crossbar tile.

A tile has conductances G_ij from the wire of row i to that of column j. Row i is driven with V_i at the
side of column 0 and column j ends in a virtual ground below the last row. A wire is a segment of
resistance from crossing to crossing, and one to its end:

    V_i --driver--row--o--row--o-- ...      o a crossing, G_ij from the row's node to the column's
                       |       |
                     column  column
                       |       |
                     sense   sense
                       0       0

All of it is linear, so that the currents into the ground are I = V T for one matrix T (rows, columns):
the tile computes with T where G was written. T comes exactly from Kirchhoff's laws, one sparse
factorisation of the nodes' admittance matrix Y, whose Schur complement it is:

    T = -Y_in,out + Y_in,nodes Y_nodes^-1 Y_nodes,out

`approximate` is the first order in the resistances, summed as that of one device in series with them:

    T_ij = G_ij / (1 + D_ij + U_ij)
    D_ij = sum_k G_ik (driver + row (1 + min(j, k)))                the drop along row i
    U_ij = sum_k G_kj (sense + column (rows - max(i, k)))           the rise of column j

exact for one device and for drivers alone; its error is of second order in D + U (measured in
docs/crossbar.md). Left out: capacitance (tiles are read when they have settled) and devices whose current
is not proportional to voltage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from hw_models.errors import HardwareError


@dataclass(frozen=True, slots=True)
class Wires:
    """Resistances in ohm: a segment of a row and of a column from crossing to crossing, a row's driver and
    a column's sense amplifier. 0 is an ideal one.

    Raises HardwareError for a resistance that is negative or not finite.
    """

    row: float = 0.0
    column: float = 0.0
    driver: float = 0.0
    sense: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise HardwareError(f"resistance of a tile's {field.name} must be >= 0 ohm, got {value:g}")

    @property
    def ideal(self) -> bool:
        return self == Wires()


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Numbers of a tile's nodes: inputs 0 to rows - 1, then the columns' grounds, then all others.

    row, column : (rows, columns) the ends of each device; wires without resistance are one node
    n : of all nodes; a, b, conductance : (n_wires,) the segments of wires that have resistance, S
    """

    row: np.ndarray
    column: np.ndarray
    n: int
    a: np.ndarray
    b: np.ndarray
    conductance: np.ndarray


def nodes_of(shape: tuple[int, int], wires: Wires) -> Nodes:
    """The nodes and wires of a tile of so many rows and columns."""
    rows, columns = shape
    i, j = np.indices(shape)
    n = rows + columns
    first, last = wires.row + wires.driver, wires.column + wires.sense
    if wires.row:
        row, n = n + i * columns + j, n + rows * columns
    else:
        row, n = (n + i, n + rows) if first else (i, n)
    if wires.column:
        column, n = n + i * columns + j, n + rows * columns
    else:
        column, n = (n + j, n + columns) if last else (rows + j, n)
    parts = [
        (row[:, :-1], row[:, 1:], wires.row),
        (np.arange(rows), row[:, 0], first),
        (column[:-1], column[1:], wires.column),
        (column[-1], rows + np.arange(columns), last),
    ]
    parts = [part for part in parts if part[2]]
    none = [np.zeros(0, np.int64)]
    return Nodes(
        row=row,
        column=column,
        n=n,
        a=np.concatenate([a.ravel() for a, _, _ in parts] or none),
        b=np.concatenate([b.ravel() for _, b, _ in parts] or none),
        conductance=np.concatenate([np.full(a.size, 1.0 / r) for a, _, r in parts] or none),
    )


def transfer(conductances: np.ndarray, wires: Wires) -> np.ndarray:
    """(rows, columns) S, T of I = V T: what currents (n, columns) follow from voltages (n, rows).

    conductances : (rows, columns) S, >= 0; one factorisation serves any number of inputs

    Raises HardwareError for conductances that are no matrix, negative or not finite.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    g = _checked(conductances)
    if wires.ideal:
        return g
    rows, columns = g.shape
    nodes = nodes_of((rows, columns), wires)
    a = np.concatenate([nodes.row.ravel(), nodes.a])
    b = np.concatenate([nodes.column.ravel(), nodes.b])
    each = np.concatenate([g.ravel(), nodes.conductance])
    entries = (
        np.concatenate([each, each, -each, -each]),
        (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])),
    )
    y = sparse.coo_array(entries, shape=(nodes.n, nodes.n)).tocsc()
    inner, out = slice(rows + columns, nodes.n), slice(rows, rows + columns)
    factors = splu(
        y[inner, inner].tocsc(),
        permc_spec="MMD_AT_PLUS_A",  # symmetric and diagonally dominant: no pivoting
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    through = factors.solve(y[inner, out].toarray())
    return np.asarray(y[:rows, inner] @ through - y[:rows, out].toarray())


def approximate(conductances: np.ndarray, wires: Wires) -> np.ndarray:
    """(rows, columns) S, T to first order in the resistances, as the module's text has it.

    Raises HardwareError as `transfer`.
    """
    g = _checked(conductances)
    i, j = np.arange(g.shape[0]), np.arange(g.shape[1])
    along = wires.driver + wires.row * (1.0 + np.minimum.outer(j, j))
    down = wires.sense + wires.column * (g.shape[0] - np.maximum.outer(i, i))
    return np.asarray(g / (1.0 + g @ along + down @ g))


def _checked(conductances: np.ndarray) -> np.ndarray:
    g = np.asarray(conductances, np.float64)
    if g.ndim != 2 or not g.size:
        raise HardwareError(f"conductances of a tile must be (rows, columns), got shape {g.shape}")
    if not (np.isfinite(g).all() and (g >= 0).all()):
        k = np.argwhere(~(np.isfinite(g) & (g >= 0)))[0].tolist()
        raise HardwareError(f"conductance {k} of a tile must be >= 0 S and finite, got {g[tuple(k)]:g}")
    return g
