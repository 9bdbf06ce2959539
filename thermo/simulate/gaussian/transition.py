"""Exact transitions and the stationary law of an Ornstein-Uhlenbeck process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

from thermo.simulate.errors import SimulationError
from thermo.simulate.gaussian.system import Process, linear_system


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """x(t) given x(0): mean propagator x(0) + shift, covariance; float64."""

    time: float
    propagator: np.ndarray
    shift: np.ndarray
    covariance: np.ndarray

    def mean(self, x0: Any) -> np.ndarray:
        """(..., d) mean of x(t) for starts (..., d)."""
        return np.asarray(np.asarray(x0, np.float64) @ self.propagator.T + self.shift)


def transition(process: Process, t: float, *, data: Any = None, phase: int = 0) -> Transition:
    """The exact transition over a time t >= 0; any drift and diffusion.

    Van Loan's block matrix over a time h with |A| h <= 1/2, then F, g and S are doubled
    (S(2h) = F S F^T + S): the block matrix holds exp(A^T t), which would overflow for long times.

    Raises as linear_system, and SimulationError for t < 0 or an overflow (an unstable drift).
    """
    system = linear_system(process, data=data, phase=phase)
    if not (np.isfinite(t) and t >= 0):
        raise SimulationError(f"transition time must be a finite number >= 0, got {t}")
    d, a = system.dim, system.drift
    size = float(np.abs(a).sum(axis=1).max(initial=0.0)) * t
    doublings = max(0, int(np.ceil(np.log2(2.0 * size)))) if size > 0.5 else 0
    h = t / 2.0**doublings
    block = np.zeros((2 * d, 2 * d))
    block[:d, :d], block[:d, d:], block[d:, d:] = -a, system.diffusion, a.T
    power = expm(block * h)
    f = power[:d, :d]
    covariance = power[:d, d:] @ f.T
    affine = np.zeros((d + 1, d + 1))
    affine[:d, :d], affine[:d, d] = -a, system.constant
    shift = expm(affine * h)[:d, d]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(doublings):
            covariance = f @ covariance @ f.T + covariance
            shift = f @ shift + shift
            f = f @ f
    if not (np.isfinite(covariance).all() and np.isfinite(f).all() and np.isfinite(shift).all()):
        raise SimulationError(
            f"the transition over {t:g} overflows: the drift is unstable; ask for a shorter time"
        )
    return Transition(float(t), f, shift, 0.5 * (covariance + covariance.T))


def stationary(process: Process, *, data: Any = None, phase: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(mean (d,), covariance (d, d)) that the process settles in: A m = c, A S + S A^T = Q.

    Raises SimulationError if it never settles, naming the slowest eigenvalue of A.
    """
    system = linear_system(process, data=data, phase=phase)
    least = float(np.linalg.eigvals(system.drift).real.min(initial=np.inf))
    if not least > 0:
        raise SimulationError(
            f"the process does not settle: its drift has an eigenvalue with real part {least:g}; "
            "it must be above 0"
        )
    mean = np.linalg.solve(system.drift, system.constant)
    covariance = solve_continuous_lyapunov(system.drift, system.diffusion)
    return mean, 0.5 * (covariance + covariance.T)
