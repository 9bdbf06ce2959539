"""What this simulator runs: the first feature of a netlist that it lacks, by name."""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist, Order, Role


def check_supported(netlist: LangevinNetlist, underdamped: bool, *, inertia: bool = False) -> None:
    """Raise UnsupportedError for the first feature that this simulator lacks.

    underdamped : is_underdamped(netlist); inertia : whether such cells and noise matrices are simulated
    """
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    if inertia and underdamped:
        _check_inertia(netlist)
    for column, missing, what, way in (
        (cells.order, Order.UNDERDAMPED, Order, "overdamped cells"),
        (cells.kind, CellKind.PBIT, CellKind, "continuous and phase cells"),
    ):
        if inertia and missing == Order.UNDERDAMPED and what is Order:
            continue
        other = dynamic & (column == missing)
        if other.any():
            i = int(np.argmax(other))
            raise UnsupportedError(
                f"cell {i} is {what(int(column[i])).name.lower()}; the Langevin simulator runs {way} only"
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
    if netlist.noise is not None and not inertia:
        raise UnsupportedError(
            "a noise matrix is not simulated here; give a scalar mobility and noise = None"
        )


def is_underdamped(netlist: LangevinNetlist) -> bool:
    """Whether any dynamic cell has inertia."""
    cells = netlist.cells
    return bool(((cells.role != Role.INPUT) & (cells.order == Order.UNDERDAMPED)).any())


def _check_inertia(netlist: LangevinNetlist) -> None:
    """Underdamped cells: all or none, without walls, clamps and noise matrix."""
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    other = dynamic & (cells.order != Order.UNDERDAMPED)
    if other.any():
        i, j = int(np.argmax(other)), int(np.argmax(dynamic & ~other))
        raise UnsupportedError(
            f"cell {i} is overdamped and cell {j} underdamped; a netlist is simulated with dynamic "
            "cells of one order: give both the same"
        )
    walled = dynamic & (np.isfinite(cells.lo) | np.isfinite(cells.hi))
    if walled.any():
        i = int(np.argmax(walled))
        raise UnsupportedError(
            f"underdamped cell {i} has the interval [{cells.lo[i]:g}, {cells.hi[i]:g}]; a wall "
            "would have to say how it reflects: use a steep j4 instead"
        )
    for phase in netlist.schedule:
        if phase.clamped:
            raise UnsupportedError(
                f"phase {phase.name!r} clamps {phase.clamped[0]!r}; stopping an underdamped cell "
                "takes its kinetic energy away: freeze it as an input instead"
            )
    if netlist.noise is not None:
        raise UnsupportedError(
            "a noise matrix belongs to overdamped cells; the noise of underdamped ones follows "
            "from their friction: drop one"
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
