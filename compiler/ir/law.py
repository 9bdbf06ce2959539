"""The force law of a Langevin netlist in float64, for every cell and coupling: the one oracle.

The simulators' fast twins, numba kernels and JAX functions, are held against it. States are (n, N),
N of them side by side. Equations: docs/physics.md#couplings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from compiler.ir.activations import activate_rows, slope_rows
from compiler.ir.couplings import COUPLINGS, Matrix
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist

Drive = list[list[np.ndarray]]  # what the inputs bring, (n, N) for each kind and term


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the force on dynamic cells 0 to n - 1 is made of; all real columns float64.

    force on cell i : h - x (c1 + x (c2 + x c3)) - kappa x + scale times that of the couplings
    couplings : by kind, among the cells (n, n) and from the inputs (n, n_in), CSR; their laws are
        compiler.ir.couplings.COUPLINGS
    angle : (n,) bool, phase cells, where h, c1, c2, c3 are 0 and the self-force, kappa included, is
        -(field + kappa) sin x - second sin 2x; field, second : (n,), 0 elsewhere
    activation : (n,), input_activation : (n_in,) int8
    outputs : (n_out,) indices of the output cells
    """

    c1: np.ndarray
    c2: np.ndarray
    c3: np.ndarray
    h: np.ndarray
    angle: np.ndarray
    field: np.ndarray
    second: np.ndarray
    activation: np.ndarray
    input_activation: np.ndarray
    outputs: np.ndarray
    couplings: Mapping[CouplingKind, tuple[Matrix, Matrix]]


def columns_of(netlist: LangevinNetlist, h: np.ndarray) -> dict[str, Any]:
    """The fields of Terms but its couplings; h : (n,) that of the dynamic cells."""
    c = netlist.cells
    dynamic = np.flatnonzero(~c.frozen)
    angle = c.kind[dynamic] == CellKind.PHASE
    plain = np.where(angle, 0.0, 1.0)
    return dict(
        c1=2.0 * c.j2[dynamic] * plain,
        c2=3.0 * c.j3[dynamic] * plain,
        c3=4.0 * c.j4[dynamic] * plain,
        h=h * plain,
        angle=angle,
        field=np.where(angle, h, 0.0),
        second=np.where(angle, c.j2[dynamic], 0.0),
        activation=c.activation[dynamic],
        input_activation=c.activation[netlist.inputs],
        outputs=np.searchsorted(dynamic, netlist.outputs),
    )


def split(
    groups: Mapping[CouplingKind, Matrix], dynamic: np.ndarray, inputs: np.ndarray
) -> dict[CouplingKind, tuple[Matrix, Matrix]]:
    """Couplings (n_cells, n_cells) CSR by kind as those among the dynamic cells and from the inputs."""
    from scipy import sparse  # takes a while to import

    out = {}
    for kind, matrix in groups.items():
        if inputs.size:
            rows = matrix[dynamic]
            among, driven = rows[:, dynamic].tocsr(), rows[:, inputs].tocsr()
        else:
            among, driven = matrix, sparse.csr_matrix((dynamic.size, 0))
        among.sort_indices()
        out[kind] = (among, driven)
    return out


class Setting(NamedTuple):
    """What may change at fixed x: coupling scale, well (one, or (n, 1)), nudge, what inputs bring."""

    s: float
    kappa: Any
    beta: float
    drive: Drive


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """Forces and energies. targets : (n_out, N), or None where nothing is nudged
    cost : "squared", 1/2 sum (phi(x) - y)^2, and 1 - cos(x - y) for a phase cell that shows its angle;
        "cross-entropy", -sum y log softmax(phi(x))
    reach : what couplings show of phi is reach tanh(phi / reach), where it is finite; no potential then
    """

    terms: Terms
    targets: np.ndarray | None = None
    cost: str = "squared"
    reach: float = math.inf

    def _shown(self, codes: np.ndarray, x: np.ndarray) -> np.ndarray:
        """phi(x) of (m, N) states within the reach."""
        phi = activate_rows(codes, x)
        return self.reach * np.tanh(phi / self.reach) if math.isfinite(self.reach) else phi

    def drive(self, u: np.ndarray, scale: float = 1.0) -> Drive:
        """What encoded inputs u (n_in, N) bring to the sums at an input scale."""
        p, drives = self.terms, []
        for kind, (_, w_in) in p.couplings.items():
            by_state = COUPLINGS[kind].drives_by_state
            at, gain = (scale * u, 1.0) if by_state else (u, scale)
            shown = self._shown(p.input_activation, at)
            drives.append([w_in @ (gain * term.wave(at, shown)) for term in COUPLINGS[kind].terms])
        return drives

    def force(self, x: np.ndarray, at: Setting) -> np.ndarray:
        """(n, N) force on every dynamic cell."""
        p = self.terms
        c1, c2, c3, h, field, second, angle = (
            c[:, None] for c in (p.c1, p.c2, p.c3, p.h, p.field, p.second, p.angle)
        )
        shown, slope = self._shown(p.activation, x), slope_rows(p.activation, x)
        coupled = np.zeros_like(x)
        for (kind, (w, w_in)), drives in zip(p.couplings.items(), at.drive, strict=True):
            if w.nnz or w_in.nnz:
                parts = [
                    term.lever(x, shown, slope) * (w @ term.wave(x, shown) + drive)
                    for term, drive in zip(COUPLINGS[kind].terms, drives, strict=True)
                ]
                coupled = coupled + sum(parts[1:], parts[0])
        own = np.where(
            angle,
            -(field + at.kappa) * np.sin(x) - second * np.sin(2 * x),
            h - at.kappa * x - x * (c1 + x * (c2 + x * c3)),
        )
        out = own + at.s * coupled
        if at.beta:
            out[p.outputs] -= at.beta * self._slope_of_cost(x)
        return out

    def _slope_of_cost(self, x: np.ndarray) -> np.ndarray:
        """(n_out, N) dC/dx of the output cells."""
        p, y = self.terms, self.targets
        assert y is not None
        out, codes = x[p.outputs], p.activation[p.outputs]
        shown, slope = activate_rows(codes, out), slope_rows(codes, out)
        if self.cost == "cross-entropy":
            from scipy.special import softmax  # takes a while to import

            return np.asarray(slope * (y.sum(axis=0) * softmax(shown, axis=0) - y))
        bare = (p.angle[p.outputs] & (codes == Activation.IDENTITY))[:, None]
        return np.where(bare, np.sin(out - y), slope * (shown - y))

    def nudge_cost(self, x: np.ndarray) -> np.ndarray:
        """(N,) C of what the output cells show; 0 without targets."""
        p, y = self.terms, self.targets
        if y is None:
            return np.zeros(x.shape[1])
        out, codes = x[p.outputs], p.activation[p.outputs]
        shown = activate_rows(codes, out)
        if self.cost == "cross-entropy":
            from scipy.special import log_softmax

            return np.asarray(-np.sum(y * log_softmax(shown, axis=0), axis=0))
        bare = (p.angle[p.outputs] & (codes == Activation.IDENTITY))[:, None]
        return np.asarray(np.sum(np.where(bare, 1 - np.cos(out - y), 0.5 * (shown - y) ** 2), axis=0))

    def coupling_energy(self, x: np.ndarray, drive: Drive) -> np.ndarray:
        """(N,) energy of all couplings at scale 1; only where the force is a gradient."""
        p = self.terms
        shown, slope = activate_rows(p.activation, x), slope_rows(p.activation, x)
        energy = np.zeros_like(x)
        for (kind, (w, w_in)), drives in zip(p.couplings.items(), drive, strict=True):
            if w.nnz or w_in.nnz:
                for term, driven in zip(COUPLINGS[kind].terms, drives, strict=True):
                    product = term.share * (w @ term.wave(x, shown)) + driven
                    energy = energy + term.held(x, shown, slope) * product
        return np.asarray(-np.sum(energy, axis=0))

    def potential(self, x: np.ndarray, at: Setting) -> np.ndarray:
        """(N,) V(x); only where the force is a gradient."""
        p = self.terms
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
