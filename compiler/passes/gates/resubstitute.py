"""Resubstitution: a gate becomes a function of nets that are there anyway.

A. Mishchenko, R. Brayton, IWLS 2006; with xors: H. Riener et al., DATE 2022. Windows are small, so
that functions are whole truth tables. What an encoder cannot make is a don't-care.
"""

from __future__ import annotations

import numpy as np

from compiler.circuits.possible import chains
from compiler.errors import NetlistError
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.resub_kernels import resubstitute_all
from compiler.passes.gates.resub_windows import LEAVES
from compiler.passes.gates.rewrite import check_objective
from compiler.passes.gates.xag_netlist import from_netlist, to_netlist, topological


def resubstitute(
    netlist: GateNetlist,
    *,
    objective: str = "gates",
    leaves: int = 8,
    divisors: int = 60,
    gates: int = 2,
    keep_depth: bool = False,
    impossible: bool = False,
) -> GateNetlist:
    """Replace each gate, once, by at most `gates` new ones over nets that stay, where that saves.

    objective : see rewrite_cuts; leaves : 2 to 10, inputs of the window in which nets are
    compared; divisors : nets that are tried at most; keep_depth : only where no gate gets later
    impossible : whether outputs may change for patterns that the encoder cannot make

    Raises NetlistError for an unknown objective and for numbers out of range.
    """
    check_objective(objective)
    if not 2 <= leaves <= LEAVES or not 0 <= gates <= 2 or divisors < 2:
        raise NetlistError(
            f"a window has 2 to {LEAVES} leaves, 0 to 2 new gates and at least 2 divisors, got "
            f"{leaves}, {gates} and {divisors}"
        )
    ands = objective == "ands"
    x = from_netlist(netlist, ands=ands)
    group = np.full(netlist.n_inputs + 1, -1, dtype=np.int32)
    rank = np.zeros(netlist.n_inputs + 1, dtype=np.int32)
    if impossible and netlist.encoder is not None:
        group[1:], rank[1:] = chains(netlist.encoder)
    resubstitute_all(x, topological(x), leaves, divisors, gates, ands, keep_depth, group, rank)
    return to_netlist(x, netlist)
