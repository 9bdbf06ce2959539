"""A feed-forward machine's rest at kT = 0, every cell once: `method="rest"`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.activations import activate_rows
from compiler.ir.kinds import verify
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.plan import Plan, make_plan
from thermo.simulate.langevin.prepare import encode, prepare
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.rest.levels import levels_of

BYTES = 1 << 28  # of the states of samples that are evaluated at once


def simulate_rest(
    netlist: LangevinNetlist,
    data: Any = None,
    *,
    method: str = "rest",
    kT: float | None = None,
    non_ideal: Imperfections | None = None,
    device_seed: int = 0,
) -> SimulationResult:
    """The states in which the read-out's phase ends if it is long: no heat, no noise, no time.

    n_steps of the result are the levels of cells, dt is 1: for cells of rate 1 this many Euler steps of 1
    come to the same states.

    non_ideal, device_seed : one device's couplings and biases, as in every simulation

    Raises UnsupportedError for machines that are hot, change on the way or have no such rest (see
    thermo.simulate.rest.levels), else as simulate.
    """
    begin = time.perf_counter()
    verify(netlist)
    plan = make_plan(netlist, kT=kT, dt=None, observe=None, trajectory_every=None)
    _check_plan(netlist, plan)
    law = None if non_ideal is None or non_ideal.ideal else non_ideal
    prepared = prepare(netlist, law, device_seed)
    levels = levels_of(prepared)
    inputs = encode(netlist, data)
    outputs = np.empty((1, len(inputs), 1, prepared.read.size), np.float32)
    at_once = max(1, BYTES // (16 * prepared.n))
    for start in range(0, len(inputs), at_once):
        part = slice(start, start + at_once)
        x = levels.states(inputs[part])[prepared.read]
        x = activate_rows(prepared.read_as, x)
        if not np.isfinite(x).all():
            raise SimulationError("a state is not finite: weights are too large for double precision")
        outputs[0, part, 0] = x.T
    return SimulationResult(
        times=plan.times[-1:],
        outputs=outputs,
        heat=None,
        heat_by_phase=None,
        work=None,
        entropy=None,
        entropy_by_phase=None,
        final=None,
        trajectory=None,
        trajectory_times=None,
        phases=plan.names,
        kT=0.0,
        dt=1.0,
        n_steps=len(levels.parts),
        method="rest",
        heat_method="none",
        backend="numpy",
        seconds=time.perf_counter() - begin,
        readout=netlist.readout,
    )


def _check_plan(netlist: LangevinNetlist, plan: Plan) -> None:
    """Refuse what has no rest: noise, and a read-out's phase that is not the bare machine."""
    k = len(plan.names) - 1 if netlist.readout is None else plan.names.index(netlist.readout.phase)
    last = netlist.schedule[k]
    if plan.kT[k].any():
        raise UnsupportedError("method 'rest' is at kT = 0: give kT = 0 (--kT 0), or use 'euler'")
    bare = last.coupling_scale == (1.0, 1.0) and last.input_scale == 1.0
    if not bare or last.stiffness or last.nudge or last.clamped:
        raise UnsupportedError(
            f"method 'rest' runs a phase with all couplings on and nothing beside them; "
            f"{last.name!r} is none: use 'euler'"
        )
