"""States that runs of p-bits start from."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.system import SpinSystem


def start_states(
    netlist: LangevinNetlist,
    system: SpinSystem | DenseSystem,
    start: Any,
    chains: int,
    seed: int,
    first_chain: int = 0,
) -> np.ndarray:
    """(chains, n) int8 starts; input cells at their x0.

    Raises SimulationError for a start that is not +-1 or of another shape.
    """
    x0, frozen = netlist.cells.x0, netlist.cells.frozen
    if isinstance(start, str) and start == "random":
        states = system.random_states(chains, seed, first_chain=first_chain)
    elif isinstance(start, str) and start != "x0":
        raise SimulationError(f"start must be 'random', 'x0' or states, got {start!r}")
    else:
        given = np.asarray(x0 if isinstance(start, str) else start)
        if given.shape not in ((system.n,), (chains, system.n)):
            raise SimulationError(
                f"start has shape {given.shape}; it must be ({system.n},) or ({chains}, {system.n})"
            )
        states = system.checked(np.broadcast_to(given, (chains, system.n))).copy()
    states[:, frozen] = system.checked(np.where(frozen, x0, 1.0))[frozen]
    return states
