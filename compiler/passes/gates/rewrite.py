"""Cut rewriting: small cones of gates are exchanged for the best circuits of their functions.

DAG-aware rewriting after A. Mishchenko, S. Chatterjee, R. Brayton, DAC 2006, on a graph of and- and
xor-nodes, so that an xor costs one gate: W. Haaswijk et al., ASP-DAC 2017. The gain of an exchange
is the number of gates that nothing else reads, less those that the new circuit has to add.
"""

from __future__ import annotations

from compiler.errors import NetlistError
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.npn_library import OBJECTIVES, library
from compiler.passes.gates.rewrite_kernels import rewrite_all
from compiler.passes.gates.xag_netlist import from_netlist, to_netlist, topological


def rewrite_cuts(
    netlist: GateNetlist,
    *,
    objective: str = "gates",
    zero: bool = False,
    keep_depth: bool = False,
    turn: int = 0,
) -> GateNetlist:
    """Exchange the cones of four-input cuts, each gate once, where that takes fewer gates.

    objective : "gates" counts any two-input gate as one; "ands" makes and-gates of all xors first
        and counts those, as an and-inverter graph does
    zero : exchange where it saves nothing, too, which opens ways for later passes
    keep_depth : only where no gate gets later; turn : which of equally good circuits is tried first

    Dead gates, buffers and repeated gates go, too. Inverters stay only before roots.

    Raises NetlistError for an unknown objective.
    """
    check_objective(objective)
    x = from_netlist(netlist, ands=objective == "ands")
    lib = library(objective)
    rewrite_all(
        x,
        topological(x),
        lib.class_of,
        lib.how,
        lib.moves,
        lib.first,
        lib.sizes,
        lib.gates,
        lib.tops,
        zero,
        keep_depth,
        turn,
    )
    return to_netlist(x, netlist)


def check_objective(objective: str) -> None:
    """Raises NetlistError for an unknown objective."""
    if objective not in OBJECTIVES:
        raise NetlistError(f"objective {objective!r} is unknown; objectives are {', '.join(OBJECTIVES)}")
