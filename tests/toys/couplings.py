"""Random skewed netlists with every kind of coupling, phase cells, clamps and nudges."""

import numpy as np

from compiler.ir.langevin import (
    Activation,
    CellKind,
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

A = Activation
KINDS = (CouplingKind.LINEAR, CouplingKind.GRADIENT, CouplingKind.RESISTIVE, CouplingKind.SINE)

PHASES = (
    Phase("free", 0.2),
    Phase("nudged", 0.1, nudge=0.7, clamped=("first", "pair")),
    Phase("ramp", 0.1, input_scale=0.5, coupling_scale=(1.0, 0.4), nudge=-0.4),
    Phase("reset", 0.1, input_scale=0.0, coupling_scale=(0.4, 0.4), stiffness=3.0),
)


def pairs(rng, kind, n_in, n, density, symmetric, rows=None, columns=None):
    """Random couplings among the last n cells and from the inputs; rows, columns: masks."""
    total = n_in + n
    w = rng.normal(size=(total, total)) * (rng.random((total, total)) < density)
    if symmetric:
        w[n_in:, n_in:] = 0.5 * (w[n_in:, n_in:] + w[n_in:, n_in:].T)
    if kind == CouplingKind.RESISTIVE:
        w = 0.5 * np.abs(w)
    w[:n_in] = 0.0
    np.fill_diagonal(w, 0.0)
    w *= 1.0 if rows is None else rows[:, None]
    w *= 1.0 if columns is None else columns[None, :]
    return Couplings.from_dense(kind, 0.6 * w)


def mixed(symmetric=True, density=0.5, phases=PHASES, seed=0, n_in=3, **changes):
    """Twelve dynamic cells: three plain, five curved, four angles of which two show their cosine.

    With `symmetric` the force is a gradient: linear and resistive couplings stay among plain cells.
    """
    rng = np.random.default_rng(seed)
    codes = [A.IDENTITY] * 3 + [A.CLIP, A.SIGMOID, A.TANH, A.RELU, A.TANH]
    codes += [A.IDENTITY, A.COSINE, A.IDENTITY, A.COSINE]
    angle = np.arange(12) >= 8
    n, total = 12, n_in + 12
    activation = np.array([A.TANH] * n_in + codes)
    is_angle = np.concatenate([np.zeros(n_in, bool), angle])
    plain = (activation == A.IDENTITY) & ~is_angle
    inputs = np.arange(total) < n_in
    shows = ~(is_angle & (activation == A.IDENTITY))
    activation[:n_in] = A.IDENTITY
    among = {
        CouplingKind.LINEAR: (plain, plain | inputs) if symmetric else (~inputs, shows),
        CouplingKind.RESISTIVE: (plain, plain | inputs),
        CouplingKind.GRADIENT: (~inputs & shows, shows),
        CouplingKind.SINE: (~inputs, ~np.zeros(total, bool)),
    }
    columns = dict(
        j2=np.where(is_angle, 0.4, 1.0),
        j3=np.where(is_angle, 0.0, 0.2),
        j4=np.where(is_angle, 0.0, 0.5),
        h=rng.normal(size=total),
        x0=0.3,
    )
    cells = Cells.make(
        total,
        activation=activation,
        kind=np.where(is_angle, CellKind.PHASE, CellKind.CONTINUOUS),
        role=[Role.INPUT] * n_in + [Role.DYNAMIC] * 6 + [Role.OUTPUT] * 6,
        **(columns | changes),
    )
    read = np.arange(n_in + 4, total, dtype=np.int32)
    return LangevinNetlist(
        cells,
        tuple(pairs(rng, kind, n_in, n, density, symmetric, *among[kind]) for kind in KINDS),
        kT=0.5,
        mobility=1.2,
        schedule=tuple(phases),
        groups=(Group("first", n_in, n_in + 1), Group("pair", n_in + 8, n_in + 10)),
        readout=ReadOut(read, phases[0].name),
        encoder=Encoder(np.array([0.1]), np.array([0.8])),
        dt=0.01,
    )


def mixed_data(n_samples=7, n_in=3, seed=1):
    """Data and targets of the six outputs."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_in)), rng.uniform(0.1, 0.9, size=(n_samples, 6))
