"""`simulate`: a Langevin netlist run on data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.verify import verify
from hw_models.nonideal import NonIdeal
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.job import METHODS, Job, Raw, result_bytes
from thermo.simulate.numba_runner import run_numba
from thermo.simulate.numpy_runner import run_numpy
from thermo.simulate.plan import Plan, make_plan
from thermo.simulate.prepare import Prepared, activate_rows, encode, prepare
from thermo.simulate.result import SimulationResult

HEAT_METHODS = ("auto", "potential", "stratonovich")
MAX_BYTES = 4 << 30
BOUND = 1e6
HALVINGS = 10
REPLAY_STEPS = 2_000_000  # steps spent in search of a time step that holds


def _run_jax(job: Job) -> Raw:
    from thermo.simulate.jax_runner import run_jax  # JAX takes a second to import

    return run_jax(job)


BACKENDS: MappingProxyType[str, Callable[[Job], Raw]] = MappingProxyType(
    {"numba": run_numba, "jax": _run_jax, "numpy": run_numpy}
)


def _choice(what: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SimulationError(f"{what} must be one of {', '.join(choices)}, got {value!r}")
    return value


def simulate(
    netlist: LangevinNetlist,
    data: np.ndarray | None = None,
    *,
    kT: float | None = None,
    dt: float | None = None,
    method: str = "euler",
    runs: int = 1,
    seed: int = 0,
    observe: Any = None,
    non_ideal: NonIdeal | None = None,
    device_seed: int = 0,
    backend: str = "numba",
    threads: int | None = None,
    first_trajectory: int = 0,
    x0: Any = None,
    heat: bool = True,
    heat_method: str = "auto",
    trajectory_every: int | None = None,
    keep_final: bool = False,
    max_bytes: int = MAX_BYTES,
    bound: float = BOUND,
    progress: Progress | None = None,
) -> SimulationResult:
    """Run a netlist's schedule on every sample, `runs` times each.

    Schemes, for dx = mobility f dt + sqrt(2 mobility kT) dW (docs/physics.md#integrators):
    "euler" (Euler-Maruyama; harmonic well k: stationary variance kT / k / (1 - mobility k dt / 2)),
    "heun" (predictor-corrector with the same noise in both halves) and "leimkuhler-matthews"
    (Leimkuhler and Matthews, AMRX 2013, eq. 5: noise (R_k + R_(k+1)) / 2; second order in the
    stationary measure; only where the force is a gradient at one temperature).

    Parameters
    ----------
    data : (n_samples, n_inputs) raw, or (n_samples, ...) images; the netlist's encoder maps them.
        None: one sample, with input cells at their x0
    kT : replaces the temperature of the netlist and of every phase
    dt : time step; every phase must be a whole number of them (default: the netlist's)
    seed, first_trajectory : noise of trajectory first_trajectory + sample * runs + run is a
        function of its id, so a batch may be split at will
    observe : times at which the read cells are read; default: end of the read-out's phase
    non_ideal, device_seed : mismatch, asymmetry and quantisation of one device
    x0 : start, to be broadcast to (n_samples, runs, n_dynamic); default: the cells' own
    heat, heat_method : heat given to the bath. "potential": V(x_0) - V(x_t) + work, exact, needs a
        gradient force. "stratonovich": sum of (f_k + f_(k+1)) / 2 . (x_(k+1) - x_k). "auto": the
        first where possible
    trajectory_every : keep the whole state after every so many steps, and the start
    keep_final : keep the last state of every dynamic cell
    max_bytes : refuse a run whose results would take more memory
    bound : |x| beyond it counts as divergence

    Raises
    ------
    NetlistError : the netlist breaks an invariant. SimulationError : bad option or data.
    UnsupportedError : feature or scheme that does not apply.
    DivergenceError : a trajectory left the bound; names it and a dt that holds.
    """
    begin = time.perf_counter()
    _choice("method", method, METHODS)
    _choice("backend", backend, tuple(BACKENDS))
    _choice("heat_method", heat_method, HEAT_METHODS)
    if runs < 1:
        raise SimulationError(f"runs must be at least 1, got {runs}")
    if not bound > 0:
        raise SimulationError(f"bound must be above 0, got {bound:g}")
    for name, number in (("seed", seed), ("first_trajectory", first_trajectory)):
        if not 0 <= number < 2**64:
            raise SimulationError(f"{name} must be from 0 to 2^64 - 1, got {number}")

    verify(netlist)

    def replan(step: float | None, **changes: Any) -> Plan:
        options = {"observe": observe, "trajectory_every": trajectory_every} | changes
        return make_plan(netlist, kT=kT, dt=step, **options)

    plan = replan(dt)
    if plan.total >= 2**32 - 1:
        raise SimulationError(f"{plan.total} steps are too many; at most 2^32 - 2 can be numbered")
    prepared = prepare(netlist, non_ideal, device_seed)
    shown = netlist.readout is not None and netlist.readout.shown
    if shown and plan.window > 1 and prepared.activation[prepared.read].any():
        raise UnsupportedError(
            "a read-out window over cells read through their activation is not simulated here; "
            "set window = 0 or shown = False"
        )
    how = _heat_method(prepared, method, heat, heat_method, plan)
    inputs = encode(netlist, data)
    job = Job(
        prepared=prepared,
        plan=plan,
        method=method,
        inputs=inputs,
        runs=runs,
        x0=_start(prepared, x0, inputs.shape[0], runs),
        seed=seed,
        first=first_trajectory,
        heat_method=how,
        keep_final=keep_final,
        bound=bound,
        threads=threads,
        progress=NullProgress() if progress is None else progress,
    )
    size = result_bytes(job)
    if size > max_bytes:
        raise SimulationError(
            f"the results would take {size} bytes, more than max_bytes = {max_bytes}: raise "
            "trajectory_every, observe fewer times, or split the samples with first_trajectory"
        )
    run = BACKENDS[backend]
    raw = run(job)
    if raw.diverged is not None:
        raise _diverged(job, run, raw.diverged[0], replan)
    shape = (inputs.shape[0], runs)
    outputs = raw.outputs
    if shown:
        codes = prepared.activation[prepared.read]
        outputs = np.moveaxis(activate_rows(codes, np.moveaxis(outputs, 2, 0)), 0, 2)
    by_phase = None if how == "none" else raw.heat.reshape(-1, *shape)
    return SimulationResult(
        times=plan.times,
        outputs=outputs.reshape(plan.ends.size, *shape, -1),
        heat=None if by_phase is None else by_phase.sum(axis=0),
        heat_by_phase=by_phase,
        work=raw.work.reshape(-1, *shape) if how == "potential" else None,
        final=None if raw.final is None else raw.final.reshape(*shape, prepared.n),
        trajectory=None
        if raw.trajectory is None
        else raw.trajectory.reshape(-1, *shape, prepared.n),
        trajectory_times=plan.saved * plan.dt if plan.saved.size else None,
        phases=plan.names,
        kT=float(plan.kT[0, 0]) if np.ptp(plan.kT) == 0 else np.nan,
        dt=plan.dt,
        n_steps=plan.total,
        method=method,
        heat_method=how,
        backend=backend,
        seconds=time.perf_counter() - begin,
        readout=netlist.readout,
    )


def _heat_method(prepared: Prepared, method: str, heat: bool, wanted: str, plan: Plan) -> str:
    """The way heat is measured; raises UnsupportedError where scheme or way need a potential."""
    if method == "leimkuhler-matthews":
        if not prepared.gradient:
            raise UnsupportedError(
                f"method 'leimkuhler-matthews' needs a gradient force, but {prepared.asymmetric}; "
                "use 'euler' or 'heun'"
            )
        if np.unique(plan.kT).size > 1:
            raise UnsupportedError(
                "method 'leimkuhler-matthews' needs one temperature, but the schedule's kT goes "
                f"from {plan.kT.min():g} to {plan.kT.max():g}; use 'euler' or 'heun'"
            )
    if not heat:
        return "none"
    if wanted == "potential" and not prepared.gradient:
        raise UnsupportedError(
            f"heat_method 'potential' needs a gradient force, but {prepared.asymmetric}; "
            "use 'stratonovich'"
        )
    if wanted == "auto":
        return "potential" if prepared.gradient else "stratonovich"
    return wanted


def _start(prepared: Prepared, x0: Any, n_samples: int, runs: int) -> np.ndarray:
    """(N, n) or (1, n) float64 starting states."""
    if x0 is None:
        return prepared.x0[None, :]
    array = np.asarray(x0, dtype=np.float64)
    if array.shape == (prepared.n,):
        start = array[None, :]
    else:
        shape = (n_samples, runs, prepared.n)
        try:
            start = np.broadcast_to(array, shape).reshape(-1, prepared.n)
        except ValueError:
            raise SimulationError(
                f"x0 has shape {array.shape}, which cannot be broadcast to {shape}, "
                "(samples, runs, dynamic cells)"
            ) from None
    if not np.all(np.isfinite(start)):
        raise SimulationError("x0 has values that are not finite")
    return start


def _diverged(
    job: Job, run: Callable[[Job], Raw], k: int, replan: Callable[..., Plan]
) -> DivergenceError:
    """Replay trajectory k: when and where it left, and the first halved dt that holds."""
    alone = job.only(k)
    bare = {"observe": None, "trajectory_every": None}
    found = run(replace(alone, plan=replan(job.plan.dt, **bare))).diverged
    stable, dt, spent = None, job.plan.dt, 0
    for _ in range(HALVINGS):
        dt /= 2
        plan = replan(dt, **bare)
        spent += plan.total
        if spent > REPLAY_STEPS:
            break
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
    )
