"""Powers of the noise in a deck's cells, and the spread of samples that make them."""

from __future__ import annotations

import numpy as np

from compiler.formats.spice.noise import interpolation_loss, spread
from compiler.formats.spice.plan import Plan, rate
from compiler.ir.langevin import Order


def excess(p: Plan, i: int) -> float:
    """Noise power of cell i's couplings over its own at the end of the run."""
    return 0.0 if p.wiring is None else p.wiring.total(p.wiring.excess, i)


def source(p: Plan, i: int) -> float:
    """Noise power of cell i's resistor and bias source over that of its resistor."""
    return 1.0 if p.wiring is None else float(p.wiring.own[i])


def cell_power(p: Plan) -> float:
    """A^2/Hz, two-sided, of a cell's own noise at the highest temperature."""
    s = p.scale
    return 2.0 * p.hottest / p.netlist.mobility * s.time * s.current**2


def rate_of(p: Plan, i: int) -> float:
    """1/s at which cell i forgets by itself, under its load at the end."""
    return rate(p.netlist, p.scale, p.wiring, i)


def cell_spread(p: Plan, i: int) -> float:
    """A rms of a cell's noise samples, at the highest temperature."""
    n = p.netlist
    if n.cells.order[i] == Order.UNDERDAMPED:
        own = float(n.cells.friction[i] / n.cells.mass[i])
        return float(spread(2.0 * p.hottest * float(n.cells.friction[i]), p.step, own))
    return float(spread(cell_power(p), p.step, rate_of(p, i)))


def restored(p: Plan) -> np.ndarray:
    """(n_dynamic,) variance of each cell's samples over that of white noise's power: what joining them by
    lines takes from a cell alone is put back.
    """
    inertial = p.netlist.cells.order[p.dynamic] == Order.UNDERDAMPED
    rates = np.array([max(rate_of(p, int(i)), 0.0) for i in p.dynamic])
    known = ~inertial & (p.noise != "matrix")
    return np.where(known, 1.0 / interpolation_loss(rates * p.step), 1.0)


def covariance(p: Plan) -> np.ndarray:
    """(n_dynamic, n_dynamic) of the cells' noise over a cell's own, at the end."""
    own = np.diag([source(p, int(i)) + excess(p, int(i)) for i in p.dynamic])
    w = p.wiring
    if w is None or w.shared is None:
        return own
    mixed = w.shared @ w.shared.T
    return np.asarray(own + w.among[-1][1] * (mixed if isinstance(mixed, np.ndarray) else mixed.toarray()))
