"""What models of layers share: their cells one after another, their rest, their arrays in files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
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

ACTIVATIONS = ("hard-sigmoid", "sigmoid", "tanh")
CODES = {"sigmoid": Activation.SIGMOID, "tanh": Activation.TANH}
LARGEST_STEP = 0.25
CHUNK = 1024  # rows relaxed at once


@dataclass(frozen=True, slots=True)
class Layers:
    """Cells of layers one after another: `sizes` of the inputs, the layers between, the outputs.

    between : what groups call the layers between, numbered from 1
    """

    sizes: tuple[int, ...]
    between: str = "layer"

    @property
    def starts(self) -> np.ndarray:
        """(layers + 1,) int64 first cell of every layer, then the number of cells."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @property
    def cells(self) -> list[np.ndarray]:
        """Cell numbers of every layer. Devices are drawn for these numbers, in training as in
        simulation (hw_models.imperfect).
        """
        return [np.arange(a, b) for a, b in pairwise(self.starts)]

    @property
    def n(self) -> int:
        """Cells of all layers."""
        return sum(self.sizes)

    @property
    def roles(self) -> np.ndarray:
        """(n,) Role of every cell."""
        role = np.full(self.n, Role.DYNAMIC)
        role[: self.sizes[0]], role[self.n - self.sizes[-1] :] = Role.INPUT, Role.OUTPUT
        return role

    @property
    def outputs(self) -> np.ndarray:
        """(n_outputs,) int32 cells of the last layer."""
        return np.arange(self.n - self.sizes[-1], self.n, dtype=np.int32)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every layer by name: input, layer1, ..., output."""
        starts, last = self.starts, len(self.sizes) - 1
        names = ["input", *(f"{self.between}{k}" for k in range(1, last)), "output"]
        ends = zip(names, starts[:-1], starts[1:], strict=True)
        return tuple(Group(name, int(a), int(b)) for name, a, b in ends)

    def couplings(self, kind: CouplingKind, blocks: Iterable[tuple[int, int, np.ndarray]]) -> Couplings:
        """Those of blocks (driven layer, driving layer, weights (n_driven, n_driving)) that are
        not 0.
        """
        starts = self.starts
        rows, cols, values = [], [], []
        for to, source, w in blocks:
            i, j = np.nonzero(w)
            rows.append(starts[to] + i)
            cols.append(starts[source] + j)
            values.append(w[i, j])
        return Couplings.from_coo(kind, self.n, *(np.concatenate(part) for part in (rows, cols, values)))


class Encoded(Protocol):
    """A model that takes (data - input_shift) * input_scale."""

    @property
    def input_shift(self) -> np.ndarray: ...
    @property
    def input_scale(self) -> np.ndarray: ...


class Relaxing(Encoded, Protocol):
    """A model whose layers of units relax together."""

    @property
    def sizes(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str: ...
    @property
    def head(self) -> str: ...
    @property
    def relax_time(self) -> float: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...


def encoder_of(model: Encoded) -> Encoder:
    """The model's encoder of data, in float64."""
    return Encoder(
        np.asarray(model.input_shift, dtype=np.float64), np.asarray(model.input_scale, dtype=np.float64)
    )


def check_run(duration: float, nudge: float | None) -> None:
    """Raise NetlistError for a duration or nudge that is not usable."""
    if not (math.isfinite(duration) and duration > 0):
        raise NetlistError(f"duration must be a finite number above 0, got {duration!r}")
    if nudge is not None and not math.isfinite(nudge):
        raise NetlistError(f"nudge must be a finite number, got {nudge!r}")


def free_and_nudged(length: float, nudge: float | None) -> tuple[Phase, ...]:
    """Phase "free" and, where there is a nudge, a second one "nudged", each of `length`."""
    free = Phase("free", length)
    return (free,) if nudge is None else (free, Phase("nudged", length, nudge=float(nudge)))


def relaxing_netlist(
    network: Relaxing,
    couplings: Couplings,
    biases: Sequence[np.ndarray],
    dt: float,
    duration: float | None,
    nudge: float | None,
    facts: Mapping[str, Any],
) -> LangevinNetlist:
    """Layers of cells, their couplings given; see hopfield.lower_hopfield.

    biases : (n_l,) of layers 1 to L, one a cell; facts : added to the network's meta
    """
    time = network.relax_time if duration is None else duration
    check_run(time, nudge)
    box = network.activation == "hard-sigmoid"
    layers = Layers(network.sizes)
    role = layers.roles
    dynamic = role != Role.INPUT
    shown = Activation.IDENTITY if box else CODES[network.activation]
    return LangevinNetlist(
        cells=Cells.make(
            layers.n,
            j2=np.where(dynamic, 0.5, 0.0),
            h=np.concatenate([np.zeros(layers.sizes[0]), *biases]),
            lo=np.where(dynamic & box, 0.0, -np.inf),
            hi=np.where(dynamic & box, 1.0, np.inf),
            activation=np.where(dynamic, shown, Activation.IDENTITY),
            role=role,
        ),
        couplings=(couplings,),
        kT=0.0,
        mobility=1.0,
        schedule=free_and_nudged(max(1, math.ceil(time / dt)) * dt, nudge),
        groups=layers.groups,
        readout=ReadOut(
            cells=layers.outputs,
            phase="free",
            shown=not box,
            decision="argmax" if network.head == "classification" else "value",
            labels=network.labels,
        ),
        encoder=encoder_of(network),
        dt=dt,
        meta={**network.meta, **facts},
    )


def step_for(activation: str, up: float, down: float, layers: int) -> float:
    """The step of hopfield.stable_step from the largest norms of forward and of backward blocks."""
    both = max(up, down) if layers < 3 else up + down
    step = min(LARGEST_STEP, 1.0 / (1.0 + PHIS[activation].steepest * both))
    # a power of 2: a whole number of steps in every unit of time
    return float(2.0 ** math.floor(math.log2(step)))


def relax_layers(
    weights: Sequence[Any],
    back: Sequence[Any],
    biases: Sequence[np.ndarray],
    activation: str,
    u: np.ndarray,
    *,
    sweeps: int = 2000,
    tolerance: float = 1e-7,
    skips: tuple[Sequence[Any], Sequence[Any]] = ((), ()),
) -> list[np.ndarray]:
    """The rest of hopfield.relax for encoded inputs u (n, n_inputs), couplings perhaps sparse.

    weights : L matrices (n_(l+1), n_l); back : L - 1 matrices (n_l, n_(l+1)); biases : one a unit
    skips : matrices (n_(l+2), n_l) from layer l = 0 on, and (n_l, n_(l+2)) from l = 1 on
    """
    over, under = skips
    drive, phi = u @ weights[0].T + biases[0], PHIS[activation].value
    n, last = u.shape[0], len(weights)
    states = [phi(drive)]
    states += [np.zeros((n, w.shape[0])) for w in weights[1:]]
    order = [*range(last, 0, -2), *range(last - 1, 0, -2)]
    change = math.inf
    for sweep in range(sweeps):
        mix = 1.0 if sweep < 200 else 0.5
        change = 0.0
        for l in order:
            z = drive if l == 1 else states[l - 2] @ weights[l - 1].T + biases[l - 1]
            if l < last:
                z = z + states[l] @ back[l - 1].T
            if 2 <= l < len(over) + 2:
                z = z + (u if l == 2 else states[l - 3]) @ over[l - 2].T
            if l <= len(under):
                z = z + states[l + 1] @ under[l - 1].T
            new = phi(z)
            step = new - states[l - 1]
            change = max(change, float(np.abs(step).max(initial=0.0)))
            states[l - 1] = states[l - 1] + mix * step
        if change <= tolerance:
            return states
    raise NetlistError(
        f"Hopfield network: a unit still moves by {change:.2g} after {sweeps} sweeps, tolerance "
        f"{tolerance:g}; raise sweeps, or scale the recurrent weights down"
    )


def numbered(name: str, arrays: Iterable[np.ndarray], first: int = 0) -> dict[str, np.ndarray]:
    """Arrays of layers first, first + 1, ... as files call them."""
    return {f"layers.{k}.{name}": array for k, array in enumerate(arrays, first)}


def in_order(arrays: Mapping[str, np.ndarray], name: str, layers: range) -> tuple[np.ndarray, ...]:
    """The arrays of these layers; KeyError for one that is missing."""
    return tuple(arrays[f"layers.{k}.{name}"] for k in layers)


def encoder_arrays(model: Encoded) -> dict[str, np.ndarray]:
    """The encoder's arrays as files call them."""
    return {"input_shift": model.input_shift, "input_scale": model.input_scale}
