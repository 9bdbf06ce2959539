"""The slow runner in float64 NumPy: every step spelt out, the oracle of the other two."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.ir.activations import activate_rows
from compiler.ir.law import Law, Setting
from thermo.kernels.random import STREAM_PAIRS, normals_numpy
from thermo.simulate.langevin.job import Job, Raw, empty_raw


def look(job: Job, raw: Raw, x: np.ndarray, done: int) -> None:
    """Keep what is observed or saved of states x (n, N) after `done` steps."""
    plan, p = job.plan, job.prepared
    for o, end in enumerate(plan.ends):
        if done == end - plan.window + 1:
            raw.outputs[o] = 0.0
        if end - plan.window < done <= end:
            shown = activate_rows(p.read_as, x[p.read])
            raw.outputs[o] += (shown.T / plan.window).astype(np.float32)
    if raw.trajectory is not None and done in plan.saved:
        raw.trajectory[np.searchsorted(plan.saved, done)] = x.T


def first_beyond(x: np.ndarray, bound: float, done: int) -> tuple[int, int, int] | None:
    """(trajectory, steps done, cell) of the first state beyond the bound, or None."""
    bad = ~(np.abs(x) <= bound)
    if not bad.any():
        return None
    lane = int(np.argmax(bad.any(axis=0)))
    return lane, done, int(np.argmax(bad[:, lane]))


def run_numpy(job: Job) -> Raw:
    """Run a job with all trajectories side by side; the same noise as the numba kernels."""
    p, plan, dt = job.prepared, job.plan, job.plan.dt
    count = job.n_trajectories
    ids = np.uint64(job.first) + np.arange(count, dtype=np.uint64)
    samples = np.arange(count) // job.runs
    wiring = p.wiring
    reach = math.inf if wiring is None else wiring.reach
    model = Law(p, None if job.targets is None else job.targets[samples].T, job.cost, reach)
    drives = [model.drive(job.inputs[samples].T, scale) for scale in plan.input_scales]
    lo, hi = p.lo[:, None], p.hi[:, None]
    x = np.array(np.broadcast_to(job.x0, (count, p.n)).T)
    inert = p.mass is not None
    mass = np.ones((p.n, 1)) if p.mass is None else p.mass[:, None]
    friction = np.ones((p.n, 1)) if p.friction is None else p.friction[:, None]
    v = np.zeros_like(x) if job.v0 is None else np.array(np.broadcast_to(job.v0, (count, p.n)).T)
    keep = np.exp(-friction * dt / mass)
    raw = empty_raw(job)
    exact, along = job.heat_method == "potential", job.heat_method == "stratonovich"
    heat, work = raw.heat, raw.work

    def noise(step: int) -> np.ndarray:
        return normals_numpy(job.seed, ids, step % 2**32, p.n)

    def loaded(at: Setting, on: bool) -> Setting:
        """With the load of the device's couplings, inputs on or off."""
        return at if wiring is None else at._replace(kappa=at.kappa + wiring.stiffness(at.s, on))

    def shots(kT: float, step: int, s: float, on: bool) -> np.ndarray:
        """What the noise adds to the states of overdamped cells."""
        if kT == 0:
            return np.zeros_like(x)
        z = noise(step)
        if job.method == "leimkuhler-matthews":
            z = 0.5 * (z + noise(step - 1))
        if p.factor is not None:
            return np.asarray(np.sqrt(2 * kT * dt) * (p.factor @ z))
        own = np.sqrt(2.0 * p.mobility * kT * dt)
        if wiring is None:
            return np.asarray(own * z)
        z = wiring.sigma(s, on) * z
        if wiring.shared is not None:
            elements = wiring.shared.shape[1]
            pairs = normals_numpy(job.seed, ids, step % 2**32, elements, STREAM_PAIRS)
            z = z + math.sqrt(abs(s)) * (wiring.shared @ pairs)
        return np.asarray(own * z)

    def kinetic() -> np.ndarray:
        return np.asarray(np.sum(0.5 * mass * v**2, axis=0)) if inert else np.zeros(count)

    done = 0
    look(job, raw, x, 0)
    before = Setting(plan.scale[0, 0], 0.0, 0.0, drives[0])
    for q, steps in enumerate(plan.n_steps):
        s0, s1 = plan.scale[q]
        held, on = plan.held[q], bool(plan.input_scales[plan.drive[q]])
        begin = Setting(s0, float(plan.stiffness[q]), float(plan.nudge[q]), drives[plan.drive[q]])
        if exact:
            start = model.potential(x, begin)
            work[q] = start - model.potential(x, before)
            heat[q] = start + kinetic()
        for k in range(steps):
            now = loaded(begin._replace(s=s0 + (s1 - s0) * k / steps), on)
            then = loaded(begin._replace(s=s0 + (s1 - s0) * (k + 1) / steps), on)
            kT = plan.kT[q, 0] + (plan.kT[q, 1] - plan.kT[q, 0]) * (k + 0.5) / steps
            start_of_step, f = x, model.force(x, now)
            if inert:
                v = v + 0.5 * dt * f / mass
                x = x + 0.5 * dt * v
                old, z = v, noise(done) if kT > 0 else np.zeros_like(x)
                v = keep * v + np.sqrt(kT * (1 - keep**2) / mass) * z
                if along:
                    heat[q] += np.sum(0.5 * mass * (old**2 - v**2), axis=0)
                x = x + 0.5 * dt * v
                v = v + 0.5 * dt * model.force(x, then) / mass
            else:
                shot = shots(kT, done, s0 + (s1 - s0) * (k + 0.5) / steps, on)
                new = np.minimum(np.maximum(x + p.mobility * dt * f + shot, lo), hi)
                new[held] = x[held]
                if job.method == "heun":
                    new = x + 0.5 * p.mobility * dt * (f + model.force(new, then)) + shot
                    new = np.minimum(np.maximum(new, lo), hi)
                    new[held] = x[held]
                if along:
                    heat[q] += np.sum(0.5 * (f + model.force(new, then)) * (new - x), axis=0)
                x = new
            if exact and s0 != s1:
                energy = model.coupling_energy(x, now.drive)
                if inert:
                    # half of it acts before the drift and half after, as the kicks do
                    energy = 0.5 * (energy + model.coupling_energy(start_of_step, now.drive))
                ramped = (then.s - now.s) * energy
                work[q] += ramped
                heat[q] += ramped
            done += 1
            if diverged := first_beyond(x, job.bound, done):
                return replace(raw, diverged=diverged)
            look(job, raw, x, done)
        before = begin._replace(s=s1)
        if exact:
            heat[q] -= model.potential(x, before) + kinetic()
    if raw.final is not None:
        raw.final[:] = x.T
    if raw.velocity is not None:
        raw.velocity[:] = v.T
    return raw
