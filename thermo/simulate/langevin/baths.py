"""Several baths: heat and entropy given to each, where cells have temperatures of their own.

A netlist whose noise matrix D is diagonal has the cell i in a bath at kT D_ii / mobility, cells of one
temperature in one bath. What a bath takes up is the work of the forces on its cells along the path,

    Q_b = sum over i in b of the integral of f_i o dx_i   (Stratonovich)

(docs/physics.md#baths). It is summed here from whole trajectories, in double precision, step by step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.law import Law, Setting
from thermo.simulate.langevin.plan import make_plan
from thermo.simulate.langevin.prepare import encode, prepare
from thermo.simulate.langevin.refusals import is_underdamped
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin

CLOSE = 1e-9  # relative difference of temperatures of one bath


@dataclass(frozen=True, slots=True, eq=False)
class BathHeat:
    """temperatures : (n_baths,) mobility's share of D over it, in units of the phase's kT, ascending
    cells : (n_baths,) how many cells each has; bath : (n_dynamic,) which one each cell is in
    heat : (n_baths, n_samples, runs) in the model's unit of energy
    entropy : (n_baths, n_samples, runs) the integral of dQ_b / kT_b, units of k_B, NaN for a bath at 0
    result : the simulation
    """

    temperatures: np.ndarray
    cells: np.ndarray
    bath: np.ndarray
    heat: np.ndarray
    entropy: np.ndarray
    result: SimulationResult


def baths_of(netlist: LangevinNetlist) -> tuple[np.ndarray, np.ndarray]:
    """((n_baths,) temperatures over kT, (n_dynamic,) the bath of each cell); without D there is one.

    Raises UnsupportedError for noise that cells share, which is of no bath of theirs.
    """
    dynamic = np.flatnonzero(~netlist.cells.frozen)
    if netlist.noise is None:
        return np.ones(1), np.zeros(dynamic.size, np.int64)
    noise = netlist.noise[np.ix_(dynamic, dynamic)]
    own = np.diag(noise)
    apart = np.abs(noise - np.diag(own)) > CLOSE * np.abs(own).max()
    if apart.any():
        i, j = (int(dynamic[k]) for k in np.argwhere(apart)[0])
        raise UnsupportedError(
            f"cells {i} and {j} share noise (the noise matrix has an entry for them): heat goes to baths "
            "only where every cell has noise of its own; drop --baths"
        )
    temperatures, bath = np.unique(np.round(own / netlist.mobility, 12), return_inverse=True)
    return temperatures, bath


def bath_heat(
    netlist: LangevinNetlist,
    data: np.ndarray | None = None,
    *,
    kT: float | None = None,
    dt: float | None = None,
    **options: Any,
) -> BathHeat:
    """Simulate and account for the heat of every bath.

    options : of `thermo.simulate.simulate`, but for heat and what is kept; whole trajectories are kept, so
        that many runs of many cells want more max_bytes

    Raises UnsupportedError where there are no baths, a nudge acts or cells are underdamped.
    """
    temperatures, bath = baths_of(netlist)
    if any(phase.nudge for phase in netlist.schedule):
        raise UnsupportedError("heat into baths is not summed where a phase nudges the outputs; drop --baths")
    if is_underdamped(netlist):
        raise UnsupportedError("heat into baths is summed for overdamped cells; drop --baths")
    prepared = prepare(netlist, options.get("non_ideal"), options.get("device_seed", 0), inertia=True)
    found = simulate_langevin(netlist, data, kT=kT, dt=dt, heat=False, trajectory_every=1, **options)
    assert found.trajectory is not None
    plan = make_plan(netlist, kT=kT, dt=dt, observe=None, trajectory_every=None)
    samples, runs = found.trajectory.shape[1:3]
    law, inputs = Law(prepared), np.repeat(encode(netlist, data), runs, axis=0).T
    drives = [law.drive(inputs, scale) for scale in plan.input_scales]
    heat = np.zeros((temperatures.size, samples * runs))
    entropy, done = np.zeros_like(heat), 0

    def state(k: int) -> np.ndarray:
        assert found.trajectory is not None
        return np.asarray(found.trajectory[k].reshape(samples * runs, -1).T, dtype=np.float64)

    for q, steps in enumerate(plan.n_steps):
        (s0, s1), (hot, cold) = plan.scale[q], plan.kT[q]
        x = state(done)
        at = Setting(s0, float(plan.stiffness[q]), 0.0, drives[plan.drive[q]])
        force = law.force(x, at)
        for k in range(steps):
            new = state(done + k + 1)
            then = law.force(new, at._replace(s=s0 + (s1 - s0) * (k + 1) / steps))
            cells = 0.5 * (force + then) * (new - x)
            given = np.stack([cells[bath == b].sum(axis=0) for b in range(temperatures.size)])
            heat += given
            with np.errstate(divide="ignore", invalid="ignore"):
                entropy += given / (temperatures * (hot + (cold - hot) * (k + 0.5) / steps))[:, None]
            x, force = new, then
        done += steps
    entropy[~np.isfinite(entropy)] = np.nan
    shape = (temperatures.size, samples, runs)
    unit = netlist.lowered.energy_scale
    counts = np.bincount(bath, minlength=temperatures.size)
    return BathHeat(temperatures, counts, bath, heat.reshape(shape) / unit, entropy.reshape(shape), found)
