"""Determinants as free energies: the work of switching couplings on and off.

The machine with potential x^T A x / 2 has F = -kT ln Z = (kT / 2) ln det A + constant. Ramping the
couplings from 0 to 1 leads from the cells by themselves, with det = prod A_ii, to the machine of A:

    ln det A = sum_i ln A_ii + 2 dF / kT

Work done forwards and backwards gives dF: Jarzynski's equality (1997) from either, Bennett's
acceptance ratio (1976) from both, or their mean where the ramp is slow (thermodynamic integration).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logsumexp

from compiler.ir.langevin import Phase
from thermo.linear_algebra.machine import GROUPS, LinearAlgebraError, check_time, make_machine
from thermo.linear_algebra.measurement import Measurement
from thermo.progress import Progress
from thermo.simulate.langevin.run import simulate_langevin

ESTIMATORS = ("bennett", "jarzynski", "mean")
JACKKNIFE = 64  # groups of machines that an error is estimated from, at most
STEP = 0.05  # dt times a bound of the fastest rate


def log_determinant(
    A: Any,
    *,
    time: float,
    burn_in: float | None = None,
    machines: int = 256,
    estimator: str = "bennett",
    dt: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Measurement:
    """ln det A of a symmetric positive definite A, from the work of ramping its couplings.

    time : of one ramp, in units of 1 / A; burn_in : in equilibrium before each of the two ramps
        (default: `time`); machines : ramps of each direction, at least 16
    estimator : "bennett" (both directions), "jarzynski" (forwards alone; needs dissipated work of
        about kT or less) or "mean" (half the difference of the mean works; a fast ramp makes it
        wrong by the asymmetry of the dissipation)

    `extra` has the mean work each way and the dissipated work, kT. Leimkuhler-Matthews steps start
    from exact equilibrium; the ramp itself is exact to first order in dt, the `bias` is unknown
    and 0 is given. Raises LinearAlgebraError for bad input.
    """
    if estimator not in ESTIMATORS:
        raise LinearAlgebraError(f"estimator must be one of {', '.join(ESTIMATORS)}, got {estimator!r}")
    if machines < GROUPS:
        raise LinearAlgebraError(
            f"a determinant needs at least {GROUPS} machines for its error, got {machines}"
        )
    machine = make_machine(
        A,
        0.0,
        kT=1.0,
        machines=machines,
        method="leimkuhler-matthews",
        dt=dt,
        seed=seed,
        step=STEP,
        symmetric=True,
        options=options,
    )
    dt = machine.dt
    ramp = math.ceil(check_time("time", time) / dt) * dt
    rest = ramp if burn_in is None else math.ceil(check_time("burn_in", burn_in) / dt) * dt
    netlist = machine.netlist(
        Phase("apart", rest, coupling_scale=(0.0, 0.0)),
        Phase("on", ramp, coupling_scale=(0.0, 1.0)),
        Phase("together", rest),
        Phase("off", ramp, coupling_scale=(1.0, 0.0)),
    )
    ran = simulate_langevin(
        netlist, runs=machines, method=machine.method, seed=seed, progress=progress, **options
    )
    if ran.work is None or ran.heat is None:
        raise LinearAlgebraError(
            "the couplings of this device are not symmetric, so no work belongs to a ramp; drop "
            "mismatch and asymmetry"
        )
    there, back = ran.work[1, 0], ran.work[3, 0]
    parts = np.array_split(np.arange(machines), min(machines, JACKKNIFE))
    whole = _free_energy(there, back, estimator)
    left = np.array(
        [_free_energy(np.delete(there, part), np.delete(back, part), estimator) for part in parts]
    )
    # jackknife over groups of machines
    count = len(parts)
    error = float(np.sqrt((count - 1) / count * np.sum((left - left.mean()) ** 2)))
    own = float(np.log(machine.model.A.diagonal()).sum())
    return Measurement(
        value=np.array(own + 2.0 * whole),
        error=np.array(2.0 * error),
        samples=float(machines),
        drift=float("nan"),
        bias=0.0,
        time=2.0 * ramp,
        burn_in=2.0 * rest,
        machines=machines,
        reads=0,
        heat=float(ran.heat.mean()),
        kT=1.0,
        dt=dt,
        method=machine.method,
        extra={
            "work_on_kT": float(there.mean()),
            "work_off_kT": float(back.mean()),
            "dissipated_kT": 0.5 * float(there.mean() + back.mean()),
            "estimator": estimator,
        },
    )


def _free_energy(there: np.ndarray, back: np.ndarray, estimator: str) -> float:
    """dF / kT from works / kT of ramps that begin in equilibrium."""
    if estimator == "mean":
        return 0.5 * float(there.mean() - back.mean())
    if estimator == "jarzynski":
        return -float(logsumexp(-there) - math.log(there.size))

    def excess(free: float) -> float:
        return float(expit(free - there).sum() - expit(-free - back).sum())

    low = min(float(there.min()), float(-back.max())) - 1.0
    high = max(float(there.max()), float(-back.min())) + 1.0
    return float(brentq(excess, low, high, xtol=1e-12))
