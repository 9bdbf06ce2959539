"""Noise with a bandwidth: every cell is driven by thermal noise that a low-pass has been through.

Each dynamic cell x gets a cell y beside it, which takes its noise and hands it on,

    dy = -(y / tau) dt + sqrt(2 mobility kT) dW,   dx = mobility f dt + (y / tau) dt,   tau = 1 / bandwidth

so that x sees an Ornstein-Uhlenbeck current of covariance mobility kT / tau exp(-|t| / tau), which is white
of the same strength below the bandwidth. A harmonic cell of curvature k then has the variance
kT / (k (1 + mobility k tau)) (P. Hanggi and P. Jung, Adv. Chem. Phys. 89, 239, 1995, linear case).
"""

from __future__ import annotations

import math

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, LangevinNetlist, Order


def colour_noise(netlist: LangevinNetlist, bandwidth: float) -> LangevinNetlist:
    """The netlist with noise of this bandwidth (angular, in 1 / its unit of time) in every dynamic cell.

    The cells that are added stand behind the others and start at rest.

    Raises NetlistError for a bandwidth that is not above 0, UnsupportedError for cells that are not
    overdamped continuous ones, a noise matrix, and phases that scale
    couplings or hold cells in a well.
    """
    if not (math.isfinite(bandwidth) and bandwidth > 0):
        raise NetlistError(f"colour_noise: bandwidth must be a number above 0, got {bandwidth}")
    cells, n = netlist.cells, netlist.n_cells
    if (cells.kind != CellKind.CONTINUOUS).any() or (cells.order != Order.OVERDAMPED).any():
        raise UnsupportedError("colour_noise: only overdamped continuous cells have noise of a bandwidth")
    if netlist.noise is not None:
        raise UnsupportedError("colour_noise: the netlist has a noise matrix; leave the bandwidth out")
    for phase in netlist.schedule:
        if phase.coupling_scale != (1.0, 1.0) or phase.stiffness:
            raise UnsupportedError(
                f"colour_noise: phase {phase.name!r} scales couplings or holds cells in a well, and would "
                "do so to the noise; give the netlist a schedule without"
            )
    driven = np.flatnonzero(~cells.frozen)
    strength = bandwidth / netlist.mobility
    filters = Cells.make(driven.size, j2=0.5 * strength)
    columns = {
        name: np.concatenate([column, getattr(filters, name)])
        for name, column in cells.columns().items()
        if name != "identity"
    }
    if cells.identity is not None:
        columns["identity"] = np.concatenate(
            [cells.identity, cells.identity.max(initial=-1) + 1 + np.arange(driven.size)]
        ).astype(np.int32)
    m = n + driven.size
    noise = np.zeros((m, m))
    np.fill_diagonal(noise[n:, n:], netlist.mobility)
    couplings = [_wider(c, driven.size) for c in netlist.couplings if c.kind != CouplingKind.LINEAR]
    row, col = driven, n + np.arange(driven.size)
    weight = np.full(driven.size, strength)
    for c in (c for c in netlist.couplings if c.kind == CouplingKind.LINEAR):
        row, col = np.concatenate([c.rows, row]), np.concatenate([c.indices, col])
        weight = np.concatenate([c.values, weight])
    linear = Couplings.from_coo(CouplingKind.LINEAR, m, row, col, weight)
    return netlist.with_(cells=Cells(**columns), couplings=(linear, *couplings), noise=noise)


def _wider(c: Couplings, more: int) -> Couplings:
    """The same couplings among more cells, which they do not drive."""
    indptr = np.concatenate([c.indptr, np.full(more, c.indptr[-1])])
    return Couplings(c.kind, indptr, c.indices, c.weight, c.tie)
