"""HopfieldNetwork: layers that relax together, the networks that equilibrium propagation trains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.checks import (
    HEADS,
    check_choice,
    check_encoder,
    check_finite,
    check_labels,
    check_positive,
)
from compiler.families.layered import (
    ACTIVATIONS,
    CHUNK,
    Layers,
    encoder_arrays,
    in_order,
    numbered,
    relax_layers,
    relaxing_netlist,
    step_for,
)
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import CouplingKind, LangevinNetlist


@dataclass(frozen=True, slots=True, eq=False)
class HopfieldNetwork:
    """Layers 0 (inputs, frozen) to L (outputs) of units that drive each other both ways.

    drive_l = weights[l-1] u_(l-1) + backward[l-1] u_(l+1) + biases[l-1], and at rest
    u_l = sigma(drive_l), u_0 = (data - input_shift) * input_scale.

    With `hard-sigmoid`, sigma = clip to [0, 1], and symmetric weights that is a minimum on the box
    of E = 1/2 sum u^2 - sum_(i<j) W_ij u_i u_j - sum b_i u_i, that of Scellier and Bengio 2017
    (where rho(u) = u on the box). `sigmoid` 1 / (1 + exp(-z)) and `tanh` are the
    prototypical form u = sigma(W u + b) of Ernoult et al. 2019 (arXiv 1905.13633).

    weights : L arrays (n_(l+1), n_l), l = 0 ... L - 1
    biases : L arrays (n_(l+1),)
    backward : L - 1 arrays (n_l, n_(l+1)), l = 1 ... L - 1, the drive of layer l by layer l + 1;
        None: the transposes of weights[1:]
    input_shift, input_scale : (1,) or (n_inputs,)
    head : "classification" (label of the largest output) or "regression" (the outputs)
    relax_time : time, in units of a cell's own relaxation, after which outputs are read
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str = "hard-sigmoid"
    backward: tuple[np.ndarray, ...] | None = None
    input_shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    input_scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    head: str = "classification"
    relax_time: float = 30.0
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units in each layer, inputs first."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

    @property
    def n_outputs(self) -> int:
        return self.weights[-1].shape[0]

    @property
    def feedback(self) -> tuple[np.ndarray, ...]:
        """L - 1 arrays (n_l, n_(l+1)): the backward weights, or the transposes."""
        if self.backward is not None:
            return self.backward
        return tuple(w.T for w in self.weights[1:])

    @property
    def angle(self) -> float:
        """Angle in degrees between all forward weights above the first layer and the transposed
        backward ones: 0 for an energy, 90 for unrelated weights; nan without a hidden layer.
        """
        if len(self.weights) == 1:
            return math.nan
        forward = np.concatenate([w.ravel() for w in self.weights[1:]]).astype(float)
        back = np.concatenate([b.T.ravel() for b in self.feedback]).astype(float)
        norms = np.linalg.norm(forward) * np.linalg.norm(back)
        return float(np.degrees(np.arccos(np.clip(forward @ back / norms, -1, 1))))

    def __repr__(self) -> str:
        return f"HopfieldNetwork({'-'.join(map(str, self.sizes))}, {self.activation})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        n = len(self.weights)
        if n == 0 or len(self.biases) != n:
            raise NetlistError(
                f"Hopfield network: {n} weight matrices and {len(self.biases)} biases; give at "
                "least one layer and a bias for each"
            )
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if w.ndim != 2 or min(w.shape) == 0:
                raise NetlistError(
                    f"Hopfield network: weights {k} must be (n_out, n_in), got shape {w.shape}"
                )
            if b.shape != (w.shape[0],):
                raise NetlistError(
                    f"Hopfield network: bias {k} must have shape ({w.shape[0]},), got {b.shape}"
                )
            if k and w.shape[1] != self.weights[k - 1].shape[0]:
                raise NetlistError(
                    f"Hopfield network: weights {k} take {w.shape[1]} values but the layer below "
                    f"has {self.weights[k - 1].shape[0]} units"
                )
        if self.backward is not None:
            shapes = [b.shape for b in self.backward]
            wanted = [w.shape[::-1] for w in self.weights[1:]]
            if shapes != wanted:
                raise NetlistError(
                    f"Hopfield network: backward weights must have shapes {wanted}, got {shapes}; "
                    "None stands for the transposes of weights[1:]"
                )
        what = "Hopfield network"
        every = (*self.weights, *self.biases, *(self.backward or ()))
        check_finite(what, every, "a weight or bias")
        check_choice(what, "activation", self.activation, ACTIVATIONS)
        check_encoder(what, self)
        check_choice(what, "head", self.head, HEADS)
        check_positive(what, "relax_time", self.relax_time)
        check_labels(what, self)

    def answers(self, data: Any, *, sweeps: int = 2000, tolerance: float = 1e-7) -> np.ndarray:
        """(n, n_outputs) float64 outputs at rest for raw data (n, n_inputs), see `relax`."""
        rows = np.asarray(data, dtype=np.float64)
        out = np.empty((rows.shape[0], self.n_outputs))
        for k in range(0, rows.shape[0], CHUNK):
            part = rows[k : k + CHUNK]
            out[k : k + CHUNK] = relax(self, part, sweeps=sweeps, tolerance=tolerance)[-1]
        return out

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest output."""
        return np.argmax(self.answers(data), axis=1)


def relax(
    network: HopfieldNetwork, data: np.ndarray, *, sweeps: int = 2000, tolerance: float = 1e-7
) -> list[np.ndarray]:
    """States (n, n_l) of layers 1 to L at rest, float64, from a start with all units above at 0.

    Layer by layer, outputs' parity first: each layer takes its own rest given its neighbours. For
    the hard sigmoid with symmetric weights that is an exact block-coordinate descent of E. Layers
    are mixed half with their last value once 200 sweeps have not settled (cycles of asymmetric
    networks).

    Raises NetlistError if a unit still moves by more than `tolerance` in the last sweep.
    """
    weights = [w.astype(np.float64) for w in network.weights]
    back = [b.astype(np.float64) for b in network.feedback]
    u = (data - network.input_shift) * network.input_scale
    return relax_layers(
        weights, back, network.biases, network.activation, u, sweeps=sweeps, tolerance=tolerance
    )


def parts(model: HopfieldNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = encoder_arrays(model)
    arrays |= numbered("weight", model.weights) | numbered("bias", model.biases)
    arrays |= numbered("backward", model.backward or (), 1)
    facts = {
        "n_layers": len(model.weights),
        "activation": model.activation,
        "symmetric": model.backward is None,
        "head": model.head,
        "relax_time": float(model.relax_time),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> HopfieldNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = int(document["n_layers"])
    return HopfieldNetwork(
        weights=in_order(arrays, "weight", range(n)),
        biases=in_order(arrays, "bias", range(n)),
        activation=document["activation"],
        backward=None if document["symmetric"] else in_order(arrays, "backward", range(1, n)),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        relax_time=float(document["relax_time"]),
        **common_fields(document),
    )


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
    blocks = [(l + 1, l, w) for l, w in enumerate(network.weights)]
    blocks += [(l, l + 1, b) for l, b in enumerate(network.feedback, 1)]
    return relaxing_netlist(
        network,
        Layers(network.sizes).couplings(CouplingKind.LINEAR, blocks),
        network.biases,
        stable_step(network),
        duration,
        nudge,
        {"source": "hopfield", "sizes": list(network.sizes)},
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


FAMILY = Family("hopfield", HopfieldNetwork, "a Hopfield network", parts, build, lower_hopfield)
