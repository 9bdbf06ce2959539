"""A whole circuit in the cells of a library: optimised, with its class head, in the shape that maps best."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.balance import balance
from compiler.passes.gates.cell_cuts import Subject
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.cell_sizing import size_cells
from compiler.passes.gates.heads import lower_head
from compiler.pipelines import simplify
from hw_models.cells import CellLibrary


def shapes(netlist: GateNetlist, *, head: bool = True, adder: str = "fast") -> tuple[GateNetlist, ...]:
    """The circuit after -O2 and after -O1: fewest gates need not be least area.

    head : whether class sums and decision become gates, cleaned at -O1; adder : as lower_head
    """
    made = [simplify(netlist, level) for level in (2, 1)]
    if head and netlist.class_sums is not None:
        made = [simplify(lower_head(shape, sums=False, adder=adder), 1) for shape in made]
    return tuple(made)


def cell_shapes(netlist: GateNetlist, *, adder: str = "fast") -> tuple[GateNetlist, ...]:
    """More shapes than `shapes`, class sums and decision as gates: also as and-gates and inverters, since an
    exclusive or takes two or three cells' area, and with chains made trees. Takes four times as long.
    """
    made = [*shapes(netlist, adder=adder)]
    fewest = simplify(made[0], 2, objective="ands")
    quick = simplify(made[1], 1, objective="ands")
    again = simplify(balance(fewest), 2, objective="ands")
    return (*made, fewest, quick, again, *(balance(shape) for shape in (fewest, quick, again)))


def best_mapping(
    shapes: Sequence[GateNetlist | Subject], library: CellLibrary, objective: str = "area"
) -> CellNetlist:
    """The shape that maps to least area, or by objective="delay" to the shortest path, sized and buffered.

    Raises as map_cells; UnsupportedError where the objective needs a figure that the library lacks.
    """
    found = [map_cells(shape, library, objective=objective) for shape in shapes]
    if objective == "delay":
        return min((size_cells(one) for one in found), key=path_delay)
    return min(found, key=cell_area)
