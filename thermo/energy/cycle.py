"""Work and heat over the whole cycle of an inference: on, relax, read, off, reset.

The first law, dV = dW - dQ, with W the work done on the machine when a parameter changes at fixed x
and Q the heat given to the bath (docs/physics.md#cycle). Switching the inputs on at x = 0 is free,
which is why a single relaxation flatters: the state it leaves behind must be thrown away again.
A perfect reset to x = 0 would cost an unbounded amount, so the reset is a well kappa x^2 / 2 of
stated stiffness, held for a stated time.

A stiff well wants a smaller step than the machine: Euler's stationary variance in it is too large by
mobility (kappa + 2 J2) dt / 2. The reset is therefore run by Heun's scheme, whose error is of second order,
in steps of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist, Phase
from compiler.ir.symmetry import is_gradient
from thermo.simulate.langevin.refusals import is_underdamped
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin

STIFF = 0.05  # most mobility times stiffness times dt of a reset's steps; Heun's variance is then 0.06 % off
_NEXT_SEED = 0x9E3779B97F4A7C15  # odd: every stroke has noise of its own, whatever the seeds of other runs


@dataclass(frozen=True, slots=True)
class Reset:
    """How a machine is brought back: a well kappa x^2 / 2 on every cell, inputs off.

    stiffness : kappa, energy / x^2 in the model's unit, 0 for none: the cells' own wells bring them back
    duration : time units
    couplings : whether couplings stay on, at the scale that the relaxation begins with, or are switched
        off as the inputs are; biases stay on
    """

    stiffness: float
    duration: float
    couplings: bool = True

    def __post_init__(self) -> None:
        for name, least in (("stiffness", 0.0), ("duration", None)):
            value = getattr(self, name)
            if not math.isfinite(value) or (value < 0 if least == 0.0 else value <= 0):
                rule = ">= 0" if least == 0.0 else "> 0"
                raise UnsupportedError(
                    f"reset: {name} must be a finite number {rule}, got {value}; a perfect reset would "
                    "cost an unbounded amount of work (--reset-stiffness, --reset-time; neither: cheapest)"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """Energies of one cycle in its steady state, (n_samples, runs) float64 in the model's unit of energy.

    work_on : well off, inputs on; heat_relax : given to the bath up to the read-out
    work_off : inputs off, well on, at the state that was read; heat_reset : given by the reset
    stored : V at the cycle's end minus V at its start, zero on average over all samples
    Where a device's couplings leave no potential, work_on, work_off and stored are None, and heat is summed
    along the path.
    entropy : given to the bath by the whole cycle, the integral of dQ / kT in units of k_B; in the mean of
        a steady cycle, which leaves the density of states as it was, this is its entropy production
    kT : of the whole cycle in the model's unit, NaN where it changes
    result : the simulation of the measured relaxation, whose second phase takes one step with inputs off
    """

    work_on: np.ndarray | None
    heat_relax: np.ndarray
    work_off: np.ndarray | None
    heat_reset: np.ndarray
    stored: np.ndarray | None
    entropy: np.ndarray | None
    kT: float
    reset: Reset
    result: SimulationResult

    @property
    def work(self) -> np.ndarray:
        """(n_samples, runs) work of the whole cycle; without a potential its heat, the same in the mean."""
        if self.work_on is None or self.work_off is None:
            return self.heat
        return self.work_on + self.work_off

    @property
    def heat(self) -> np.ndarray:
        """(n_samples, runs) heat of the whole cycle."""
        return self.heat_relax + self.heat_reset


def cycle_netlists(
    netlist: LangevinNetlist, reset: Reset, dt: float | None = None
) -> tuple[LangevinNetlist, LangevinNetlist]:
    """The two strokes: relaxation and reset, each followed by one step with inputs and well off, whose work
    at fixed x tells what switching costs; couplings are there as the next stroke begins with.

    dt : of the relaxation, by default the netlist's; the reset's follows from its stiffness

    Raises UnsupportedError unless the netlist has one phase and a gradient force.
    """
    if len(netlist.schedule) != 1:
        raise UnsupportedError(
            f"the cycle of a schedule with {len(netlist.schedule)} phases is not measured here; "
            "it must have one phase, in which the machine relaxes"
        )
    if not is_gradient(netlist):
        raise UnsupportedError(
            "work is defined only where the force is a gradient; this netlist's couplings are "
            "not symmetric (its heat is still measured)"
        )
    relax, dt = netlist.schedule[0], netlist.dt if dt is None else dt
    stiffness = reset.stiffness * netlist.lowered.energy_scale
    first = relax.coupling_scale[0]
    still = first if reset.couplings else 0.0
    moving = ~netlist.cells.frozen
    rate = netlist.mobility * (stiffness + 2.0 * float(np.abs(netlist.cells.j2[moving]).max()))
    # with half the dt half the step here, too, so that a second run tells what steps do in every stroke
    finest = min(dt, STIFF / rate * min(1.0, dt / netlist.dt))
    fine = reset.duration / max(1, math.ceil(reset.duration / finest - 1e-9))
    name = "off" if relax.name != "off" else "all off"
    off = Phase(name, dt, input_scale=0.0, coupling_scale=(still, still))
    well = replace(off, name="reset", duration=reset.duration, stiffness=stiffness)
    on = replace(off, duration=fine, coupling_scale=(first, first))
    relaxing = netlist.with_(schedule=(relax, off), dt=dt)
    resetting = netlist.with_(schedule=(well, on), dt=fine, readout=None)
    return relaxing, resetting


def measure_cycle(netlist: LangevinNetlist, data: np.ndarray | None, reset: Reset, **options: Any) -> Cycle:
    """Run two cycles and account for the second, which starts from the distribution a reset leaves.

    The first cycle has another sample's inputs, by a fixed permutation of the samples: what a reset does not
    wipe out is the trace of another answer, as in use.
    options : of `thermo.simulate.simulate` but for the start, what is kept and, with method, of the
        relaxation alone

    Raises UnsupportedError where work is not defined or there is no temperature.
    """
    kT = options.get("kT", netlist.kT)
    if not (kT is None or kT > 0) or not options.get("heat", True):
        raise UnsupportedError(f"a cycle is measured at kT > 0 with its heat, got kT = {kT}")
    dt, seed = options.pop("dt", None), options.pop("seed", 0)
    relaxing, resetting = cycle_netlists(netlist, reset, dt)
    if is_underdamped(netlist):
        return _in_one_run(netlist, data, reset, {**options, "dt": dt, "seed": seed})
    reset_options = {**options, "method": "heun"}
    seeds = [(seed + number * _NEXT_SEED) % 2**64 for number in range(4)]
    others = data if data is None else np.asarray(data)[np.random.default_rng(0).permutation(len(data))]
    _, x = run_stroke(relaxing, others, seed=seeds[0], **options)
    before, x = run_stroke(resetting, others, seed=seeds[1], x0=x, **reset_options)
    relax, x = run_stroke(relaxing, data, seed=seeds[2], x0=x, **options)
    back, _ = run_stroke(resetting, data, seed=seeds[3], x0=x, **reset_options)
    assert relax.heat_by_phase is not None and back.heat_by_phase is not None
    heat_relax, heat_reset = relax.heat_by_phase[0], back.heat_by_phase[0]
    entropy = None
    if relax.entropy_by_phase is not None and back.entropy_by_phase is not None:
        entropy = relax.entropy_by_phase[0] + back.entropy_by_phase[0]
    kT = relax.kT if relax.kT == back.kT else math.nan
    if before.work is None or relax.work is None or back.work is None:
        return Cycle(None, heat_relax, None, heat_reset, None, entropy, kT, reset, relax)
    # from the last well to the inputs, and from the inputs to the well, each by way of a step with both off
    work_on, work_off = before.work[1] + relax.work[0], relax.work[1] + back.work[0]
    stored = work_on + work_off - heat_relax - heat_reset
    return Cycle(work_on, heat_relax, work_off, heat_reset, stored, entropy, kT, reset, relax)


def run_stroke(
    netlist: LangevinNetlist, data: np.ndarray | None, **options: Any
) -> tuple[SimulationResult, np.ndarray]:
    """Run one of `cycle_netlists` and return where it ends, too, before the step with everything off.

    options : of `thermo.simulate.simulate`. Raises UnsupportedError where work is not defined, but for the
        couplings of a device.
    """
    steps = round(netlist.schedule[0].duration / netlist.dt)
    found = simulate_langevin(netlist, data, trajectory_every=steps, **options)
    if options.get("device") is None:
        _check_work(found)
    assert found.trajectory is not None
    return found, found.trajectory[1]


def _in_one_run(
    netlist: LangevinNetlist, data: np.ndarray | None, reset: Reset, options: dict[str, Any]
) -> Cycle:
    """Of underdamped cells, whose velocities go on from stroke to stroke: all strokes in steps of one dt."""
    (relax, _), (well, _) = (n.schedule for n in cycle_netlists(netlist, reset, options["dt"]))
    again = f"{relax.name} again"
    phases = (relax, well, replace(relax, name=again), replace(well, name="reset again"))
    readout = None if netlist.readout is None else replace(netlist.readout, phase=again)
    found = simulate_langevin(netlist.with_(schedule=phases, readout=readout), data, **options)
    _check_work(found)
    assert found.work is not None and found.heat_by_phase is not None
    work, heat, entropy = found.work, found.heat_by_phase, found.entropy_by_phase
    stored = work[2] + work[3] - heat[2] - heat[3]
    gone = None if entropy is None else entropy[2] + entropy[3]
    return Cycle(work[2], heat[2], work[3], heat[3], stored, gone, found.kT, reset, found)


def _check_work(found: SimulationResult) -> None:
    if found.work is None or found.heat_by_phase is None:
        raise UnsupportedError(
            "work is defined only where the force is a gradient; the couplings of this device are "
            "not symmetric: drop heat_method and non_ideal (its heat is still measured)"
        )
