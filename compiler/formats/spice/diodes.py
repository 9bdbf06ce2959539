"""Diodes that keep states in their intervals: models, and whether a real one is anything like a wall.

A diode of saturation current IS conducts I at n V_T ln(1 + I / IS), some 20 to 35 n V_T: a network whose
nodes swing by less than SWING n V_T is not the one that was trained (docs/spice.md).
"""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.scale import Scale
from compiler.formats.spice.signals import number
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import CouplingKind, LangevinNetlist
from compiler.ir.symmetry import matrix
from hw_models.constants import thermal_voltage

SILICON = (1e-14, 1.0)  # A, n
SWING = 50.0  # n V_T that nodes must swing by
SWEEPS = 10_000


def diode_model(kind: str, scale: Scale) -> str:
    """IS and N of the model `kind` of DeckOptions.diode."""
    if kind == "silicon":
        return f"IS={number(SILICON[0])} N={number(SILICON[1])}"
    slope = 1e-3 if kind == "dull" else 1e-4
    return f"IS={number(1e-14 * scale.current)} N={number(slope * scale.voltage)}"


def check_swing(netlist: LangevinNetlist, swing: float | None, scale: Scale) -> None:
    """Raise UnsupportedError where walled cells swing by less than silicon diodes need.

    swing : swing_of, or None where it is not known, which passes
    """
    cells, unit = netlist.cells, SILICON[1] * thermal_voltage()
    moving = ~cells.frozen
    walled = (np.isfinite(cells.lo[moving]) | np.isfinite(cells.hi[moving])).any()
    if swing is None or not walled or swing * scale.voltage >= SWING * unit:
        return
    volts = swing * scale.voltage
    larger = SWING * unit / max(volts, 1e-300)
    raise UnsupportedError(
        f"silicon diodes need nodes that swing by {SWING:g} n V_T = {SWING * unit:.3g} V, and at rest these "
        f"swing by {volts:.3g} V, of which a diode drops 0.5 V and more: make the sources {larger:.2g} times "
        "as large (thermoc train eqprop --network resistive --gain), or take --diode ideal"
    )


def swing_of(netlist: LangevinNetlist, inputs: np.ndarray) -> float | None:
    """The largest range of states at rest, 0 among them, over encoded inputs (n, n_inputs), in units of x;
    None where rest does not know.
    """
    found = [rest(netlist, u) for u in inputs]
    return max((float(np.ptp(np.append(x, 0.0))) for x in found if x is not None), default=None)


def rest(netlist: LangevinNetlist, inputs: np.ndarray) -> np.ndarray | None:
    """(n_dynamic,) where cells of quadratic energy come to rest at kT = 0 in the last phase, by projected
    Gauss-Seidel sweeps; None where they are others, or do not settle.
    """
    cells, phase = netlist.cells, netlist.schedule[-1]
    moving, frozen = np.flatnonzero(~cells.frozen), netlist.inputs
    kinds = {CouplingKind(g.kind) for g in netlist.couplings if len(g)}
    if kinds - {CouplingKind.LINEAR, CouplingKind.RESISTIVE} or cells.activation[moving].any():
        return None
    if (cells.j3[moving] != 0).any() or (cells.j4[moving] != 0).any():
        return None
    s, k = phase.coupling_scale[1], 2.0 * cells.j2[moving] + phase.stiffness
    u = np.asarray(inputs, dtype=float)
    shown = phase.input_scale * activate_rows(cells.activation[frozen], u[:, None])[:, 0]
    a, b = np.diag(k).astype(float), cells.h[moving].astype(float)
    for group in (g for g in netlist.couplings if len(g)):
        rows = matrix(group)[moving]
        w = s * rows[:, moving].toarray()
        a -= w
        b += s * (rows[:, frozen] @ shown) if frozen.size else 0.0
        if group.kind == CouplingKind.RESISTIVE:
            a += np.diag(w.sum(axis=1) + s * np.asarray(rows[:, frozen].sum(axis=1)).ravel())
    if not (np.diag(a) > 0).all():
        return None
    lo, hi, own = cells.lo[moving], cells.hi[moving], np.diag(a)
    x = np.zeros(moving.size)
    for _ in range(SWEEPS):
        moved = 0.0
        for i in range(x.size):
            new = min(max(x[i] + (b[i] - a[i] @ x) / own[i], lo[i]), hi[i])
            moved, x[i] = max(moved, abs(new - x[i])), new
        if moved <= 1e-6 * max(float(np.abs(x).max()), 1e-300):
            return x
    return None
