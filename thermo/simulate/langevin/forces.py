"""Force and potential of a prepared netlist in float64 NumPy: the oracle of the fast backends.

States are (n, N), trajectories last. Equations: docs/physics.md#couplings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from compiler.ir.langevin import Activation
from thermo.simulate.langevin.activations import activate_rows, slope_rows
from thermo.simulate.langevin.prepare import Prepared


class Drive(NamedTuple):
    """Products of the couplings from the inputs with phi(u), phi(u), sin u and cos u, (n, N)."""

    linear: np.ndarray
    gradient: np.ndarray
    sine: np.ndarray
    cosine: np.ndarray


class Setting(NamedTuple):
    """What may change at fixed x: coupling scale, well, nudge, force of the inputs."""

    s: float
    kappa: float
    beta: float
    drive: Drive


@dataclass(frozen=True, slots=True, eq=False)
class Forces:
    """targets : (n_out, N), or None where nothing is nudged; cost : as in thermo.simulate.langevin.job"""

    prepared: Prepared
    targets: np.ndarray | None = None
    cost: str = "squared"

    def drive(self, u: np.ndarray) -> Drive:
        """Forces of encoded inputs u (n_in, N) at their scale."""
        p = self.prepared
        shown = activate_rows(p.input_activation, u)
        gradient, sine = p.curved["gradient_in"], p.curved["sine_in"]
        return Drive(p.w_in @ shown, gradient @ shown, sine @ np.sin(u), sine @ np.cos(u))

    def force(self, x: np.ndarray, at: Setting) -> np.ndarray:
        """(n, N) force on every dynamic cell."""
        p, drive = self.prepared, at.drive
        c1, c2, c3, h, field, second, angle = (
            c[:, None] for c in (p.c1, p.c2, p.c3, p.h, p.field, p.second, p.angle)
        )
        shown = activate_rows(p.activation, x)
        sine, cosine = np.sin(x), np.cos(x)
        coupled = p.w @ shown + drive.linear
        coupled += slope_rows(p.activation, x) * (p.curved["gradient"] @ shown + drive.gradient)
        w = p.curved["sine"]
        coupled += cosine * (w @ sine + drive.sine) - sine * (w @ cosine + drive.cosine)
        own = np.where(
            angle,
            -(field + at.kappa) * sine - second * np.sin(2 * x),
            h - at.kappa * x - x * (c1 + x * (c2 + x * c3)),
        )
        out = own + at.s * coupled
        if at.beta:
            out[p.outputs] -= at.beta * self._slope_of_cost(x)
        return out

    def _slope_of_cost(self, x: np.ndarray) -> np.ndarray:
        """(n_out, N) dC/dx of the output cells."""
        from scipy.special import softmax

        p, y = self.prepared, self.targets
        assert y is not None
        out, codes = x[p.outputs], p.activation[p.outputs]
        shown, slope = activate_rows(codes, out), slope_rows(codes, out)
        if self.cost == "cross-entropy":
            return slope * (y.sum(axis=0) * softmax(shown, axis=0) - y)
        bare = (p.angle[p.outputs] & (codes == Activation.IDENTITY))[:, None]
        return np.where(bare, np.sin(out - y), slope * (shown - y))

    def nudge_cost(self, x: np.ndarray) -> np.ndarray:
        """(N,) C of what the output cells show; 0 without targets."""
        from scipy.special import log_softmax

        p, y = self.prepared, self.targets
        if y is None:
            return np.zeros(x.shape[1])
        out, codes = x[p.outputs], p.activation[p.outputs]
        shown = activate_rows(codes, out)
        if self.cost == "cross-entropy":
            return -np.sum(y * log_softmax(shown, axis=0), axis=0)
        bare = (p.angle[p.outputs] & (codes == Activation.IDENTITY))[:, None]
        return np.sum(np.where(bare, 1 - np.cos(out - y), 0.5 * (shown - y) ** 2), axis=0)

    def coupling_energy(self, x: np.ndarray, drive: Drive) -> np.ndarray:
        """(N,) energy of all couplings at scale 1; only where the force is a gradient."""
        p = self.prepared
        shown = activate_rows(p.activation, x)
        sine, cosine = np.sin(x), np.cos(x)
        return -np.sum(
            x * (0.5 * (p.w @ shown) + drive.linear)
            + shown * (0.5 * (p.curved["gradient"] @ shown) + drive.gradient)
            + sine * (0.5 * (p.curved["sine"] @ sine) + drive.sine)
            + cosine * (0.5 * (p.curved["sine"] @ cosine) + drive.cosine),
            axis=0,
        )

    def potential(self, x: np.ndarray, at: Setting) -> np.ndarray:
        """(N,) V(x); only where the force is a gradient."""
        p = self.prepared
        c1, c2, c3, h, field, second, angle = (
            c[:, None] for c in (p.c1, p.c2, p.c3, p.h, p.field, p.second, p.angle)
        )
        own = np.where(
            angle,
            second * np.sin(x) ** 2 - field * np.cos(x) + at.kappa * (1 - np.cos(x)),
            x * (x * (c1 / 2 + at.kappa / 2 + x * (c2 / 3 + x * c3 / 4)) - h),
        )
        v = own.sum(axis=0) + at.s * self.coupling_energy(x, at.drive)
        return v + at.beta * self.nudge_cost(x) if at.beta else v
