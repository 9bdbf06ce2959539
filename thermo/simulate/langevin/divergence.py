"""A trajectory that left the bound: when, which cell, and what would have held it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from thermo.simulate.errors import DivergenceError
from thermo.simulate.langevin.job import Job, Raw
from thermo.simulate.langevin.plan import Plan

HALVINGS = 10
REPLAY_STEPS = 2_000_000  # steps spent in search of a time step that holds


def diverged(job: Job, run: Callable[[Job], Raw], k: int, replan: Callable[..., Plan]) -> DivergenceError:
    """Replay trajectory k: when and where it left, and the first halved dt that holds."""
    alone = job.only(k)
    bare = {"observe": None, "trajectory_every": None}
    found = run(replace(alone, plan=replan(job.plan.dt, **bare))).diverged
    stable, dt, spent = None, job.plan.dt, 0
    least = dt
    for _ in range(HALVINGS):
        dt /= 2
        plan = replan(dt, **bare)
        spent += plan.total
        if spent > REPLAY_STEPS:
            break
        least = dt
        if run(replace(alone, plan=plan)).diverged is None:
            stable = dt
            break
    _, step, cell = found if found is not None else (k, job.plan.total, 0)
    return DivergenceError(
        sample=k // job.runs,
        run=k % job.runs,
        cell=int(job.prepared.cells[cell]),
        time=step * job.plan.dt,
        dt=job.plan.dt,
        stable_dt=stable,
        reason=_reason(job, k, step, least),
    )


def _reason(job: Job, k: int, step: int, least: float) -> str:
    """Why no step down to `least` holds: the options, where they are to blame, or the force."""
    p, plan = job.prepared, job.plan
    start = float(np.abs(job.x0[k if job.x0.shape[0] > 1 else 0]).max())
    if start > job.bound:
        return f"it starts at |x| = {start:g}, beyond the bound {job.bound:g}: raise bound"
    q = min(int(np.searchsorted(plan.starts, step, side="left")) - 1, len(plan.names) - 1)
    q = max(q, 0)
    what, kappa = f"phase {plan.names[q]!r}", float(plan.stiffness[q])
    among = (w for name, w in p.matrices.items() if not name.endswith("_in"))
    coupled = sum(abs(w).sum(axis=1).A1 for w in among)
    own = np.abs(p.c1) + np.abs(p.field) + 2 * np.abs(p.second)
    stiff = own + coupled * np.abs(plan.scale[q]).max() + kappa + abs(plan.nudge[q])
    most = max(float(stiff.max()), 1e-300)
    if p.mass is None:
        need = 2.0 / (p.mobility * most)  # Euler steps above it overshoot for good
    else:
        need = 2.0 / np.sqrt(max(float((stiff / p.mass).max()), 1e-300))
    tried = f"no step down to dt = {least:g} holds"
    if need < least:
        part = f"stiffness {kappa:g} of {what}" if kappa > most / 2 else what
        return f"{tried}: {part} needs dt below about {need:.2g}"
    if plan.nudge[q] < 0:
        return f"{tried}: {what} pushes the outputs away, nudge = {plan.nudge[q]:g}; weaken it"
    if least > plan.dt / 2**HALVINGS:
        return f"{tried}, and none below was tried: the schedule is long"
    return "no step down to dt / 1024 holds: the force itself drives the cell away"
