"""MLP: an ordinary feed-forward network, the teacher of machines and the baseline beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
from compiler.families.layered import Layers, encoder_arrays, encoder_of, in_order, numbered
from compiler.families.registry import Family, common_fields
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Activation, Cells, CouplingKind, LangevinNetlist, Phase, ReadOut, Role

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


CODES = {a.name.lower(): a for a in Activation}
MAX_TIME = 1e5


def lower_mlp(
    mlp: MLP, *, tolerance: float = 1e-6, dt: float = 0.05, input_range: tuple[float, float] = (0.0, 1.0)
) -> LangevinNetlist:
    """The network as cells dx_i = -(x_i - sum_j W_ij phi(x_j) - b_i) dt that relax to its forward
    pass at kT = 0: each hidden cell holds a pre-activation and shows phi of it. Euler steps have the
    same fixed point, so the step size costs no accuracy.

    Cells are the inputs (frozen), then the layers; groups input, hidden1, ..., output. J2 = 1/2,
    h = bias, mobility 1, kT 0, linear couplings. The read-out is phi of the last layer.

    tolerance : largest error of an output cell when it is read, in its own units, for any data
        within `input_range`; sets the duration (see settling_time)
    dt : time step, 0 < dt < 1

    Raises NetlistError for a tolerance, dt or range that is not usable.
    """
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise NetlistError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    if not 0 < dt < 1:
        raise NetlistError(f"dt must lie between 0 and 1 for cells of rate 1, got {dt!r}")
    n_steps = round(settling_time(mlp, tolerance, dt, input_range) / dt)
    layers = Layers(mlp.sizes, "hidden")
    role = layers.roles
    shown = [Activation.IDENTITY, *(CODES[name] for name in mlp.activations)]
    return LangevinNetlist(
        cells=Cells.make(
            layers.n,
            j2=np.where(role == Role.INPUT, 0.0, 0.5),
            h=np.concatenate([np.zeros(mlp.n_inputs), *mlp.biases]),
            activation=np.repeat(shown, layers.sizes),
            role=role,
        ),
        couplings=(
            layers.couplings(CouplingKind.LINEAR, ((k + 1, k, w) for k, w in enumerate(mlp.weights))),
        ),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("relax", n_steps * dt),),
        groups=layers.groups,
        readout=ReadOut(
            cells=layers.outputs,
            phase="relax",
            shown=mlp.activations[-1] != "identity",
            decision="argmax" if mlp.head == "classification" else "value",
            scale=_float64(mlp.output_scale),
            offset=_float64(mlp.output_offset),
            labels=mlp.labels,
        ),
        encoder=encoder_of(mlp),
        dt=dt,
        meta={**mlp.meta, "source": "mlp", "sizes": list(mlp.sizes)},
    )


def _float64(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else np.asarray(array, dtype=np.float64)


def settling_time(
    mlp: MLP, tolerance: float, dt: float, input_range: tuple[float, float] = (0.0, 1.0)
) -> float:
    """Time after which every output cell, started at 0, is within `tolerance` of its fixed point.

    Let e_l(t) bound the error of layer l (in the largest or the Euclidean norm), X_l the size of
    its fixed point, and G_l = |W_l| Lip(phi_(l-1)). Then de_l/dt <= -e_l + G_l e_(l-1), hence

        e_L(t) <= exp(-t) sum_(k < L) X_(L-k) G_L ... G_(L-k+1) t^k / k!

    and for n Euler steps the same with C(n, k) dt^k (1 - dt)^(n-k) for exp(-t) t^k / k!. The
    time returned satisfies both in the better norm.

    Raises NetlistError if the input range is not finite or the time exceeds 1e5.
    """
    lo, hi = input_range
    if not (math.isfinite(lo) and math.isfinite(hi) and lo <= hi):
        raise NetlistError(f"input_range must be finite with low <= high, got {input_range!r}")
    ends = (np.array([[lo], [hi]]) - mlp.input_shift) * mlp.input_scale
    u = np.broadcast_to(np.abs(ends).max(axis=0), (mlp.n_inputs,))
    return min(_settle(_terms(mlp, u, norm), tolerance, dt) for norm in (np.inf, 2))


def _terms(mlp: MLP, u: np.ndarray, norm: float) -> list[float]:
    """X_(L-k) G_L ... G_(L-k+1) for k = 0, ..., L - 1."""
    shown = float(np.linalg.norm(u, norm))  # bound on what the layer below shows
    sizes, gains = [], []
    for k, (w, b, name) in enumerate(zip(mlp.weights, mlp.biases, mlp.activations, strict=True)):
        w, b = w.astype(np.float64), b.astype(np.float64)
        gain = float(np.linalg.norm(w, norm))
        sizes.append(gain * shown + float(np.linalg.norm(b, norm)))
        gains.append(gain * (PHIS[mlp.activations[k - 1]].steepest if k else 1.0))
        zero = abs(float(PHIS[name].value(np.zeros(1))[0]))
        width = 1.0 if norm == np.inf else math.sqrt(b.size)
        shown = min(PHIS[name].steepest * sizes[-1] + zero * width, PHIS[name].bound * width)
    terms, product = [], 1.0
    for k in range(len(sizes)):
        terms.append(sizes[-1 - k] * product)
        product *= gains[-1 - k]
    return terms


def _settle(terms: list[float], tolerance: float, dt: float) -> float:
    """Smallest time, a multiple of dt, at which both bounds are below the tolerance."""

    def error(n: int) -> float:
        t = n * dt
        continuous = steps = 0.0
        for k, term in enumerate(terms):
            if term == 0:
                continue
            log = math.log(term)
            log_t = k * math.log(t) if k else 0.0
            continuous += math.exp(min(700.0, log - t + log_t - math.lgamma(k + 1)))
            if n >= k:
                choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                log_steps = choose + k * math.log(dt) + (n - k) * math.log1p(-dt)
                steps += math.exp(min(700.0, log + log_steps))
        return max(continuous, steps)

    # beyond t = L + 1 every term falls with time, so that bisection finds the end
    low = math.ceil((len(terms) + 1) / dt)
    high = low
    while error(high) > tolerance:
        low, high = high, 2 * high
        if high * dt > MAX_TIME:
            raise NetlistError(
                f"the network needs longer than {MAX_TIME:g} to settle within {tolerance:g}; "
                "its weights are too large: raise the tolerance"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if error(middle) > tolerance else (low, middle)
    return high * dt


FAMILY = Family("mlp", MLP, "an MLP", parts, build, lower_mlp)
