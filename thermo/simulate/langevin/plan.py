"""The schedule in whole time steps, and the steps at which states are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist, Role
from thermo.simulate.errors import SimulationError

WHOLE = 1e-6  # relative distance from a whole number of steps that counts as rounding
MOST_STEPS = 2**32 - 2  # more cannot be numbered by the random numbers


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What happens at which step.

    names : phase names; n_steps : (P,) int64 steps of each
    scale : (P, 2) coupling scale at start and end; kT : (P, 2) likewise; stiffness : (P,)
    nudge : (P,) strength; held : (P, n) bool, dynamic cells that are clamped
    input_scales : (n_drives,) distinct input scales, the first being 0 (before the first phase)
    drive : (P,) int64 index into input_scales
    times : (n_times,) observed times; ends : (n_times,) int64 number of steps done then
    window : steps averaged at each observation (1 = the state itself)
    saved : (n_saved,) int64 numbers of steps done at which the whole state is kept
    """

    dt: float
    names: tuple[str, ...]
    n_steps: np.ndarray
    scale: np.ndarray
    kT: np.ndarray
    stiffness: np.ndarray
    nudge: np.ndarray
    held: np.ndarray
    input_scales: np.ndarray
    drive: np.ndarray
    times: np.ndarray
    ends: np.ndarray
    window: int
    saved: np.ndarray

    @property
    def total(self) -> int:
        """Steps of the whole schedule."""
        return int(self.n_steps.sum())

    @property
    def starts(self) -> np.ndarray:
        """(P + 1,) int64 number of steps done before each phase, and in all."""
        return np.concatenate([[0], np.cumsum(self.n_steps)]).astype(np.int64)


def whole_steps(what: str, duration: float, dt: float) -> int:
    """Steps of dt in `duration`; SimulationError names the nearest dt that divides it.

    Refuses more steps than can be numbered, too.
    """
    ratio = duration / dt
    if not abs(ratio) <= MOST_STEPS:
        raise SimulationError(
            f"{what} {duration:g} is {ratio:.3g} steps of dt = {dt:g}, too many; at most "
            f"2^32 - 2 can be numbered: raise dt"
        )
    n = round(ratio)
    if abs(ratio - n) > WHOLE * max(1.0, ratio) or (n == 0 and duration > 0):
        raise SimulationError(
            f"{what} {duration:g} is {ratio:.6g} steps of dt = {dt:g}, which is no whole number; "
            f"the nearest dt that divides it is {duration / max(n, 1):.10g}"
        )
    return n


def _held(netlist: LangevinNetlist) -> np.ndarray:
    """(P, n) bool: dynamic cells that each phase holds at their present state."""
    held = np.zeros((len(netlist.schedule), netlist.n_cells), dtype=bool)
    for row, phase in zip(held, netlist.schedule, strict=True):
        for name in phase.clamped:
            group = netlist.group(name)
            row[group.start : group.stop] = True
    return np.ascontiguousarray(held[:, netlist.cells.role != Role.INPUT])


def make_plan(
    netlist: LangevinNetlist,
    *,
    kT: float | None,
    dt: float | None,
    observe: Any,
    trajectory_every: int | None,
) -> Plan:
    """Schedule, observation times and saved steps of `netlist` at time step dt.

    kT : in the model's unit of energy; the plan's is the netlist's, that of its forces
    observe : times, or names of phases for their ends, or both

    Raises SimulationError for a dt, time or name that does not fit the schedule, NetlistError for
    a clamped group that does not exist.
    """
    dt = netlist.dt if dt is None else float(dt)
    if not (np.isfinite(dt) and dt > 0):
        raise SimulationError(f"dt must be a finite number above 0, got {dt:g}")
    if kT is not None and not (np.isfinite(kT) and kT >= 0):
        raise SimulationError(f"kT must be a finite number of at least 0, got {kT:g}")
    if not netlist.schedule:
        raise SimulationError("the netlist's schedule has no phase: there is nothing to run")
    n_steps, own = [], netlist.kT if kT is None else float(kT) * netlist.lowered.energy_scale
    for phase in netlist.schedule:
        n_steps.append(whole_steps(f"phase {phase.name!r}: duration", phase.duration, dt))
    kTs = [(own, own) if p.kT is None or kT is not None else p.kT for p in netlist.schedule]
    if min(min(pair) for pair in kTs) < 0:
        raise SimulationError(f"kT must be a finite number of at least 0, got {min(kTs)[0]:g}")
    scales = [0.0, *dict.fromkeys(p.input_scale for p in netlist.schedule if p.input_scale)]
    ends_of = np.cumsum(n_steps)
    total = int(ends_of[-1])

    window = 1
    if netlist.readout is not None and netlist.readout.window > 0:
        window = max(1, whole_steps("read-out window", netlist.readout.window, dt))
    names = [p.name for p in netlist.schedule]
    times = _observed(observe, netlist, names, ends_of * dt)
    ends = np.array([whole_steps("observation time", float(t), dt) for t in times], dtype=np.int64)
    if ends.min() < 0 or ends.max() > total:
        raise SimulationError(
            f"observation times must lie in [0, {total * dt:g}], the schedule's length, "
            f"got {times.min():g} to {times.max():g}"
        )
    if np.any(np.diff(ends) <= 0):
        raise SimulationError("observation times must increase by at least one step each")
    if window > 1 and ends.min() < window:
        raise SimulationError(
            f"the read-out window of {window} steps reaches before the start at the observation "
            f"time {times[0]:g}; observe at {window * dt:g} or later"
        )
    if trajectory_every is None:
        saved = np.zeros(0, dtype=np.int64)
    elif trajectory_every < 1:
        raise SimulationError(f"trajectory_every must be at least 1 step, got {trajectory_every}")
    else:
        saved = np.arange(0, total + 1, int(trajectory_every), dtype=np.int64)
    return Plan(
        dt=dt,
        names=tuple(names),
        n_steps=np.array(n_steps, dtype=np.int64),
        scale=np.array([p.coupling_scale for p in netlist.schedule], dtype=np.float64),
        kT=np.array(kTs, dtype=np.float64),
        stiffness=np.array([p.stiffness for p in netlist.schedule], dtype=np.float64),
        nudge=np.array([p.nudge for p in netlist.schedule], dtype=np.float64),
        held=_held(netlist),
        input_scales=np.array(scales, dtype=np.float64),
        drive=np.array([scales.index(p.input_scale) for p in netlist.schedule], dtype=np.int64),
        times=times,
        ends=ends,
        window=window,
        saved=saved,
    )


def _observed(observe: Any, netlist: LangevinNetlist, names: list[str], phase_ends: np.ndarray) -> np.ndarray:
    """(n_times,) times to look at; default: the end of the read-out's phase or of the schedule."""

    def end_of(phase: str, what: str) -> float:
        if phase not in names:
            raise SimulationError(
                f"{what} phase {phase!r}, which the schedule lacks; phases are {', '.join(names)}"
            )
        return float(phase_ends[names.index(phase)])

    if observe is None:
        if netlist.readout is None:
            return phase_ends[-1:].astype(np.float64)
        return np.array([end_of(netlist.readout.phase, "the read-out is at the end of")])
    listed = [observe] if isinstance(observe, str) else list(np.ravel(np.asarray(observe, object)))
    try:
        times = np.array([end_of(t, "observe names") if isinstance(t, str) else float(t) for t in listed])
    except (TypeError, ValueError):
        times = np.zeros(0)
    if times.size == 0 or not np.all(np.isfinite(times)):
        raise SimulationError("observe must be one or more finite times or names of phases")
    return times
