"""The Ornstein-Uhlenbeck process of a quadratic netlist: dx = (c - A x) dt + N(0, Q dt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.activations import activate_rows
from compiler.ir.couplings import COUPLINGS
from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist, Order, Role
from hw_models.device import Device
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.prepare import encode, prepare


@dataclass(frozen=True, slots=True, eq=False)
class LinearSystem:
    """dx = (c - A x) dt + N(0, Q dt); drift A (d, d), constant c (d,), diffusion Q (d, d) float64.

    start : (d,); order : cells are overdamped (d = n) or underdamped, x then holding the n
        positions and after them the n velocities (d = 2 n)
    """

    drift: np.ndarray
    constant: np.ndarray
    diffusion: np.ndarray
    start: np.ndarray
    order: Order = Order.OVERDAMPED

    def __post_init__(self) -> None:
        d = self.constant.shape[0] if self.constant.ndim == 1 else -1
        for name, shape in (("drift", (d, d)), ("constant", (d,)), ("diffusion", (d, d)), ("start", (d,))):
            array = getattr(self, name)
            if array.shape != shape:
                raise SimulationError(
                    f"linear system: {name} has shape {array.shape}; with {d} states it must be {shape}"
                )
            if not np.isfinite(array).all():
                raise SimulationError(f"linear system: {name} has a value that is not finite")
        q = self.diffusion
        scale = float(np.abs(q).max(initial=0.0))
        if np.abs(q - q.T).max(initial=0.0) > 1e-10 * scale:
            raise SimulationError("linear system: the diffusion is a covariance: make it symmetric")
        if d and float(np.linalg.eigvalsh(q)[0]) < -1e-10 * d * scale:
            raise SimulationError(
                "linear system: the diffusion is a covariance, which has no negative eigenvalue"
            )

    @property
    def dim(self) -> int:
        return self.constant.shape[0]


Process = LinearSystem | LangevinNetlist | tuple[Any, Any, Any]


def linear_system(
    process: Process, *, data: Any = None, phase: int = 0, device: Device | None = None
) -> LinearSystem:
    """The Ornstein-Uhlenbeck process of a quadratic netlist in one phase of its schedule.

    process : a netlist; or (A, b, D) for dx = -(A x - b) dt + N(0, D dt), b and D scalars or arrays
    data : (n_inputs,) raw data of one sample, where the netlist has inputs
    device : what a netlist's couplings are made of, which brings noise and loads cells; None: the ideal
        equation

    Raises UnsupportedError naming the first cell or coupling that is not quadratic, a phase whose
    temperature or couplings change while it lasts, or couplings that saturate.
    """
    if isinstance(process, LinearSystem):
        return process
    if isinstance(process, tuple):
        drift = np.atleast_2d(np.asarray(process[0], np.float64))
        d = drift.shape[0]
        constant = np.array(np.broadcast_to(np.asarray(process[1], np.float64), (d,)))
        diffusion = np.asarray(process[2], np.float64)
        if diffusion.ndim == 0:
            diffusion = float(diffusion) * np.eye(d)
        return LinearSystem(drift, constant, diffusion, np.zeros(d))
    return _from_netlist(process, data, phase, device)


def _refuse(what: str, way: str) -> None:
    raise UnsupportedError(f"{what}, so its process is not Gaussian; {way}")


def _check_quadratic(netlist: LangevinNetlist) -> None:
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    for name, bad in (
        ("j3", cells.j3 != 0),
        ("j4", cells.j4 != 0),
        ("lo", np.isfinite(cells.lo)),
        ("hi", np.isfinite(cells.hi)),
    ):
        if (dynamic & bad).any():
            i = int(np.argmax(dynamic & bad))
            _refuse(f"cell {i} has {name} = {getattr(cells, name)[i]:g}", "use simulate")
    other = dynamic & (cells.kind != CellKind.CONTINUOUS)
    if other.any():
        i = int(np.argmax(other))
        kind = CellKind(int(cells.kind[i])).name.lower()
        _refuse(f"cell {i} is of kind {kind}", "use simulate")
    for group in netlist.couplings:
        if not COUPLINGS[group.kind].homogeneous and len(group):
            i, j = int(group.rows[0]), int(group.indices[0])
            _refuse(f"coupling ({i}, {j}) is a {CouplingKind(group.kind).name.lower()}", "use simulate")
        ends = [group.indices]
        if group.kind == CouplingKind.GRADIENT:
            ends.append(group.rows)
        for ids in ends:
            curved = dynamic[ids] & (cells.activation[ids] != Activation.IDENTITY)
            if curved.any():
                i = int(ids[np.argmax(curved)])
                shown = Activation(int(cells.activation[i])).name.lower()
                _refuse(f"cell {i} shows {shown}(x)", "use simulate")


def _from_netlist(netlist: LangevinNetlist, data: Any, phase: int, device: Device | None) -> LinearSystem:
    verify(netlist)
    _check_quadratic(netlist)
    if not netlist.schedule:
        raise SimulationError("the netlist has no schedule, so no phase to describe; add one")
    if not 0 <= phase < len(netlist.schedule):
        raise SimulationError(f"phase {phase} does not exist; there are {len(netlist.schedule)}")
    now = netlist.schedule[phase]
    kTs = now.kT or (netlist.kT, netlist.kT)
    if kTs[0] != kTs[1] or now.coupling_scale[0] != now.coupling_scale[1]:
        raise UnsupportedError(
            f"phase {now.name!r} ramps its temperature or its couplings; an exact transition needs "
            "them constant: split it into phases, or use simulate"
        )
    if now.clamped or now.nudge:
        raise UnsupportedError(
            f"phase {now.name!r} clamps or nudges cells, which exact transitions leave out; use simulate"
        )
    p = prepare(netlist, inertia=True, device=device)
    s, kT, wiring, on = now.coupling_scale[0], kTs[0], p.wiring, bool(now.input_scale)
    among = (p.w + p.curved["gradient"]).toarray() * s
    stiffness = np.diag(p.c1 + now.stiffness) - among
    u = encode(netlist, None if data is None else np.atleast_2d(np.asarray(data)))[0]
    shown = now.input_scale * activate_rows(p.input_activation, u[:, None])[:, 0]
    force = p.h + s * ((p.w_in + p.curved["gradient_in"]) @ shown)
    if p.mass is None or p.friction is None:
        noise = p.mobility * np.eye(p.n) if p.factor is None else p.factor @ p.factor.T
        if wiring is not None:
            if np.isfinite(wiring.reach):
                _refuse(
                    f"{wiring.name} couplings saturate",
                    "use simulate, or couplings without a range (--couplings crossbar, resistor or ideal)",
                )
            stiffness += np.diag(wiring.stiffness(s, on)[:, 0])
            noise = p.mobility * wiring.covariance(s, on)
        return LinearSystem(p.mobility * stiffness, p.mobility * force, 2.0 * kT * noise, p.x0.copy())
    n = p.n
    drift = np.block(
        [[np.zeros((n, n)), -np.eye(n)], [stiffness / p.mass[:, None], np.diag(p.friction / p.mass)]]
    )
    spread = np.concatenate([np.zeros(n), 2.0 * p.friction * kT / p.mass**2])
    return LinearSystem(
        drift,
        np.concatenate([np.zeros(n), force / p.mass]),
        np.diag(spread),
        np.concatenate([p.x0, np.zeros(n)]),
        Order.UNDERDAMPED,
    )
