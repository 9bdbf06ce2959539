"""Small netlists for ngspice, and the mark of tests that run it."""

import shutil

import numpy as np
import pytest

from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")

RAMPED = (
    Phase("on", 0.5, input_scale=0.5, coupling_scale=(0.0, 1.0)),
    Phase("off", 0.5, stiffness=3.0, input_scale=0.0, coupling_scale=(1.0, 0.5)),
)
PLAIN = (Phase("run", 1.0),)


def cells_alone(n, *, kT=1.0, duration=2.0, dt=1e-2, **columns):
    """n cells without couplings."""
    cells = Cells.make(n, role=Role.OUTPUT, **columns)
    return LangevinNetlist(
        cells=cells, couplings=(), kT=kT, mobility=1.0, schedule=(Phase("run", duration),), dt=dt
    )


def random_net(
    kind=CouplingKind.LINEAR,
    *,
    n=4,
    n_in=2,
    activation=Activation.IDENTITY,
    kT=0.0,
    schedule=PLAIN,
    seed=0,
    symmetric=False,
    gain=1.0,
    readout=False,
    shown=False,
    **columns,
):
    """n quartic (or phase) cells with couplings of one kind both ways and from inputs, `gain` times as large;
    readout : the first three decide, shown : by what they show.
    """
    rng = np.random.default_rng(seed)
    w = np.zeros((n + n_in, n + n_in))
    w[n_in:] = gain * rng.normal(size=(n, n + n_in))
    if symmetric:
        w[n_in:, n_in:] = (w[n_in:, n_in:] + w[n_in:, n_in:].T) / 2
    np.fill_diagonal(w, 0.0)
    if kind == CouplingKind.RESISTIVE:
        w = np.abs(w)
    phase = kind == CouplingKind.SINE
    made = {"j2": 1.0, "j4": 0.0 if phase else 0.5, "h": 0.3} | columns
    cells = Cells.make(
        n + n_in,
        x0=np.r_[rng.normal(size=n_in), 0.2 * rng.normal(size=n)],
        role=np.repeat([Role.INPUT, Role.OUTPUT], [n_in, n]),
        activation=np.repeat([Activation.IDENTITY, activation], [n_in, n]),
        kind=CellKind.PHASE if phase else CellKind.CONTINUOUS,
        **made,
    )
    return LangevinNetlist(
        cells=cells,
        couplings=(Couplings.from_dense(kind, w),),
        kT=kT,
        mobility=1.3,
        schedule=schedule,
        readout=ReadOut(np.arange(n_in, n_in + 3, dtype=np.int32), schedule[-1].name, shown=shown)
        if readout
        else None,
        dt=1e-2,
    )
