"""Gradients that need no nudge: implicit differentiation, and back-propagation through time."""

from __future__ import annotations

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from thermo.gradients.errors import EqpropError
from thermo.gradients.rest import Rest, Settling, settle
from thermo.gradients.system import Gradient, System


def _solve(apply, right: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Batch of linear systems by GMRES, never forming a matrix."""
    out = np.empty_like(right)
    n = right.shape[1]
    for k, b in enumerate(right):
        operator = LinearOperator((n, n), matvec=lambda v, k=k: apply(v, k), dtype=float)
        out[k], info = gmres(operator, b, rtol=1e-13, atol=1e-300, restart=n, maxiter=20)
        if info != 0:
            raise EqpropError(
                f"implicit gradient: GMRES stopped at sample {k} with code {info}; the rest state "
                "is marginal (a Jacobian eigenvalue near 1): scale the couplings down"
            )
    return out


def adjoint(system: System, u: np.ndarray, x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(batch, n) lambda = (1 - D w^T)^-1 D right, D = sigma'(drive): what a unit force on each
    drive does to right . u at rest.
    """
    slope = system.slope(u, system.bias_drive(x))
    return slope * _solve(lambda v, k: v - system.w.T @ (slope[k] * v), right)


def response(system: System, u: np.ndarray, x: np.ndarray, force: np.ndarray) -> np.ndarray:
    """(batch, n) (1 - D w)^-1 D force: how the rest state moves with a force on the drives."""
    slope = system.slope(u, system.bias_drive(x))
    return _solve(lambda v, k: v - slope[k] * (system.w @ v), slope * force)


def implicit_gradient(
    system: System, x: np.ndarray, y: np.ndarray, *, settling: Settling | None = None
) -> tuple[Gradient, Rest]:
    """dC/dtheta at the free rest state by the implicit function theorem: with
    lambda = adjoint of dC/du, dC/dw_ij = lambda_i u_j (derived; recurrent back-propagation of
    Almeida and Pineda 1987, with a Krylov solver in place of its relaxation).
    """
    rest = settle(system, x, settling=settling)
    lam = adjoint(system, rest.u, x, system.error(rest.u, y))
    return system.local(lam, rest.u, np.asarray(x, float)), rest


def bptt_gradient(system: System, x: np.ndarray, y: np.ndarray, *, steps: int, mix: float = 0.5) -> Gradient:
    """dC/dtheta of the state after `steps` relaxation steps from rest of 0 drive, backwards
    through all of them; tends to the implicit gradient (Ernoult et al. 2019, arXiv 1905.13633).
    """
    x = np.asarray(x, float)
    fixed = system.bias_drive(x)
    states = [np.broadcast_to(system.sigma.value(np.zeros(1)), fixed.shape).astype(float)]
    for _ in range(steps):
        u = states[-1]
        states.append(u + mix * (system.sigma.value(u @ system.w.T + fixed) - u))
    back = system.error(states[-1], y)
    total = None
    for u in reversed(states[:-1]):
        delta = mix * system.slope(u, fixed) * back
        g = system.local(delta, u, x)
        total = g if total is None else _sum(total, g)
        back = (1.0 - mix) * back + delta @ system.w
    if total is None:
        raise EqpropError(f"back-propagation through time needs steps >= 1, got {steps}")
    return total


def _sum(a: Gradient, b: Gradient) -> Gradient:
    return Gradient(a.w + b.w, a.w_in + b.w_in, a.b + b.b, a.tied)
