"""The homeostatic loss that makes a network's Jacobian symmetric.

L = E[|J e|^2 - e^T J^2 e] / n over e ~ N(0, 1) equals 1/2 |J - J^T|_F^2 / n (Laborieux and Zenke
2023, arXiv 2309.02214, and their code, where J is taken in activity coordinates with the
free state held: then J = w - 1 and the 1 cancels).
"""

from __future__ import annotations

import numpy as np

from thermo.gradients.system import Gradient, System


def homeostatic_loss(system: System, draws: int | None = None, seed: int = 0) -> tuple[float, Gradient]:
    """Loss and its gradient by the directed couplings.

    draws : random vectors e, two Jacobian-vector products each; None: the expectation itself
    """
    w, n = system.w, system.n
    if draws is None:
        skew = w - w.T
        loss, slope = 0.5 * float(np.sum(skew**2)) / n, 2.0 * skew / n
    else:
        e = np.random.default_rng([seed, 23]).standard_normal((draws, n))
        je = e @ w.T
        jje = je @ w.T
        loss = float(np.sum(je**2) - np.sum(e * jje)) / (n * draws)
        slope = (2.0 * je.T @ e - e.T @ je - (e @ w).T @ e) / (n * draws)
    slope = np.where(system.mask, slope, 0.0)
    return loss, Gradient(slope, np.zeros_like(system.w_in), np.zeros(n), False)


def jacobian_angle(system: System) -> float:
    """Angle in degrees between w and w^T: 0 for a symmetric system, 90 for unrelated directions."""
    w = system.w
    return float(np.degrees(np.arccos(np.clip(np.sum(w * w.T) / np.sum(w * w), -1.0, 1.0))))
