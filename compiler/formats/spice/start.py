"""States at the start, and ngspice's tolerances."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.formats.spice.drawn import Drawn, walls
from compiler.formats.spice.signals import LINE, number

TOLERANCE = 1e-6  # of ngspice, relative; absolute ones are as small a part of a cell's unit
NOISY = 1e-4  # with noise, whose samples bound the step: half the time, and far below a thermal spread


def start_lines(d: Drawn) -> Iterator[str]:
    p, cells, s = d.plan, d.plan.netlist.cells, d.plan.scale
    x0 = cells.x0[p.dynamic] * s.voltage
    yield "* states at the start"
    for k in range(0, p.dynamic.size, LINE):
        pairs = zip(p.dynamic[k : k + LINE].tolist(), x0[k : k + LINE].tolist(), strict=True)
        yield ".ic " + " ".join(f"V(x{i})={number(x)}" for i, x in pairs)
    for name, there, of in (("l", "low", "lo"), ("h", "high", "hi")):
        walled = [i for i, c in d.circuits.items() if getattr(c, there)]
        for i in walled:  # else diodes begin forward biased by a source that is not yet on
            yield f".ic V(x{i}.{name})={number(walls(p, i)[of])}"
    inertial = [i for i, c in d.circuits.items() if c.order == "inertial"]
    for k in range(0, len(inertial), LINE):
        yield ".ic " + " ".join(f"V(v{i})=0" for i in inertial[k : k + LINE])
    part = NOISY if p.noise else TOLERANCE
    yield (
        f".options reltol={number(part)} abstol={number(part * s.current)} "
        f"vntol={number(part * s.voltage)} chgtol={number(part * s.capacitance * s.voltage)} "
        f"gmin={number(1e-9 * s.conductance)}"
    )
