"""A network that relaxes both ways, as relaxing cells (docs/eqprop.md#netlist)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.hopfield import HopfieldNetwork
from compiler.ir.langevin import (
    Activation,
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

CODES = {"sigmoid": Activation.SIGMOID, "tanh": Activation.TANH}
SLOPES = {"hard-sigmoid": 1.0, "sigmoid": 0.25, "tanh": 1.0}
LARGEST_STEP = 0.25


def lower_hopfield(
    network: HopfieldNetwork, *, duration: float | None = None, nudge: float | None = None
) -> LangevinNetlist:
    """The network as a netlist that relaxes to its rest state at kT = 0.

    Cells are the inputs (frozen), then the layers; groups input, layer1, ..., output; J2 = 1/2,
    h = bias, mobility 1, `linear` couplings both ways. Hard-sigmoid cells hold u itself in the
    interval [0, 1]; sigmoid and tanh cells hold the drive and show sigma of it. All start at 0.

    duration : of each phase; default the network's relax_time
    nudge : beta of a second phase "nudged"; None: there is only "free". The read-out ends "free".

    Raises NetlistError for a duration or nudge that is not usable.
    """
    sizes = network.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)])
    blocks = [(l + 1, l, w) for l, w in enumerate(network.weights)]
    blocks += [(l, l + 1, b) for l, b in enumerate(network.feedback, 1)]
    rows, cols, values = [], [], []
    for to, source, w in blocks:
        i, j = np.nonzero(w)
        rows.append(starts[to] + i)
        cols.append(starts[source] + j)
        values.append(w[i, j])
    couplings = Couplings.from_coo(
        CouplingKind.LINEAR,
        int(starts[-1]),
        np.concatenate(rows),
        np.concatenate(cols),
        np.concatenate(values),
    )
    return relaxing_netlist(
        network,
        couplings,
        network.biases,
        stable_step(network),
        duration,
        nudge,
        {"source": "hopfield", "sizes": list(sizes)},
    )


def relaxing_netlist(
    network: HopfieldNetwork | ConvHopfieldNetwork,
    couplings: Couplings,
    biases: Sequence[np.ndarray],
    dt: float,
    duration: float | None,
    nudge: float | None,
    facts: Mapping[str, Any],
) -> LangevinNetlist:
    """Layers of cells, their couplings given; see lower_hopfield.

    biases : (n_l,) of layers 1 to L, one a cell; facts : added to the network's meta
    """
    time = network.relax_time if duration is None else duration
    if not (math.isfinite(time) and time > 0):
        raise NetlistError(f"duration must be a finite number above 0, got {time!r}")
    if nudge is not None and not math.isfinite(nudge):
        raise NetlistError(f"nudge must be a finite number, got {nudge!r}")
    box = network.activation == "hard-sigmoid"
    sizes = network.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, n_in, last = int(starts[-1]), sizes[0], len(sizes) - 1
    role = np.full(n, Role.DYNAMIC)
    role[:n_in] = Role.INPUT
    role[starts[-2] :] = Role.OUTPUT
    dynamic = role != Role.INPUT
    steps = max(1, math.ceil(time / dt))
    phases = [Phase("free", steps * dt)]
    if nudge is not None:
        phases.append(Phase("nudged", steps * dt, nudge=float(nudge)))
    names = ["input", *(f"layer{k}" for k in range(1, last)), "output"]
    shown = Activation.IDENTITY if box else CODES[network.activation]
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=np.where(dynamic, 0.5, 0.0),
            h=np.concatenate([np.zeros(n_in), *biases]),
            lo=np.where(dynamic & box, 0.0, -np.inf),
            hi=np.where(dynamic & box, 1.0, np.inf),
            activation=np.where(dynamic, shown, Activation.IDENTITY),
            role=role,
        ),
        couplings=(couplings,),
        kT=0.0,
        mobility=1.0,
        schedule=tuple(phases),
        groups=tuple(
            Group(name, int(a), int(b)) for name, a, b in zip(names, starts[:-1], starts[1:], strict=True)
        ),
        readout=ReadOut(
            cells=np.arange(starts[-2], n, dtype=np.int32),
            phase="free",
            shown=not box,
            decision="argmax" if network.head == "classification" else "value",
            labels=network.labels,
        ),
        encoder=Encoder(
            np.asarray(network.input_shift, dtype=np.float64),
            np.asarray(network.input_scale, dtype=np.float64),
        ),
        dt=dt,
        meta=MappingProxyType({**network.meta, **facts}),
    )


def stable_step(network: HopfieldNetwork) -> float:
    """An Euler step that holds: half of 2 / (1 + slope |W|), at most 0.25.

    |W| is the spectral norm of the couplings among dynamic cells. It is at most that of all forward
    blocks, which is the largest block's, plus that of all backward ones; between two layers alone
    it is the larger of the two.
    """
    up = max((float(np.linalg.norm(w, 2)) for w in network.weights[1:]), default=0.0)
    down = max((float(np.linalg.norm(b, 2)) for b in network.feedback), default=0.0)
    return step_for(network.activation, up, down, len(network.weights))


def step_for(activation: str, up: float, down: float, layers: int) -> float:
    """`stable_step` from the largest norms of forward and of backward blocks."""
    both = max(up, down) if layers < 3 else up + down
    step = min(LARGEST_STEP, 1.0 / (1.0 + SLOPES[activation] * both))
    # a power of 2: a whole number of steps in every unit of time
    return float(2.0 ** math.floor(math.log2(step)))
