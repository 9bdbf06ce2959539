"""The schedule and the inputs as sources."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.formats.spice.drawn import Drawn
from compiler.formats.spice.plan import Plan
from compiler.formats.spice.signals import wave
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import CouplingKind


def source_lines(d: Drawn) -> Iterator[str]:
    yield from _schedule(d)
    if d.plan.netlist.inputs.size:
        yield from _inputs(d.plan)


def _schedule(d: Drawn) -> Iterator[str]:
    p = d.plan
    schedule = p.netlist.schedule
    g = 1.0 if any(c.phase for c in d.circuits.values()) else p.scale.conductance
    if p.well:
        yield "* reset wells, S"
        yield f"Vwell well 0 {wave([(phase.stiffness * g,) * 2 for phase in schedule], p.at)}"
    if p.scaled:
        yield "* scale of all couplings"
        yield f"Vscale scale 0 {wave(p.levels, p.at)}"
    if p.wiring is not None and not p.wiring.steady:
        yield "* size of the couplings' scale, and where inputs are on"
        yield f"Vamong among 0 {wave(p.wiring.among, p.at)}"
        yield f"Von on 0 {wave(p.wiring.on, p.at)}"
    if p.noise == "ramped":
        yield "* square root of the temperature over the highest one"
        yield f"Vkt kt 0 {wave([(a / p.hottest, b / p.hottest) for a, b in p.kTs], p.at)}"
        yield "Brootkt rootkt 0 V=sqrt(max(V(kt),0))"


def _inputs(p: Plan) -> Iterator[str]:
    yield "* inputs: what they show, V, times the scales of the schedule"
    n, u = p.netlist, p.inputs()
    shown = activate_rows(n.cells.activation[n.inputs], u[:, None])[:, 0]
    if np.isfinite(p.reach):
        shown = p.reach * np.tanh(shown / p.reach)
    gains = [
        (a * phase.input_scale, b * phase.input_scale)
        for (a, b), phase in zip(p.levels, n.schedule, strict=True)
    ]

    def source(name: str, value: float) -> str:
        return f"V{name} {name} 0 {wave([(a * value, b * value) for a, b in gains], p.at)}"

    for k, value, angle in zip(n.inputs.tolist(), shown.tolist(), u.tolist(), strict=True):
        if p.kinds != {CouplingKind.SINE}:
            yield source(f"u{k}", value * p.scale.voltage)
        if CouplingKind.SINE in p.kinds:
            yield source(f"u{k}s", float(np.sin(angle)))
            yield source(f"u{k}c", float(np.cos(angle)))
