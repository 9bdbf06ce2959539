"""How good are the gradients that a trained network would go on with?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from compiler.families.activations import PHIS
from compiler.families.conv_hopfield import ConvHopfieldNetwork, Shared
from compiler.families.hopfield import HopfieldNetwork
from thermo.gradients.errors import EqpropError, NudgeError, UnsettledError
from thermo.gradients.estimators import How, estimate
from thermo.gradients.homeostasis import jacobian_angle
from thermo.gradients.radius import cauchy_radius
from thermo.gradients.reference import implicit_gradient
from thermo.gradients.rest import Settling
from thermo.gradients.system import Gradient, from_network

BETAS = (0.02, 0.05, 0.1, 0.2, 0.5, 0.9)
# thousands of cheap steps: Newton's matrices of many units and samples cost far more
SETTLING = Settling(tolerance=1e-7, steps=20000, newton=False)


@dataclass(frozen=True, slots=True)
class LayerQuality:
    """Estimate against implicit differentiation, by the couplings into one layer."""

    layer: str
    beta: float
    error: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """layers : quality of each layer over beta, nan where a phase has no rest
    angle : of the Jacobian to its transpose, degrees
    residual : largest |sigma(drive) - u| of any phase; estimator : the one measured
    usable : largest beta of the list whose error over all parameters stays below 10 %, or nan
    free_units : share of units strictly inside their interval at rest (others have no slope)
    radius : |beta| below which the Cauchy sum converges (thermo.gradients.radius), nan where the
        activation is not holomorphic; points : N of the estimator
    beta : the nudge trained with, or nan
    unsettled : the error of the smallest beta of the list without rest, or ""
    samples : that gradients are means over
    """

    layers: tuple[LayerQuality, ...]
    angle: float
    residual: float
    estimator: str
    usable: float
    free_units: float
    radius: float = float("nan")
    points: int = 1
    beta: float = float("nan")
    unsettled: str = ""
    samples: int = 0
    activation: str = "hard-sigmoid"

    @property
    def verdict(self) -> str:
        """What the radius says about the nudge trained with."""
        if not PHIS[self.activation].holomorphic:
            return f"no Cauchy sum: {self.activation} is not holomorphic"
        if np.isnan(self.radius):
            return "no Cauchy sum: no circle of nudges comes to rest, lower the rates"
        if np.isinf(self.radius):
            return "the Cauchy sum converges for every |β| that the output curvature allows"
        text = f"the Cauchy sum converges for |β| < {self.radius:.3g}"
        if np.isnan(self.beta):
            return text
        if self.beta >= self.radius:
            return f"{text}: at the {self.beta:g} trained with no N helps, lower --beta"
        share = self.beta / self.radius
        return f"{text}: at the {self.beta:g} trained with its error falls as {share:.2g}^N"


def diagnose(
    network: HopfieldNetwork | ConvHopfieldNetwork,
    x: np.ndarray,
    y: np.ndarray,
    *,
    estimator: str = "centred",
    betas: Sequence[float] = BETAS,
    settling: Settling = SETTLING,
    points: int = 4,
    beta: float = float("nan"),
    scale: float = 1.0,
) -> Diagnosis:
    """Quality of the gradient on raw data x (n, n_inputs) and one-hot targets y (n, n_outputs); of
    convolutions by their shared parameters, relaxed as one matrix of all units.

    betas : nudges to compare; one at which a phase has no rest is reported as nan
    points : N of the holomorphic and Cauchy estimators; beta : the nudge trained with
    scale : drive of the network's units per drive of those trained (Sigma.scale of
        thermo.training.eqprop.jax_layers): a nudge beta there is scale beta here

    Raises UnsettledError where the free phase, or every nudged one, does not come to rest.
    """
    if x.shape[0] == 0:
        raise EqpropError("diagnosis: there is no sample; give at least one")
    shared: tuple[Shared, ...] = ()
    if isinstance(network, ConvHopfieldNetwork):
        shared, network = network.shared(), network.unrolled()
    with threadpool_limits(1, user_api="blas"):  # products are small
        return _diagnose(network, shared, x, y, estimator, betas, settling, points, beta, scale)


def _diagnose(
    network: HopfieldNetwork,
    shared: tuple[Shared, ...],
    x: np.ndarray,
    y: np.ndarray,
    estimator: str,
    betas: Sequence[float],
    settling: Settling,
    points: int,
    beta: float,
    scale: float,
) -> Diagnosis:
    system = from_network(network)
    if estimator == "holomorphic" and not system.tied:  # no energy: from du/dbeta, as in training
        estimator = "generalised-cauchy"
    u = (np.asarray(x, float) - network.input_shift) * network.input_scale
    truth, rest = implicit_gradient(system, u, y, settling=settling)
    rows: list[LayerQuality] = []
    residual, usable, unsettled = rest.residual, float("nan"), ""
    names = [name for name, _, _ in _layers(network, shared, truth, truth)]
    for b in sorted(betas):
        how = How(beta=scale * b, points=points, settling=settling)
        try:
            e = estimate(estimator, system, u, y, how)
        except (UnsettledError, NudgeError) as error:
            if not np.isfinite([r.error for r in rows]).any() and b == max(betas):
                raise
            unsettled = unsettled or str(error)
            rows += [LayerQuality(name, b, float("nan"), float("nan")) for name in names]
            continue
        residual = max(residual, e.residual)
        pairs = _layers(network, shared, e.gradient, truth)
        rows += [LayerQuality(name, b, *_compare(a, t)) for name, a, t in pairs]
        whole = (e.gradient.flat(), truth.flat())
        if shared:
            whole = (_joined(pairs, 1), _joined(pairs, 2))
        if _compare(*whole)[0] < 0.1:
            usable = b
    inside = (rest.u > 0) & (rest.u < 1) if network.activation == "hard-sigmoid" else True
    radius = cauchy_radius(system, u, y) / scale if system.sigma.holomorphic else float("nan")
    return Diagnosis(
        tuple(rows),
        jacobian_angle(system),
        residual,
        estimator,
        usable,
        float(np.mean(inside)),
        radius,
        points,
        beta,
        unsettled,
        x.shape[0],
        network.activation,
    )


def _layers(
    network: HopfieldNetwork, shared: Sequence[Shared], a: Gradient, b: Gradient
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, estimate, truth) of the couplings into each layer from below."""
    ends = np.cumsum([0, *network.sizes[1:]])
    first = slice(0, ends[1])
    out = [("layer1" if len(ends) > 2 else "output", a.w_in[first], b.w_in[first])]
    for l in range(1, len(ends) - 1):
        block = np.ix_(range(ends[l], ends[l + 1]), range(ends[l - 1], ends[l]))
        name = "output" if l == len(ends) - 2 else f"layer{l + 1}"
        out.append((name, a.w[block], b.w[block]))
    if not shared:
        return out

    def summed(s: Shared, g: np.ndarray) -> np.ndarray:
        """Over all places of a parameter."""
        return np.bincount(s.tie, g[s.row, s.col])

    return [(n, summed(s, p), summed(s, q)) for (n, p, q), s in zip(out, shared, strict=True)]


def _joined(pairs: Sequence[tuple], k: int) -> np.ndarray:
    return np.concatenate([p[k].ravel() for p in pairs])


def _compare(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(relative error, cosine); nan where the truth is 0."""
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    if na == 0 or nb == 0:
        return float("nan"), float("nan")
    return float(np.linalg.norm(a - b) / nb), float(np.sum(a * b) / (na * nb))
