"""Diodes that keep states in their intervals: models, and whether a real one is anything like a wall.

A diode of saturation current IS conducts I at n V_T ln(1 + I / IS), some 20 to 35 n V_T: a network whose
nodes swing by less than SWING n V_T is not the one that was trained (docs/spice.md). Sources that are moved
by what it drops at the current of a typical wall leave n V_T ln of what other currents are over that: a
few n V_T, and a fifth of the swing will do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.scale import Scale
from compiler.formats.spice.signals import number
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import CouplingKind, LangevinNetlist
from compiler.ir.symmetry import matrix
from hw_models.constants import thermal_voltage

SILICON = (1e-14, 1.0)  # A, n
SWING = {"silicon": 50.0, "silicon-biased": 10.0}  # n V_T that nodes must swing by
SWEEPS = 10_000


class Rests(NamedTuple):
    """Of a network at rest over all inputs in use. swing : the largest range of states, 0 among them, in
    units of x; push : what holds a cell that is at a wall, the geometric mean in units of force, 0: none is
    """

    swing: float
    push: float


def diode_model(kind: str, scale: Scale) -> str:
    """IS and N of the model `kind` of DeckOptions.diode."""
    if kind in SWING:
        return f"IS={number(SILICON[0])} N={number(SILICON[1])}"
    slope = 1e-3 if kind == "dull" else 1e-4
    return f"IS={number(1e-14 * scale.current)} N={number(slope * scale.voltage)}"


def drop(rests: Rests | None, scale: Scale) -> float:
    """V that a silicon diode drops at the current of a typical wall; 0 where none is known."""
    push = 0.0 if rests is None else rests.push
    return SILICON[1] * thermal_voltage() * float(np.log1p(push * scale.current / SILICON[0]))


def check_swing(netlist: LangevinNetlist, kind: str, rests: Rests | None, scale: Scale) -> None:
    """Raise UnsupportedError where walled cells swing by less than diodes of this kind need.

    rests : rests_of, or None where it is not known, which passes
    """
    cells, unit = netlist.cells, SILICON[1] * thermal_voltage()
    moving = ~cells.frozen
    walled = (np.isfinite(cells.lo[moving]) | np.isfinite(cells.hi[moving])).any()
    least = SWING[kind]
    if rests is None or not walled or rests.swing * scale.voltage >= least * unit:
        return
    volts = rests.swing * scale.voltage
    larger = least * unit / max(volts, 1e-300)
    plain = ", of which a diode drops 0.5 V and more" if kind == "silicon" else ""
    raise UnsupportedError(
        f"{kind} diodes need nodes that swing by {least:g} n V_T = {least * unit:.3g} V, and at rest these "
        f"swing by {volts:.3g} V{plain}: make the sources {larger:.2g} times as large (thermoc train eqprop "
        "--network resistive --gain), or take --diode ideal"
    )


def rests_of(netlist: LangevinNetlist, inputs: np.ndarray) -> Rests | None:
    """Over encoded inputs (n, n_inputs); None where rest does not know."""
    found = [at for at in (rest(netlist, u) for u in inputs) if at is not None]
    if not found:
        return None
    pushes = np.concatenate([np.abs(force[held]) for _, force, held in found])
    pushes = pushes[pushes > 0]
    return Rests(
        swing=max(float(np.ptp(np.append(x, 0.0))) for x, _, _ in found),
        push=float(np.exp(np.log(pushes).mean())) if pushes.size else 0.0,
    )


def rest(netlist: LangevinNetlist, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(n_dynamic,) where cells of quadratic energy come to rest at kT = 0 in the last phase, the force on
    them there, and whether they are at a wall; by projected Gauss-Seidel sweeps. None where they are
    others, or do not settle.
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
            return x, b - a @ x, (x == lo) | (x == hi)
    return None
