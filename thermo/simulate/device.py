"""What drives the cells of a netlist on one imperfect device."""

from __future__ import annotations

import numpy as np

from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist
from hw_models.imperfect import Imperfections, perturb, perturb_bias


def acting_couplings(
    netlist: LangevinNetlist, couplings: Couplings, law: Imperfections, device_seed: int
) -> np.ndarray:
    """(nnz,) what one group of the netlist's couplings is on device `device_seed`.

    Those from inputs and those among dynamic cells are two arrays, each with its own range. Where
    several kinds of couplings join the same two cells, they share their draws.
    """
    known, from_input = netlist.cells.known_as, netlist.cells.frozen[couplings.indices]
    return perturb(
        np.asarray(couplings.values),
        known[couplings.rows],
        known[couplings.indices],
        law,
        device_seed,
        from_input,
        mutual=couplings.kind == CouplingKind.RESISTIVE,
    )


def acting_biases(netlist: LangevinNetlist, law: Imperfections, device_seed: int) -> np.ndarray:
    """(n,) biases h of all cells on device `device_seed`."""
    return perturb_bias(np.asarray(netlist.cells.h), law, device_seed, netlist.cells.known_as)
