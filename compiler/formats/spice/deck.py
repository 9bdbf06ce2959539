"""A Langevin netlist as an ngspice deck (docs/spice.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from compiler.formats.format import Format
from compiler.formats.spice.couplings import Nodes, coupling_lines
from compiler.formats.spice.diodes import SWING, check_swing, drop, rests_of
from compiler.formats.spice.drawn import Drawn, cell_lines, drawn_of, subcircuit_lines
from compiler.formats.spice.header import header_lines
from compiler.formats.spice.options import DEFAULTS, DeckOptions
from compiler.formats.spice.plan import plan_of
from compiler.formats.spice.powers import covariance, restored
from compiler.formats.spice.reading import Reading, control_lines, reader_lines, reading_of
from compiler.formats.spice.refusals import check_expressible
from compiler.formats.spice.samples import noise_lines
from compiler.formats.spice.scale import Scale
from compiler.formats.spice.sources import source_lines
from compiler.formats.spice.start import start_lines
from compiler.ir.kinds import verify
from compiler.ir.langevin import CouplingKind, LangevinNetlist


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """text : the deck; cells : (n_dynamic,) or (n_read,) netlist's cells in the table's columns
    times : (n_times,) s at which states are read; window : s before each over which they are averaged
    end : s of the whole run, 0 of an operating point; step : s, ngspice's, half of that between noise samples
    scale : its units; noise : (n_dynamic, n_dynamic) covariance of the cells' noise over a cell's own, at the
        end of the run; restored : (n_dynamic,) by what its samples' variance is larger than that, for lines
        that join them; levels : (n_levels,) netlist's cells whose read-out converters' levels are in the
        table behind the states, V
    engineered : kinds of cells whose noise is engineered
    """

    text: str
    cells: np.ndarray
    times: np.ndarray
    window: float
    end: float
    step: float
    scale: Scale
    noise: np.ndarray
    restored: np.ndarray
    levels: np.ndarray
    engineered: tuple[str, ...]


def make_deck(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> Deck:
    """The deck of one run of `netlist`.

    Raises NetlistError for a bad netlist, UnsupportedError for what a deck cannot express, HardwareError
    for cells that the device cannot hold.
    """
    verify(netlist)
    check_expressible(netlist, options)
    plan = plan_of(netlist, options)
    if options.diode in SWING:
        rests = rests_of(netlist, plan.inputs()[None]) if options.rests is None else options.rests
        check_swing(netlist, options.diode, rests, plan.scale)
        if options.diode == "silicon-biased":
            plan = replace(plan, bias=drop(rests, plan.scale))
    drawn, reading, at_rest = drawn_of(plan), reading_of(plan), options.analysis == "op"
    return Deck(
        text="\n".join(_lines(drawn, reading)) + "\n",
        cells=reading.kept,
        times=np.zeros(1) if at_rest else reading.times,
        window=0.0 if at_rest else reading.window,
        end=0.0 if at_rest else plan.at[-1],
        step=plan.step / 2.0,
        scale=plan.scale,
        noise=covariance(plan),
        restored=restored(plan),
        levels=reading.levels,
        engineered=drawn.engineered,
    )


def write_deck(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> str:
    """The text of make_deck."""
    return make_deck(netlist, options).text


def deck_temperatures(netlist: LangevinNetlist, options: DeckOptions = DEFAULTS) -> list[float]:
    """kT at the start and end of every phase of the deck, in the netlist's unit."""
    return [kT for pair in plan_of(netlist, options).kTs for kT in pair]


FORMAT = Format("spice", "ngspice deck", (".cir", ".sp"), write=write_deck)


def _lines(d: Drawn, reading: Reading) -> Iterator[str]:
    yield from header_lines(d)
    yield ""
    yield from subcircuit_lines(d)
    yield from source_lines(d)
    yield "* cells"
    yield from cell_lines(d)
    yield from _coupling_lines(d)
    yield from noise_lines(d)
    yield from reader_lines(d.plan, reading)
    yield from start_lines(d)
    yield from control_lines(d.plan, reading)
    yield ".end"


def _coupling_lines(d: Drawn) -> Iterator[str]:
    p = d.plan
    for group in (g for g in p.netlist.couplings if len(g)):
        shown = d.shown_or_wave if group.kind == CouplingKind.SINE else d.shown
        own = d.shown if group.kind == CouplingKind.RESISTIVE else d.own
        plain = not p.scaled and p.options.cells == "force"
        yield from coupling_lines(p.netlist, group, Nodes(d.into, shown, own), p.scale, plain=plain)
