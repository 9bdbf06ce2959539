"""The JAX runner: the same netlist as one pure, differentiable function.

`langevin_function` is the way in for gradients and accelerators; `simulate(backend="jax")` wraps
it. Arrays are (trajectories, cells). Float64 if JAX's x64 mode is on, else float32. Noise comes
from JAX keys, folded with the trajectory's id and the step, so it differs from the other backends'
but likewise does not depend on how a batch is split.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermo.simulate.langevin.jax_forces import JaxForces, JaxSetting, Params, activate, mixing
from thermo.simulate.langevin.job import Job, Raw, empty_raw
from thermo.simulate.langevin.plan import Plan
from thermo.simulate.langevin.prepare import Prepared

CHUNK_STATES = 1 << 24  # cells x trajectories of one call


@dataclass(frozen=True, slots=True, eq=False)
class JaxRun:
    """Result of one call, N trajectories.

    outputs : (n_times, N, n_read); final : (N, n); heat, work : (P, N)
    trajectory : (n_saved, N, n); bad_step, bad_cell : (N,), -1 where nothing diverged
    """

    outputs: jax.Array
    final: jax.Array
    heat: jax.Array
    work: jax.Array
    trajectory: jax.Array
    bad_step: jax.Array
    bad_cell: jax.Array


jax.tree_util.register_dataclass(
    JaxRun,
    data_fields=["outputs", "final", "heat", "work", "trajectory", "bad_step", "bad_cell"],
    meta_fields=[],
)


def langevin_function(
    prepared: Prepared,
    plan: Plan,
    *,
    method: str = "euler",
    heat_method: str = "none",
    cost: str = "squared",
    bound: float = 1e6,
) -> tuple[Params, Callable[..., JaxRun]]:
    """The simulation of a prepared netlist as (parameters, function).

    function(parameters, inputs (N, n_in), x0 (N, n), key, ids (N,), targets=None) -> JaxRun is
    pure: it can be jitted, and differentiated with respect to parameters, inputs, x0 and targets
    (N, n_out), which phases with a nudge need. Parameters: c1, c2, c3, h (n,); w, w_in and, where
    there are any, gradient, gradient_in, sine, sine_in, each dense (n, n) or (n, n_in) or the
    values of its CSR couplings; field, second (n,) where there are phase cells.
    """
    p = prepared
    model = JaxForces(p, cost)
    params, dtype = model.params, model.dtype
    table = _step_table(plan)
    weight = np.zeros((plan.total + 1, plan.ends.size))
    for o, end in enumerate(plan.ends):
        weight[max(0, end - plan.window + 1) : end + 1, o] = 1.0 / plan.window
    slot = np.full(plan.total + 1, plan.saved.size)
    slot[plan.saved] = np.arange(plan.saved.size)
    lo, hi = jnp.asarray(p.lo, dtype), jnp.asarray(p.hi, dtype)
    bounded = bool(np.any(np.isfinite(p.lo)) or np.any(np.isfinite(p.hi)))
    exact, along = heat_method == "potential", heat_method == "stratonovich"
    mobility, dt, wiring = p.mobility, plan.dt, p.wiring
    elements, mix = mixing(wiring, dtype)

    def function(
        params: Params,
        inputs: jax.Array,
        x0: jax.Array,
        key: jax.Array,
        ids: jax.Array,
        targets: jax.Array | None = None,
    ) -> JaxRun:
        inputs, x0 = jnp.asarray(inputs, dtype), jnp.asarray(x0, dtype)
        goals = None if targets is None else jnp.asarray(targets, dtype)
        count = x0.shape[0]
        drives = [model.drive(params, inputs, scale) for scale in plan.input_scales]
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(ids)

        def noise(step: jax.Array) -> jax.Array:
            one = lambda k: jax.random.normal(jax.random.fold_in(k, step), (p.n,), dtype)  # noqa: E731
            return jax.vmap(one)(keys)

        def pairs(step: jax.Array) -> jax.Array:
            """(N, m) normals of elements whose noise two cells share."""
            one = lambda k: jax.random.normal(  # noqa: E731
                jax.random.fold_in(jax.random.fold_in(k, step), 1), (elements,), dtype
            )
            return jax.vmap(one)(keys)

        def read(x: jax.Array) -> jax.Array:
            return activate(p.read_as, x[:, p.read])

        def phase(carry: Any, q: int) -> tuple[Any, jax.Array, jax.Array]:
            begin = JaxSetting(
                plan.scale[q, 0], float(plan.stiffness[q]), float(plan.nudge[q]), drives[plan.drive[q]], goals
            )
            held = plan.held[q] if plan.held[q].any() else None
            on = int(plan.input_scales[plan.drive[q]] != 0)

            def loaded(at: JaxSetting) -> JaxSetting:
                if wiring is None:
                    return at
                return at._replace(kappa=at.kappa + jnp.abs(at.s) * jnp.asarray(wiring.load[on], dtype))

            def kept(x: jax.Array, new: jax.Array) -> jax.Array:
                """In the intervals; clamped cells stay."""
                new = jnp.clip(new, lo, hi) if bounded else new
                return new if held is None else jnp.where(held, x, new)

            def step(state: Any, row: Any) -> tuple[Any, None]:
                x, outputs, saved, heat, work, bad_step, bad_cell, last = state
                s, s_next = row["s"], row["s_next"]
                sigma = jnp.sqrt(2.0 * mobility * dt * row["kT"])

                now, then = loaded(begin._replace(s=s)), loaded(begin._replace(s=s_next))
                f = model.force(params, x, now)
                if plan.kT.max() > 0:
                    z = noise(row["step"])
                    if wiring is not None:
                        size = jnp.abs(0.5 * (s + s_next))
                        own, excess = (jnp.asarray(a, dtype) for a in (wiring.own, wiring.excess[on]))
                        z = jnp.sqrt(own + size * excess) * z
                        if mix is not None:
                            z += jnp.sqrt(size) * mix(pairs(row["step"]))
                    if method == "leimkuhler-matthews":
                        z, last = 0.5 * (z + last), z
                    kick = sigma * z
                else:
                    kick = jnp.zeros_like(x)
                new = kept(x, x + mobility * dt * f + kick)
                if method == "heun":
                    f_new = model.force(params, new, then)
                    new = kept(x, x + 0.5 * mobility * dt * (f + f_new) + kick)
                if along:
                    f_end = model.force(params, new, then)
                    heat += jnp.sum(0.5 * (f + f_end) * (new - x), axis=1)
                if exact and plan.scale[q, 0] != plan.scale[q, 1]:
                    work += (s_next - s) * model.coupling_energy(params, new, begin.drive)
                outputs = outputs + row["weight"][:, None, None] * read(new)
                if plan.saved.size:
                    saved = saved.at[row["slot"]].set(new, mode="drop")
                bad = ~(jnp.abs(new) <= bound)
                now = bad.any(axis=1) & (bad_step < 0)
                bad_step = jnp.where(now, row["done"], bad_step)
                bad_cell = jnp.where(now, jnp.argmax(bad, axis=1).astype(jnp.int32), bad_cell)
                return (new, outputs, saved, heat, work, bad_step, bad_cell, last), None

            first, last = plan.starts[q], plan.starts[q + 1]
            rows = {name: jnp.asarray(column[first:last]) for name, column in table.items()}
            rows["weight"] = jnp.asarray(weight[first + 1 : last + 1], dtype)
            rows["slot"] = jnp.asarray(slot[first + 1 : last + 1])
            zero = jnp.zeros(count, dtype)
            x, outputs, saved, bad_step, bad_cell, last = carry
            state = (x, outputs, saved, zero, zero, bad_step, bad_cell, last)
            state, _ = jax.lax.scan(step, state, rows)
            x_end, outputs, saved, heat, work, bad_step, bad_cell, last = state
            if exact:
                end = begin._replace(s=plan.scale[q, 1])
                if q == 0:
                    before = JaxSetting(begin.s, 0.0, 0.0, drives[0], goals)
                else:
                    before = JaxSetting(
                        plan.scale[q - 1, 1],
                        float(plan.stiffness[q - 1]),
                        float(plan.nudge[q - 1]),
                        drives[plan.drive[q - 1]],
                        goals,
                    )
                start = model.potential(params, x, begin)
                heat = start - model.potential(params, x_end, end) + work
                work += start - model.potential(params, x, before)
            return (x_end, outputs, saved, bad_step, bad_cell, last), heat, work

        x = x0
        outputs = jnp.asarray(weight[0], dtype)[:, None, None] * read(x)
        saved = jnp.zeros((plan.saved.size, count, p.n), dtype)
        if plan.saved.size:
            saved = saved.at[0].set(x)
        none = jnp.full(count, -1, jnp.int32)
        last = noise(jnp.uint32(2**32 - 1)) if method == "leimkuhler-matthews" else jnp.zeros(())
        carry: Any = (x, outputs, saved, none, none, last)
        heats, works = [], []
        for q in range(len(plan.names)):
            carry, heat, work = phase(carry, q)
            heats.append(heat)
            works.append(work)
        x, outputs, saved, bad_step, bad_cell, _ = carry
        return JaxRun(outputs, x, jnp.stack(heats), jnp.stack(works), saved, bad_step, bad_cell)

    return params, function


def _step_table(plan: Plan) -> dict[str, np.ndarray]:
    """What changes from step to step, one row a step."""
    dtype = jnp.zeros(()).dtype
    s, s_next, kT = [], [], []
    for q, n in enumerate(plan.n_steps):
        k = np.arange(n)
        s0, s1 = plan.scale[q]
        s.append(s0 + (s1 - s0) * k / n)
        s_next.append(s0 + (s1 - s0) * (k + 1) / n)
        kT.append(plan.kT[q, 0] + (plan.kT[q, 1] - plan.kT[q, 0]) * (k + 0.5) / n)
    return {
        "s": np.concatenate(s).astype(dtype),
        "s_next": np.concatenate(s_next).astype(dtype),
        "kT": np.concatenate(kT).astype(dtype),
        "step": np.arange(plan.total, dtype=np.uint32),
        "done": np.arange(1, plan.total + 1, dtype=np.int32),
    }


def run_jax(job: Job) -> Raw:
    """Run a job on JAX's default device, in chunks of trajectories."""
    p, plan = job.prepared, job.plan
    raw = empty_raw(job)
    params, function = langevin_function(
        p, plan, method=job.method, heat_method=job.heat_method, cost=job.cost, bound=job.bound
    )
    run = jax.jit(function)
    seed = job.seed % 2**64
    key = jax.random.fold_in(jax.random.key(seed % 2**32), seed >> 32)
    chunk = max(1, CHUNK_STATES // max(p.n, p.n_inputs))
    job.progress.start(job.n_trajectories, "simulating")
    try:
        for start in range(0, job.n_trajectories, chunk):
            where = np.arange(start, min(start + chunk, job.n_trajectories))
            x0 = job.x0[where] if job.x0.shape[0] > 1 else np.repeat(job.x0, where.size, axis=0)
            ids = (job.first + where).astype(np.uint32)
            sample = where // job.runs
            targets = None if job.targets is None else job.targets[sample]
            got = run(params, job.inputs[sample], x0, key, ids, targets)
            bad_step = np.asarray(got.bad_step)
            if np.any(bad_step >= 0):
                k = int(np.argmax(bad_step >= 0))
                found = (int(where[k]), int(bad_step[k]), int(got.bad_cell[k]))
                return replace(raw, diverged=found)
            raw.outputs[:, where] = got.outputs
            raw.heat[:, where] = got.heat
            raw.work[:, where] = got.work
            if raw.final is not None:
                raw.final[where] = got.final
            if raw.trajectory is not None:
                raw.trajectory[:, where] = got.trajectory
            job.progress.update(int(where[-1]) + 1)
    finally:
        job.progress.stop()
    return raw
