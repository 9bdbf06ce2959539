"""The runner for very many sparsely coupled cells: threads share the cells of a trajectory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from compiler.ir.activations import activate_rows
from compiler.ir.law import Law, Setting
from thermo.kernels.langevin import by_cells
from thermo.kernels.langevin.parts import Source
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.langevin.arguments import cells_of, matrix_of
from thermo.simulate.langevin.job import Job, Raw, empty_raw
from thermo.simulate.langevin.prepare import Prepared
from thermo.simulate.threads import limited_threads


def can_run_by_cells(job: Job) -> bool:
    """Whether this runner has what the job asks for; it must not depend on the batch."""
    plan = job.plan
    ramped = bool(np.any(plan.scale[:, 0] != plan.scale[:, 1]))
    return (
        job.linear
        and job.method == "euler"
        and job.prepared.wiring is None
        and plan.window == 1
        and job.heat_method != "stratonovich"
        and not (job.heat_method == "potential" and ramped)
    )


def run_by_cells(job: Job) -> Raw:
    """Run a job of very many sparsely coupled cells, one trajectory after the other.

    The threads share the cells of one trajectory, and memory is that of two states.
    """
    p, plan = job.prepared, job.plan
    raw = empty_raw(job)
    linear, cells, w_in = matrix_of(p.w), cells_of(p), p.w_in.astype(np.float32)
    x, spare = np.empty(p.n, np.float32), np.empty(p.n, np.float32)
    shown = np.empty(p.n if cells.active else 1, np.float32)
    stops = np.unique(np.concatenate([plan.starts, plan.ends, plan.saved]))
    with limited_threads(job.threads):
        job.progress.start(job.n_trajectories, "simulating")
        try:
            for trajectory in range(job.n_trajectories):
                sample = trajectory // job.runs
                x[:] = job.x0[trajectory if job.x0.shape[0] > 1 else 0]
                drives = [_drive_of(p, w_in, job.inputs[sample], scale) for scale in plan.input_scales]
                before = (plan.scale[0, 0], 0.0, drives[0])
                phase = -1
                for start, stop in zip(stops, [*stops[1:], plan.total], strict=True):
                    while phase + 1 < len(plan.names) and plan.starts[phase + 1] == start:
                        phase += 1
                        now = (plan.scale[phase, 0], plan.stiffness[phase], drives[plan.drive[phase]])
                        if job.heat_method == "potential":
                            energy = _potential(p, x, *now)
                            raw.work[phase, trajectory] = energy - _potential(p, x, *before)
                            raw.heat[phase, trajectory] = energy
                    _look(raw, job, int(start), trajectory, x)
                    if stop == start:
                        break
                    stretch = by_cells.Stretch(
                        p.mobility,
                        plan.dt,
                        int(plan.starts[phase]),
                        int(plan.n_steps[phase]),
                        s0=plan.scale[phase, 0],
                        s1=plan.scale[phase, 1],
                        kT0=plan.kT[phase, 0],
                        kT1=plan.kT[phase, 1],
                        kappa=plan.stiffness[phase],
                    )
                    x, spare, bad_step, bad_cell = by_cells.advance(
                        linear,
                        cells,
                        stretch,
                        drives[plan.drive[phase]],
                        Source(np.uint64(job.seed), STREAM_NOISE, np.uint64(job.first + trajectory)),
                        x,
                        spare,
                        shown,
                        int(start),
                        int(stop),
                        np.float32(job.bound),
                        job.check_every,
                    )
                    if bad_step >= 0:
                        return replace(raw, diverged=(trajectory, int(bad_step), int(bad_cell)))
                    if stop == plan.starts[phase + 1]:
                        before = (plan.scale[phase, 1], *now[1:])
                        if job.heat_method == "potential":
                            raw.heat[phase, trajectory] -= _potential(p, x, *before)
                if raw.final is not None:
                    raw.final[trajectory] = x
                job.progress.update(trajectory + 1)
        finally:
            job.progress.stop()
    return raw


def _drive_of(p: Prepared, w_in: sparse.csr_matrix, inputs: np.ndarray, scale: float) -> np.ndarray:
    """(n,) float32 force of the inputs at an input scale, or one zero where nothing is driven."""
    if p.w_in.nnz == 0:
        return np.zeros(1, np.float32)
    return w_in @ (scale * activate_rows(p.input_activation, inputs)).astype(np.float32)


def _potential(p: Prepared, x: np.ndarray, s: float, kappa: float, drive: np.ndarray) -> float:
    """V(x) in float64, linear couplings alone."""
    at = Setting(s, kappa, 0.0, [[drive[:, None]], [], []])
    return float(Law(p).potential(x.astype(np.float64)[:, None], at)[0])


def _look(raw: Raw, job: Job, done: int, trajectory: int, x: np.ndarray) -> None:
    """Copy what is observed or saved after `done` steps."""
    plan = job.plan
    for o in np.flatnonzero(plan.ends == done):
        raw.outputs[o, trajectory] = activate_rows(job.prepared.read_as, x[job.prepared.read])
    if raw.trajectory is not None:
        for o in np.flatnonzero(plan.saved == done):
            raw.trajectory[o, trajectory] = x
