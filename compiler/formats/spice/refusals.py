"""What a deck cannot express: the first feature of a netlist, by name, with the way out."""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.options import ANALYSES, CELLS, DIODES, NOISE, DeckOptions
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist, Order


def check_expressible(netlist: LangevinNetlist, options: DeckOptions) -> None:
    """Raise UnsupportedError for the first feature or option that a deck has no circuit for."""
    cells, dynamic = netlist.cells, ~netlist.cells.frozen
    if not dynamic.any():
        raise UnsupportedError(f"none of the {len(cells)} cells is dynamic: there is nothing to simulate")
    if not netlist.schedule:
        raise UnsupportedError("the netlist's schedule has no phase: there is nothing to run")
    _option("cells", options.cells, CELLS)
    _option("noise", options.noise, NOISE)
    _option("analysis", options.analysis, ANALYSES)
    _option("diode", options.diode, DIODES)
    bits = dynamic & (cells.kind == CellKind.PBIT)
    if bits.any():
        raise UnsupportedError(
            f"cell {int(np.argmax(bits))} is a p-bit, which flips and obeys no equation of a circuit; make "
            "double wells of p-bits: thermoc compile --target double-well"
        )
    for phase in netlist.schedule:
        if phase.nudge:
            raise UnsupportedError(
                f"phase {phase.name!r} nudges the outputs with strength {phase.nudge:g}, which asks for a "
                "target a sample; a deck is a free run: compile without a nudge"
            )
        if phase.clamped:
            raise UnsupportedError(
                f"phase {phase.name!r} clamps {phase.clamped[0]!r}; a deck holds cells for all of its time "
                "or not at all: make them inputs"
            )
    _check_cells(netlist, options)
    for couplings in netlist.couplings:
        if couplings.kind == CouplingKind.RESISTIVE and len(couplings):
            ids = np.concatenate([couplings.indices, couplings.rows])
            curved = ids[cells.activation[ids] != Activation.IDENTITY]
            if curved.size:
                j = int(curved[0])
                raise UnsupportedError(
                    f"cell {j} at a resistor shows {Activation(int(cells.activation[j])).name.lower()}(x); a "
                    "resistor joins states: give it the activation identity"
                )
        if couplings.kind == CouplingKind.GRADIENT and len(couplings):
            shown = cells.activation[couplings.rows]
            kinked = couplings.rows[(shown == Activation.CLIP) | (shown == Activation.RELU)]
            if kinked.size:
                i = int(kinked[0])
                raise UnsupportedError(
                    f"cell {i} shows {Activation(int(cells.activation[i])).name.lower()}(x) and is driven by "
                    "gradient couplings, whose force jumps at the kink, where ngspice's steps shrink without "
                    "end: use sigmoid or tanh, or linear couplings"
                )
    if options.inputs is not None and np.shape(options.inputs) != (netlist.inputs.size,):
        raise UnsupportedError(
            f"inputs have shape {np.shape(options.inputs)}; the netlist has {netlist.inputs.size} input "
            "cells: give one state for each"
        )
    if options.analysis == "op":
        _check_rest(netlist, options)
    if options.seed < 1:
        raise UnsupportedError(f"seed must be at least 1, as ngspice's, got {options.seed}")
    if options.kT is not None and not (np.isfinite(options.kT) and options.kT >= 0):
        raise UnsupportedError(f"kT must be a finite number of at least 0, got {options.kT:g}")


def _option(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UnsupportedError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _check_cells(netlist: LangevinNetlist, options: DeckOptions) -> None:
    cells, dynamic = netlist.cells, ~netlist.cells.frozen
    inertial = dynamic & (cells.order == Order.UNDERDAMPED)
    walled = dynamic & (np.isfinite(cells.lo) | np.isfinite(cells.hi))
    for bad, why in (
        (inertial & walled, "has inertia and an interval, and a wall would have to say how it reflects"),
        (
            walled & (options.cells == "reactive"),
            "has an interval, whose diodes hold a voltage, not a charge",
        ),
    ):
        if bad.any():
            i = int(np.argmax(bad))
            raise UnsupportedError(
                f"cell {i} {why}: take the interval [{cells.lo[i]:g}, {cells.hi[i]:g}] off or use a steep j4"
                + ("" if options.cells == "force" else ", or choose cells of force")
            )
    if netlist.noise is not None:
        ramp = [p for p in netlist.schedule if p.kT is not None and p.kT[0] != p.kT[1]]
        several = {netlist.kT if p.kT is None else p.kT[0] for p in netlist.schedule}
        if ramp or len(several) > 1:
            raise UnsupportedError(
                "the netlist has a noise matrix and a temperature that changes; give it one (--kT)"
            )


def _check_rest(netlist: LangevinNetlist, options: DeckOptions) -> None:
    """An operating point: one phase without ramps, no noise, no window."""
    phase, more = netlist.schedule[0], len(netlist.schedule) > 1
    kT = netlist.kT if phase.kT is None else max(phase.kT)
    for bad, what in (
        (more, f"the schedule has {len(netlist.schedule)} phases"),
        (phase.coupling_scale[0] != phase.coupling_scale[1], f"phase {phase.name!r} is a ramp"),
        ((kT if options.kT is None else options.kT) > 0, "kT is above 0"),
        (options.observe is not None, "observation times are given"),
    ):
        if bad:
            raise UnsupportedError(
                f"an operating point is where cells come to rest, but {what}: take the analysis tran"
            )
