"""The slow runner in float64 NumPy: every step spelt out, the oracle of the other two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from thermo.kernels.random import normals_numpy
from thermo.simulate.job import Job, Raw, empty_raw
from thermo.simulate.prepare import activate_rows


def run_numpy(job: Job) -> Raw:
    """Run a job with all trajectories side by side; the same noise as the numba kernels."""
    p, plan = job.prepared, job.plan
    count = job.n_trajectories
    ids = np.uint64(job.first) + np.arange(count, dtype=np.uint64)
    samples = np.arange(count) // job.runs
    drives = [
        p.w_in @ activate_rows(p.input_activation, (scale * job.inputs).T)[:, samples]
        for scale in plan.input_scales
    ]
    c1, c2, c3, h, lo, hi = (c[:, None] for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi))
    x = np.array(np.broadcast_to(job.x0, (count, p.n)).T)
    raw = empty_raw(job)
    exact, along = job.heat_method == "potential", job.heat_method == "stratonovich"
    heat, work = raw.heat, raw.work

    def noise(step: int) -> np.ndarray:
        return normals_numpy(job.seed, ids, step % 2**32, p.n)

    def force(x: np.ndarray, s: float, kappa: float, drive: np.ndarray) -> np.ndarray:
        coupled = p.w @ activate_rows(p.activation, x) + drive
        return h + s * coupled - kappa * x - x * (c1 + x * (c2 + x * c3))

    def coupling_energy(x: np.ndarray, drive: np.ndarray) -> np.ndarray:
        return -np.sum(x * (0.5 * (p.w @ x) + drive), axis=0)

    def potential(x: np.ndarray, s: float, kappa: float, drive: np.ndarray) -> np.ndarray:
        own = x * (x * (c1 / 2 + kappa / 2 + x * (c2 / 3 + x * c3 / 4)) - h)
        return own.sum(axis=0) + s * coupling_energy(x, drive)

    def look(done: int) -> None:
        for o, end in enumerate(plan.ends):
            if done == end - plan.window + 1:
                raw.outputs[o] = 0.0
            if end - plan.window < done <= end:
                raw.outputs[o] += (x[p.read].T / plan.window).astype(np.float32)
        if raw.trajectory is not None and done in plan.saved:
            raw.trajectory[np.searchsorted(plan.saved, done)] = x.T

    done = 0
    look(0)
    before = (plan.scale[0, 0], 0.0, drives[0])
    for q, steps in enumerate(plan.n_steps):
        drive, kappa = drives[plan.drive[q]], float(plan.stiffness[q])
        s0, s1 = plan.scale[q]
        if exact:
            start = potential(x, s0, kappa, drive)
            work[q] = start - potential(x, *before)
            heat[q] = start
        for k in range(steps):
            s, s_next = s0 + (s1 - s0) * k / steps, s0 + (s1 - s0) * (k + 1) / steps
            kT = plan.kT[q, 0] + (plan.kT[q, 1] - plan.kT[q, 0]) * (k + 0.5) / steps
            sigma = np.sqrt(2.0 * p.mobility * kT * plan.dt)
            f = force(x, s, kappa, drive)
            z = noise(done) if sigma > 0 else np.zeros_like(x)
            if job.method == "leimkuhler-matthews" and sigma > 0:
                z = 0.5 * (z + noise(done - 1))
            new = x + p.mobility * plan.dt * f + sigma * z
            if job.method == "heun":
                f2 = force(new, s_next, kappa, drive)
                new = x + 0.5 * p.mobility * plan.dt * (f + f2) + sigma * z
            new = np.minimum(np.maximum(new, lo), hi)
            if along:
                f_end = force(new, s_next, kappa, drive)
                heat[q] += np.sum(0.5 * (f + f_end) * (new - x), axis=0)
            if exact and s0 != s1:
                ramped = (s_next - s) * coupling_energy(new, drive)
                work[q] += ramped
                heat[q] += ramped
            x = new
            done += 1
            bad = ~(np.abs(x) <= job.bound)
            if bad.any():
                lane = int(np.argmax(bad.any(axis=0)))
                return replace(raw, diverged=(lane, done, int(np.argmax(bad[:, lane]))))
            look(done)
        if exact:
            heat[q] -= potential(x, s1, kappa, drive)
        before = (s1, kappa, drive)
    if raw.final is not None:
        raw.final[:] = x.T
    return raw
