"""Where a small system comes to rest, free, nudged, clamped or with AsymEP's term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.gradients.errors import EqpropError, NudgeError, UnsettledError
from thermo.gradients.system import System


@dataclass(frozen=True, slots=True)
class Settling:
    """When a relaxation counts as settled.

    tolerance : largest |sigma(drive) - u| of any unit; steps : relaxation steps at most
    mix : step size, u <- u + mix (sigma(drive) - u)
    newton : finish with Newton's method once the residual is below 1e-3, as a simulation may and
        a device may not; it must not wander off
    """

    tolerance: float = 1e-12
    steps: int = 20000
    mix: float = 0.5
    newton: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """u : (batch, n) state; residual : largest |sigma(drive) - u|; steps : relaxation steps"""

    u: np.ndarray
    residual: float
    steps: int


def check_nudge(system: System, beta: complex) -> None:
    """Raise NudgeError where beta takes away the outputs' own curvature.

    An output's energy has curvature 1 / sigma' + Re(beta), at least `curvature` + Re(beta); below 0
    it has a maximum where the minimum was.
    """
    limit = system.sigma.curvature
    if not np.isfinite(beta):
        raise NudgeError(f"nudge beta must be finite, got {beta}")
    if np.real(beta) <= -limit:
        raise NudgeError(
            f"nudge beta = {beta:.3g} exceeds the output curvature {limit:g} of "
            f"{system.activation} units and pushes them off their minimum; take |beta| < "
            f"{limit:g}, or a positive one-sided nudge"
        )


def settle(
    system: System,
    x: np.ndarray,
    y: np.ndarray | None = None,
    beta: complex = 0.0,
    *,
    start: np.ndarray | None = None,
    twist: np.ndarray | None = None,
    clamp: np.ndarray | None = None,
    settling: Settling | None = None,
) -> Rest:
    """Relax to rest.

    y : (batch, n_out) targets of the nudge; start : (batch, n) state, default rest of 0 drive
    twist : (batch, n) free state u0; adds AsymEP's (w^T - w)(u - u0) to the drive
    clamp : (batch, n_out) values at which the outputs are held
    Raises NudgeError, UnsettledError.
    """
    settling = settling or Settling()
    check_nudge(system, beta)
    complex_state = np.iscomplexobj(beta) and np.imag(beta) != 0
    if complex_state and not system.sigma.holomorphic:
        raise EqpropError(
            f"a complex nudge needs a holomorphic activation, got {system.activation}; use sigmoid "
            "or tanh, or real nudges"
        )
    fixed = system.bias_drive(x)
    dtype = complex if complex_state else float
    u = np.array(system.sigma.value(np.zeros_like(fixed)) if start is None else start, dtype=dtype)
    w = system.w if twist is None else system.w.T
    extra = fixed if twist is None else fixed + twist @ (system.w - system.w.T).T
    rate = 0.0 if y is None else (beta if complex_state else float(np.real(beta)))
    out = system.outputs

    def drive(u: np.ndarray) -> np.ndarray:
        z = _driven(u, w) + extra
        if rate:
            z[:, out] = z[:, out] - rate * (u[:, out] - y)
        return z

    if clamp is not None:
        u[:, out] = clamp

    def residual(u: np.ndarray) -> np.ndarray:
        r = system.sigma.value(drive(u)) - u
        if clamp is not None:
            r[:, out] = 0.0
        return r

    step = 0
    r = residual(u)
    size = float(np.abs(r).max(initial=0.0))
    # the nudge stiffens the outputs; a stiff fixed-point step overshoots and must be shortened
    mix = settling.mix / (1.0 + abs(rate) / system.sigma.curvature)
    trial = 1e-3
    while size > settling.tolerance and step < settling.steps:
        if settling.newton and size < trial:
            trial = 0.1 * size  # where it failed, the next try waits for a tenth of the residual
            u_new = _newton(system, u, drive, residual, w, rate, clamp is not None)
            if u_new is not None:
                u = u_new
                size = float(np.abs(residual(u)).max(initial=0.0))
                if size <= settling.tolerance:
                    return Rest(u, size, step)
                r = residual(u)
        u = u + mix * r
        r = residual(u)
        size = float(np.abs(r).max(initial=0.0))
        step += 1
        if not np.isfinite(size):
            break
    if not size <= settling.tolerance:
        if twist is None:
            way = "lower |beta|, scale the couplings down, or allow more steps"
        else:
            way = "lower |beta| (AsymEP is proved for small ones), or scale the couplings down"
        raise UnsettledError(
            f"relaxation at beta = {beta:.3g}: residual {size:.2g} after {step} steps, tolerance "
            f"{settling.tolerance:g}; the outputs' own curvature allows Re(beta) > "
            f"{-system.sigma.curvature:g}: {way}"
        )
    return Rest(u, size, step)


def _driven(u: np.ndarray, w: np.ndarray) -> np.ndarray:
    """u w^T; couplings are real, so that a complex state takes two real products."""
    if not np.iscomplexobj(u):
        return u @ w.T
    return u.real @ w.T + 1j * (u.imag @ w.T)


def _newton(system, u, drive, residual, w, rate, clamped):  # type: ignore[no-untyped-def]
    """A few Newton steps from u, or None if they do not lead to a rest nearby."""
    start, out = u, system.outputs
    first = np.abs(residual(u)).max()
    for _ in range(8):
        slope = system.sigma.slope(system.sigma.value(drive(u)))
        inner = np.array(np.broadcast_to(w, (u.shape[0], *w.shape)), dtype=u.dtype)
        if rate:
            inner[:, out, out] -= rate
        matrix = np.eye(system.n) - slope[:, :, None] * inner
        r = residual(u)
        if clamped:
            matrix[:, out, :] = 0.0
            matrix[:, out, out] = 1.0
        try:
            u = u + np.linalg.solve(matrix, r[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            return None
        if np.abs(residual(u)).max(initial=0.0) < 1e-15:
            break
    moved = np.abs(u - start).max(initial=0.0)
    if not np.isfinite(moved) or moved > 1e3 * first or np.abs(residual(u)).max() > first:
        return None
    return u
