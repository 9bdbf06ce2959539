"""Which cells of a piece of hardware are wired to which: undirected graphs from a few numbers.

Numbering follows the makers' where there is one, so that a placement can be sent to the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hw_models.errors import HardwareError

# Offsets (a, b), a rows down and b columns right, of the grids of arXiv 2510.23972; each stands for
# itself turned by 0, 90, 180 and 270 degrees. a + b is odd, so that the grid has two colours.
GRID_RULES: dict[str, tuple[tuple[int, int], ...]] = {
    "square": ((0, 1),),
    "g8": ((0, 1), (4, 1)),
    "g12": ((0, 1), (4, 1), (9, 10)),
    "g16": ((0, 1), (4, 1), (8, 7), (14, 9)),
}

# where the wires of Pegasus begin, one offset for each of the 12 tracks of a unit cell
_PEGASUS_VERTICAL = (2, 2, 2, 2, 10, 10, 10, 10, 6, 6, 6, 6)
_PEGASUS_HORIZONTAL = (6, 6, 6, 6, 2, 2, 2, 2, 10, 10, 10, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes 0 to n - 1 and their wires.

    edges : (m, 2) int32, ends ascending within a wire, wires ascending
    ids : (n,) int64, the maker's numbers of the nodes, ascending
    """

    n: int
    edges: np.ndarray
    ids: np.ndarray

    @property
    def degree(self) -> int:
        """Wires of the best connected node."""
        return int(np.bincount(self.edges.ravel(), minlength=1).max(initial=0))


@dataclass(frozen=True, slots=True)
class Topology:
    """A family of graphs and its parameters, from which `graph()` builds the graph.

    kind : square, g8, g12, g16 (rows, columns), king (rows, columns), chimera (m, n, t),
        pegasus (m), zephyr (m, t), complete (n)

    Raises HardwareError for an unknown kind, or parameters that are not whole numbers >= 1 or too
    many or too few.
    """

    kind: str
    parameters: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.kind not in _BUILDERS:
            raise HardwareError(f"no topology {self.kind!r}; choose one of {', '.join(_BUILDERS)}")
        names = _BUILDERS[self.kind][1]
        if len(self.parameters) != len(names):
            raise HardwareError(
                f"topology {self.kind} takes the parameters {', '.join(names)}, got {len(self.parameters)}"
            )
        for name, value in zip(names, self.parameters, strict=True):
            least = 2 if self.kind == "pegasus" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise HardwareError(
                    f"topology {self.kind}: {name} must be a whole number >= {least}, got {value!r}"
                )

    @property
    def name(self) -> str:
        return f"{self.kind}({', '.join(str(p) for p in self.parameters)})"

    def graph(self) -> Graph:
        """Nodes and wires, built once: a few milliseconds for thousands of cells."""
        return _build(self)


@lru_cache(maxsize=16)
def _build(topology: Topology) -> Graph:
    return _BUILDERS[topology.kind][0](*topology.parameters)


def grid(rows: int, columns: int, rule: Iterable[tuple[int, int]]) -> Graph:
    """Cell (i, j), number i columns + j, wired to (i, j) + each of the rule's offsets, turned by
    0, 90, 180 and 270 degrees; wires that would leave the grid do not exist."""
    i, j = _indices(rows, columns)
    pairs = []
    for a, b in rule:
        for da, db in ((a, b), (-b, a)):  # the other two turns are these wires from their far end
            u, v = i + da, j + db
            inside = (u >= 0) & (u < rows) & (v >= 0) & (v < columns)
            pairs.append(((i * columns + j)[inside], (u * columns + v)[inside]))
    return _graph(rows * columns, pairs)


def king(rows: int, columns: int) -> Graph:
    """A grid whose cells are wired to their eight neighbours, as a chess king moves."""
    i, j = _indices(rows, columns)
    pairs = []
    for da, db in ((0, 1), (1, -1), (1, 0), (1, 1)):
        inside = (i + da < rows) & (j + db >= 0) & (j + db < columns)
        own = i * columns + j
        pairs.append((own[inside], (own + da * columns + db)[inside]))
    return _graph(rows * columns, pairs)


def chimera(m: int, n: int, t: int) -> Graph:
    """D-Wave's Chimera: m x n unit cells, each a complete bipartite graph of 2 t qubits.

    Qubit (i, j, u, k), number ((i n + j) 2 + u) t + k: u = 0 is wired to the same place in the
    cells above and below, u = 1 to that left and right. Bunyk et al., IEEE Trans. Appl. Supercond.
    24, 1700110 (2014)
    """
    i, j, k, l = _indices(m, n, t, t)

    def at(i: np.ndarray, j: np.ndarray, u: int, k: np.ndarray) -> np.ndarray:
        return ((i * n + j) * 2 + u) * t + k

    pairs = [(at(i, j, 0, k), at(i, j, 1, l))]
    i, j, k = _indices(m - 1, n, t)
    pairs.append((at(i, j, 0, k), at(i + 1, j, 0, k)))
    i, j, k = _indices(m, n - 1, t)
    pairs.append((at(i, j, 1, k), at(i, j + 1, 1, k)))
    return _graph(2 * m * n * t, pairs)


def pegasus(m: int) -> Graph:
    """D-Wave's Pegasus P_m without the qubits at its rim that no internal wire reaches.

    Qubit (u, w, k, z), number ((u m + w) 12 + k) (m - 1) + z, is a wire of length 12: at u = 0 a
    vertical one in column 12 w + k from row 12 z + offset, at u = 1 with rows and columns swapped.
    Wires that cross are coupled, those that follow each other on one track, and the tracks 2 k and
    2 k + 1 side by side. Boothby, Bunyk, Raymond and Roy, arXiv 2003.00133
    """
    tracks, length = 12 * m, m - 1
    ids = np.arange(2 * tracks * length).reshape(2, tracks, length)
    pairs = [(ids[:, :, :-1].ravel(), ids[:, :, 1:].ravel())]
    pairs.append((ids[:, 0::2].ravel(), ids[:, 1::2].ravel()))
    w, z = _indices(tracks, length)
    starts = [12 * z + np.take(o, w % 12) for o in (_PEGASUS_VERTICAL, _PEGASUS_HORIZONTAL)]
    vertical, step = _indices(tracks * length, 12)
    # every place (row, column) of a vertical wire, and the horizontal wire that lies there
    column, row = w[vertical], starts[0][vertical] + step
    inside = row < tracks
    vertical, column, row = vertical[inside], column[inside], row[inside]
    along = column - np.take(_PEGASUS_HORIZONTAL, row % 12)
    inside = (along >= 0) & (along < 12 * length)
    across = ids[1, row[inside], along[inside] // 12]
    pairs.append((ids[0].ravel()[vertical[inside]], across))
    crossing = np.unique(np.concatenate(pairs[-1]))
    return _graph(ids.size, pairs, keep=crossing)


def zephyr(m: int, t: int) -> Graph:
    """D-Wave's Zephyr Z_(m, t): qubits of length two with two half-overlapping rows on each track.

    Qubit (u, w, k, j, z), number (((u (2 m + 1) + w) t + k) 2 + j) m + z, lies on track w and
    crosses the tracks 2 z + j and 2 z + j + 1 of the other direction. Crossing qubits are coupled,
    those end to end on one track, and those that overlap on it by half. Boothby, King and Raymond,
    "Zephyr topology of D-Wave quantum processors" (2021)
    """
    tracks = 2 * m + 1
    ids = np.arange(2 * tracks * t * 2 * m).reshape(2, tracks, t, 2, m)
    pairs = [(ids[..., :-1].ravel(), ids[..., 1:].ravel())]
    pairs.append((ids[..., 0, :].ravel(), ids[..., 1, :].ravel()))
    pairs.append((ids[..., 1, :-1].ravel(), ids[..., 0, 1:].ravel()))
    w, k, j, z, side, other, half = _indices(tracks, t, 2, m, 2, t, 2)
    across = 2 * z + j + side  # the other direction's track
    first = w - half  # its qubit begins at this track or at the one before: 2 z' + j' = first
    inside = (first >= 0) & (first < 2 * m)
    w, k, j, z, across, other, first = (v[inside] for v in (w, k, j, z, across, other, first))
    pairs.append((ids[0, w, k, j, z], ids[1, across, other, first % 2, first // 2]))
    return _graph(ids.size, pairs)


def complete(n: int) -> Graph:
    """Every node wired to every other."""
    a, b = np.triu_indices(n, 1)
    return _graph(n, [(a, b)])


def _indices(*sizes: int) -> tuple[np.ndarray, ...]:
    """All index tuples of a box, as one column an axis, the last fastest."""
    return tuple(np.indices(sizes).reshape(len(sizes), -1))


def _graph(n: int, pairs: Iterable[tuple[np.ndarray, np.ndarray]], keep: np.ndarray | None = None) -> Graph:
    """Graph of these wires, among the nodes `keep` (ascending) if given, which are renumbered."""
    ends = np.concatenate([np.stack(pair, axis=1) for pair in pairs]).astype(np.int64)
    low, high = ends.min(axis=1), ends.max(axis=1)
    ends = np.stack(np.divmod(np.unique(low * n + high), n), axis=1)
    ids = np.arange(n) if keep is None else keep
    if keep is not None:
        kept = np.zeros(n, dtype=bool)
        kept[keep] = True
        ends = ends[kept[ends].all(axis=1)]
        ends = np.searchsorted(keep, ends)
    columns = ends.reshape(-1, 2).astype(np.int32), ids.astype(np.int64)
    for column in columns:
        column.setflags(write=False)  # graphs are shared
    return Graph(int(ids.size), *columns)


def _grid_of(kind: str) -> Callable[..., Graph]:
    return lambda rows, columns: grid(rows, columns, GRID_RULES[kind])


_BUILDERS: dict[str, tuple[Callable[..., Graph], tuple[str, ...]]] = {
    **{kind: (_grid_of(kind), ("rows", "columns")) for kind in GRID_RULES},
    "king": (king, ("rows", "columns")),
    "chimera": (chimera, ("m", "n", "t")),
    "pegasus": (pegasus, ("m",)),
    "zephyr": (zephyr, ("m", "t")),
    "complete": (complete, ("n",)),
}
TOPOLOGY_KINDS = tuple(_BUILDERS)
