"""HopfieldNetwork: layers that relax together, the networks that equilibrium propagation trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
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

ACTIVATIONS = ("hard-sigmoid", "sigmoid", "tanh")
CHUNK = 1024  # rows relaxed at once


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
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

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

    def __post_init__(self) -> None:
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


def activate(name: str, z: np.ndarray) -> np.ndarray:
    """sigma(z) of the named activation."""
    if name == "hard-sigmoid":
        return np.clip(z, 0, 1)
    return np.tanh(z) if name == "tanh" else 0.5 * (1 + np.tanh(z / 2))


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


def relax_layers(
    weights: Sequence[Any],
    back: Sequence[Any],
    biases: Sequence[np.ndarray],
    activation: str,
    u: np.ndarray,
    *,
    sweeps: int = 2000,
    tolerance: float = 1e-7,
) -> list[np.ndarray]:
    """`relax` for encoded inputs u (n, n_inputs) and couplings that may be sparse matrices.

    weights : L matrices (n_(l+1), n_l); back : L - 1 matrices (n_l, n_(l+1)); biases : one a unit
    """
    drive = u @ weights[0].T + biases[0]
    n, last = u.shape[0], len(weights)
    states = [activate(activation, drive)]
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
            new = activate(activation, z)
            step = new - states[l - 1]
            change = max(change, float(np.abs(step).max(initial=0.0)))
            states[l - 1] = states[l - 1] + mix * step
        if change <= tolerance:
            return states
    raise NetlistError(
        f"Hopfield network: a unit still moves by {change:.2g} after {sweeps} sweeps, tolerance "
        f"{tolerance:g}; raise sweeps, or scale the recurrent weights down"
    )
