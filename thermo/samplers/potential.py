"""Gradients that samplers take: a function (x, step) -> dU/dx, chains last."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.errors import ThermocError
from compiler.ir.langevin import LangevinNetlist, Role
from compiler.ir.law import Law, Setting
from thermo.simulate.langevin.prepare import encode, prepare

# (x (d, chains) float64, step) -> (d, chains); may be a stochastic estimate keyed by the step
Gradient = Callable[[np.ndarray, int], np.ndarray]
_ROWS = 41  # which use of a seed chooses minibatches


class SamplerError(ThermocError):
    """An option, gradient or state that cannot be sampled with."""


def minibatch(
    rows_gradient: Callable[[np.ndarray, np.ndarray], np.ndarray],
    prior_gradient: Callable[[np.ndarray], np.ndarray],
    n_rows: int,
    batch: int,
    *,
    seed: int = 0,
) -> Gradient:
    """The unbiased gradient of U(x) = prior(x) + sum over n_rows rows from `batch` of them.

    rows_gradient(x, rows) : (d, chains), summed over the rows (batch,), drawn without replacement
    from (seed, step) and shared by all chains. Raises SamplerError for a batch of no or too many
    rows.
    """
    if not 1 <= batch <= n_rows:
        raise SamplerError(
            f"minibatch: batch must be a whole number from 1 to the {n_rows} rows, got {batch}"
        )
    scale = n_rows / batch

    def gradient(x: np.ndarray, step: int) -> np.ndarray:
        rng = np.random.default_rng([seed, _ROWS, step])
        rows = rng.choice(n_rows, batch, replace=False, shuffle=False)
        return prior_gradient(x) + scale * rows_gradient(x, rows)

    return gradient


def netlist_gradient(netlist: LangevinNetlist, data: np.ndarray | None = None) -> Gradient:
    """dV/dx of a netlist's dynamic cells, couplings at full scale, inputs at `data` (n_inputs,) raw
    (None: input cells at their x0).

    Raises SamplerError if the force is no gradient or a cell is confined to an interval.
    """
    prepared = prepare(netlist)
    if not prepared.has_potential:
        raise SamplerError(f"netlist: has no potential ({prepared.asymmetric}); symmetrise it")
    confined = np.isfinite(prepared.lo) | np.isfinite(prepared.hi)
    if confined.any():
        raise SamplerError(
            f"netlist: cell {prepared.cells[int(np.argmax(confined))]} is kept in an interval, "
            "which these samplers do not know; simulate the netlist instead"
        )
    law = Law(prepared)
    if data is None:
        u = netlist.cells.x0[netlist.cells.role == Role.INPUT][:, None]
    else:
        u = np.asarray(encode(netlist, np.asarray(data)[None]), float).reshape(1, -1).T
    at = Setting(1.0, 0.0, 0.0, law.drive(u))
    return lambda x, step: -law.force(x, at)
