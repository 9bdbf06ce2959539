"""Which cells compute which functions of four leaves, under permutation and negation of pins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np

from compiler.passes.gates.cell_cuts import FULL, LEAVES
from hw_models.cells import Cell, CellLibrary
from hw_models.errors import HardwareError

AND_TABLE, XOR_TABLE = 0x8888, 0x6666  # of leaves 0 and 1


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Matches of table t are start[t] .. start[t + 1] - 1 (tables as in compiler.passes.gates.cell_cuts).

    cell : (n,) int32, index into library.cells; leaf : (n, 4) int8, leaf that each pin reads
    negated : (n,) int8, bit i: leaf i is read complemented
    area, delay : (n_library_cells,) float64; inverter : index of the inverter used
    """

    start: np.ndarray
    cell: np.ndarray
    leaf: np.ndarray
    negated: np.ndarray
    area: np.ndarray
    delay: np.ndarray
    inverter: int

    def computes(self, table: int) -> bool:
        """Whether some cell computes the table or its complement."""
        return any(self.start[t] < self.start[t + 1] for t in (table, table ^ FULL))


@lru_cache(maxsize=16)
def find_matches(library: CellLibrary, fast: bool) -> Matches:
    """Every match of a library, without those that another equals in function and beats.

    fast : keep the fastest cell of a function beside the smallest, else the smallest alone

    Raises HardwareError for a library without an inverter, or without a cell of two inputs that
    computes and, or, nand or nor: every circuit can be mapped to these two.
    """
    inverter = library.inverter
    found: dict[tuple[int, int], list[tuple[int, tuple[int, ...]]]] = {}
    for index in _worth_trying(library.cells, fast):
        cell = library.cells[index]
        n = cell.n_inputs
        seen = set()
        for order in permutations(range(n)):
            for negation in range(1 << n):
                key = (_table(cell, order, negation), negation)
                if key not in seen:
                    seen.add(key)
                    found.setdefault(key, []).append((index, order))
    entries = sorted((table, negation, *hit) for (table, negation), v in found.items() for hit in v)
    start = np.searchsorted([e[0] for e in entries], np.arange((1 << (1 << LEAVES)) + 1))
    leaf = np.zeros((len(entries), LEAVES), dtype=np.int8)
    for k, entry in enumerate(entries):
        leaf[k, : len(entry[3])] = entry[3]
    matches = Matches(
        start=start.astype(np.int64),
        cell=np.array([e[2] for e in entries], dtype=np.int32),
        leaf=leaf,
        negated=np.array([e[1] for e in entries], dtype=np.int8),
        area=np.array([c.area for c in library.cells]),
        delay=np.array([c.delay or 0.0 for c in library.cells]),
        inverter=library.cells.index(inverter),
    )
    if not matches.computes(AND_TABLE):
        raise HardwareError(
            f"library {library.name} has no cell that computes and, or, nand or nor of two inputs; give a "
            "library with NAND2 or NOR2"
        )
    return matches


def _worth_trying(cells: tuple[Cell, ...], fast: bool) -> list[int]:
    """Cells of two to four pins: the smallest of every function, the fastest too if asked for."""
    best: dict[tuple[int, int], int] = {}
    quickest: dict[tuple[int, int], int] = {}
    for index, cell in enumerate(cells):
        key = (cell.n_inputs, cell.table)
        if cell.macro or not 2 <= cell.n_inputs <= LEAVES or len(_support(cell)) < cell.n_inputs:
            continue
        if key not in best or cell.area < cells[best[key]].area:
            best[key] = index
        delay, known = cell.delay, quickest.get(key)
        if delay is not None and (known is None or delay < (cells[known].delay or 0.0)):
            quickest[key] = index
    return sorted(set(best.values()) | (set(quickest.values()) if fast else set()))


def _support(cell: Cell) -> list[int]:
    n = cell.n_inputs
    return [
        k
        for k in range(n)
        if any(cell.value(row) != cell.value(row ^ 1 << (n - 1 - k)) for row in range(1 << n))
    ]


def _table(cell: Cell, order: tuple[int, ...], negation: int) -> int:
    """16-bit table of the cell with pin k on leaf order[k], leaves complemented by `negation`."""
    n, out = cell.n_inputs, 0
    for m in range(1 << LEAVES):
        leaves = m ^ negation
        row = 0
        for k in range(n):
            row = 2 * row + (leaves >> order[k] & 1)
        out |= cell.value(row) << m
    return out
