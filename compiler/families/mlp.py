"""MLP: an ordinary feed-forward network, the teacher of machines and the baseline beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
from compiler.families.graph import Dense, Graph, Node, Shown
from compiler.families.layered import encoder_arrays, encoder_of, in_order, numbered
from compiler.families.registry import Family, common_fields
from compiler.families.relaxing import relaxing_cells
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import LangevinNetlist

ACTIVATIONS = ("identity", "clip", "sigmoid", "tanh", "relu")
HEADS = ("classification", "regression")


@dataclass(frozen=True, slots=True, eq=False)
class MLP:
    """y = phi_L(W_L ... phi_1(W_1 u + b_1) ... + b_L), u = (data - input_shift) * input_scale.

    weights : L arrays (n_l, n_(l-1)); biases : L arrays (n_l,)
    activations : L names out of identity, clip (0 to 1), sigmoid, tanh, relu
    input_shift, input_scale : (1,) or (n_inputs,)
    head : "classification" (label of the largest answer) or "regression"
    output_scale, output_offset : (n_answers, n_L) and (n_answers,) or None;
        answers = output_scale @ y + output_offset. A binary network with one output has two
        answers: y below and above its threshold.
    labels : class names, one for each answer, or none
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activations: tuple[str, ...]
    input_shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    input_scale: np.ndarray = field(default_factory=lambda: np.ones(1))
    head: str = "classification"
    output_scale: np.ndarray | None = None
    output_offset: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

    @property
    def n_answers(self) -> int:
        return (self.weights[-1] if self.output_scale is None else self.output_scale).shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Cells in each layer, inputs first."""
        return (self.n_inputs, *(w.shape[0] for w in self.weights))

    def __repr__(self) -> str:
        return f"MLP({'-'.join(map(str, self.sizes))}, {'-'.join(self.activations)})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        n = len(self.weights)
        if n == 0:
            raise NetlistError("MLP: there are no layers; give at least one weight matrix")
        if not (len(self.biases) == len(self.activations) == n):
            raise NetlistError(
                f"MLP: {n} weight matrices, {len(self.biases)} biases and "
                f"{len(self.activations)} activations; each layer needs one of each"
            )
        for k, (w, b, name) in enumerate(zip(self.weights, self.biases, self.activations, strict=True)):
            if w.ndim != 2 or min(w.shape) == 0:
                raise NetlistError(f"MLP: weights of layer {k} must be (n_out, n_in), got shape {w.shape}")
            if b.shape != (w.shape[0],):
                raise NetlistError(f"MLP: bias of layer {k} must have shape ({w.shape[0]},), got {b.shape}")
            if k and w.shape[1] != self.weights[k - 1].shape[0]:
                raise NetlistError(
                    f"MLP: layer {k} takes {w.shape[1]} values but layer {k - 1} makes "
                    f"{self.weights[k - 1].shape[0]}"
                )
            if name not in ACTIVATIONS:
                raise NetlistError(
                    f"MLP: activation {name!r} of layer {k} is unknown; choices are {', '.join(ACTIVATIONS)}"
                )
            if not (np.isfinite(w).all() and np.isfinite(b).all()):
                raise NetlistError(f"MLP: layer {k} has a weight or bias that is not finite")
        for name in ("input_shift", "input_scale"):
            column = getattr(self, name)
            if column.shape not in ((1,), (self.n_inputs,)) or not np.isfinite(column).all():
                raise NetlistError(
                    f"MLP: {name} must be 1 or {self.n_inputs} finite values, got shape {column.shape}"
                )
        if self.head not in HEADS:
            raise NetlistError(f"MLP: head must be {' or '.join(HEADS)}, got {self.head!r}")
        n_out = self.weights[-1].shape[0]
        scale, offset = self.output_scale, self.output_offset
        if scale is not None and (scale.ndim != 2 or scale.shape[1] != n_out):
            raise NetlistError(f"MLP: output_scale must be (n_answers, {n_out}), got shape {scale.shape}")
        if offset is not None and offset.shape != (self.n_answers,):
            raise NetlistError(f"MLP: output_offset must have shape ({self.n_answers},), got {offset.shape}")
        if self.labels and len(self.labels) != self.n_answers:
            raise NetlistError(
                f"MLP: {len(self.labels)} labels for {self.n_answers} answers; give one for each"
            )

    def answers(self, data: Any) -> np.ndarray:
        """(n, n_answers) float64 answers to raw data (n, n_inputs)."""
        y = (np.asarray(data, dtype=np.float64) - self.input_shift) * self.input_scale
        for w, b, name in zip(self.weights, self.biases, self.activations, strict=True):
            y = PHIS[name].value(y @ w.T.astype(np.float64) + b)
        if self.output_scale is not None:
            y = y @ self.output_scale.T
        return y if self.output_offset is None else y + self.output_offset

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest answer."""
        return np.argmax(self.answers(data), axis=1)


def parts(model: MLP) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = encoder_arrays(model) | numbered("weight", model.weights) | numbered("bias", model.biases)
    for name in ("output_scale", "output_offset"):
        if (array := getattr(model, name)) is not None:
            arrays[name] = array
    return {"activations": list(model.activations), "head": model.head}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> MLP:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    n = len(document["activations"])
    return MLP(
        weights=in_order(arrays, "weight", range(n)),
        biases=in_order(arrays, "bias", range(n)),
        activations=tuple(document["activations"]),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        output_scale=arrays.get("output_scale"),
        output_offset=arrays.get("output_offset"),
        **common_fields(document),
    )


def graph_of(mlp: MLP) -> Graph:
    """The network between its encoder and its answers."""
    nodes: list[Node] = []
    last = len(mlp.weights) - 1
    for k, (w, b, phi) in enumerate(zip(mlp.weights, mlp.biases, mlp.activations, strict=True)):
        name = "output" if k == last else f"hidden{k + 1}"
        nodes.append(Node(name, Dense(w, b), (len(nodes),), b.shape))
        if phi != "identity":
            shown = Shown("clamp") if phi == "clip" else Shown(phi)
            nodes.append(Node(name, shown, (len(nodes),), b.shape))
    return Graph(tuple(nodes), mlp.n_inputs)


def lower_mlp(
    mlp: MLP, *, tolerance: float = 1e-6, dt: float = 0.05, input_range: tuple[float, float] = (0.0, 1.0)
) -> LangevinNetlist:
    """The network as cells that relax to its forward pass at kT = 0, see compiler.families.relaxing; groups
    input, hidden1, ..., output.

    tolerance : largest error of an output cell when it is read, in its own units, for any data
        within `input_range`; sets the duration
    dt : time step, 0 < dt < 1

    Raises NetlistError for a tolerance, dt or range that is not usable.
    """
    return relaxing_cells(
        graph_of(mlp),
        mlp,
        {"source": "mlp", "sizes": list(mlp.sizes)},
        encoder=encoder_of(mlp),
        tolerance=tolerance,
        dt=dt,
        input_range=input_range,
    )


FAMILY = Family("mlp", MLP, "an MLP", parts, build, lower_mlp)
