"""The trained Langevin machine as a netlist."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from compiler.families.machine import LangevinMachine
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


def lower_machine(machine: LangevinMachine) -> LangevinNetlist:
    """Cells are the inputs (frozen), the hidden ones, the outputs; groups input, hidden, output.

    One phase `relax` of t_f, read at its end. A classifier whose read-out scale and offset are the
    same for all outputs has bare states as answers, since these change no decision.
    """
    n_in, n = machine.n_inputs, machine.n_inputs + machine.n_cells
    weights = np.concatenate([machine.w_in, machine.coupling], axis=1)
    i, j = np.nonzero(weights)
    role = np.full(n, Role.DYNAMIC)
    role[:n_in] = Role.INPUT
    role[n - machine.n_out :] = Role.OUTPUT

    def column(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.zeros(n_in), values])

    scale, offset = machine.readout_scale, machine.readout_offset
    # one positive factor for all outputs changes no decision: leave the states bare
    plain = machine.head == "classification" and np.ptp(scale) == 0 and np.ptp(offset) == 0 and scale[0] > 0
    groups = [Group("input", 0, n_in)] if n_in else []
    if machine.n_hidden:
        groups.append(Group("hidden", n_in, n - machine.n_out))
    groups.append(Group("output", n - machine.n_out, n))
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=column(machine.j2),
            j3=column(machine.j3),
            j4=column(machine.j4),
            h=column(machine.bias),
            x0=column(machine.x0),
            role=role,
        ),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, n, n_in + i, j, weights[i, j]),),
        kT=float(machine.kT),
        mobility=float(machine.mobility),
        schedule=(Phase("relax", float(machine.t_f)),),
        groups=tuple(groups),
        readout=ReadOut(
            cells=np.arange(n - machine.n_out, n, dtype=np.int32),
            phase="relax",
            decision="argmax" if machine.head == "classification" else "value",
            scale=None if plain else np.diag(scale).astype(np.float64),
            offset=None if plain else np.asarray(offset, dtype=np.float64),
            labels=tuple(machine.labels),
        ),
        encoder=Encoder(
            np.asarray(machine.input_shift, dtype=np.float64),
            np.asarray(machine.input_scale, dtype=np.float64),
        ),
        dt=float(machine.dt),
        meta=MappingProxyType({**machine.meta, "source": "langevin machine"}),
    )
