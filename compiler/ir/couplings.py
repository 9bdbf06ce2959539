"""The laws of couplings, one entry a kind: force, energy, and when the force is a gradient.

A further kind is a code of `CouplingKind`, an entry here, and what runs it fast (the kernels of
thermo, and targets that offer it); text, container, verify, counts, symmetry and the slow reference
follow from these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.ir.langevin import CouplingKind

Array = np.ndarray
Matrix = Any  # a SciPy CSR matrix or array, whose types are not checked


@dataclass(frozen=True, slots=True)
class Slope:
    """One function in the Jacobian df_i/dx_j of a coupling with the coefficient W_ij.

    of : "1", "driven" (phi_i'), "driving" (phi_j'), "both" (phi_i' phi_j'), or a name of its own for
        a function that is the same both ways, as cos(x_j - x_i)
    driven, driving : cells whose couplings have it: "any", those that show x itself ("plain"), or
        those that show a phi(x) ("shown")
    """

    of: str
    driven: str = "any"
    driving: str = "any"


@dataclass(frozen=True, slots=True)
class CouplingLaw:
    """What couplings of one kind do.

    force : (w, x, phi, dphi) -> (n,) force on every cell; w (n, n) CSR, row driven; x, phi = phi(x)
        and dphi = phi'(x) are (n,), also complex
    energy : (w, share, x_i, x_j, phi_i, phi_j) -> (nnz,) of couplings from cell j to cell i. The
        two directions of a pair of dynamic cells each hold half of what is common, share = 0.5;
        a coupling from an input holds all of it, share = 1
    slopes : terms of the Jacobian; those of one function must be symmetric for the force to be a
        gradient, "driven" ones must be the transpose of "driving" ones
    homogeneous : whether the force is of degree 1 in x among cells that show x itself
    """

    force: Callable[[Matrix, Array, Array, Array], Array]
    energy: Callable[[Array, Array, Array, Array, Array, Array], Array]
    slopes: tuple[Slope, ...]
    homogeneous: bool = True


def _resistive_energy(w: Array, share: Array, xi: Array, xj: Array, pi: Array, pj: Array) -> Array:
    # g x_i^2 / 2 in full: only the cross term is shared with the reverse coupling
    own = w * xi**2 / 2 - w * share * xi * xj
    return own + np.where(share == 1, w * xj**2 / 2, 0)


COUPLINGS: dict[CouplingKind, CouplingLaw] = {
    CouplingKind.LINEAR: CouplingLaw(
        force=lambda w, x, phi, dphi: w @ phi,
        energy=lambda w, share, xi, xj, pi, pj: -(w * share * xi * pj),
        slopes=(Slope("1", driving="plain"), Slope("driving", driving="shown")),
    ),
    CouplingKind.GRADIENT: CouplingLaw(
        force=lambda w, x, phi, dphi: dphi * (w @ phi),
        energy=lambda w, share, xi, xj, pi, pj: -(w * share * pi * pj),
        slopes=(
            Slope("1", "plain", "plain"),
            Slope("driving", "plain", "shown"),
            Slope("driven", "shown", "plain"),
            Slope("both", "shown", "shown"),
        ),
    ),
    CouplingKind.RESISTIVE: CouplingLaw(
        force=lambda w, x, phi, dphi: w @ x - (w @ np.ones_like(x)) * x,
        energy=_resistive_energy,
        slopes=(Slope("1"),),
    ),
    CouplingKind.SINE: CouplingLaw(  # sin(x_j - x_i) = sin x_j cos x_i - cos x_j sin x_i
        force=lambda w, x, phi, dphi: np.cos(x) * (w @ np.sin(x)) - np.sin(x) * (w @ np.cos(x)),
        energy=lambda w, share, xi, xj, pi, pj: -(w * share * np.cos(xj - xi)),
        slopes=(Slope("cos"),),
        homogeneous=False,
    ),
}
