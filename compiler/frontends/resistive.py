"""A resistive network with diodes as cells that relax to its voltages."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from compiler.families.resistive import ResistiveNetwork
from compiler.ir.langevin import (
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)

RELAX_TIME = 60.0  # of the slowest node's own charging time


def lower_resistive(network: ResistiveNetwork) -> LangevinNetlist:
    """Nodes as cells, diodes as intervals, `resistive` couplings between the layers.

    The two sources of an input sit in one frozen cell u = gain x: through g+ and g- they drive
    (g+ - g-) u, a `linear` coupling, and load the node with g+ + g-, its J2. Conductances are
    divided by the largest load, so that the fastest node has rate 1; kT = 0.
    """
    g, loads, limits = network.conductances, network.loads(), network.limits()
    n_in, sizes = network.n_inputs, network.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n = int(starts[-1])
    scale = 1.0 / max(float(load.max()) for load in loads)
    role = np.full(n, Role.DYNAMIC)
    role[:n_in], role[starts[-2] :] = Role.INPUT, Role.OUTPUT
    j2, low, high = np.zeros(n), np.full(n, -np.inf), np.full(n, np.inf)
    first = slice(int(starts[1]), int(starts[2]))
    j2[first] = 0.5 * scale * g[0].sum(axis=1, dtype=np.float64)
    for l, (a, b) in enumerate(limits, 1):
        low[starts[l] : starts[l + 1]], high[starts[l] : starts[l + 1]] = a, b
    drive = (g[0][:, :n_in].astype(float) - g[0][:, n_in:]) * scale
    i, j = np.nonzero(drive)
    couplings = [Couplings.from_coo(CouplingKind.LINEAR, n, n_in + i, j, drive[i, j])]
    rows, cols, values = [], [], []
    for l, a in enumerate(g[1:], 1):
        i, j = np.nonzero(a)
        up, down, value = starts[l + 1] + i, starts[l] + j, a[i, j].astype(float) * scale
        rows += [up, down]
        cols += [down, up]
        values += [value, value]
    if rows:
        couplings.append(
            Couplings.from_coo(
                CouplingKind.RESISTIVE, n, np.concatenate(rows), np.concatenate(cols), np.concatenate(values)
            )
        )
    slowest = scale * min(float(load.min()) for load in loads)
    dt = 0.5
    steps = math.ceil(RELAX_TIME / slowest / dt)
    names = ["input", *(f"layer{k}" for k in range(1, len(g))), "output"]
    return LangevinNetlist(
        cells=Cells.make(n, j2=j2, lo=low, hi=high, role=role),
        couplings=tuple(couplings),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("free", steps * dt),),
        groups=tuple(
            Group(name, int(a), int(b)) for name, a, b in zip(names, starts[:-1], starts[1:], strict=True)
        ),
        readout=ReadOut(cells=np.arange(starts[-2], n, dtype=np.int32), phase="free", labels=network.labels),
        encoder=Encoder(np.zeros(1), np.full(1, float(network.gain))),
        dt=dt,
        meta=MappingProxyType({**network.meta, "source": "resistive", "sizes": list(sizes)}),
    )
