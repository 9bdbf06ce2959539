"""How long layers of relaxing cells take to come to rest."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
from compiler.families.cell_layers import Layer
from compiler.ir.langevin import Encoder

MAX_TIME = 1e5


def settling_time(
    n_inputs: int,
    layers: Sequence[Layer],
    encoder: Encoder,
    tolerance: float,
    dt: float,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> float:
    """Time after which every output cell, started at 0, is within `tolerance` of its fixed point.

    Let e_l(t) bound the error of layer l (in the largest or the Euclidean norm), X_l the size of its fixed
    point, and G_lm = |W_lm| Lip(phi_m) for every layer m that drives it. Then
    de_l/dt <= -e_l + sum_m G_lm e_m, hence

        e_L(t) <= exp(-t) sum_k c_k t^k / k!

    with c_k the sum, over all paths of k couplings that end in L, of the gains on the way times X of where
    they begin; and for n Euler steps the same with C(n, k) dt^k (1 - dt)^(n-k) for exp(-t) t^k / k!. The
    time returned satisfies both in the better norm.

    Raises NetlistError if the input range is not finite or the time exceeds 1e5.
    """
    lo, hi = input_range
    if not (math.isfinite(lo) and math.isfinite(hi) and lo <= hi):
        raise NetlistError(f"input_range must be finite with low <= high, got {input_range!r}")
    ends = (np.array([[lo], [hi]]) - encoder.shift) * encoder.scale
    u = np.broadcast_to(np.abs(ends).max(axis=0), (n_inputs,))
    blocks = [_blocks(n_inputs, layers, k) for k in range(len(layers))]
    return min(_settle(_terms(layers, blocks, u, norm), tolerance, dt) for norm in (np.inf, 2))


Norms = dict[int, dict[float, float]]


def _blocks(n_inputs: int, layers: Sequence[Layer], k: int) -> Norms:
    """Norms of layer k's couplings from each layer that drives it (-1: the inputs), by that layer.

    Of a matrix of less than a million weights, few of them 0, the spectral norm itself, else a bound on it,
    sqrt(|W|_1 |W|_inf).
    """
    rows = layers[k].rows
    starts = np.array([0, *(layer.start for layer in layers[:k])])
    sources = np.searchsorted(starts, rows.unit, side="right") - 2
    at, size = rows.row, np.abs(rows.parameters.astype(np.float64))[rows.tie]
    found: Norms = {}
    for m in np.unique(sources):
        these = sources == m if (sources != m).any() else slice(None)
        first, width = (0, n_inputs) if m < 0 else (layers[m].start, layers[m].rows.n)
        row, column, w = at[these], rows.unit[these] - first, size[these]
        largest = float(np.bincount(row, w).max(initial=0.0))
        if 2 * w.size > rows.n * width and w.size < 1_000_000:
            block = np.zeros((rows.n, width))
            block[row, column] = rows.parameters[rows.tie[these]]
            euclid = float(np.linalg.norm(block, 2))
        else:
            euclid = math.sqrt(largest * float(np.bincount(column, w).max(initial=0.0)))
        found[int(m)] = {np.inf: largest, 2: euclid}
    return found


def _terms(layers: Sequence[Layer], blocks: Sequence[Norms], u: np.ndarray, norm: float) -> list[float]:
    """c_k of the last layer, see settling_time."""
    shown = {-1: float(np.linalg.norm(u, norm))}  # bounds on what layers show
    terms: list[list[float]] = []
    for layer, driven in zip(layers, blocks, strict=True):
        b = layer.rows.bias
        size = float(np.linalg.norm(b, norm)) + sum(g[norm] * shown[m] for m, g in driven.items())
        mine = [size]
        for m, g in driven.items():
            if m >= 0:
                steep = g[norm] * PHIS[layers[m].activation].steepest
                mine += [0.0] * (len(terms[m]) + 1 - len(mine))
                for k, term in enumerate(terms[m]):
                    mine[k + 1] += steep * term
        terms.append(mine)
        phi = PHIS[layer.activation]
        width = 1.0 if norm == np.inf else math.sqrt(b.size)
        zero = abs(float(phi.value(np.zeros(1))[0]))
        shown[len(terms) - 1] = min(phi.steepest * size + zero * width, phi.bound * width)
    return terms[-1]


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
