"""The cells of a deck: the circuit of each, its name, its nodes and its values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.formats.spice.cells import Circuit, circuit_of, definition, values_of
from compiler.formats.spice.diodes import diode_model
from compiler.formats.spice.noise import spread
from compiler.formats.spice.plan import Plan
from compiler.formats.spice.powers import cell_power, cell_spread, excess, rate_of, source
from compiler.formats.spice.signals import number
from compiler.ir.langevin import CouplingKind, Order

GLOBAL = {"well", "scale", "rootkt", "among", "on"}  # nodes that all cells share


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """circuits : of every cell that moves; names : of every kind of circuit, as a subcircuit"""

    plan: Plan
    circuits: dict[int, Circuit]
    names: dict[Circuit, str]

    def into(self, i: int) -> str:
        """Where currents enter cell i."""
        return f"x{i}" if self.circuits[i].order == "force" else f"v{i}"

    def shown(self, j: int) -> str:
        """What cell or input j shows to couplings."""
        if j not in self.circuits:
            return f"u{j}"
        return f"x{j}" if self.circuits[j].shown is None else f"y{j}"

    def shown_or_wave(self, j: int) -> str:
        """The same of sine couplings, whose nodes end in s and c."""
        return f"u{j}" if j not in self.circuits else f"y{j}"

    def own(self, i: int) -> str:
        """The state of cell i."""
        return f"x{i}"

    def thermal(self, i: int) -> bool:
        """Whether cell i's noise is its own linear resistor's and nothing else holds it."""
        c, scale = self.circuits[i], self.plan.scale
        if c.order != "force":
            return c.order == "reactive" or self.plan.noise == "fixed"
        own = 2.0 * float(self.plan.netlist.cells.j2[i]) * scale.conductance
        return c.thermal and not c.well and bool(np.isclose(own * scale.resistance, 1.0))

    @property
    def engineered(self) -> tuple[str, ...]:
        """Kinds of cells whose noise is engineered."""
        if not self.plan.noise:
            return ()
        return tuple(sorted({self.names[c] for i, c in self.circuits.items() if not self.thermal(i)}))


def drawn_of(plan: Plan) -> Drawn:
    circuits = {int(i): _circuit(plan, int(i)) for i in plan.dynamic}
    return Drawn(plan, circuits, _names(circuits.values()))


def _circuit(p: Plan, i: int) -> Circuit:
    inertial = p.netlist.cells.order[i] == Order.UNDERDAMPED
    return circuit_of(
        p.netlist,
        i,
        order="inertial" if inertial else p.options.cells,
        drives=bool(p.drives[i]) and p.kinds != {CouplingKind.SINE},
        scaled=p.scaled,
        reach=bool(np.isfinite(p.reach)),
        sine=bool(p.drives[i]) and CouplingKind.SINE in p.kinds,
        well=p.well,
        noise="" if p.tables or p.noise == "matrix" else p.noise,
        coupled=p.gating(i, "excess") if p.noise and not p.tables else "",
        loaded=p.gating(i, "load"),
    )


def _names(circuits: Any) -> dict[Circuit, str]:
    """A name for each kind, numbered where two would have the same."""
    names: dict[Circuit, str] = {}
    for c in dict.fromkeys(circuits):
        taken, name, k = set(names.values()), c.name, 2
        while name in taken:
            name, k = f"{c.name}_{k}", k + 1
        names[c] = name
    return names


def subcircuit_lines(d: Drawn) -> Iterator[str]:
    p = d.plan
    if any(c.low or c.high for c in d.circuits.values()):
        yield f".model wall D({diode_model(p.options.diode, p.scale)})"
    for circuit, name in d.names.items():
        yield from definition(circuit, name, p.scale, p.step, p.reach * p.scale.voltage)
        yield ""


def cell_lines(d: Drawn) -> Iterator[str]:
    """One instance a cell."""
    p = d.plan
    for i, c in d.circuits.items():
        short = {"v": f"v{i}", "y": f"y{i}", "ys": f"y{i}s", "yc": f"y{i}c"}
        ports = " ".join(port if port in GLOBAL else short[port] for port in c.ports)
        own = {"na": cell_spread(p, i) * math.sqrt(source(p, i))} if c.noise else {}
        values = values_of(p.netlist, i, c, p.scale, _burdens(p, i, c) | own | walls(p, i))
        told = " ".join(f"{k}={number(v)}" for k, v in values.items())
        yield " ".join(f"X{i} x{i} {ports} {d.names[c]} {told}".split())


def walls(p: Plan, i: int) -> dict[str, float]:
    """V of the sources behind cell i's diodes."""
    cells, v = p.netlist.cells, p.scale.voltage
    return {"lo": v * float(cells.lo[i]) + p.bias, "hi": v * float(cells.hi[i]) - p.bias}


def _burdens(p: Plan, i: int, c: Circuit) -> dict[str, float]:
    """What couplings bring to cell i, as parameters."""
    w = p.wiring
    if w is None:
        return {}
    found, g = {}, p.scale.conductance
    if c.loaded == "fixed":
        found["load"] = g * w.total(w.load, i)
    elif c.loaded:
        found |= {"load": g * float(w.load[0, i]), "load_in": g * float(w.load[1, i])}
    if c.coupled:
        more = excess(p, i) if c.coupled == "fixed" else float(w.excess[:, i].sum())
        found["nc"] = float(spread(cell_power(p) * more, p.step, rate_of(p, i)))
        found["share"] = float(w.excess[0, i] / max(w.excess[:, i].sum(), 1e-300))
    return found
