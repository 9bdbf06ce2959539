"""A slow reference evaluator in float64: what the IR means, cell by cell. An oracle for tests.

Nothing here is random: force, potential, and the relaxation at kT = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.couplings import COUPLINGS
from compiler.ir.langevin import Activation, CellKind, LangevinNetlist, Order, Phase, ReadOut
from compiler.ir.symmetry import is_gradient, matrix

Rate = Callable[[float, np.ndarray], np.ndarray]


def show(activation: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n,) phi(x) of each cell."""
    phi = [x, np.clip(x, 0, 1), 0.5 * (1 + np.tanh(x / 2)), np.tanh(x), np.maximum(x, 0), np.cos(x)]
    return np.choose(activation, phi)


def slope(activation: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(n,) phi'(x) of each cell; at a kink, 0."""
    sigmoid = show(np.full(x.shape, Activation.SIGMOID), x)
    return np.choose(
        activation,
        [
            np.ones_like(x),
            ((x > 0) & (x < 1)).astype(float),
            sigmoid * (1 - sigmoid),
            1 - np.tanh(x) ** 2,
            (x > 0).astype(float),
            -np.sin(x),
        ],
    )


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


def force(
    netlist: LangevinNetlist,
    x: Any,
    u: Any = (),
    *,
    coupling_scale: float = 1.0,
    stiffness: float = 0.0,
    nudge: float = 0.0,
    targets: Any = (),
    cost: str = "squared",
) -> np.ndarray:
    """(n,) force on every cell at x (n,) or (n_dynamic,) and encoded inputs u; 0 on input cells.

    targets : (n_outputs,), pulled at by `nudge`; see nudge_cost
    Works for complex x too where no activation is clipped.
    """
    from scipy.special import softmax

    s = state(netlist, x, u)
    c = netlist.cells
    angle = _angles(netlist)
    f = np.where(
        angle,
        -(c.h + stiffness) * np.sin(s) - c.j2 * np.sin(2 * s),
        c.h - 2 * c.j2 * s - 3 * c.j3 * s**2 - 4 * c.j4 * s**3 - stiffness * s,
    )
    phi, dphi = show(c.activation, s), slope(c.activation, s)
    for group in netlist.couplings:
        f = f + COUPLINGS[group.kind].force(matrix(group) * coupling_scale, s, phi, dphi)
    if nudge:
        out = netlist.outputs
        y = _targets(netlist, targets)
        bare = angle[out] & (c.activation[out] == Activation.IDENTITY)
        if cost == "squared":
            pull = np.where(bare, np.sin(y - s[out]), dphi[out] * (y - phi[out]))
        else:
            pull = dphi[out] * (y - y.sum() * softmax(phi[out]))
        f[out] += nudge * pull
    f[c.frozen] = 0.0
    return f


def _angles(netlist: LangevinNetlist) -> np.ndarray:
    """(n,) bool, the phase cells. NetlistError where one has what no angle can have."""
    c = netlist.cells
    angle = c.kind == CellKind.PHASE
    odd = angle & ~c.frozen & ((c.j3 != 0) | (c.j4 != 0))
    if odd.any():
        i = int(np.argmax(odd))
        raise NetlistError(
            f"phase cell {i} has j3 = {c.j3[i]:g} and j4 = {c.j4[i]:g}; an angle has the energy "
            "j2 sin^2 x - h cos x"
        )
    return angle


def _targets(netlist: LangevinNetlist, targets: Any) -> np.ndarray:
    y = np.asarray(targets, dtype=np.float64).ravel()
    if y.size != netlist.outputs.size:
        raise NetlistError(
            f"{y.size} targets for {netlist.outputs.size} output cells; a nudge wants one for each"
        )
    return y


def nudge_cost(netlist: LangevinNetlist, x: Any, targets: Any, *, cost: str = "squared") -> float:
    """C of what the output cells show; a nudge beta adds beta C to the energy.

    "squared": 1/2 sum (phi(x) - y)^2, and 1 - cos(x - y) for a phase cell that shows its angle;
    "cross-entropy": -sum y log softmax(phi(x))
    """
    from scipy.special import log_softmax

    out, s = netlist.outputs, state(netlist, x)
    y, phi = _targets(netlist, targets), show(netlist.cells.activation, s)[netlist.outputs]
    if cost == "cross-entropy":
        return float(-np.sum(y * log_softmax(phi)))
    bare = _angles(netlist)[out] & (netlist.cells.activation[out] == Activation.IDENTITY)
    return float(np.sum(np.where(bare, 1 - np.cos(s[out] - y), 0.5 * (phi - y) ** 2)))


def potential(
    netlist: LangevinNetlist,
    x: Any,
    u: Any = (),
    *,
    coupling_scale: float = 1.0,
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
    s = state(netlist, x, u)
    c = netlist.cells
    dynamic = ~c.frozen
    own = np.where(
        _angles(netlist),
        c.j2 * np.sin(s) ** 2 - c.h * np.cos(s) + stiffness * (1 - np.cos(s)),
        c.j2 * s**2 + c.j3 * s**3 + c.j4 * s**4 - c.h * s + stiffness / 2 * s**2,
    )
    v = float(np.sum(own[dynamic]))
    if nudge:
        v += nudge * nudge_cost(netlist, s, targets, cost=cost)
    phi = show(c.activation, s)
    for group in netlist.couplings:
        w = matrix(group).tocoo()
        i, j = w.row, w.col
        share = np.where(c.frozen[j], 1.0, 0.5)
        energy = COUPLINGS[group.kind].energy
        v += float(np.sum(energy(w.data * coupling_scale, share, s[i], s[j], phi[i], phi[j])))
    return v


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
        rate = _rate_of(netlist, phase, u * phase.input_scale, targets, cost)
        if method == "ivp":
            x = _solve(phase, rate, x, rtol, atol)
        else:
            x = _euler(netlist, phase, rate, x, netlist.dt if dt is None else dt)
    last = netlist.schedule[-1].input_scale if netlist.schedule else 1.0
    return state(netlist, x, u * last)


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
    y = show(netlist.cells.activation, x)[readout.cells] if readout.shown else x[readout.cells]
    if readout.scale is not None:
        y = readout.scale @ y
    return y if readout.offset is None else y + readout.offset


def _readout(netlist: LangevinNetlist) -> ReadOut:
    if netlist.readout is None:
        raise NetlistError("the netlist has no read-out; give it one")
    return netlist.readout
