"""A denoiser as a machine: cells in log space, pulled towards what layers of cells take the datum for.

A visible cell holds v, the standardised logarithm of a weight, and two layers of rectified cells make F of a
network of cells, so that D - v = -spring v + gain F with spring = sigma^2 / (1 + sigma^2) and gain its root.
With q = sigma'^2 / sigma^2 the reverse's step

    v' = v + (1 - q) (D - v) + sigma sqrt(q (1 - q)) z

is an overdamped cell's at the rate (1 - q) / dt and the temperature kT = sigma^2 q (1 - q) / (2 dt), while
the layers are held: Langevin dynamics in log space, geometric Brownian motion in w, in a bath that cools
from level to level; a phase's stiffness is the spring, its factor on all couplings the gain. Between two such
steps either layer moves, the other cells held: its cells relax within one step, and swing so far (SWING)
that the bath's noise, SWING times smaller in the network's own unit, changes nothing.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from compiler.ir.langevin import (
    Activation,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)
from thermo.training.denoising.sample import levels
from thermo.training.denoising.train import Denoiser
from thermo.training.errors import TrainingError

SWING = 1000.0  # states of hidden cells over the network's values
START = 0.5  # of a visible cell's state that a step forgets before the first level
STEPS = 20  # of them


def lower_denoiser(trained: Denoiser, *, dt: float = 0.01) -> LangevinNetlist:
    """The machine that draws as `draw` does; it reads log w, (n, d).

    Groups level (one input, which shows ln sigma), first, second and visible; the last cell of second shows a
    constant. Phases noise, then first k, second k and visible k for every level k.

    Raises TrainingError for a network that cells do not make.
    """
    config = trained.config
    if not config.cells:
        raise TrainingError(
            "denoising: only a network of cells becomes a netlist; train it with cells = True"
        )
    (a, b), (c, d), (e, f) = (
        (np.asarray(w, np.float64), np.asarray(o, np.float64)) for w, o in trained.weights
    )
    hidden, size = e.shape
    first, second, visible = 1, 1 + hidden, 2 + 2 * hidden
    n, fast = visible + size, 1.0 / dt
    force = np.zeros((n, n))
    force[first:second, visible:] = fast * SWING * a[:size].T
    force[first:second, 0] = fast * SWING * a[size]
    force[second : visible - 1, first:second] = fast * c.T
    force[visible:, first:second] = force[visible:, second : visible - 1] = e.T / SWING
    force[visible:, visible - 1] = f / SWING
    stiff, h = np.zeros(n), np.zeros(n)
    stiff[first:visible] = fast / 2
    h[first:visible] = fast * SWING * np.concatenate([b, d, [1.0]])
    role = np.full(n, Role.DYNAMIC)
    role[0], role[visible:] = Role.INPUT, Role.OUTPUT
    shown = np.full(n, Activation.IDENTITY)
    shown[first:visible] = Activation.RELU
    start = np.zeros(n)
    start[0] = 1.0
    row, col = np.nonzero(force)
    schedule = _schedule(levels(config), dt)
    return LangevinNetlist(
        cells=Cells.make(n, j2=stiff, h=h, x0=start, role=role, activation=shown),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, n, row, col, force[row, col]),),
        kT=schedule[0].kT[0] if schedule[0].kT else 0.0,
        mobility=1.0,
        schedule=schedule,
        groups=(
            Group("level", 0, 1),
            Group("first", first, second),
            Group("second", second, visible),
            Group("visible", visible, n),
        ),
        readout=ReadOut(
            cells=np.arange(visible, n, dtype=np.int32),
            phase=schedule[-1].name,
            decision="value",
            scale=trained.scale * np.eye(size),
            offset=np.full(size, trained.shift),
        ),
        dt=dt,
        meta={"source": "denoising", "kind": config.kind, "floor": config.floor},
    )


def _schedule(sigmas: np.ndarray, dt: float) -> tuple[Phase, ...]:
    """Visible cells at the first noise, then three phases a level."""
    rate = START / dt
    hot = float(sigmas[0]) ** 2 * rate * (1.0 - START / 2)  # whose variance, in such steps, is sigma^2
    held = ("first", "second")
    phases = [
        Phase(
            "noise",
            STEPS * dt,
            input_scale=0.0,
            coupling_scale=(0.0, 0.0),
            kT=(hot, hot),
            stiffness=rate,
            clamped=held,
        )
    ]
    for k, (now, after) in enumerate(pairwise(map(float, sigmas)), 1):
        q = (after / now) ** 2
        rate, spring, seen = (1.0 - q) / dt, now**2 / (1.0 + now**2), 1.0 / np.sqrt(1.0 + now**2)
        kT = now**2 * q * (1.0 - q) / (2.0 * dt)
        gain = rate * np.sqrt(spring)
        phases += [
            Phase(
                f"first {k}",
                dt,
                input_scale=float(np.log(now) / seen),
                coupling_scale=(seen, seen),
                kT=(kT, kT),
                clamped=("second", "visible"),
            ),
            Phase(f"second {k}", dt, kT=(kT, kT), clamped=("first", "visible")),
            Phase(
                f"visible {k}",
                dt,
                coupling_scale=(gain, gain),
                kT=(kT, kT),
                stiffness=rate * spring,
                clamped=held,
            ),
        ]
    return tuple(phases)
