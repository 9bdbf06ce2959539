"""CellNetlist: a combinational circuit of library cells held as columns.

Nets 0 .. n_inputs - 1 are the primary inputs, cell k drives net n_inputs + k and reads earlier nets
only. Each output of a cell with several is a cell here; they share an instance. A root that is
constant shows CONSTANT_0 or CONSTANT_1 (a tie to a rail, no cell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import NetlistError
from compiler.html import fields_html
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

    _repr_html_ = fields_html

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
    """Check every invariant; NetlistError names an offender, the first that breaks the rule."""
    n, cells = netlist.n_inputs, netlist.library.cells
    if netlist.indptr.size != netlist.n_cells + 1 or netlist.indptr[-1] != netlist.fanin.size:
        raise NetlistError("cell netlist: indptr must count the pins of every cell")
    unknown = (netlist.cell < 0) | (netlist.cell >= len(cells))
    if unknown.any():
        k = int(unknown.argmax())
        raise NetlistError(f"cell {k} is number {netlist.cell[k]} of a library that has no such cell")
    sizes = np.diff(netlist.indptr)
    pins = np.array([cell.n_inputs for cell in cells], dtype=np.int64)[netlist.cell]
    if (sizes != pins).any():
        k = int((sizes != pins).argmax())
        name = cells[netlist.cell[k]].name
        raise NetlistError(f"cell {k} ({name}) reads {sizes[k]} nets; it has {pins[k]} pins")
    reader = np.repeat(np.arange(netlist.n_cells), sizes)
    late = (netlist.fanin < 0) | (netlist.fanin >= n + reader)
    if late.any():
        k = int(reader[late.argmax()])
        raise NetlistError(
            f"cell {k} ({cells[netlist.cell[k]].name}, net {n + k}) reads net {int(netlist.pins(k).max())}; "
            f"it must read earlier nets, 0 to {n + k - 1}"
        )
    _verify_instances(netlist)
    bad = (netlist.roots < CONSTANT_1) | (netlist.roots >= n + netlist.n_cells)
    if bad.any():
        raise NetlistError(f"root shows net {netlist.roots[bad][0]}, which does not exist")


def _verify_instances(netlist: CellNetlist) -> None:
    """Cells that share an instance are different outputs of one cell that read the same."""
    _, number, count = np.unique(netlist.instance, return_inverse=True, return_counts=True)
    seen: dict[int, tuple[str, list[int], set[str]]] = {}
    for k in np.flatnonzero(count[number] > 1).tolist():
        cell, nets, shared = (
            netlist.library.cells[netlist.cell[k]],
            netlist.pins(k).tolist(),
            netlist.instance[k],
        )
        macro, read, outputs = seen.setdefault(int(shared), (cell.macro, nets, set()))
        if outputs and not (cell.macro and macro == cell.macro and read == nets):
            raise NetlistError(f"cell {k} ({cell.name}) shares instance {shared}, which is another cell")
        if cell.output in outputs:
            raise NetlistError(f"cell {k} ({cell.name}) is an output that instance {shared} has already")
        outputs.add(cell.output)
