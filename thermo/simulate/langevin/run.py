"""`simulate_langevin`: a Langevin netlist run on data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.kinds import verify
from compiler.ir.langevin import Activation, LangevinNetlist
from compiler.passes.coloured import colour_noise
from hw_models.couplings import CouplingTechnology
from hw_models.device import Device
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_device
from thermo.kernels.random import STREAM_INITIAL, normals_numpy
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.conversion import Conversion, Span, converted_inputs, converted_outputs
from thermo.simulate.langevin.divergence import diverged
from thermo.simulate.langevin.entropy import SLICES, TRACED, bath_entropy, slices
from thermo.simulate.langevin.job import COSTS, METHODS, Job, Raw, result_bytes
from thermo.simulate.langevin.numba_runner import run_numba
from thermo.simulate.langevin.numpy_runner import run_numpy
from thermo.simulate.langevin.plan import Plan, make_plan
from thermo.simulate.langevin.prepare import Prepared, encode, prepare
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.wiring import WAY_OUT, device_units

HEAT_METHODS = ("auto", "potential", "stratonovich")
MAX_BYTES = 4 << 30
BOUND = 1e6


def _run_jax(job: Job) -> Raw:
    from thermo.simulate.langevin.jax_runner import run_jax  # JAX takes a second to import

    return run_jax(job)


BACKENDS: MappingProxyType[str, Callable[[Job], Raw]] = MappingProxyType(
    {"numba": run_numba, "jax": _run_jax, "numpy": run_numpy}
)

INERTIAL = ("numba", "numpy")  # backends that run underdamped cells and noise matrices


def _choice(what: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SimulationError(f"{what} must be one of {', '.join(choices)}, got {value!r}")
    return value


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
    non_ideal = None if law.ideal else law
    if noise_bandwidth is not None:
        netlist = _coloured(netlist, noise_bandwidth, hardware, law)
    if method is not None:
        _choice("method", method, METHODS)
    _choice("backend", backend, tuple(BACKENDS))
    _choice("heat_method", heat_method, HEAT_METHODS)
    _choice("cost", cost, COSTS)
    if threads is not None and backend != "numba":
        raise SimulationError(
            f"threads = {threads} are for backend 'numba'; {backend!r} chooses its own: drop one"
        )
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
        made = make_plan(netlist, kT=kT, dt=step, **options)
        if hardware is not None and hardware.couplings.name != "ideal" and kT is None and not made.kT.any():
            # nothing real is at kT = 0: the device's swing says how hot it is in the netlist's units
            made = replace(made, kT=np.full_like(made.kT, device_units(netlist, hardware).kT))
        return made

    plan = replan(dt)
    if plan.total >= 2**32 - 1:
        raise SimulationError(f"{plan.total} steps are too many; at most 2^32 - 2 can be numbered")
    prepared = prepare(netlist, non_ideal, device_seed, inertia=True, device=hardware)
    if method is None:
        # an explicit step of a noise matrix's oscillating modes (RLC) must not heat them: Heun
        overdamped = "euler" if prepared.factor is None else "heun"
        method = overdamped if prepared.mass is None else "baoab"
    run = _runner(prepared, method, backend)
    how = _heat_method(prepared, method, heat, heat_method, plan)
    ramped = bool(np.ptp(plan.kT, axis=1).any())
    cut, first = plan, None
    if ramped and how != "none":
        cut, first = slices(plan, TRACED if backend == "jax" else SLICES)
    inputs = encode(netlist, data)
    conversions: list[Conversion] = []
    drawn = {"device_seed": device_seed, "seed": seed, "first": first_trajectory}
    if hardware is not None and hardware.input_converter is not None and data is not None:
        inputs, driven = converted_inputs(
            netlist, inputs, hardware.input_converter, input_range, runs=runs, **drawn
        )
        conversions.append(driven)
    job = Job(
        prepared=prepared,
        plan=cut,
        method=method,
        inputs=inputs,
        runs=runs,
        x0=_start(prepared, x0, inputs.shape[0], runs),
        targets=_targets(netlist, prepared, targets, cost, inputs.shape[0]),
        cost=cost,
        seed=seed,
        first=first_trajectory,
        heat_method=how,
        keep_final=keep_final,
        bound=bound,
        threads=threads,
        progress=NullProgress() if progress is None else progress,
        v0=_velocities(prepared, v0, inputs.shape[0], runs, plan, seed, first_trajectory),
    )
    size = result_bytes(job)
    if size > max_bytes:
        raise SimulationError(
            f"the results would take {size} bytes, more than max_bytes = {max_bytes}: raise "
            "trajectory_every, observe fewer times, or split the samples with first_trajectory"
        )
    raw = run(job)
    if raw.diverged is not None:
        raise diverged(job, run, raw.diverged[0], replan)
    shape = (inputs.shape[0], runs)
    outputs = _wrapped(prepared, raw.outputs)
    if hardware is not None and hardware.output_converter is not None and outputs.size:
        cells = prepared.cells[prepared.read]
        outputs, read = converted_outputs(
            netlist, outputs, cells, plan.ends, hardware.output_converter, output_range, **drawn
        )
        conversions.append(read)
    unit = netlist.lowered.energy_scale
    by_phase = None if how == "none" else _whole_phases(raw.heat, first).reshape(-1, *shape) / unit
    # noise of couplings is no bath at kT
    thermal = prepared.wiring is None or not prepared.wiring.noisy
    told = how != "none" and prepared.factor is None and thermal
    entropy = bath_entropy(cut, raw.heat) if told else None
    if entropy is not None:
        entropy = _whole_phases(entropy, first).reshape(-1, *shape)
    return SimulationResult(
        times=plan.times,
        outputs=outputs.reshape(plan.ends.size, *shape, -1),
        heat=None if by_phase is None else by_phase.sum(axis=0),
        heat_by_phase=by_phase,
        work=_whole_phases(raw.work, first).reshape(-1, *shape) / unit if how == "potential" else None,
        entropy=None if entropy is None else entropy.sum(axis=0),
        entropy_by_phase=entropy,
        final=None if raw.final is None else raw.final.reshape(*shape, prepared.n),
        trajectory=None if raw.trajectory is None else raw.trajectory.reshape(-1, *shape, prepared.n),
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
        final_velocity=None if raw.velocity is None else raw.velocity.reshape(*shape, prepared.n),
        conversions=tuple(conversions),
    )


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


def hardware_of(
    device: str | Device | None,
    couplings: str | CouplingTechnology | None,
    input_bits: int | str | None,
    output_bits: int | str | None,
) -> Device | None:
    """The device with couplings and converters as asked for; SimulationError for parts of no device."""
    if device is not None:
        return chosen_device(device, couplings, input_bits=input_bits, output_bits=output_bits)
    if couplings is not None:
        raise SimulationError(
            f"couplings = {getattr(couplings, 'name', couplings)!r} are those of a device: "
            "give a device (--device NAME)"
        )
    for name, bits in (("input_bits", input_bits), ("output_bits", output_bits)):
        if bits is not None:
            raise SimulationError(
                f"{name} = {bits} is the resolution of a device's converters: give a device, too"
            )
    return None


def _one_kT(plan: Plan, unit: float, given: float | None) -> float:
    """The temperature of the whole schedule in the model's unit, NaN where it changes."""
    if given is not None:
        return float(given)
    return float(plan.kT[0, 0]) / unit if np.ptp(plan.kT) == 0 else np.nan


def _runner(prepared: Prepared, method: str, backend: str) -> Callable[[Job], Raw]:
    """The function that runs this netlist; UnsupportedError where scheme or backend do not."""
    if (method == "baoab") != (prepared.mass is not None):
        kind, ways = ("underdamped", "baoab") if method != "baoab" else ("overdamped", METHODS[0])
        raise UnsupportedError(
            f"method {method!r} does not apply to the {kind} cell {int(prepared.cells[0])}; "
            f"use {ways!r} or leave method out"
        )
    if prepared.wiring is not None and method == "leimkuhler-matthews":
        raise UnsupportedError(
            f"method 'leimkuhler-matthews' needs one temperature, but {prepared.wiring.name} couplings bring "
            f"noise of their own; use 'euler' or 'heun', or {WAY_OUT}"
        )
    if prepared.mass is None and prepared.factor is None:
        return BACKENDS[backend]
    what = "underdamped cells" if prepared.factor is None else "a noise matrix"
    if backend not in INERTIAL:
        raise UnsupportedError(
            f"backend {backend!r} does not run {what}; use {' or '.join(map(repr, INERTIAL))}"
        )
    if method == "leimkuhler-matthews":
        raise UnsupportedError(f"method 'leimkuhler-matthews' does not run {what}; use 'euler' or 'heun'")
    return BACKENDS[backend]


def _velocities(
    prepared: Prepared, v0: Any, n_samples: int, runs: int, plan: Plan, seed: int, first: int
) -> np.ndarray | None:
    """(N, n) or (1, n) float64 starting velocities; None where cells have none."""
    if prepared.mass is None or prepared.friction is None:
        if v0 is not None:
            raise SimulationError("v0 is given, but overdamped cells have no velocity: leave it out")
        return None
    if v0 is None:
        return np.zeros((1, prepared.n))
    if isinstance(v0, str):
        _choice("v0", v0, ("thermal",))
        ids = np.uint64(first) + np.arange(n_samples * runs, dtype=np.uint64)
        normals = normals_numpy(seed, ids, 0, prepared.n, STREAM_INITIAL).T
        return np.asarray(normals * np.sqrt(plan.kT[0, 0] / prepared.mass))
    return _start(prepared, v0, n_samples, runs, "v0")


def _heat_method(prepared: Prepared, method: str, heat: bool, wanted: str, plan: Plan) -> str:
    """The way heat is measured; raises UnsupportedError where scheme or way need a potential."""
    if method == "leimkuhler-matthews":
        if not prepared.has_potential:
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
    if wanted == "potential" and not prepared.has_potential:
        raise UnsupportedError(
            f"heat_method 'potential' needs a gradient force, but {prepared.asymmetric}; use 'stratonovich'"
        )
    if wanted == "auto":
        if prepared.has_potential:
            return "potential"
        # with a noise matrix the states need not be displacements that the force acts along
        return "stratonovich" if prepared.factor is None else "none"
    return wanted


def _start(prepared: Prepared, x0: Any, n_samples: int, runs: int, name: str = "x0") -> np.ndarray:
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
                f"{name} has shape {array.shape}, which cannot be broadcast to {shape}, "
                "(samples, runs, dynamic cells)"
            ) from None
    if not np.all(np.isfinite(start)):
        raise SimulationError(f"{name} has values that are not finite")
    return start


def _targets(
    netlist: LangevinNetlist, prepared: Prepared, targets: Any, cost: str, n_samples: int
) -> np.ndarray | None:
    """(n_samples, n_out) float64, or None where none are given and none are needed."""
    nudging = [phase for phase in netlist.schedule if phase.nudge]
    wanted = (n_samples, prepared.outputs.size)
    if nudging and not prepared.outputs.size:
        raise SimulationError(
            f"phase {nudging[0].name!r} nudges the output cells, but no cell has the role output"
        )
    if targets is None:
        if nudging:
            raise SimulationError(
                f"phase {nudging[0].name!r} nudges the outputs with strength {nudging[0].nudge:g}: "
                f"give targets of shape {wanted}, (samples, output cells)"
            )
        return None
    array = np.asarray(targets, dtype=np.float64)
    if array.shape != wanted:
        raise SimulationError(
            f"targets have shape {array.shape}; they must be {wanted}, (samples, output cells)"
        )
    if not np.all(np.isfinite(array)):
        s, i = np.argwhere(~np.isfinite(array))[0]
        raise SimulationError(f"the target of sample {s}, output {i} is {array[s, i]}, not finite")
    if cost == "cross-entropy":
        if array.size and array.min() < 0:
            s, i = np.unravel_index(int(np.argmin(array)), wanted)
            raise SimulationError(
                f"the target of sample {s}, output {i} is {array[s, i]:g}; cost 'cross-entropy' "
                "wants probabilities, at least 0"
            )
        bare = prepared.angle & (prepared.activation == Activation.IDENTITY)
        if bare[prepared.outputs].any():
            i = prepared.cells[prepared.outputs[np.argmax(bare[prepared.outputs])]]
            raise SimulationError(
                f"cost 'cross-entropy' has no meaning for the angle that output cell {i} shows; "
                "give it the activation cosine or use cost 'squared'"
            )
    return array


def _wrapped(prepared: Prepared, outputs: np.ndarray) -> np.ndarray:
    """(n_times, N, n_read) outputs with the angles of phase cells brought into [0, 2 pi)."""
    angles = prepared.angle[prepared.read] & (prepared.read_as == Activation.IDENTITY)
    if angles.any():
        turn = np.float32(2 * np.pi)
        wrapped = np.mod(outputs[..., angles], turn)
        outputs[..., angles] = np.where(wrapped < turn, wrapped, np.float32(0.0))
    return outputs
