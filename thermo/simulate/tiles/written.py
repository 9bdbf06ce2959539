"""A network's weights as the devices of one machine: conductances, what wires make of them, their loads.

All is relative to the conductance of a device that is on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from compiler.ir.network import Weighted
from compiler.ir.tiles import Layout, TileNetlist
from hw_models.imperfect import (
    Imperfections,
    compensation,
    elements,
    is_compensated,
    just_programmed,
    largest,
    quantise,
    unit_of,
)
from hw_models.ir_drop import Wires, approximate, transfer

Solver = Callable[[np.ndarray, Wires], np.ndarray]
SOLVERS: dict[str, Solver] = {"exact": transfer, "fast": approximate}
"""How the resistance of wires is reckoned with, hw_models.ir_drop."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """wires : their resistances; on : S of a device that is on; solver : of SOLVERS"""

    wires: Wires
    on: float
    solver: str = "exact"


@dataclass(frozen=True, slots=True, eq=False)
class WrittenLayer:
    """One layer on its devices.

    effective : (copies, slices, n_out, n_read), what a pair's current is of a row's voltage
    load : (copies, slices, n_read) sum of the conductances on a row
    column_load : (copies, slices, tiles down, n_out) sum of the conductances of a pair of columns in a tile
    gain : what a relative conductance of 1 is as a weight, drift compensated
    lines, pairs : (copies, n_read) and (copies, slices, tiles down, n_out) numbers that converters are
        known by
    """

    effective: np.ndarray
    load: np.ndarray
    column_load: np.ndarray
    gain: float
    lines: np.ndarray
    pairs: np.ndarray


def written_layers(
    netlist: TileNetlist, law: Imperfections, seed: int, wiring: Wiring | None = None
) -> tuple[WrittenLayer, ...]:
    """Every layer with weights on device `seed`.

    A weight is known by the numbers of the units that it joins, all layers' units one after another, as
    in the network's Langevin netlist; devices of further slices have numbers of their own behind them.
    Copies of a kernel are known by the units that they make, a kernel whose positions take turns by those
    of the first position.

    wiring : None for wires without resistance

    Raises HardwareError for a negative seed.
    """
    sizes = [math.prod(shape) for shape in netlist.network.shapes]
    starts = [0, *accumulate(sizes)]
    found = []
    for k, layer in enumerate(netlist.network.layers):
        if isinstance(layer, Weighted):
            copies = sizes[k + 1] // layer.n_out if layer.unrolled else 1
            units = starts[k] + np.arange(layer.n_read), starts[k + 1] + np.arange(copies * layer.n_out)
            found.append(_written(layer, netlist.layout, law, seed, *units, starts[-1], wiring))
    return tuple(found)


def _written(
    layer: Weighted,
    layout: Layout,
    law: Imperfections,
    seed: int,
    below: np.ndarray,
    above: np.ndarray,
    units: int,
    wiring: Wiring | None,
) -> WrittenLayer:
    """below, above : (n_read,) and (copies * n_out,) units that are joined; units : of the whole network"""
    m, n = layer.weight.shape
    weight = layer.weight.astype(np.float64)
    top = largest([weight]) or 1.0
    unit = top * unit_of(law)
    targets = layout.sliced(quantise(weight, law.bits, top) / top)
    driven = above.reshape(-1, 1, m) + units * np.arange(layout.slices)[:, None]  # (copies, slices, n_out)
    blocks = layout.row_cuts(n)
    effective = np.empty((*driven.shape, n))
    load = np.empty((*driven.shape[:2], n))
    column_load = np.empty((*driven.shape[:2], len(blocks), m))
    now, then = np.zeros((driven.shape[0], m, n)), np.zeros((driven.shape[0], m, n))
    compensated, fresh = is_compensated(law), just_programmed(law)
    for c, k in np.ndindex(*driven.shape[:2]):
        ends = driven[c, k][:, None], below
        plus, minus = elements(targets[k], *ends, law, seed)
        effective[c, k] = plus - minus if wiring is None else _through_wires(plus, minus, layout, wiring)
        load[c, k] = (plus + minus).sum(axis=0)
        column_load[c, k] = [(plus + minus)[:, rows].sum(axis=1) for rows in blocks]
        if compensated:
            now[c] += layout.shares[k] * (plus - minus)
            before = elements(targets[k], *ends, fresh, seed)
            then[c] += layout.shares[k] * (before[0] - before[1])
    gain = unit * compensation(law, [then], [now], seed) if compensated else unit
    lines = np.broadcast_to(below, (driven.shape[0], n)) + units * np.arange(driven.shape[0])[:, None]
    pairs = driven[:, :, None, :] + units * layout.slices * np.arange(len(blocks))[:, None]
    return WrittenLayer(effective, load, column_load, gain, lines, pairs)


def _through_wires(plus: np.ndarray, minus: np.ndarray, layout: Layout, wiring: Wiring) -> np.ndarray:
    """(n_out, n_read) of conductances (n_out, n_read), tile by tile; a pair's columns are neighbours."""
    out = np.empty(plus.shape)
    m, n = plus.shape
    for columns in layout.output_cuts(m):
        for rows in layout.row_cuts(n):
            part = plus[columns, rows].T, minus[columns, rows].T
            tile = np.stack(part, axis=2).reshape(part[0].shape[0], -1)
            seen = SOLVERS[wiring.solver](wiring.on * tile, wiring.wires) / wiring.on
            out[columns, rows] = (seen[:, 0::2] - seen[:, 1::2]).T
    return out
