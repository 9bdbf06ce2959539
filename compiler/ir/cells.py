"""CellNetlist: a combinational circuit of library cells held as columns.

Nets 0 .. n_inputs - 1 are the primary inputs, cell k drives net n_inputs + k and reads earlier nets
only. Each output of a cell with several is a cell here; they share an instance. A root that is
constant shows CONSTANT_0 or CONSTANT_1 (a tie to a rail, no cell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.gates import GateNetlist
from hw_models.cells import CellLibrary

CONSTANT_0, CONSTANT_1 = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class CellNetlist:
    """A circuit mapped to a library.

    cell : (n_cells,) int32, index into library.cells
    indptr : (n_cells + 1,) int64, fanin : int32, nets that the cell's pins read, in pin order
    roots : (n_roots,) int32, nets looked at: the named outputs, then the nets of the class sums
    subject : the gate netlist that was mapped, with the same roots
    origin : (n_cells,) int32, net of the subject that the cell's output shows, complemented where
    inverted : (n_cells,) bool
    instance : (n_cells,) int32, number of the physical cell; outputs of one have the same
    """

    library: CellLibrary
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    cell: np.ndarray
    indptr: np.ndarray
    fanin: np.ndarray
    roots: np.ndarray
    subject: GateNetlist
    origin: np.ndarray
    inverted: np.ndarray
    instance: np.ndarray

    @property
    def n_inputs(self) -> int:
        return len(self.input_names)

    @property
    def n_cells(self) -> int:
        return int(self.cell.size)

    def __repr__(self) -> str:
        return (
            f"CellNetlist({self.n_cells:,} cells of {self.library.name}, {self.n_inputs:,} inputs, "
            f"{self.roots.size:,} roots)"
        )

    @property
    def first(self) -> np.ndarray:
        """(n_cells,) bool: the first output of each physical cell, where its area counts."""
        found = np.zeros(self.n_cells, dtype=bool)
        found[np.unique(self.instance, return_index=True)[1]] = True
        return found

    def names(self) -> list[str]:
        """Library names of the physical cells, one each."""
        used = [self.library.cells[index] for index in self.cell[self.first].tolist()]
        return [cell.macro or cell.name for cell in used]

    def pins(self, k: int) -> np.ndarray:
        """Nets that cell k reads."""
        return self.fanin[self.indptr[k] : self.indptr[k + 1]]


def verify_cells(netlist: CellNetlist) -> None:
    """Check every invariant; NetlistError names the first offender."""
    n = netlist.n_inputs
    seen: dict[int, tuple[str, list[int], set[str]]] = {}
    if netlist.indptr.size != netlist.n_cells + 1 or netlist.indptr[-1] != netlist.fanin.size:
        raise NetlistError("cell netlist: indptr must count the pins of every cell")
    for k, index in enumerate(netlist.cell.tolist()):
        if not 0 <= index < len(netlist.library.cells):
            raise NetlistError(f"cell {k} is number {index} of a library that has no such cell")
        cell, nets = netlist.library.cells[index], netlist.pins(k)
        if nets.size != cell.n_inputs:
            raise NetlistError(f"cell {k} ({cell.name}) reads {nets.size} nets; it has {cell.n_inputs} pins")
        if ((nets < 0) | (nets >= n + k)).any():
            raise NetlistError(
                f"cell {k} ({cell.name}, net {n + k}) reads net {int(nets.max())}; it must read "
                f"earlier nets, 0 to {n + k - 1}"
            )
        number = int(netlist.instance[k])
        macro, shared, outputs = seen.setdefault(number, (cell.macro, nets.tolist(), set()))
        if outputs and not (cell.macro and macro == cell.macro and shared == nets.tolist()):
            raise NetlistError(f"cell {k} ({cell.name}) shares instance {number}, which is another cell")
        if cell.output in outputs:
            raise NetlistError(f"cell {k} ({cell.name}) is an output that instance {number} has already")
        outputs.add(cell.output)
    bad = (netlist.roots < CONSTANT_1) | (netlist.roots >= n + netlist.n_cells)
    if bad.any():
        raise NetlistError(f"root shows net {netlist.roots[bad][0]}, which does not exist")
