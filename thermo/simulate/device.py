"""What drives the cells of a netlist on one imperfect device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist
from hw_models.device import Device
from hw_models.imperfect import Imperfections, on_device, perturb, perturb_bias


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


def drawn_netlist(netlist: LangevinNetlist, law: Imperfections, device_seed: int) -> LangevinNetlist:
    """The netlist whose couplings and biases are what the others' are on device `device_seed`."""
    if law.ideal:
        return netlist
    couplings = tuple(
        replace(g.plain(), weight=acting_couplings(netlist, g, law, device_seed), tie=None) if len(g) else g
        for g in netlist.couplings
    )
    cells = replace(netlist.cells, h=acting_biases(netlist, law, device_seed))
    return netlist.with_(couplings=couplings, cells=cells)


def one_device(
    netlist: LangevinNetlist, device: Device, device_seed: int, at: Any = None
) -> tuple[LangevinNetlist, Device]:
    """What the netlist is on the device of that seed, `at` a time since it was programmed, and the device
    without imperfections, which are in the netlist then.

    Raises HardwareError as hw_models.imperfect.on_device.
    """
    law = on_device(device.imperfections, None, at)
    if law.ideal:
        return netlist, device
    return drawn_netlist(netlist, law, device_seed), replace(device, imperfections=Imperfections())  # type: ignore[type-var]
