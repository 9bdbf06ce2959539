"""What a device's couplings do to the cells that they drive, as functions of what is trained.

With S_i = sum_j |J_ij| + sum_k |W_ik| (hw_models.couplings.burden), the noise power of cell i is
1 + excess S_i times its own, and, where couplings load it, its J2 is load S_i / 2 larger. Both change
with the parameters, so that dL/dS_i sign(W) is a part of the gradient of W.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.kernels.langevin import bptt
from thermo.training.langevin.config import PathwiseConfig


@dataclass(frozen=True, slots=True)
class CouplingLaw:
    """excess : noise power, by a cell's own, per unit of S_i; load : stiffness per unit of S_i
    reach : largest state that couplings show, as reach tanh(x / reach), inf where they are linear
    """

    excess: float = 0.0
    load: float = 0.0
    reach: float = np.inf


def strengths(w_in: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    """(n,) S_i, float64."""
    return np.abs(w_in).sum(axis=1, dtype=np.float64) + np.abs(coupling).sum(axis=1, dtype=np.float64)


def circuit_of(
    law: CouplingLaw, w_in: np.ndarray, coupling: np.ndarray, cells: np.ndarray
) -> tuple[bptt.Circuit, np.ndarray]:
    """The kernel's circuit and the cells (3, n) as they are loaded, in the type of `cells`."""
    total, real = strengths(w_in, coupling), cells.dtype.type
    loaded = cells
    if law.load:
        loaded = cells.copy()
        loaded[0] = cells[0] + 0.5 * law.load * total
    ranged = bool(np.isfinite(law.reach))
    noise = np.sqrt(1.0 + law.excess * total).astype(real)
    return bptt.Circuit(noise, ranged, real(law.reach if ranged else 1.0)), loaded


def by_strength(law: CouplingLaw, circuit: bptt.Circuit, by_circuit: np.ndarray) -> np.ndarray:
    """(n,) dL/dS_i from (2, n) derivatives by the noise's amplitude and by J2."""
    return by_circuit[0] * (0.5 * law.excess / circuit.noise) + 0.5 * law.load * by_circuit[1]


def add_strengths(
    gradient: tuple[np.ndarray, ...], values: tuple[np.ndarray, np.ndarray], by: np.ndarray
) -> None:
    """Add dL/dS_i sign(W) to the gradients of w_in and coupling, whose values these are, in place."""
    for part, value in zip(gradient, values, strict=False):
        part += (by[:, None] * np.sign(value)).astype(part.dtype)


def coupling_law(config: PathwiseConfig) -> CouplingLaw | None:
    """That of the device of a training, None for the ideal equation."""
    return None
