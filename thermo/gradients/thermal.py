"""The gradient at finite temperature, from fluctuations: no nudge at all.

Under the Boltzmann density of E, d<C>/dtheta = -cov(dE/dtheta, C) / kT (arXiv 2405.08467; derived
by differentiating the density). The Langevin machine draws the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.langevin import LangevinNetlist, Role
from compiler.ir.symmetry import is_gradient
from thermo.gradients.errors import EqpropError
from thermo.simulate.langevin.run import simulate_langevin


@dataclass(frozen=True, slots=True, eq=False)
class ThermalGradient:
    """d<C>/dtheta of the dynamic cells of a symmetric machine, C = 1/2 |x_out - y|^2.

    w : (n, n) symmetric, each pair's one parameter; b : (n,) by the constant forces h
    w_sem, b_sem : standard errors; cost : <C>; samples : independent runs
    """

    w: np.ndarray
    b: np.ndarray
    w_sem: np.ndarray
    b_sem: np.ndarray
    cost: float
    samples: int


def thermal_gradient(
    netlist: LangevinNetlist,
    x: np.ndarray | None,
    y: np.ndarray,
    *,
    runs: int = 4096,
    seed: int = 0,
    dt: float | None = None,
    method: str = "leimkuhler-matthews",
    threads: int | None = None,
) -> ThermalGradient:
    """The gradient for one input x (n_in,) and target y (n_out,), from the states at which `runs`
    runs of the netlist's schedule end: it must be long enough to forget its start.

    Raises EqpropError unless forces are a gradient and kT > 0.
    """
    if netlist.kT <= 0 or not is_gradient(netlist):
        raise EqpropError(
            f"thermal gradient: needs symmetric couplings and kT > 0, got kT = {netlist.kT:g}; "
            "use a nudged estimator"
        )
    result = simulate_langevin(
        netlist,
        None if x is None else np.asarray(x)[None],
        runs=runs,
        seed=seed,
        dt=dt,
        method=method,
        heat=False,
        keep_final=True,
        threads=threads,
    )
    assert result.final is not None
    state = result.final[0].astype(float)
    dynamic = np.flatnonzero(netlist.cells.role != Role.INPUT)
    out = np.searchsorted(dynamic, netlist.outputs)
    cost = 0.5 * np.square(state[:, out] - y).sum(axis=1)
    spread = (cost - cost.mean())[:, None]
    w_each = spread[:, :, None] * (state[:, :, None] * state[:, None, :]) / netlist.kT
    b_each = spread * state / netlist.kT
    # covariance, not mean product: take the other factor's mean out as well
    w_each -= spread[:, :, None] * (state.T @ state / runs) / netlist.kT
    b_each -= spread * state.mean(axis=0) / netlist.kT
    w, b = w_each.sum(axis=0) / (runs - 1), b_each.sum(axis=0) / (runs - 1)
    root = np.sqrt(runs)
    np.fill_diagonal(w, 0.0)
    return ThermalGradient(
        w, b, w_each.std(axis=0) / root, b_each.std(axis=0) / root, float(cost.mean()), runs
    )
