"""Small netlists that the simulator's tests share: skewed, so that a wrong sign shows."""

import numpy as np

from compiler.ir.langevin import (
    Activation,
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)

CYCLE = (
    Phase("relax", 0.2),
    Phase("off", 0.1, input_scale=0.0, coupling_scale=(1.0, 0.4)),
    Phase("reset", 0.1, input_scale=0.0, coupling_scale=(0.4, 0.4), stiffness=5.0, kT=(1.0, 0.5)),
)


def toy(
    n_in=5,
    n=9,
    symmetric=True,
    activation=Activation.IDENTITY,
    density=1.0,
    schedule=CYCLE,
    seed=0,
    **changes,
):
    """n skewed quartic cells, the last two being outputs, driven by n_in inputs."""
    rng = np.random.default_rng(seed)
    full = np.zeros((n_in + n, n_in + n))
    among = rng.normal(size=(n, n)) * (rng.random((n, n)) < density)
    if symmetric:
        among = 0.5 * (among + among.T)
    np.fill_diagonal(among, 0.0)
    full[n_in:, n_in:] = among
    full[n_in:, :n_in] = rng.normal(size=(n, n_in))
    columns = dict(j2=1.0, j3=0.3, j4=1.0, h=rng.normal(size=n_in + n), x0=0.1)
    cells = Cells.make(
        n_in + n,
        activation=activation,
        role=[Role.INPUT] * n_in + [Role.DYNAMIC] * (n - 2) + [Role.OUTPUT] * 2,
        **(columns | changes),
    )
    return LangevinNetlist(
        cells=cells,
        couplings=(Couplings.from_dense(CouplingKind.LINEAR, full),),
        kT=1.0,
        mobility=1.0,
        schedule=schedule,
        readout=ReadOut(np.array([n_in + n - 2, n_in + n - 1], np.int32), schedule[0].name),
        encoder=Encoder(np.array([0.1]), np.array([0.8])),
        dt=0.01,
    )


def cell(schedule, kT=1.0, n=1, **columns):
    """n uncoupled cells with the given columns."""
    return LangevinNetlist(Cells.make(n, **columns), (), kT, 1.0, tuple(schedule))


def toy_data(n_samples=11, n_in=5, seed=1):
    return np.random.default_rng(seed).normal(size=(n_samples, n_in))
