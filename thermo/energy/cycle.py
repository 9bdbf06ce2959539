"""Work and heat over the whole cycle of an inference: on, relax, read, off, reset.

The first law, dV = dW - dQ, with W the work done on the machine when a parameter changes at fixed x
and Q the heat given to the bath (docs/physics.md#cycle). Switching the inputs on at x = 0 is free,
which is why a single relaxation flatters: the state it leaves behind must be thrown away again.
A perfect reset to x = 0 would cost an unbounded amount, so the reset is a well kappa x^2 / 2 of
stated stiffness, held for a stated time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist, Phase
from compiler.ir.symmetry import is_gradient
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin


@dataclass(frozen=True, slots=True)
class Reset:
    """How a machine is brought back: a well kappa x^2 / 2 on every cell, inputs off.

    stiffness : kappa, energy / x^2 in the model's unit; duration : time units. Couplings and biases stay on.
    """

    stiffness: float = 100.0
    duration: float = 0.1

    def __post_init__(self) -> None:
        for name in ("stiffness", "duration"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise UnsupportedError(
                    f"reset: {name} must be a finite number > 0, got {value}; a perfect reset "
                    "would cost an unbounded amount of work"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """Energies of one cycle in its steady state, (n_samples, runs) float64 in units of kT.

    work_on : well off, inputs on; heat_relax : given to the bath up to the read-out
    work_off : inputs off, well on, at the state that was read; heat_reset : given by the reset
    stored : V at the cycle's end minus V at its start, zero on average
    result : the simulation, whose read-out belongs to the measured cycle
    """

    work_on: np.ndarray
    heat_relax: np.ndarray
    work_off: np.ndarray
    heat_reset: np.ndarray
    stored: np.ndarray
    reset: Reset
    result: SimulationResult

    @property
    def work(self) -> np.ndarray:
        """(n_samples, runs) work of the whole cycle, kT."""
        return self.work_on + self.work_off

    @property
    def heat(self) -> np.ndarray:
        """(n_samples, runs) heat of the whole cycle, kT."""
        return self.heat_relax + self.heat_reset


def cycle_netlist(netlist: LangevinNetlist, reset: Reset) -> LangevinNetlist:
    """The netlist with its schedule run twice, a reset after each; the second is the steady one.

    Raises UnsupportedError unless it has one phase, a read-out in it and a gradient force.
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
    relax, stiffness = netlist.schedule[0], reset.stiffness * netlist.lowered.energy_scale
    names = (relax.name, "reset", f"{relax.name} again", "reset again")
    phases = tuple(
        replace(relax, name=name)
        if k % 2 == 0
        else Phase(name, reset.duration, input_scale=0.0, stiffness=stiffness)
        for k, name in enumerate(names)
    )
    readout = None if netlist.readout is None else replace(netlist.readout, phase=names[2])
    return netlist.with_(schedule=phases, readout=readout)


def measure_cycle(
    netlist: LangevinNetlist, data: np.ndarray | None, reset: Reset | None = None, **options: Any
) -> Cycle:
    """Run two cycles and account for the second, which starts from the distribution a reset leaves.

    options : of `thermo.simulate.simulate`
    """
    reset = reset or Reset()
    kT = options.get("kT", netlist.kT)
    if not (kT is None or kT > 0) or not options.get("heat", True):
        raise UnsupportedError(f"a cycle is measured at kT > 0 with its heat, got kT = {kT}")
    result = simulate_langevin(cycle_netlist(netlist, reset), data, **options)
    if result.work is None or result.heat_by_phase is None:
        raise UnsupportedError(
            "work is defined only where the force is a gradient; the couplings of this device are "
            "not symmetric: drop heat_method and non_ideal (its heat is still measured)"
        )
    work, heat = result.work / result.kT, result.heat_by_phase / result.kT
    stored = work[2] + work[3] - heat[2] - heat[3]
    return Cycle(work[2], heat[2], work[3], heat[3], stored, reset, result)
