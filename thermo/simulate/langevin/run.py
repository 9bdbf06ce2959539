"""`simulate_langevin`: a Langevin netlist run on data."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, LangevinNetlist
from compiler.passes.coloured import colour_noise
from hw_models.couplings import CouplingTechnology
from hw_models.device import Device
from hw_models.imperfect import Imperfections, on_device
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.conversion import Conversion, Span, converted_inputs, converted_outputs
from thermo.simulate.langevin.divergence import diverged
from thermo.simulate.langevin.entropy import SLICES, TRACED, bath_entropy, slices
from thermo.simulate.langevin.hardware import hardware_of
from thermo.simulate.langevin.job import Job, Raw, result_bytes
from thermo.simulate.langevin.plan import Plan, make_plan
from thermo.simulate.langevin.prepare import Prepared, encode, prepare
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.scheme import check_choices, heat_method_of, runner, scheme_of
from thermo.simulate.langevin.starts import start_states, start_velocities, targets_of
from thermo.simulate.langevin.wiring import device_units

MAX_BYTES = 4 << 30
BOUND = 1e6


def simulate_langevin(
    netlist: LangevinNetlist,
    data: np.ndarray | None = None,
    *,
    kT: float | None = None,
    dt: float | None = None,
    method: str | None = None,
    runs: int = 1,
    seed: int = 0,
    observe: Any = None,
    targets: Any = None,
    cost: str = "squared",
    device: str | Device | None = None,
    at: str | float | None = None,
    noise_bandwidth: float | None = None,
    couplings: str | CouplingTechnology | None = None,
    input_bits: int | str | None = None,
    output_bits: int | str | None = None,
    input_range: Span | None = None,
    output_range: Span | None = None,
    non_ideal: Imperfections | None = None,
    device_seed: int = 0,
    backend: str = "numba",
    threads: int | None = None,
    first_trajectory: int = 0,
    x0: Any = None,
    v0: Any = None,
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
    stationary measure; only where the force is a gradient at one temperature). Underdamped cells
    have "baoab" alone (docs/physics.md#underdamped). None: "baoab" for them, "heun" with a noise
    matrix, else "euler".

    Parameters
    ----------
    data : (n_samples, n_inputs) raw, or (n_samples, ...) images; the netlist's encoder maps them.
        None: one sample, with input cells at their x0
    kT : replaces the temperature of the netlist and of every phase; in the model's unit of energy
        (`lowered.energy_scale`), as are all energies of the result
    dt : time step; every phase must be a whole number of them (default: the netlist's)
    seed, first_trajectory : noise of trajectory first_trajectory + sample * runs + run is a
        function of its id, so a batch may be split at will
    observe : times at which the read cells are read, or names of phases for their ends; default:
        end of the read-out's phase
    targets, cost : (n_samples, n_outputs) what a phase with a nudge beta pulls the output cells
        towards, in their order: the force -beta dC/dx. "squared": C = 1/2 sum (phi(x) - y)^2 of
        what they show, and 1 - cos(x - y) for a phase cell that shows its angle; "cross-entropy":
        C = - sum y log softmax(phi(x)), y >= 0
    device : hardware that the machine is made of, a preset's name or a Device; None: the ideal equation.
        Its couplings bring noise, load their cells and saturate (thermo.simulate.langevin.wiring), its
        converters act on data and read-out, and a netlist at kT = 0 runs at the device's own temperature
        unless kT is given
    at : time since the device was programmed, s or "1h"; None: just programmed
    noise_bandwidth : of every cell's noise, angular, in the netlist's inverse unit of time; None: white.
        The cells of compiler.passes.coloured stand behind the others in whole states
    couplings : how the device makes them, in place of its own way; "ideal": the ideal equation
    input_bits, output_bits : of its converters in place of its own; "ideal": exact
    input_range, output_range : (lo, hi) of the converters, in units of x; None: what the encoded data,
        and the middle 99 % of the states read in this run, span. `evaluate` and `estimate` find
        them on the training split
    non_ideal, device_seed : mismatch, asymmetry, quantisation and laws of one device; what of it is not at
        its default replaces the device's own
    x0 : start, to be broadcast to (n_samples, runs, n_dynamic); default: the cells' own
    v0 : velocities of underdamped cells at the start, likewise; default: at rest. "thermal": drawn
        at the first phase's kT
    heat, heat_method : heat given to the bath. "potential": V(x_0) - V(x_t) + work, exact, needs a
        gradient force. "stratonovich": sum of (f_k + f_(k+1)) / 2 . (x_(k+1) - x_k). "auto": the
        first where possible. For underdamped cells V is the kinetic and potential energy, and
        "stratonovich" sums the kinetic energy that friction and noise take
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
    hardware = hardware_of(device, couplings, input_bits, output_bits)
    law = on_device(Imperfections() if hardware is None else hardware.imperfections, non_ideal, at)
    if noise_bandwidth is not None:
        netlist = _coloured(netlist, noise_bandwidth, hardware, law)
    check_choices(method, backend, heat_method, cost, threads)
    _check_numbers(runs, bound, seed, first_trajectory)
    verify(netlist)

    def replan(step: float | None, **changes: Any) -> Plan:
        options = {"observe": observe, "trajectory_every": trajectory_every} | changes
        made = make_plan(netlist, kT=kT, dt=step, **options)
        if hardware is not None and hardware.couplings.name != "ideal" and kT is None and not made.kT.any():
            # nothing real is at kT = 0: the device's swing says how hot it is in the netlist's units
            made = replace(made, kT=np.full_like(made.kT, device_units(netlist, hardware).kT))
        return made

    plan = replan(dt)
    if plan.total >= 2**32 - 1:
        raise SimulationError(f"{plan.total} steps are too many; at most 2^32 - 2 can be numbered")
    prepared = prepare(netlist, None if law.ideal else law, device_seed, inertia=True, device=hardware)
    method = scheme_of(prepared, method)
    run = runner(prepared, method, backend)
    how = heat_method_of(prepared, method, heat, heat_method, plan)
    cut, first = plan, None
    if how != "none" and np.ptp(plan.kT, axis=1).any():
        cut, first = slices(plan, TRACED if backend == "jax" else SLICES)
    inputs = encode(netlist, data)
    conversions: list[Conversion] = []
    drawn = {"device_seed": device_seed, "seed": seed, "first": first_trajectory}
    if hardware is not None and hardware.input_converter is not None and data is not None:
        inputs, driven = converted_inputs(
            netlist, inputs, hardware.input_converter, input_range, runs=runs, **drawn
        )
        conversions.append(driven)
    n_samples = inputs.shape[0]
    job = Job(
        prepared=prepared,
        plan=cut,
        method=method,
        inputs=inputs,
        runs=runs,
        x0=start_states(prepared, x0, n_samples, runs),
        targets=targets_of(netlist, prepared, targets, cost, n_samples),
        cost=cost,
        seed=seed,
        first=first_trajectory,
        heat_method=how,
        keep_final=keep_final,
        bound=bound,
        threads=threads,
        progress=NullProgress() if progress is None else progress,
        v0=start_velocities(prepared, v0, n_samples, runs, plan, seed, first_trajectory),
    )
    _check_size(job, max_bytes)
    raw = run(job)
    if raw.diverged is not None:
        raise diverged(job, run, raw.diverged[0], replan)
    outputs = _wrapped(prepared, raw.outputs)
    if hardware is not None and hardware.output_converter is not None and outputs.size:
        cells = prepared.cells[prepared.read]
        outputs, read = converted_outputs(
            netlist, outputs, cells, plan.ends, hardware.output_converter, output_range, **drawn
        )
        conversions.append(read)
    unit = netlist.lowered.energy_scale
    return SimulationResult(
        times=plan.times,
        outputs=outputs.reshape(plan.ends.size, n_samples, runs, -1),
        **_heats(job, raw, first, unit),
        **_states(job, raw),
        trajectory_times=plan.saved * plan.dt if plan.saved.size else None,
        phases=plan.names,
        kT=_one_kT(plan, unit, kT),
        dt=plan.dt,
        n_steps=plan.total,
        method=method,
        heat_method=how,
        backend=backend,
        seconds=time.perf_counter() - begin,
        readout=netlist.readout,
        conversions=tuple(conversions),
    )


def _check_numbers(runs: int, bound: float, seed: int, first_trajectory: int) -> None:
    if runs < 1:
        raise SimulationError(f"runs must be at least 1, got {runs}")
    if not bound > 0:
        raise SimulationError(f"bound must be above 0, got {bound:g}")
    for name, number in (("seed", seed), ("first_trajectory", first_trajectory)):
        if not 0 <= number < 2**64:
            raise SimulationError(f"{name} must be from 0 to 2^64 - 1, got {number}")


def _check_size(job: Job, max_bytes: int) -> None:
    if (size := result_bytes(job)) > max_bytes:
        raise SimulationError(
            f"the results would take {size} bytes, more than max_bytes = {max_bytes}: raise "
            "trajectory_every, observe fewer times, or split the samples with first_trajectory"
        )


def _heats(job: Job, raw: Raw, first: np.ndarray | None, unit: float) -> dict[str, np.ndarray | None]:
    """Heat and work in the model's unit and entropy of the bath, whole and by phase; None of what is unknown.

    first : (P,) slice that each phase begins with, None where slices are phases
    """
    prepared, how = job.prepared, job.heat_method
    shape = (-1, job.inputs.shape[0], job.runs)
    by_phase = None if how == "none" else _whole_phases(raw.heat, first).reshape(shape) / unit
    # noise of couplings is no bath at kT
    thermal = prepared.wiring is None or not prepared.wiring.noisy
    told = how != "none" and prepared.factor is None and thermal
    entropy = bath_entropy(job.plan, raw.heat) if told else None
    if entropy is not None:
        entropy = _whole_phases(entropy, first).reshape(shape)
    return {
        "heat": None if by_phase is None else by_phase.sum(axis=0),
        "heat_by_phase": by_phase,
        "work": _whole_phases(raw.work, first).reshape(shape) / unit if how == "potential" else None,
        "entropy": None if entropy is None else entropy.sum(axis=0),
        "entropy_by_phase": entropy,
    }


def _states(job: Job, raw: Raw) -> dict[str, np.ndarray | None]:
    """Last states, velocities and trajectories by (sample, run, dynamic cell); None of what was not kept."""
    shape = (job.inputs.shape[0], job.runs, job.prepared.n)
    return {
        "final": None if raw.final is None else raw.final.reshape(shape),
        "final_velocity": None if raw.velocity is None else raw.velocity.reshape(shape),
        "trajectory": None if raw.trajectory is None else raw.trajectory.reshape(-1, *shape),
    }


def _coloured(
    netlist: LangevinNetlist, bandwidth: float, hardware: Device | None, law: Imperfections
) -> LangevinNetlist:
    """The netlist with noise of a bandwidth; SimulationError on a device, which has no such filters."""
    if hardware is not None or not law.ideal:
        raise SimulationError(
            f"noise_bandwidth = {bandwidth:g} makes the noise by cells and couplings that no device has: "
            "leave the device and its imperfections out, or the bandwidth (--noise-bandwidth)"
        )
    return colour_noise(netlist, bandwidth)


def _whole_phases(values: np.ndarray, first: np.ndarray | None) -> np.ndarray:
    """(P, N) sums over each phase's slices, which begin at `first`."""
    return values if first is None else np.add.reduceat(values, first, axis=0)


def _one_kT(plan: Plan, unit: float, given: float | None) -> float:
    """The temperature of the whole schedule in the model's unit, NaN where it changes."""
    if given is not None:
        return float(given)
    return float(plan.kT[0, 0]) / unit if np.ptp(plan.kT) == 0 else np.nan


def _wrapped(prepared: Prepared, outputs: np.ndarray) -> np.ndarray:
    """(n_times, N, n_read) outputs with the angles of phase cells brought into [0, 2 pi)."""
    angles = prepared.angle[prepared.read] & (prepared.read_as == Activation.IDENTITY)
    if angles.any():
        turn = np.float32(2 * np.pi)
        wrapped = np.mod(outputs[..., angles], turn)
        outputs[..., angles] = np.where(wrapped < turn, wrapped, np.float32(0.0))
    return outputs
