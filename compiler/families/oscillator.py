"""OscillatorNetwork: phases of coupled oscillators that fall into step, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.checks import check_choice, check_encoder, check_finite, check_labels, check_positive
from compiler.families.layered import (
    Layers,
    check_run,
    encoder_arrays,
    encoder_of,
    free_and_nudged,
    in_order,
    numbered,
)
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Activation, CellKind, Cells, CouplingKind, LangevinNetlist, ReadOut, Role

INPUTS = ("phase", "field")
CHUNK = 1024  # rows relaxed at once
WEAK = 1e-12  # a local field below it leaves a phase where it is


@dataclass(frozen=True, slots=True, eq=False)
class OscillatorNetwork:
    """Layers 0 (inputs, frozen) to L (outputs) of oscillators; their phases lower

        E = - sum_(i<j) J_ij cos(phi_i - phi_j) - sum_i h_i cos phi_i - sum_i S_i/2 cos 2 phi_i

    by dphi_i/dt = -dE/dphi_i = - sum_j J_ij sin(phi_i - phi_j) - h_i sin phi_i - S_i sin 2 phi_i
    (an oscillator Ising machine; Gower 2025, arXiv 2505.02103). The answer of an output is
    1 - cos phi, how far it is out of step with the reference, phase 0.

    weights : L arrays (n_(l+1), n_l), J between layer l and layer l + 1
    fields : L arrays (n_(l+1),), h
    locking : L arrays (n_(l+1),), S; None: 0 everywhere
    inputs : "phase": input p is an oscillator held at (x - input_shift) * input_scale;
        "field": that value times the coupling is a field along phase 0, as h
    input_shift, input_scale : (1,) or (n_inputs,), radians a unit of data for "phase"
    start : phase of every oscillator before it is let go, radians (of a netlist's cells); 0 is in
        step with the reference. With "field" inputs nothing turns a phase at 0: start elsewhere
    relax_time : time after which outputs are read; dt : step that the time was measured with
        (None: the front end's bound)
    """

    weights: tuple[np.ndarray, ...]
    fields: tuple[np.ndarray, ...]
    locking: tuple[np.ndarray, ...] | None = None
    inputs: str = "phase"
    input_shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    input_scale: np.ndarray = field(default_factory=lambda: np.full(1, math.pi / 2))
    start: float = 0.0
    relax_time: float = 30.0
    dt: float | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def sizes(self) -> tuple[int, ...]:
        """Oscillators in each layer, inputs first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

    @property
    def n_outputs(self) -> int:
        return self.weights[-1].shape[0]

    def __repr__(self) -> str:
        return f"OscillatorNetwork({'-'.join(map(str, self.sizes))}, inputs as {self.inputs})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        n = len(self.weights)
        if n == 0 or len(self.fields) != n:
            raise NetlistError(
                f"oscillator network: {n} weight matrices and {len(self.fields)} fields; give at "
                "least one layer and a field for each"
            )
        for k, (w, h) in enumerate(zip(self.weights, self.fields, strict=True)):
            if w.ndim != 2 or min(w.shape) == 0:
                raise NetlistError(
                    f"oscillator network: weights {k} must be (n_out, n_in), got shape {w.shape}"
                )
            if h.shape != (w.shape[0],):
                raise NetlistError(
                    f"oscillator network: fields {k} must have shape ({w.shape[0]},), got {h.shape}"
                )
            if k and w.shape[1] != self.weights[k - 1].shape[0]:
                raise NetlistError(
                    f"oscillator network: weights {k} couple {w.shape[1]} oscillators but the "
                    f"layer below has {self.weights[k - 1].shape[0]}"
                )
        if self.locking is not None and [s.shape for s in self.locking] != [h.shape for h in self.fields]:
            raise NetlistError(
                f"oscillator network: locking must have shapes {[h.shape for h in self.fields]}, "
                f"got {[s.shape for s in self.locking]}; None stands for 0"
            )
        what = "oscillator network"
        every = (*self.weights, *self.fields, *(self.locking or ()))
        check_finite(what, every, "a weight, field or locking")
        check_choice(what, "inputs", self.inputs, INPUTS)
        check_encoder(what, self)
        if not math.isfinite(self.start):
            raise NetlistError(f"{what}: start must be finite, got {self.start}")
        check_positive(what, "relax_time", self.relax_time)
        if self.dt is not None:
            check_positive(what, "dt", self.dt)
        check_labels(what, self)

    def encode(self, data: Any) -> np.ndarray:
        """(n, 2, n_inputs) float64 cosine and sine of the input phases; for "field" the value, 0.

        data : (n, n_inputs) raw
        """
        u = (np.asarray(data, dtype=np.float64) - self.input_shift) * self.input_scale
        if self.inputs == "field":
            return np.stack([u, np.zeros_like(u)], axis=1)
        return np.stack([np.cos(u), np.sin(u)], axis=1)

    def energy(self, data: Any, phases: Sequence[np.ndarray]) -> np.ndarray:
        """(n,) E of phases (n, n_l), l = 1 ... L, radians."""
        below = self.encode(data)
        total = np.zeros(below.shape[0])
        for l, phi in enumerate(phases):
            here = np.stack([np.cos(phi), np.sin(phi)], axis=1)
            total -= np.sum((below @ self.weights[l].T) * here, axis=(1, 2))
            total -= here[:, 0] @ self.fields[l]
            if self.locking is not None:
                total -= 0.5 * np.cos(2 * phi) @ self.locking[l]
            below = here
        return total

    def answers(self, data: Any, *, sweeps: int = 5000, tolerance: float = 1e-7) -> np.ndarray:
        """(n, n_outputs) float64 1 - cos phi of the outputs at rest, see `relax`."""
        rows = np.asarray(data, dtype=np.float64)
        out = np.empty((rows.shape[0], self.n_outputs))
        for k in range(0, rows.shape[0], CHUNK):
            part = rows[k : k + CHUNK]
            found = relax(self, part, sweeps=sweeps, tolerance=tolerance)
            out[k : k + CHUNK] = 1.0 - np.cos(found[-1])
        return out

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the output farthest from phase 0."""
        return np.argmax(self.answers(data), axis=1)


def follow(z: np.ndarray, old: np.ndarray, locking: np.ndarray) -> np.ndarray:
    """Spins (n, 2, m) after an update, given the field z (n, 2, m) of their neighbours.

    -z . u is least at u = z / |z|: the exact minimum of E in a layer without locking. With S > 0
    the term S sin^2 phi = S - S cos^2 phi is concave in cos phi, with S < 0 it is |S| cos^2 phi =
    |S| - |S| sin^2 phi, concave in sin phi: the tangent at the old value bounds it from above, a
    field 2 S cos phi_old or 2 |S| sin phi_old, and E falls in every update (derived). Where the
    field vanishes the spin stays.
    """
    z = z.copy()
    z[:, 0] += 2.0 * np.maximum(locking, 0.0) * old[:, 0]
    z[:, 1] += 2.0 * np.maximum(-locking, 0.0) * old[:, 1]
    length = np.sqrt(np.square(z).sum(axis=1, keepdims=True))
    return np.where(length > WEAK, z / np.maximum(length, WEAK), old)


def relax(
    network: OscillatorNetwork,
    data: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    beta: float = 0.0,
    start: Sequence[np.ndarray] | None = None,
    sweeps: int = 5000,
    tolerance: float = 1e-7,
) -> list[np.ndarray]:
    """Phases (n, n_l) of layers 1 to L at rest, float64 radians in [-pi, pi], by layer updates.

    Each layer begins where the one below alone would turn it, or at `start`; layers of the outputs'
    parity move first, then the others; the energy falls in every update (see `follow`). A nudge
    adds beta sum (1 - cos(phi_out - targets)), targets (n, n_outputs) in radians.

    Raises NetlistError if a spin still moves by more than `tolerance` in the last sweep.
    """
    weights = [w.astype(np.float64) for w in network.weights]
    u = network.encode(data)
    n, last = u.shape[0], len(weights)
    locking = network.locking or tuple(np.zeros_like(h) for h in network.fields)
    drive = u @ weights[0].T
    begin = start or [np.full((n, w.shape[0]), network.start) for w in weights]
    spins = [np.stack([np.cos(a), np.sin(a)], axis=1) for a in begin]
    if start is None:
        for l, h in enumerate(network.fields):
            z = drive.copy() if l == 0 else spins[l - 1] @ weights[l].T
            z[:, 0] += h
            spins[l] = follow(z, spins[l], locking[l])
    change = math.inf
    for _ in range(sweeps):
        change = 0.0
        for l in [*range(last, 0, -2), *range(last - 1, 0, -2)]:
            z = drive.copy() if l == 1 else spins[l - 2] @ weights[l - 1].T
            z[:, 0] += network.fields[l - 1]
            if l < last:
                z += spins[l] @ weights[l]
            elif targets is not None and beta:
                z += beta * np.stack([np.cos(targets), np.sin(targets)], axis=1)
            new = follow(z, spins[l - 1], locking[l - 1])
            change = max(change, float(np.abs(new - spins[l - 1]).max(initial=0.0)))
            spins[l - 1] = new
        if change <= tolerance:
            return [np.arctan2(s[:, 1], s[:, 0]) for s in spins]
    raise NetlistError(
        f"oscillator network: a spin still moves by {change:.2g} after {sweeps} sweeps, tolerance "
        f"{tolerance:g}; raise sweeps or tolerance"
    )


def parts(model: OscillatorNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays) of the model."""
    arrays = encoder_arrays(model)
    arrays |= numbered("weight", model.weights) | numbered("field", model.fields)
    arrays |= numbered("locking", model.locking or ())
    facts = {
        "n_layers": len(model.weights),
        "locked": model.locking is not None,
        "inputs": model.inputs,
        "start": float(model.start),
        "relax_time": float(model.relax_time),
        "dt": None if model.dt is None else float(model.dt),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> OscillatorNetwork:
    """The model of these facts and arrays; KeyError for one that is missing."""
    n = int(document["n_layers"])
    return OscillatorNetwork(
        weights=in_order(arrays, "weight", range(n)),
        fields=in_order(arrays, "field", range(n)),
        locking=in_order(arrays, "locking", range(n)) if document["locked"] else None,
        inputs=document["inputs"],
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        start=float(document["start"]),
        relax_time=float(document["relax_time"]),
        dt=None if document["dt"] is None else float(document["dt"]),
        **common_fields(document),
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
    check_run(time, nudge)
    layers = Layers(network.sizes)
    n, n_in, role = layers.n, network.n_inputs, layers.roles
    dynamic = role != Role.INPUT
    phases = network.inputs == "phase"
    blocks: dict[CouplingKind, list[tuple[int, int, np.ndarray]]] = {}
    for l, w in enumerate(network.weights):
        kind = CouplingKind.GRADIENT if l == 0 and not phases else CouplingKind.SINE
        both = [(l + 1, l, w), (l, l + 1, w.T)]
        blocks.setdefault(kind, []).extend(both if l else both[:1])
    dt = stable_step(network) if network.dt is None else network.dt
    steps = max(1, math.ceil(time / dt - 1e-9))
    shown = np.where(dynamic, Activation.COSINE, Activation.IDENTITY)
    if nudge is not None:
        shown[role == Role.OUTPUT] = Activation.IDENTITY
    nothing = [np.zeros(n_in)]
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
        couplings=tuple(layers.couplings(kind, some) for kind, some in blocks.items()),
        kT=0.0,
        mobility=1.0,
        schedule=free_and_nudged(steps * dt, nudge),
        groups=layers.groups,
        readout=ReadOut(
            cells=layers.outputs,
            phase="free",
            shown=nudge is None,
            decision="argmax" if nudge is None else "value",
            scale=-np.eye(network.n_outputs) if nudge is None else None,
            offset=np.ones(network.n_outputs) if nudge is None else None,
            labels=network.labels if nudge is None else (),
        ),
        encoder=encoder_of(network),
        dt=dt,
        meta={**network.meta, "source": "oscillator", "sizes": list(network.sizes)},
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


FAMILY = Family("oscillator", OscillatorNetwork, "an oscillator network", parts, build, lower_oscillator)
