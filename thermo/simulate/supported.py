"""What this simulator runs: the first feature of a netlist that it lacks, by name."""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import (
    Activation,
    CellKind,
    CouplingKind,
    LangevinNetlist,
    Order,
    Role,
)


def check_supported(netlist: LangevinNetlist) -> None:
    """Raise UnsupportedError for the first feature that this simulator lacks."""
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    for column, missing, what, way in (
        (cells.order, Order.UNDERDAMPED, Order, "overdamped cells"),
        (cells.kind, CellKind.PBIT, CellKind, "continuous and phase cells"),
    ):
        other = dynamic & (column == missing)
        if other.any():
            i = int(np.argmax(other))
            raise UnsupportedError(
                f"cell {i} is {what(int(column[i])).name.lower()}; the Langevin simulator runs "
                f"{way} only"
            )
    _check_angles(netlist)
    for couplings in netlist.couplings:
        if couplings.kind != CouplingKind.RESISTIVE or not len(couplings):
            continue
        for end, ids in (("from", couplings.indices), ("to", couplings.rows)):
            curved = np.flatnonzero(cells.activation[ids] != Activation.IDENTITY)
            if curved.size:
                j = int(ids[curved[0]])
                raise UnsupportedError(
                    f"resistive coupling {end} cell {j}, whose activation is "
                    f"{Activation(int(cells.activation[j])).name.lower()}; only identity is "
                    "simulated"
                )
    if netlist.noise is not None:
        raise UnsupportedError(
            "a noise matrix is not simulated here; give a scalar mobility and noise = None"
        )


def _check_angles(netlist: LangevinNetlist) -> None:
    """Phase cells must not depend on more than their angle modulo 2 pi."""
    cells = netlist.cells
    angle = (cells.role != Role.INPUT) & (cells.kind == CellKind.PHASE)
    if not angle.any():
        return
    for name, odd in (
        ("j3", cells.j3 != 0),
        ("j4", cells.j4 != 0),
        ("lo", np.isfinite(cells.lo)),
        ("hi", np.isfinite(cells.hi)),
    ):
        if (angle & odd).any():
            i = int(np.argmax(angle & odd))
            raise UnsupportedError(
                f"phase cell {i} has {name} = {getattr(cells, name)[i]:g}; an angle has the energy "
                "j2 sin^2 x - h cos x and no interval"
            )
    bare = angle & (cells.activation != Activation.COSINE)
    for couplings in netlist.couplings:
        if couplings.kind == CouplingKind.SINE or not len(couplings):
            continue
        ids = couplings.indices
        if couplings.kind == CouplingKind.RESISTIVE:
            ids = np.concatenate([ids, couplings.rows.astype(ids.dtype)])
        if bare[ids].any():
            i = int(ids[np.argmax(bare[ids])])
            raise UnsupportedError(
                f"phase cell {i} drives by {CouplingKind(couplings.kind).name.lower()} couplings "
                "with an angle, which has no value modulo 2 pi; use sine couplings, or linear or "
                "gradient ones with the activation cosine"
            )
