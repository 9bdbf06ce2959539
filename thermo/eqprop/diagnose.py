"""How good are the gradients that a trained network would go on with?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.models.hopfield import HopfieldNetwork
from thermo.eqprop.errors import EqpropError
from thermo.eqprop.estimators import How, estimate
from thermo.eqprop.homeostasis import jacobian_angle
from thermo.eqprop.reference import implicit_gradient
from thermo.eqprop.rest import Settling
from thermo.eqprop.system import Gradient, System, from_network

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
    """layers : quality of each layer over beta; angle : of the Jacobian to its transpose, degrees
    residual : largest |sigma(drive) - u| of any phase; estimator : the one measured
    usable : largest beta of the list whose error over all parameters stays below 10 %, or nan
    free_units : share of units strictly inside their interval at rest (others have no slope)
    """

    layers: tuple[LayerQuality, ...]
    angle: float
    residual: float
    estimator: str
    usable: float
    free_units: float


def diagnose(
    network: HopfieldNetwork,
    x: np.ndarray,
    y: np.ndarray,
    *,
    estimator: str = "centred",
    betas: Sequence[float] = BETAS,
    settling: Settling = SETTLING,
) -> Diagnosis:
    """Quality of the gradient on raw data x (n, n_inputs) and one-hot targets y (n, n_outputs).

    Raises UnsettledError or NudgeError where a phase does not come to rest.
    """
    if x.shape[0] == 0:
        raise EqpropError("diagnosis: there is no sample; give at least one")
    system = from_network(network)
    u = (np.asarray(x, float) - network.input_shift) * network.input_scale
    truth, rest = implicit_gradient(system, u, y, settling=settling)
    rows: list[LayerQuality] = []
    residual, usable = rest.residual, float("nan")
    for beta in betas:
        e = estimate(estimator, system, u, y, How(beta=beta, settling=settling))
        residual = max(residual, e.residual)
        pairs = _layers(network, system, e.gradient, truth)
        rows += [LayerQuality(name, beta, *_compare(a, b)) for name, a, b in pairs]
        if _compare(e.gradient.flat(), truth.flat())[0] < 0.1:
            usable = beta
    inside = (rest.u > 0) & (rest.u < 1) if network.activation == "hard-sigmoid" else True
    return Diagnosis(
        tuple(rows), jacobian_angle(system), residual, estimator, usable, float(np.mean(inside))
    )


def _layers(
    network: HopfieldNetwork, system: System, a: Gradient, b: Gradient
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, estimate, truth) of the couplings into each layer from below."""
    ends = np.cumsum([0, *network.sizes[1:]])
    first = slice(0, ends[1])
    out = [("layer1" if len(ends) > 2 else "output", a.w_in[first], b.w_in[first])]
    for l in range(1, len(ends) - 1):
        block = np.ix_(range(ends[l], ends[l + 1]), range(ends[l - 1], ends[l]))
        name = "output" if l == len(ends) - 2 else f"layer{l + 1}"
        out.append((name, a.w[block], b.w[block]))
    return out


def _compare(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(relative error, cosine); nan where the truth is 0."""
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    if na == 0 or nb == 0:
        return float("nan"), float("nan")
    return float(np.linalg.norm(a - b) / nb), float(np.sum(a * b) / (na * nb))
