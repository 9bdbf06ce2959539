"""Which gate computes in which clock cycle, and which nets need registers in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.gates import NONE, READS_A, READS_B, TWO_INPUT, GateNetlist


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """stage : (n_nets,) int64, the cycle in which a net is computed; inputs in 0
    ranks : registers that every root passes on its way; last : (n_nets,) the latest cycle in which
    a net is read, `ranks` for roots
    """

    stage: np.ndarray
    last: np.ndarray
    ranks: int


def cut_levels(netlist: GateNetlist, levels: int) -> Stages:
    """A rank of registers after every `levels` two-input gates, and after the last of them.

    Constants never change, so that they need no register: their `last` is their own stage.

    Raises UnsupportedError unless levels is at least 1.
    """
    if levels < 1:
        raise UnsupportedError(f"registers after every {levels} levels; give at least 1")
    n = netlist.n_inputs
    level = [0] * n
    weight = TWO_INPUT[netlist.op].astype(int).tolist()
    for w, a, b in zip(weight, netlist.a.tolist(), netlist.b.tolist(), strict=True):
        level.append(w + max(0 if a == NONE else level[a], 0 if b == NONE else level[b]))
    deepest = max((level[net] for net in netlist.roots.tolist()), default=0)
    ranks = max(1, -(-deepest // levels))
    stage = np.maximum(0, (np.array(level, dtype=np.int64) - 1) // levels)
    last = stage.copy()
    for nets, reads in ((netlist.a, READS_A), (netlist.b, READS_B)):
        read = reads[netlist.op]
        np.maximum.at(last, nets[read], stage[n:][read])
    last[netlist.roots] = ranks
    constant = np.concatenate([np.zeros(n, dtype=bool), ~(READS_A | READS_B)[netlist.op]])
    last[constant] = stage[constant]
    return Stages(stage, last, ranks)
