"""What the parts of one deck share: its units, phases, temperatures, couplings and converters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.cells import stiffness
from compiler.formats.spice.levels import lines_of
from compiler.formats.spice.noise import RESOLUTION
from compiler.formats.spice.options import DeckOptions
from compiler.formats.spice.scale import Scale, scale_of
from compiler.formats.spice.signals import times
from compiler.formats.spice.wiring import Wiring, wire
from compiler.ir.langevin import CouplingKind, LangevinNetlist
from hw_models.converters import Lines


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """dynamic : (n_dynamic,) cells that move; at : s at which phases begin and the last one ends
    levels : the couplings' scale at the start and end of each phase, kTs : likewise the temperature
    scaled, well : whether a phase scales the couplings, or resets; hottest : the highest temperature
    noise : "", "fixed", "ramped" with the temperature, or "matrix"
    kinds : of couplings; drives : (n_cells,) whether a coupling reads what a cell shows
    driver, reader : levels of the converters, None: exact; step : s between noise samples
    bias : V by which sources of walls are moved inwards
    """

    netlist: LangevinNetlist
    options: DeckOptions
    scale: Scale
    wiring: Wiring | None
    dynamic: np.ndarray
    at: list[float]
    levels: list[tuple[float, float]]
    kTs: list[tuple[float, float]]
    noise: str
    kinds: frozenset[CouplingKind]
    drives: np.ndarray
    driver: Lines | None
    reader: Lines | None
    step: float
    bias: float = 0.0

    @property
    def scaled(self) -> bool:
        return any(pair != (1.0, 1.0) for pair in self.levels)

    @property
    def well(self) -> bool:
        return any(p.stiffness for p in self.netlist.schedule)

    @property
    def hottest(self) -> float:
        return max(max(pair) for pair in self.kTs)

    @property
    def reach(self) -> float:
        """Largest that couplings show, in units of x."""
        return np.inf if self.wiring is None else self.wiring.reach

    @property
    def tables(self) -> bool:
        """Whether noise is written out."""
        return self.options.noise == "tables"

    def inputs(self) -> np.ndarray:
        """(n_inputs,) encoded states, as converters leave them."""
        n = self.netlist
        u = n.cells.x0[n.inputs] if self.options.inputs is None else np.asarray(self.options.inputs, float)
        return u if self.driver is None else self.driver.rounded(u)

    def gating(self, i: int, what: str) -> str:
        """Whether couplings bring cell i noise ("excess") or a load, and whether it is always the same."""
        if self.wiring is None or not getattr(self.wiring, what)[:, i].any():
            return ""
        return "fixed" if self.wiring.steady else "gated"


def plan_of(netlist: LangevinNetlist, options: DeckOptions) -> Plan:
    """Raises UnsupportedError for what a deck cannot express, HardwareError for what a device cannot hold."""
    scale, device_kT = scale_of(netlist, options.device)
    wiring = wire(netlist, options.device, scale, options.cells)
    # nothing real is at kT = 0: the device's swing says how hot it is in the netlist's units
    own_kT = netlist.kT if netlist.kT or wiring is None else device_kT
    kT = own_kT if options.kT is None else float(options.kT) * netlist.lowered.energy_scale
    schedule = netlist.schedule
    own = [(kT, kT) if p.kT is None or options.kT is not None else p.kT for p in schedule]
    kTs = [(float(a), float(b)) for a, b in own]
    flat = {v for pair in kTs for v in pair}
    noise = "" if max(flat) == 0 else "fixed" if len(flat) == 1 else "ramped"
    groups = [g for g in netlist.couplings if len(g)]
    drives = np.zeros(len(netlist.cells), bool)
    for group in groups:
        drives[group.indices] = True
        if group.kind == CouplingKind.RESISTIVE:
            drives[group.rows] = True
    return Plan(
        netlist=netlist,
        options=options,
        scale=scale,
        wiring=wiring,
        dynamic=np.flatnonzero(~netlist.cells.frozen),
        at=times(schedule, scale.time),
        levels=[p.coupling_scale for p in schedule],
        kTs=kTs,
        noise="matrix" if netlist.noise is not None and noise else noise,
        kinds=frozenset(CouplingKind(g.kind) for g in groups),
        drives=drives,
        driver=lines_of(options.device, "input", options.input_range),
        reader=lines_of(options.device, "output", options.output_range),
        step=_noise_step(netlist, options, scale, wiring),
    )


def rate(netlist: LangevinNetlist, scale: Scale, wiring: Wiring | None, i: int) -> float:
    """1/s at which cell i forgets by itself, under its load at the end."""
    load = 0.0 if wiring is None else wiring.total(wiring.load, i)
    return netlist.mobility * (stiffness(netlist, i) + load) / scale.time


def _noise_step(netlist: LangevinNetlist, options: DeckOptions, scale: Scale, wiring: Wiring | None) -> float:
    """s between noise samples; half of it is ngspice's step."""
    if options.noise_step is not None:
        step = float(options.noise_step)
        if not (np.isfinite(step) and step > 0):
            raise UnsupportedError(f"noise step must be a time above 0, got {step:g}")
        return step * scale.time
    kappa = max(p.stiffness for p in netlist.schedule)
    cells = np.flatnonzero(~netlist.cells.frozen).tolist()
    fastest = max(rate(netlist, scale, wiring, i) for i in cells) * scale.time
    whole = fastest + netlist.mobility * kappa
    parts = max(2, math.ceil(netlist.dt * whole / RESOLUTION))  # a phase is whole steps of dt
    return netlist.dt / parts * scale.time
