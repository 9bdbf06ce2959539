"""A layered network of oscillators as phase cells (docs/eqprop.md#oscillators)."""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from compiler.errors import NetlistError
from compiler.families.oscillator import OscillatorNetwork
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

LARGEST_STEP = 0.25


def lower_oscillator(
    network: OscillatorNetwork, *, duration: float | None = None, nudge: float | None = None
) -> LangevinNetlist:
    """The network as phase cells that relax to its rest state at kT = 0.

    Cells are the inputs (frozen), then the layers; groups input, layer1, ..., output; h = h,
    J2 = S, mobility 1, symmetric `sine` couplings J. Input phases drive by `sine` couplings, input
    fields by `gradient` ones into cells that show their cosine. All start at network.start.

    duration : of each phase, rounded up to whole steps; default the network's relax_time
    nudge : beta of a second phase "nudged" with the cost 1 - cos(phi - target): its outputs show
        their angle, and the read-out, still of "free", gives those as values. None: the outputs
        show cosines, the largest 1 - cos phi decides.

    Raises NetlistError for a duration or nudge that is not usable.
    """
    time = network.relax_time if duration is None else duration
    if not (math.isfinite(time) and time > 0):
        raise NetlistError(f"duration must be a finite number above 0, got {time!r}")
    if nudge is not None and not math.isfinite(nudge):
        raise NetlistError(f"nudge must be a finite number, got {nudge!r}")
    sizes = network.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, n_in, last = int(starts[-1]), sizes[0], len(sizes) - 1
    role = np.full(n, Role.DYNAMIC)
    role[:n_in], role[starts[-2] :] = Role.INPUT, Role.OUTPUT
    dynamic = role != Role.INPUT
    phases = network.inputs == "phase"
    groups: dict[CouplingKind, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for l, w in enumerate(network.weights):
        i, j = np.nonzero(w)
        up, down, value = starts[l + 1] + i, starts[l] + j, w[i, j]
        kind = CouplingKind.GRADIENT if l == 0 and not phases else CouplingKind.SINE
        groups.setdefault(kind, []).append((up, down, value))
        if l:
            groups[kind].append((down, up, value))
    dt = stable_step(network) if network.dt is None else network.dt
    steps = max(1, math.ceil(time / dt - 1e-9))
    schedule = [Phase("free", steps * dt)]
    if nudge is not None:
        schedule.append(Phase("nudged", steps * dt, nudge=float(nudge)))
    shown = np.where(dynamic, Activation.COSINE, Activation.IDENTITY)
    if nudge is not None:
        shown[role == Role.OUTPUT] = Activation.IDENTITY
    nothing = [np.zeros(n_in)]
    names = ["input", *(f"layer{k}" for k in range(1, last)), "output"]
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=np.concatenate([*nothing, *(network.locking or [np.zeros(n - n_in)])]),
            h=np.concatenate([*nothing, *network.fields]),
            x0=np.where(dynamic, network.start, 0.0),
            activation=shown,
            kind=np.where(dynamic | phases, CellKind.PHASE, CellKind.CONTINUOUS),
            role=role,
        ),
        couplings=tuple(
            Couplings.from_coo(kind, n, *(np.concatenate(part) for part in zip(*some, strict=True)))
            for kind, some in groups.items()
        ),
        kT=0.0,
        mobility=1.0,
        schedule=tuple(schedule),
        groups=tuple(
            Group(name, int(a), int(b)) for name, a, b in zip(names, starts[:-1], starts[1:], strict=True)
        ),
        readout=ReadOut(
            cells=np.arange(starts[-2], n, dtype=np.int32),
            phase="free",
            shown=nudge is None,
            decision="argmax" if nudge is None else "value",
            scale=-np.eye(network.n_outputs) if nudge is None else None,
            offset=np.ones(network.n_outputs) if nudge is None else None,
            labels=network.labels if nudge is None else (),
        ),
        encoder=Encoder(
            np.asarray(network.input_shift, dtype=np.float64),
            np.asarray(network.input_scale, dtype=np.float64),
        ),
        dt=dt,
        meta=MappingProxyType({**network.meta, "source": "oscillator", "sizes": list(sizes)}),
    )


def stable_step(network: OscillatorNetwork, largest_field: float | None = None) -> float:
    """An Euler step that holds whatever the phases: half of 2 / (largest row of |Hessian|).

    A row of the Hessian sums to at most |z_i| + sum_j |J_ij| + |h_i| + 2 |S_i| with z_i the inputs'
    field: at most sum_p |J_ip| for input phases, or `largest_field`, the largest found on data
    (fields of inputs h included). A power of 2, so that units of time are whole numbers of steps.
    """
    sums = []
    for l, (w, h) in enumerate(zip(network.weights, network.fields, strict=True)):
        row = np.abs(h).astype(np.float64)
        if l == 0 and largest_field is not None:
            row = np.full_like(row, largest_field)
        elif l == 0:
            reach = np.abs(w) if network.inputs == "phase" else _reach(network, w)
            row += reach.sum(axis=1)
        else:
            row += 2.0 * np.abs(w).sum(axis=1)  # the diagonal, and beside it
        if l + 1 < len(network.weights):
            row += 2.0 * np.abs(network.weights[l + 1]).sum(axis=0)
        if network.locking is not None:
            row += 2.0 * np.abs(network.locking[l])
        sums.append(float(row.max()))
    step = min(LARGEST_STEP, 1.0 / max(max(sums), 1e-30))
    return float(2.0 ** math.floor(math.log2(step)))


def _reach(network: OscillatorNetwork, w: np.ndarray) -> np.ndarray:
    """|J| times the largest input field of data in [0, 1]."""
    ends = np.stack([(x - network.input_shift) * network.input_scale for x in (0.0, 1.0)])
    return np.abs(w) * np.abs(ends).max(axis=0)
