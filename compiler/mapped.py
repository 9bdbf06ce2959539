"""A whole circuit in the cells of a library: optimised, with its class head, in the shape that maps best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.balance import balance
from compiler.passes.gates.cell_cuts import Subject
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.cell_sizing import size_cells
from compiler.passes.gates.heads import lower_head
from compiler.passes.gates.rewrite import rewrite_cuts
from compiler.passes.gates.shallow import shallow
from compiler.pipelines import simplify
from hw_models.cells import CellLibrary

MANY = 20_000  # gates of a circuit that is not tried in the slower shapes
AGAIN, ROUNDS = 4, 8  # of cell_shapes' mappings the smallest, tried with more rounds, and those
PAIRED = 16  # classes of a head that compares all pairs, at most
SIZED = 50_000  # cells of shapes that are sized, about; two shapes are at least


def shapes(
    netlist: GateNetlist, *, head: bool = True, adder: str = "fast", objective: str = "area"
) -> tuple[GateNetlist, ...]:
    """The circuit after -O2 and after -O1: fewest gates need not be least area. For the least delay also
    shapes of less depth.

    head : whether class sums and decision become gates, cleaned at -O1; adder : as lower_head
    """
    made = _simplified(netlist, head, adder, objective)
    return (*made, *(less_deep(made[-1]) if objective == "delay" else ()))


def cell_shapes(
    netlist: GateNetlist, *, adder: str = "fast", objective: str = "area"
) -> tuple[GateNetlist, ...]:
    """More shapes than `shapes`, class sums and decision as gates: also as and-gates and inverters, since an
    exclusive or takes two or three cells' area, and with chains made trees. For the least delay also shapes
    of less depth, for the least area, of fewer than MANY gates, what -O2 makes of trees once more. Takes four
    to eight times as long.
    """
    made = _simplified(netlist, True, adder, objective)
    paired = made[2:]
    fewest = simplify(made[0], 2, objective="ands")
    quick = simplify(made[1], 1, objective="ands")
    again = simplify(balance(fewest), 2, objective="ands")
    made += [fewest, quick, again, *(balance(shape) for shape in (fewest, quick, again))]
    if objective == "delay":
        bases = [*paired, quick, again][: 3 if quick.n_gates <= MANY else 1]
        return (*made, *(shape for base in bases for shape in less_deep(base)))
    if quick.n_gates <= MANY:
        made += [simplify(balance(again), 2, objective="ands"), simplify(again, 2)]
        made += [simplify(one, 2, objective="ands") for one in shallow(quick, 1)]
    return tuple(made)


def _simplified(netlist: GateNetlist, head: bool, adder: str, objective: str) -> list[GateNetlist]:
    """The circuit after -O2 and after -O1, for the least delay also with another head."""
    made = [simplify(netlist, level) for level in (2, 1)]
    classes = netlist.class_sums
    if not head or classes is None:
        return made
    found = [simplify(lower_head(shape, sums=False, adder=adder), 1) for shape in made]
    if objective == "delay" and classes.n_classes <= PAIRED:
        found.append(simplify(lower_head(made[1], sums=False, adder=adder, pairs=True), 1))
    return found


def less_deep(netlist: GateNetlist) -> list[GateNetlist]:
    """The circuit after one round of `shallow`, after the last, and that with fewer gates, if any."""
    found = shallow(netlist)
    if not found:
        return []
    small = found[-1]
    for turn in range(2):
        small = rewrite_cuts(small, objective="ands", keep_depth=True, zero=turn == 0, turn=turn)
    return [*found[:1], *found[1:][-1:], small]


def best_mapping(
    shapes: Sequence[GateNetlist | Subject], library: CellLibrary, objective: str = "area", *, again: int = 0
) -> CellNetlist:
    """The shape that maps to least area, or by objective="delay" to the shortest path, sized and buffered.

    again : by area, how many of the smallest are mapped with more rounds, too

    Raises as map_cells; UnsupportedError where the objective needs a figure that the library lacks.
    """
    found = [map_cells(shape, library, objective=objective) for shape in shapes]
    if objective == "delay":
        found.sort(key=path_delay)
        cells = np.cumsum([one.n_cells for one in found])
        return min((size_cells(one) for one in found[: max(2, int((cells <= SIZED).sum()))]), key=path_delay)
    first = sorted(range(len(found)), key=lambda k: cell_area(found[k]))[:again]
    return min([*found, *(map_cells(shapes[k], library, rounds=ROUNDS) for k in first)], key=cell_area)
