"""Scales and signs of Ising netlists: range, levels, gauge, and variables of 0 and 1."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.langevin import Couplings, LangevinNetlist
from compiler.passes.spins.model import changed, is_ising, remember
from compiler.passes.units import change_units, largest_coupling


def largest_field(netlist: LangevinNetlist) -> float:
    """Largest |h| of a dynamic cell, 0 if there is none."""
    h = netlist.cells.h[~netlist.cells.frozen]
    return float(np.abs(h).max(initial=0.0))


def fit_range(
    netlist: LangevinNetlist, coupling: float | None, field: float | None = None, *, fill: bool = False
) -> LangevinNetlist:
    """Bring |W| to at most `coupling` and |h| to at most `field` by another unit of energy.

    All energies and kT change by one factor, so that E / kT and with it every probability stays:
    exact to the last bit with a power of two (the default, which only ever shrinks, and returns a
    netlist within its limits as it is); exact to rounding with `fill`, which takes the largest
    factor there is, up or down, so that a target's levels are all used.

    Raises NetlistError for a limit that is not above 0.
    """
    room = math.inf
    for what, limit, size in (
        ("coupling", coupling, largest_coupling(netlist)),
        ("field", field, largest_field(netlist)),
    ):
        if limit is None:
            continue
        if not (math.isfinite(limit) and limit > 0):
            raise NetlistError(f"fit_range: {what} must be a finite number above 0, got {limit}")
        if size:
            room = min(room, limit / size)
    if math.isinf(room) or (room >= 1 and not fill) or room == 1:
        return netlist
    if not fill:
        return change_units(netlist, energy=2.0 ** math.floor(math.log2(room)))
    scaled = change_units(netlist, energy=room)
    # the rounded product may exceed the limit by its last bit
    return _clipped(scaled, coupling, field)


def _clipped(netlist: LangevinNetlist, coupling: float | None, field: float | None) -> LangevinNetlist:
    def change(c: Couplings) -> Couplings:
        w = c.weight if coupling is None else np.clip(c.weight, -coupling, coupling)
        return replace(c.plain(), weight=w.astype(c.weight.dtype))

    h = netlist.cells.h if field is None else np.clip(netlist.cells.h, -field, field)
    return netlist.with_(
        cells=replace(netlist.cells, h=h), couplings=tuple(change(c) for c in netlist.couplings)
    )


def quantize_fields(netlist: LangevinNetlist, bits: int, limit: float) -> LangevinNetlist:
    """Round every h to the nearest of 2^bits - 1 levels from -limit to limit; saturates. Not exact.

    Of an embedded netlist the cells of a chain are rounded together: each takes over the error of
    those before it, so that their sum, the spin's field, is off by half a step at most.

    Raises NetlistError for bits outside 2 to 24 or a limit that is not above 0.
    """
    if not 2 <= bits <= 24:
        raise NetlistError(f"quantize_fields: bits must lie in 2 to 24, got {bits}")
    if not (math.isfinite(limit) and limit > 0):
        raise NetlistError(f"quantize_fields: limit must be a finite number above 0, got {limit}")
    top = 2 ** (bits - 1) - 1
    step = limit / top
    levels = netlist.cells.h / step
    wanted = np.rint(levels)
    embedded = netlist.lowered.embedded
    for chain in () if embedded is None else embedded.chains:
        sums = np.cumsum(levels[chain])
        wanted[chain] = np.diff(np.rint(sums), prepend=0.0)
    h = np.clip(wanted, -top, top) * step
    h = np.where(netlist.cells.frozen, netlist.cells.h, h)
    return changed(netlist.with_(cells=replace(netlist.cells, h=h)), netlist)


def gauge(netlist: LangevinNetlist, signs: Any) -> LangevinNetlist:
    """The netlist in which cell i holds signs_i times what it held: h, W and x0 change sign; exact.

    signs : (n,) of +-1. Done with random signs, errors that favour +1 average out over runs. The
    field `lowered.gauge` is the product of all signs applied; `ungauge` gives the states back.

    Raises NetlistError for other signs, or cells that are not odd in x (J3, intervals, phi).
    """
    g = np.asarray(signs, dtype=np.float64)
    if g.shape != (netlist.n_cells,) or not np.isin(g, (-1.0, 1.0)).all():
        raise NetlistError(f"gauge: signs must be {netlist.n_cells} values of +1 or -1")
    cells = netlist.cells
    odd = (cells.j3 != 0) | (cells.lo != -cells.hi) | (cells.activation != 0)
    if odd.any():
        raise NetlistError(
            f"gauge: cell {int(np.argmax(odd))} is not the same with its sign changed (J3, an "
            "interval or an activation)"
        )

    def change(c: Couplings) -> Couplings:
        if c.tie is not None:
            c = Couplings(c.kind, c.indptr, c.indices, c.values)
        sign = (g[c.rows] * g[c.indices]).astype(c.weight.dtype)
        return replace(c.plain(), weight=c.weight * sign)

    before = netlist.lowered.gauge
    signs = g.astype(np.int8) if before is None else before * g.astype(np.int8)
    turned = netlist.with_(
        cells=replace(cells, h=cells.h * g, x0=cells.x0 * g),
        couplings=tuple(change(c) for c in netlist.couplings),
        lowered=netlist.lowered.with_(gauge=signs),
    )
    return remember(turned, netlist) if is_ising(netlist) else turned


def ungauge(states: Any, netlist: LangevinNetlist) -> np.ndarray:
    """States (..., n) in the signs that they had before any gauge of the netlist."""
    signs = netlist.lowered.gauge
    states = np.asarray(states)
    return states if signs is None else states * signs.astype(states.dtype)


def to_binary(
    h: np.ndarray, pairs: np.ndarray, J: np.ndarray, offset: float = 0.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """(a, b, c): E(s) in x = (1 + s) / 2 as c - (sum a_i x_i + sum b_ij x_i x_j); exact.

    pairs : (m, 2). For cells that show 0 and 1: a = 2 (h - sum_j J_ij), b = 4 J.
    """
    total = _sums(h.size, pairs, J)
    return 2 * (h - total), 4 * J, offset + float(h.sum() - J.sum())


def to_spin(
    a: np.ndarray, pairs: np.ndarray, b: np.ndarray, c: float = 0.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """(h, J, offset) of the same energy in s = 2 x - 1: the inverse of to_binary; exact."""
    total = _sums(a.size, pairs, b)
    h = a / 2 + total / 4
    return h, b / 4, c - float(a.sum() / 2 + b.sum() / 4)


def _sums(n: int, pairs: np.ndarray, J: np.ndarray) -> np.ndarray:
    """(n,) sum of the couplings of each spin."""
    from scipy import sparse

    w = sparse.csr_array((J, np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T), shape=(n, n))
    return np.asarray(w.sum(axis=0) + w.sum(axis=1)).ravel()
