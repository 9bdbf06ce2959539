"""Couplings as elements, one each: what the driving cell shows, times a transconductance, is a current."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from compiler.formats.spice.cells import slope_of
from compiler.formats.spice.scale import Scale
from compiler.formats.spice.signals import number
from compiler.ir.langevin import CouplingKind, Couplings, LangevinNetlist

TOLD = {
    CouplingKind.LINEAR: "linear: current into the first cell per volt of what the second shows",
    CouplingKind.RESISTIVE: "resistive: resistors, or per direction where the two differ or are scaled",
    CouplingKind.GRADIENT: "gradient: sums over 1 ohm, times the slope of what the driven cell shows",
    CouplingKind.SINE: "sine: sums of sines and cosines over 1 ohm",
}


class Nodes(NamedTuple):
    """Names of a deck's nodes, by the number of a cell.

    into : where currents enter it; shown : what it, or an input, shows to couplings; own : its state, as
    couplings of these kinds see it
    """

    into: Callable[[int], str]
    shown: Callable[[int], str]
    own: Callable[[int], str]


def coupling_lines(
    netlist: LangevinNetlist, group: Couplings, nodes: Nodes, scale: Scale, *, plain: bool
) -> Iterator[str]:
    """Elements of one group. plain : whether cells show their own node, so that resistors may join them"""
    rows, cols, values = group.rows, group.indices, np.asarray(group.values, dtype=float)
    yield f"* {TOLD[CouplingKind(group.kind)]}"
    if group.kind == CouplingKind.LINEAR:
        for i, j, w in zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True):
            g = number(w * scale.conductance)
            yield f"G{i}_{j} 0 {nodes.into(i)} {nodes.shown(j)} 0 {g}"
    elif group.kind == CouplingKind.RESISTIVE:
        yield from _resistive(netlist, rows, cols, values, nodes, scale, plain)
    elif group.kind == CouplingKind.GRADIENT:
        for i in np.unique(rows).tolist():
            yield f"Ra{i} a{i} 0 1"
            slope = slope_of(int(netlist.cells.activation[i]), f"V({nodes.own(i)})", scale.voltage)
            yield f"Ba{i} 0 {nodes.into(i)} I={number(scale.conductance)}*{slope}*V(a{i})"
        for i, j, w in zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True):
            yield f"Ga{i}_{j} 0 a{i} {nodes.shown(j)} 0 {number(w)}"
    else:
        for i in np.unique(rows).tolist():
            yield f"Rs{i} s{i} 0 1"
            yield f"Rc{i} c{i} 0 1"
            x = nodes.own(i)
            yield f"Bs{i} 0 {nodes.into(i)} I=cos(V({x}))*V(s{i})-sin(V({x}))*V(c{i})"
        for i, j, w in zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True):
            yield f"Gs{i}_{j} 0 s{i} {nodes.shown(j)}s 0 {number(w)}"
            yield f"Gc{i}_{j} 0 c{i} {nodes.shown(j)}c 0 {number(w)}"


def _resistive(
    netlist: LangevinNetlist,
    rows: np.ndarray,
    cols: np.ndarray,
    values: np.ndarray,
    nodes: Nodes,
    scale: Scale,
    plain: bool,
) -> Iterator[str]:
    g = {(i, j): w for i, j, w in zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True)}
    frozen = netlist.cells.frozen
    for (i, j), w in g.items():
        if w == 0.0:
            continue
        mutual = plain and w > 0.0 and (bool(frozen[j]) or g.get((j, i)) == w)
        if mutual and (frozen[j] or i < j):
            yield f"R{i}_{j} {nodes.into(i)} {nodes.shown(j)} {number(1.0 / (w * scale.conductance))}"
        elif not mutual:
            value = number(w * scale.conductance)
            yield f"G{i}_{j} 0 {nodes.into(i)} {nodes.shown(j)} {nodes.own(i)} {value}"
