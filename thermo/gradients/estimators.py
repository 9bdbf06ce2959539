"""Estimators of dC/dtheta from rest states, behind one interface: f(system, x, y, how).

With tied couplings and dE/dw_ij = -u_i u_j (Scellier and Bengio 2017):
dC/dtheta = d/dbeta dE/dtheta at beta = 0. Without an energy (Laborieux and Zenke 2023, arXiv
2309.02214): dC/dtheta ~ -(du/dbeta)^T dF/dtheta, exact only if the Jacobian is symmetric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from thermo.gradients.errors import EqpropError
from thermo.gradients.reference import response
from thermo.gradients.rest import Rest, Settling, settle
from thermo.gradients.system import Gradient, System


@dataclass(frozen=True, slots=True)
class How:
    """Settings of an estimator.

    beta : radius of the nudge, > 0; for coupled learning the share of the error taken away
    points : N, nudges on the circle |beta|, of the holomorphic and Cauchy estimators
    seed : of the random sign of `one-sided`
    """

    beta: float = 0.1
    points: int = 4
    seed: int = 0
    settling: Settling | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.beta) and self.beta > 0):
            raise EqpropError(f"estimator: beta must be a number above 0, got {self.beta}")
        if self.points < 1:
            raise EqpropError(f"estimator: points must be at least 1, got {self.points}")


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """gradient : the estimate of dC/dtheta, batch mean
    residual : largest |sigma(drive) - u| of any phase; phases : relaxations used, the free one too
    response : (batch, n) estimate of du/dbeta, where the estimator has one
    """

    gradient: Gradient
    residual: float
    phases: int
    response: np.ndarray | None = None


Estimator = Callable[[System, np.ndarray, np.ndarray, How], Estimate]


def _nudged(
    system: System, x: np.ndarray, y: np.ndarray, how: How, betas: list[complex], *, twisted: bool = False
) -> tuple[Rest, list[Rest]]:
    free = settle(system, x, settling=how.settling)
    twist = free.u if twisted else None
    return free, [settle(system, x, y, b, start=free.u, twist=twist, settling=how.settling) for b in betas]


def _difference(a: Gradient, b: Gradient, scale: float) -> Gradient:
    return Gradient((a.w - b.w) * scale, (a.w_in - b.w_in) * scale, (a.b - b.b) * scale, a.tied)


def _worst(*rests: Rest) -> float:
    return max(r.residual for r in rests)


def _one_sided(sign: int | None) -> Estimator:
    def estimate(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
        """(dE(beta) - dE(0)) / beta (Scellier and Bengio 2017); error O(beta)."""
        s = sign
        if s is None:
            s = 1 if np.random.default_rng([how.seed, 17]).random() < 0.5 else -1
        beta = s * how.beta
        free, (pushed,) = _nudged(system, x, y, how, [beta])
        if not system.tied:
            du = (pushed.u - free.u) / beta
            return Estimate(system.local(-du, free.u, x), _worst(free, pushed), 2, du)
        g = _difference(system.energy_slope(pushed.u, x), system.energy_slope(free.u, x), 1.0 / beta)
        return Estimate(g, _worst(free, pushed), 2)

    return estimate


def centred(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
    """(dE(beta) - dE(-beta)) / 2 beta (Laborieux et al. 2021); error O(beta^2)."""
    free, (up, down) = _nudged(system, x, y, how, [how.beta, -how.beta])
    if not system.tied:
        du = (up.u - down.u) / (2 * how.beta)
        return Estimate(system.local(-du, free.u, x), _worst(free, up, down), 3, du)
    g = _difference(system.energy_slope(up.u, x), system.energy_slope(down.u, x), 0.5 / how.beta)
    return Estimate(g, _worst(free, up, down), 3)


def circle(radius: float, points: int) -> list[tuple[complex, float]]:
    """(beta_k, weight) on the upper half circle: u(conj beta) = conj u(beta), so that a point off
    the real axis stands for two. Weights add up to `points`.
    """
    out: list[tuple[complex, float]] = [(radius, 1.0)]
    if points % 2 == 0:
        out.append((-radius, 1.0))
    out += [(radius * np.exp(2j * np.pi * k / points), 2.0) for k in range(1, (points + 1) // 2)]
    return out


def holomorphic(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
    """(1/N) sum_k dE(beta_k) / beta_k, beta_k = beta e^(2 pi i k / N) (Laborieux and Zenke 2022,
    arXiv 2209.00530): Cauchy's formula for the derivative, error O(beta^N).
    """
    nodes = circle(how.beta, how.points)
    free, rests = _nudged(system, x, y, how, [b for b, _ in nodes])
    parts = [system.energy_slope(r.u, x) for r in rests]
    if how.points == 1:  # dE(0) only cancels on a whole circle
        g = _difference(parts[0], system.energy_slope(free.u, x), 1.0 / how.beta)
        return Estimate(g, _worst(free, *rests), 2)

    def mean(name: str) -> np.ndarray:
        return (
            sum(c * np.real(getattr(p, name) / b) for p, (b, c) in zip(parts, nodes, strict=True))
            / how.points
        )

    g = Gradient(mean("w"), mean("w_in"), mean("b"), True)
    return Estimate(g, _worst(free, *rests), 1 + len(rests))


def _cauchy(twisted: bool) -> Estimator:
    def estimate(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
        """du/dbeta = (1/N) sum_k u(beta_k) / beta_k, gradient -(du/dbeta)_i u_j, u_j free."""
        nodes = circle(how.beta, how.points)
        free, rests = _nudged(system, x, y, how, [b for b, _ in nodes], twisted=twisted)
        if how.points == 1:
            du = (rests[0].u - free.u) / how.beta
        else:
            du = sum(c * np.real(r.u / b) for r, (b, c) in zip(rests, nodes, strict=True)) / how.points
        return Estimate(system.local(-du, free.u, x), _worst(free, *rests), 1 + len(rests), du)

    return estimate


def generalised_exact(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
    """The same with du/dbeta = -(1 - D w)^-1 D dC/du from the linear response, no finite nudge.

    What is left is the bias of asymmetry: the gradient has w^T where this has w.
    """
    free = settle(system, x, settling=how.settling)
    du = response(system, free.u, x, -system.error(free.u, y))
    return Estimate(system.local(-du, free.u, x), free.residual, 1, du)


def contrastive(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
    """dE(outputs held at y) - dE(free) (contrastive learning, Movellan 1991): the gradient of
    E_clamped - E_free, which is not that of C. Without an energy, here and in coupled learning, the
    change of the driven unit times the free state of the driving one, as training takes it.
    """
    free = settle(system, x, settling=how.settling)
    held = settle(system, x, start=free.u, clamp=y, settling=how.settling)
    if not system.tied:
        du = held.u - free.u
        return Estimate(system.local(-du, free.u, x), _worst(free, held), 2, du)
    g = _difference(system.energy_slope(held.u, x), system.energy_slope(free.u, x), 1.0)
    return Estimate(g, _worst(free, held), 2)


def _coupled(signs: tuple[int, ...]) -> Estimator:
    def estimate(system: System, x: np.ndarray, y: np.ndarray, how: How) -> Estimate:
        """Outputs held at u + eta (y - u), eta = +-beta (coupled learning, Stern et al. 2021):
        (dE(held) - dE(free)) / eta. For small eta the gradient with dC/du replaced by
        S (u - y), S the outputs' effective stiffness (derived).
        """
        if how.beta > 1:
            raise EqpropError(f"coupled learning: eta must be at most 1, got {how.beta}")
        free = settle(system, x, settling=how.settling)
        own = free.u[:, system.outputs]
        held = [
            settle(system, x, start=free.u, clamp=own + s * how.beta * (y - own), settling=how.settling)
            for s in signs
        ]
        width = signs[0] * how.beta * len(signs)
        if not system.tied:
            du = (held[0].u - (held[1].u if len(signs) == 2 else free.u)) / width
            return Estimate(system.local(-du, free.u, x), _worst(free, *held), 1 + len(held), du)
        slopes = [system.energy_slope(h.u, x) for h in held]
        other = slopes[1] if len(signs) == 2 else system.energy_slope(free.u, x)
        g = _difference(slopes[0], other, 1.0 / width)
        return Estimate(g, _worst(free, *held), 1 + len(held))

    return estimate


ESTIMATORS: MappingProxyType[str, Estimator] = MappingProxyType(
    {
        "positive": _one_sided(1),
        "negative": _one_sided(-1),
        "one-sided": _one_sided(None),
        "centred": centred,
        "holomorphic": holomorphic,
        "generalised-cauchy": _cauchy(False),
        "generalised-exact": generalised_exact,
        "asymep": _cauchy(True),
        "contrastive": contrastive,
        "coupled-positive": _coupled((1,)),
        "coupled-negative": _coupled((-1,)),
        "coupled-centred": _coupled((1, -1)),
    }
)
"""asymep: the nudged phases relax with (w^T - w)(u - u0) added to the drive, u0 the free state
(Scurria et al. 2026, arXiv 2602.03670: a term proportional to the antisymmetric part of the
Jacobian, here in activity coordinates). Linearised, D^-1 - w becomes D^-1 - w^T, whose response is
the adjoint: the exact gradient for small beta (derived; tested)."""


def estimate(name: str, system: System, x: np.ndarray, y: np.ndarray, how: How | None = None) -> Estimate:
    """The named estimator's result; EqpropError lists the choices for an unknown name.

    x : (batch, n_in); y : (batch, n_out)
    """
    if name not in ESTIMATORS:
        raise EqpropError(f"estimator {name!r} is unknown; choices are {', '.join(ESTIMATORS)}")
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 2 or x.shape[1] != system.w_in.shape[1] or y.shape != (x.shape[0], system.outputs.size):
        raise EqpropError(
            f"estimator: x must be (batch, {system.w_in.shape[1]}) and y (batch, "
            f"{system.outputs.size}), got {x.shape} and {y.shape}"
        )
    return ESTIMATORS[name](system, x, y, how or How())
