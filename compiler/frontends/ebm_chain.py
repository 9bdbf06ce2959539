"""A chain of denoising models as p-bits: one block a model, run one after another."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from compiler.families.denoising_chain import EbmChain
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)


def lower_ebm_chain(model: EbmChain, *, sweeps: int | None = None) -> LangevinNetlist:
    """p-bits of every model, data's model first, then the noise that the last one starts from.

    Groups step0, ..., noise. A first sweep draws the noise; then model T - 1, ..., 0 each run for
    `sweeps` sweeps (default: the model's) while all other blocks are held. Bits reach the next
    model through directed couplings w_t. The read-out are the data's bits.
    """
    t, n, nv = model.n_steps, model.n, model.n_visible
    duration = float(model.sweeps if sweeps is None else sweeps)
    total = t * n + nv
    rows, cols, values = [], [], []
    for k in range(t):
        i, j = k * n + model.row, k * n + model.col
        rows += [i, j]
        cols += [j, i]
        values += [model.J[k], model.J[k]]
        above = (k + 1) * n + np.arange(nv)
        rows.append(k * n + np.arange(nv))
        cols.append(above)
        values.append(np.full(nv, model.couplings[k]))
    groups = [Group(f"step{k}", k * n, (k + 1) * n) for k in range(t)]
    groups.append(Group("noise", t * n, total))
    names = [g.name for g in groups]

    def phase(name: str, run: str, length: float) -> Phase:
        return Phase(name, length, clamped=tuple(g for g in names if g != run))

    schedule = [phase("noise", "noise", 1.0)]
    schedule += [phase(f"denoise{k}", f"step{k}", duration) for k in range(t - 1, -1, -1)]
    facts = {"offset": 0.0, "vartype": "binary", "problem": {"kind": "boltzmann", "visible": nv}}
    return LangevinNetlist(
        cells=Cells.make(
            total, h=np.concatenate([model.h.ravel(), np.zeros(nv)]), x0=1.0, kind=CellKind.PBIT
        ),
        couplings=(
            Couplings.from_coo(
                CouplingKind.LINEAR,
                total,
                np.concatenate(rows),
                np.concatenate(cols),
                np.concatenate(values).astype(np.float64),
            ),
        ),
        kT=1.0,
        mobility=1.0,
        schedule=tuple(schedule),
        groups=tuple(groups),
        readout=ReadOut(cells=np.arange(nv, dtype=np.int32), phase=schedule[-1].name, decision="value"),
        dt=1.0,
        meta=MappingProxyType(
            {**model.meta, "source": "ebm_chain", "image_shape": list(model.image_shape), "ising": facts}
        ),
    )
