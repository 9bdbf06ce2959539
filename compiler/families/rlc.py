"""Coupled RLC cells as netlists: node voltages with a noise matrix, or loops with inertia."""

from __future__ import annotations

import math

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.langevin import (
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
    Role,
)
from hw_models.rlc import RLCArray

STEP = 0.05  # dt times a bound of the fastest rate


def lower_rlc(array: RLCArray, *, duration: float = 100.0, dt: float | None = None) -> LangevinNetlist:
    """The array in its own units (array.units()), kT = 1, run for `duration` of them.

    "nodes": 2 n overdamped cells, fluxes first and then voltages, directed `linear` couplings and
    the noise matrix D = C^-1 R^-1 C^-1 among the voltages (energy moves between the two halves, so
    the force is no gradient and no heat is counted); step it by "heun". "loops": n underdamped
    cells, the charges, with mass L, friction R and the elastance as stiffness. Outputs are the
    voltages or the charges.

    Raises NetlistError for a duration or dt that is not above 0.
    """
    units, n = array.units(), array.n
    r = array.resistance / units.resistance
    inductance = array.inductance / units.inductance
    if array.wiring == "nodes":
        # the inverse of a capacitance matrix is how charge sets voltages: a property of the wiring
        inverse = np.linalg.inv(array.maxwell() / units.capacitance)
        drift = np.block([[np.zeros((n, n)), -np.eye(n)], [inverse / inductance, inverse / r]])
        noise = np.zeros((2 * n, 2 * n))
        noise[n:, n:] = (inverse / r) @ inverse.T
        noise = 0.5 * (noise + noise.T)
        fastest = float(np.abs(drift).sum(axis=1).max())
        role = np.repeat([Role.DYNAMIC, Role.OUTPUT], n)
        cells = Cells.make(2 * n, j2=0.5 * np.diagonal(drift), role=role)
        groups: tuple[Group, ...] = (Group("flux", 0, n), Group("voltage", n, 2 * n))
        read = np.arange(n, 2 * n, dtype=np.int32)
    else:
        drift = array.elastance() * units.capacitance
        noise = None
        fastest = math.sqrt(float((np.abs(drift).sum(axis=1) / inductance).max()))
        cells = Cells.make(
            n,
            j2=0.5 * np.diagonal(drift),
            mass=inductance,
            friction=r,
            order=Order.UNDERDAMPED,
            role=Role.OUTPUT,
        )
        groups = (Group("charge", 0, n),)
        read = np.arange(n, dtype=np.int32)
    dt = STEP / fastest if dt is None else dt
    for name, value in (("duration", duration), ("dt", dt)):
        if not (math.isfinite(value) and value > 0):
            raise NetlistError(f"RLC array: {name} must be a finite time > 0, got {value}")
    beside = drift - np.diag(np.diagonal(drift))
    couplings = Couplings.from_dense(CouplingKind.LINEAR, -beside)
    return LangevinNetlist(
        cells=cells,
        couplings=(couplings,) if len(couplings) else (),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("run", max(1, math.ceil(duration / dt)) * dt),),
        groups=groups,
        readout=ReadOut(read, "run", decision="value"),
        noise=noise,
        dt=dt,
        meta={"source": "rlc", "wiring": array.wiring, "unit_s": units.time, "unit_V": units.voltage},
    )
