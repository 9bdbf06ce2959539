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

from compiler.ir.langevin import Activation
from thermo.simulate.job import Job, Raw, empty_raw
from thermo.simulate.numba_runner import is_dense
from thermo.simulate.plan import Plan
from thermo.simulate.prepare import Prepared

Params = dict[str, jax.Array]
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


def _activate(codes: np.ndarray, x: jax.Array) -> jax.Array:
    """phi(x) of (..., n) states with activation codes (n,)."""
    out = x
    for code in np.unique(codes):
        match Activation(int(code)):
            case Activation.IDENTITY:
                continue
            case Activation.CLIP:
                y = jnp.clip(x, 0.0, 1.0)
            case Activation.SIGMOID:
                y = jax.nn.sigmoid(x)
            case Activation.TANH:
                y = jnp.tanh(x)
            case Activation.RELU:
                y = jax.nn.relu(x)
        out = y if np.all(codes == code) else jnp.where(codes == code, y, out)
    return out


def langevin_function(
    prepared: Prepared,
    plan: Plan,
    *,
    method: str = "euler",
    heat_method: str = "none",
    bound: float = 1e6,
) -> tuple[Params, Callable[..., JaxRun]]:
    """The simulation of a prepared netlist as (parameters, function).

    function(parameters, inputs (N, n_in), x0 (N, n), key, ids (N,)) -> JaxRun is pure: it can be
    jitted, and differentiated with respect to parameters, inputs and x0. Parameters: c1, c2, c3, h
    (n,), w and w_in, dense (n, n) and (n, n_in) or the values of their CSR couplings.
    """
    p = prepared
    dtype = jnp.zeros(()).dtype
    dense = is_dense(p)
    dense_in = p.w_in.nnz >= 0.5 * p.n * max(p.n_inputs, 1)
    params = {k: jnp.asarray(getattr(p, k), dtype) for k in ("c1", "c2", "c3", "h")}
    params["w"] = jnp.asarray(p.w.toarray() if dense else p.w.data, dtype)
    params["w_in"] = jnp.asarray(p.w_in.toarray() if dense_in else p.w_in.data, dtype)

    def product(matrix: Any, is_full: bool, values: jax.Array, shown: jax.Array) -> jax.Array:
        if is_full:
            return jnp.matmul(shown, values.T, precision="highest")
        rows = np.repeat(np.arange(p.n), np.diff(matrix.indptr))
        parts = (shown[:, matrix.indices] * values).T
        return jax.ops.segment_sum(parts, rows, p.n, indices_are_sorted=True).T

    table = _step_table(plan)
    weight = np.zeros((plan.total + 1, plan.ends.size))
    for o, end in enumerate(plan.ends):
        weight[max(0, end - plan.window + 1) : end + 1, o] = 1.0 / plan.window
    slot = np.full(plan.total + 1, plan.saved.size)
    slot[plan.saved] = np.arange(plan.saved.size)
    lo, hi = jnp.asarray(p.lo, dtype), jnp.asarray(p.hi, dtype)
    bounded = bool(np.any(np.isfinite(p.lo)) or np.any(np.isfinite(p.hi)))
    exact, along = heat_method == "potential", heat_method == "stratonovich"
    mobility, dt = p.mobility, plan.dt

    def function(
        params: Params, inputs: jax.Array, x0: jax.Array, key: jax.Array, ids: jax.Array
    ) -> JaxRun:
        inputs, x0 = jnp.asarray(inputs, dtype), jnp.asarray(x0, dtype)
        count = x0.shape[0]
        drives = [
            product(p.w_in, dense_in, params["w_in"], _activate(p.input_activation, scale * inputs))
            if p.n_inputs
            else jnp.zeros((1, p.n), dtype)
            for scale in plan.input_scales
        ]
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(ids)

        def noise(step: jax.Array) -> jax.Array:
            one = lambda k: jax.random.normal(jax.random.fold_in(k, step), (p.n,), dtype)  # noqa: E731
            return jax.vmap(one)(keys)

        def coupled(x: jax.Array) -> jax.Array:
            return product(p.w, dense, params["w"], _activate(p.activation, x))

        def own_force(x: jax.Array) -> jax.Array:
            return params["h"] - x * (params["c1"] + x * (params["c2"] + x * params["c3"]))

        def coupling_energy(x: jax.Array, drive: jax.Array) -> jax.Array:
            return -jnp.sum(x * (0.5 * coupled(x) + drive), axis=1)

        def potential(x: jax.Array, s: Any, kappa: float, drive: jax.Array) -> jax.Array:
            c1, c2, c3 = params["c1"] + kappa, params["c2"], params["c3"]
            own = x * (x * (c1 / 2 + x * (c2 / 3 + x * c3 / 4)) - params["h"])
            return own.sum(axis=1) + s * coupling_energy(x, drive)

        def phase(carry: Any, q: int) -> tuple[Any, jax.Array, jax.Array]:
            drive, kappa = drives[plan.drive[q]], float(plan.stiffness[q])

            def step(state: Any, row: Any) -> tuple[Any, None]:
                x, outputs, saved, heat, work, bad_step, bad_cell, before = state
                s, s_next = row["s"], row["s_next"]
                sigma = jnp.sqrt(2.0 * mobility * dt * row["kT"])

                def force(x: jax.Array, s: jax.Array) -> jax.Array:
                    return own_force(x) - kappa * x + s * (coupled(x) + drive)

                f = force(x, s)
                if plan.kT.max() > 0:
                    z = noise(row["step"])
                    if method == "leimkuhler-matthews":
                        z, before = 0.5 * (z + before), z
                    kick = sigma * z
                else:
                    kick = jnp.zeros_like(x)
                new = x + mobility * dt * f + kick
                if method == "heun":
                    new = x + 0.5 * mobility * dt * (f + force(new, s_next)) + kick
                if bounded:
                    new = jnp.clip(new, lo, hi)
                if along:
                    heat += jnp.sum(0.5 * (f + force(new, s_next)) * (new - x), axis=1)
                if exact and plan.scale[q, 0] != plan.scale[q, 1]:
                    work += (s_next - s) * coupling_energy(new, drive)
                outputs = outputs + row["weight"][:, None, None] * new[:, p.read]
                if plan.saved.size:
                    saved = saved.at[row["slot"]].set(new, mode="drop")
                bad = ~(jnp.abs(new) <= bound)
                now = bad.any(axis=1) & (bad_step < 0)
                bad_step = jnp.where(now, row["done"], bad_step)
                bad_cell = jnp.where(now, jnp.argmax(bad, axis=1).astype(jnp.int32), bad_cell)
                return (new, outputs, saved, heat, work, bad_step, bad_cell, before), None

            first, last = plan.starts[q], plan.starts[q + 1]
            rows = {name: jnp.asarray(column[first:last]) for name, column in table.items()}
            rows["weight"] = jnp.asarray(weight[first + 1 : last + 1], dtype)
            rows["slot"] = jnp.asarray(slot[first + 1 : last + 1])
            zero = jnp.zeros(count, dtype)
            x, outputs, saved, bad_step, bad_cell, before = carry
            state = (x, outputs, saved, zero, zero, bad_step, bad_cell, before)
            state, _ = jax.lax.scan(step, state, rows)
            x_end, outputs, saved, heat, work, bad_step, bad_cell, before = state
            if exact:
                s0, s1 = plan.scale[q]
                heat = potential(x, s0, kappa, drive) - potential(x_end, s1, kappa, drive) + work
                if q == 0:
                    s_old, kappa_old, drive_old = s0, 0.0, drives[0]
                else:
                    s_old, kappa_old = plan.scale[q - 1, 1], float(plan.stiffness[q - 1])
                    drive_old = drives[plan.drive[q - 1]]
                work += potential(x, s0, kappa, drive) - potential(x, s_old, kappa_old, drive_old)
            return (x_end, outputs, saved, bad_step, bad_cell, before), heat, work

        x = x0
        outputs = jnp.asarray(weight[0], dtype)[:, None, None] * x[:, p.read]
        saved = jnp.zeros((plan.saved.size, count, p.n), dtype)
        if plan.saved.size:
            saved = saved.at[0].set(x)
        none = jnp.full(count, -1, jnp.int32)
        before = noise(jnp.uint32(2**32 - 1)) if method == "leimkuhler-matthews" else jnp.zeros(())
        carry: Any = (x, outputs, saved, none, none, before)
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
        p, plan, method=job.method, heat_method=job.heat_method, bound=job.bound
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
            got = run(params, job.inputs[where // job.runs], x0, key, ids)
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
