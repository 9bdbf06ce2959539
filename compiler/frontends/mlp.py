"""An ordinary network as relaxing cells: dx_i = -(x_i - sum_j W_ij phi(x_j) - b_i) dt at kT = 0.

The fixed point is the forward pass: each hidden cell holds a pre-activation and shows phi of it.
Euler steps have the same fixed point, so the step size costs no accuracy.
"""

from __future__ import annotations

import math
from types import MappingProxyType

import numpy as np

from compiler.errors import NetlistError
from compiler.families.mlp import MLP, activate
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

CODES = {a.name.lower(): a for a in Activation}
# largest slope of phi, and the largest |phi(x)| there can be
LIPSCHITZ = {"identity": 1.0, "clip": 1.0, "sigmoid": 0.25, "tanh": 1.0, "relu": 1.0}
BOUND = {"identity": math.inf, "clip": 1.0, "sigmoid": 1.0, "tanh": 1.0, "relu": math.inf}
MAX_TIME = 1e5


def lower_mlp(
    mlp: MLP, *, tolerance: float = 1e-6, dt: float = 0.05, input_range: tuple[float, float] = (0.0, 1.0)
) -> LangevinNetlist:
    """The network as a netlist that relaxes to its forward pass.

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
    sizes = mlp.sizes
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, n_inputs = int(starts[-1]), sizes[0]
    role = np.full(n, Role.DYNAMIC)
    role[:n_inputs] = Role.INPUT
    role[starts[-2] :] = Role.OUTPUT
    activation = np.full(n, Activation.IDENTITY)
    h = np.zeros(n)
    rows, cols, values = [], [], []
    for k, (w, b, name) in enumerate(zip(mlp.weights, mlp.biases, mlp.activations, strict=True)):
        first, before = int(starts[k + 1]), int(starts[k])
        h[first : first + b.size] = b
        activation[first : first + b.size] = CODES[name]
        i, j = np.nonzero(w)
        rows.append(first + i)
        cols.append(before + j)
        values.append(w[i, j])
    names = ["input", *(f"hidden{k}" for k in range(1, len(sizes) - 1)), "output"]
    return LangevinNetlist(
        cells=Cells.make(n, j2=np.where(role == Role.INPUT, 0.0, 0.5), h=h, activation=activation, role=role),
        couplings=(
            Couplings.from_coo(
                CouplingKind.LINEAR, n, np.concatenate(rows), np.concatenate(cols), np.concatenate(values)
            ),
        ),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("relax", n_steps * dt),),
        groups=tuple(
            Group(name, int(a), int(b)) for name, a, b in zip(names, starts[:-1], starts[1:], strict=True)
        ),
        readout=ReadOut(
            cells=np.arange(starts[-2], n, dtype=np.int32),
            phase="relax",
            shown=mlp.activations[-1] != "identity",
            decision="argmax" if mlp.head == "classification" else "value",
            scale=_float64(mlp.output_scale),
            offset=_float64(mlp.output_offset),
            labels=mlp.labels,
        ),
        encoder=Encoder(
            np.asarray(mlp.input_shift, dtype=np.float64), np.asarray(mlp.input_scale, dtype=np.float64)
        ),
        dt=dt,
        meta=MappingProxyType({**mlp.meta, "source": "mlp", "sizes": list(sizes)}),
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
        gains.append(gain * (LIPSCHITZ[mlp.activations[k - 1]] if k else 1.0))
        zero = abs(float(activate(name, np.zeros(1))[0]))
        width = 1.0 if norm == np.inf else math.sqrt(b.size)
        shown = min(LIPSCHITZ[name] * sizes[-1] + zero * width, BOUND[name] * width)
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
