"""How large a circle of nudges may be: where the rest state, a function of beta, has its nearest
singularity.
"""

from __future__ import annotations

import numpy as np

from thermo.gradients.errors import EqpropError, NudgeError, UnsettledError
from thermo.gradients.estimators import circle
from thermo.gradients.rest import Settling, settle
from thermo.gradients.system import System

POINTS = 32
ORDERS = np.arange(4, POINTS // 2)  # the first ones are not yet those of the singularity
NEAR, FAR = 0.3, 0.6  # shrinking from order to order, at which R can be read
BRANCH = 1.5  # coefficients of a square root fall as k^-3/2 R^-k
SETTLING = Settling(tolerance=1e-10, steps=5000, newton=False)


def orders(
    system: System, x: np.ndarray, y: np.ndarray, radius: float, *, settling: Settling = SETTLING
) -> np.ndarray:
    """(POINTS / 2,) sizes |c_k| radius^k, k = 0, 1, ..., of u(beta) = sum_k c_k beta^k over all
    units and samples, by Cauchy's formula from rest states on the circle |beta| = radius.

    x : (n, n_in) encoded; y : (n, n_out). Raises NudgeError, UnsettledError.
    """
    free = settle(system, x, settling=settling)
    k = np.arange(POINTS // 2)
    sums = np.zeros((k.size, free.u.size), complex)
    for beta, weight in circle(radius, POINTS):
        u = settle(system, x, y, beta, start=free.u, settling=settling).u.ravel()
        turned = (beta / radius) ** -k[:, None] * u
        # coefficients are real: the conjugate point adds the conjugate
        sums += weight * np.real(turned)
    return np.linalg.norm(sums, axis=1) / POINTS


def cauchy_radius(system: System, x: np.ndarray, y: np.ndarray, *, settling: Settling = SETTLING) -> float:
    """R: circles |beta| < R give du/dbeta to (|beta| / R)^N with N points, larger ones stall.

    Rest states meet and vanish in folds, where u has a square root: |c_k| ~ k^-3/2 R^-k (Darboux;
    derived), fitted over the orders on a circle on which one is 0.3 to 0.6 of the one before, found
    by doubling from a small one. The sample nearest to a fold decides. inf where even the widest
    circle that the outputs' own curvature allows leaves no order to fit; nan where none settles.

    Raises EqpropError for an activation that is not holomorphic.
    """
    if not system.sigma.holomorphic:
        raise EqpropError(
            f"radius: {system.activation} is not holomorphic, no Cauchy sum converges; use sigmoid or tanh"
        )
    widest = 0.95 * system.sigma.curvature
    radius, best = widest / 64, float("nan")
    floor = 100 * settling.tolerance
    for _ in range(20):
        try:
            sizes = orders(system, x, y, radius, settling=settling)
        except (NudgeError, UnsettledError):
            if np.isfinite(best):
                return best
            radius /= 2
            continue
        fit = ORDERS[sizes[ORDERS] > floor * np.sqrt(x.shape[0])]
        if fit.size >= 3:
            shrink = _shrinking(fit, sizes[fit])
            if shrink > FAR:
                if np.isfinite(best):
                    return best
                radius /= 2
                continue
            best = radius / shrink
            if shrink >= NEAR:
                return best
        if radius >= widest:
            return best if np.isfinite(best) else float("inf")
        radius = min(2 * radius, widest)
    return best


def _shrinking(k: np.ndarray, sizes: np.ndarray) -> float:
    """radius / R from sizes ~ k^-3/2 (radius / R)^k."""
    return float(np.exp(np.polyfit(k, np.log(sizes * k**BRANCH), 1)[0]))
