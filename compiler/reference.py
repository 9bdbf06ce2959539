"""A slow reference evaluator in float64: what the IR means, cell by cell. An oracle for tests.

Nothing here is random: force, potential, and the relaxation at kT = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import CellKind, CouplingKind, LangevinNetlist, Order, Phase, ReadOut
from compiler.ir.law import Law, Setting, Terms, columns_of, split
from compiler.ir.symmetry import is_gradient, matrix

Rate = Callable[[float, np.ndarray], np.ndarray]


def encode(netlist: LangevinNetlist, data: Any) -> np.ndarray:
    """(n_inputs,) states of the input cells for one sample of raw data."""
    u = np.asarray(data, dtype=np.float64).ravel()
    if u.size != netlist.inputs.size:
        raise NetlistError(f"data has {u.size} values; the netlist has {netlist.inputs.size} input cells")
    if netlist.encoder is not None:
        u = (u - netlist.encoder.shift) * netlist.encoder.scale
    return u


def state(netlist: LangevinNetlist, x: Any, u: Any = ()) -> np.ndarray:
    """(n,) full state from x (n,) or (n_dynamic,) and the encoded inputs u (n_inputs,)."""
    x = np.asarray(x, dtype=np.float64)
    frozen = netlist.cells.frozen
    full = np.array(x) if x.size == netlist.n_cells else np.zeros(netlist.n_cells)
    if x.size != netlist.n_cells:
        full[~frozen] = x
    if np.size(u):
        full[frozen] = u
    return full


def _law(netlist: LangevinNetlist, nudge: float, targets: Any, cost: str) -> Law:
    """The law of a netlist's dynamic cells. NetlistError for a phase cell with what no angle has, and
    for a nudge without a target for each output.
    """
    c = netlist.cells
    odd = (c.kind == CellKind.PHASE) & ~c.frozen & ((c.j3 != 0) | (c.j4 != 0))
    if odd.any():
        i = int(np.argmax(odd))
        raise NetlistError(
            f"phase cell {i} has j3 = {c.j3[i]:g} and j4 = {c.j4[i]:g}; an angle has the energy "
            "j2 sin^2 x - h cos x"
        )
    dynamic = np.flatnonzero(~c.frozen)
    groups: dict[CouplingKind, Any] = {}
    for group in netlist.couplings:
        groups[group.kind] = groups.get(group.kind, 0) + matrix(group)
    y = np.asarray(targets, dtype=np.float64).ravel()
    if nudge and y.size != netlist.outputs.size:
        raise NetlistError(
            f"{y.size} targets for {netlist.outputs.size} output cells; a nudge wants one for each"
        )
    terms = Terms(**columns_of(netlist, c.h[dynamic]), couplings=split(groups, dynamic, netlist.inputs))
    return Law(terms, y[:, None] if nudge else None, cost)


def force(
    netlist: LangevinNetlist,
    x: Any,
    u: Any = (),
    *,
    coupling_scale: float = 1.0,
    input_scale: float = 1.0,
    stiffness: float = 0.0,
    nudge: float = 0.0,
    targets: Any = (),
    cost: str = "squared",
) -> np.ndarray:
    """(n,) force on every cell at x (n,) or (n_dynamic,) and encoded inputs u; 0 on input cells.

    targets : (n_outputs,), pulled at by `nudge`; see nudge_cost
    """
    s, frozen = state(netlist, x, u), netlist.cells.frozen
    law = _law(netlist, nudge, targets, cost)
    at = Setting(coupling_scale, stiffness, nudge, law.drive(s[frozen, None], input_scale))
    f = np.zeros(netlist.n_cells)
    f[~frozen] = law.force(s[~frozen, None], at)[:, 0]
    return f


def nudge_cost(netlist: LangevinNetlist, x: Any, targets: Any, *, cost: str = "squared") -> float:
    """C of what the output cells show; a nudge beta adds beta C to the energy. See Law."""
    law = _law(netlist, 1.0, targets, cost)
    return float(law.nudge_cost(state(netlist, x)[~netlist.cells.frozen, None])[0])


def potential(
    netlist: LangevinNetlist,
    x: Any,
    u: Any = (),
    *,
    coupling_scale: float = 1.0,
    input_scale: float = 1.0,
    stiffness: float = 0.0,
    nudge: float = 0.0,
    targets: Any = (),
    cost: str = "squared",
) -> float:
    """V(x) with force = -dV/dx, for a netlist whose force is a gradient; else NetlistError.

    A pair of dynamic cells holds its energy in two directed couplings, half in each; a coupling
    from an input cell holds all of it.
    """
    if not is_gradient(netlist):
        raise NetlistError(
            "the force of this netlist is no gradient (asymmetric or one-way couplings), so it has "
            "no potential; integrate the heat along the trajectory instead"
        )
    s, frozen = state(netlist, x, u), netlist.cells.frozen
    law = _law(netlist, nudge, targets, cost)
    at = Setting(coupling_scale, stiffness, nudge, law.drive(s[frozen, None], input_scale))
    return float(law.potential(s[~frozen, None], at)[0])


def relax(
    netlist: LangevinNetlist,
    data: Any = (),
    *,
    method: str = "ivp",
    x0: Any = None,
    targets: Any = (),
    cost: str = "squared",
    dt: float | None = None,
    rtol: float = 1e-10,
    atol: float = 1e-12,
) -> np.ndarray:
    """(n,) state after the whole schedule at kT = 0, one sample of raw `data`.

    targets, cost : (n_outputs,), what phases with a nudge pull at; see nudge_cost
    method : "ivp", SciPy's solve_ivp (DOP853); "euler", explicit steps of `dt` (default the
        netlist's), which also keeps intervals

    Raises UnsupportedError for what has no such relaxation: p-bits, underdamped cells, a noise
    matrix; intervals with "ivp".
    """
    c = netlist.cells
    for bad, what in (
        ((c.kind == CellKind.PBIT).any(), "p-bits"),
        ((c.order == Order.UNDERDAMPED).any(), "underdamped cells"),
        (netlist.noise is not None, "a noise matrix"),
        (method == "ivp" and np.isfinite([c.lo, c.hi]).any(), "intervals (use method='euler')"),
    ):
        if bad:
            raise UnsupportedError(f"the reference relaxation does not know {what}")
    if method not in ("ivp", "euler"):
        raise UnsupportedError(f"method must be ivp or euler, got {method!r}")
    u = encode(netlist, data) if netlist.inputs.size else np.zeros(0)
    free = ~c.frozen
    x = np.array(c.x0[free] if x0 is None else x0, dtype=np.float64)
    for phase in netlist.schedule:
        rate = _rate_of(netlist, phase, u, targets, cost)
        if method == "ivp":
            x = _solve(phase, rate, x, rtol, atol)
        else:
            x = _euler(netlist, phase, rate, x, netlist.dt if dt is None else dt)
    return state(netlist, x, u)


def _rate_of(netlist: LangevinNetlist, phase: Phase, u: Any, targets: Any, cost: str) -> Rate:
    """dx/dt of the dynamic cells as a function of the time in this phase and their state."""
    start, end = phase.coupling_scale
    moves = np.ones(netlist.n_cells, dtype=bool)
    for name in phase.clamped:
        group = netlist.group(name)
        moves[group.start : group.stop] = False

    def rate(t: float, x: np.ndarray) -> np.ndarray:
        f = force(
            netlist,
            x,
            u,
            input_scale=phase.input_scale,
            coupling_scale=start + (end - start) * t / phase.duration,
            stiffness=phase.stiffness,
            nudge=phase.nudge,
            targets=targets,
            cost=cost,
        )
        return (netlist.mobility * f * moves)[~netlist.cells.frozen]

    return rate


def _solve(phase: Phase, rate: Rate, x: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    from scipy.integrate import solve_ivp

    solution = solve_ivp(rate, (0.0, phase.duration), x, method="DOP853", rtol=rtol, atol=atol)
    if not solution.success:
        raise NetlistError(f"phase {phase.name!r} cannot be integrated: {solution.message}")
    return solution.y[:, -1]


def _euler(netlist: LangevinNetlist, phase: Phase, rate: Rate, x: np.ndarray, dt: float) -> np.ndarray:
    free = ~netlist.cells.frozen
    lo, hi = netlist.cells.lo[free], netlist.cells.hi[free]
    for k in range(round(phase.duration / dt)):
        x = np.clip(x + dt * rate(k * dt, x), lo, hi)
    return x


def read(netlist: LangevinNetlist, x: np.ndarray) -> np.ndarray:
    """(n_answers,) answers of the read-out at the full state x (n,)."""
    readout = _readout(netlist)
    y = activate_rows(netlist.cells.activation, x)[readout.cells] if readout.shown else x[readout.cells]
    if readout.scale is not None:
        y = readout.scale @ y
    return y if readout.offset is None else y + readout.offset


def _readout(netlist: LangevinNetlist) -> ReadOut:
    if netlist.readout is None:
        raise NetlistError("the netlist has no read-out; give it one")
    return netlist.readout
