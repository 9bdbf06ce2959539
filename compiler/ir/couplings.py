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
class Term:
    """Part of a coupling's force and energy. With a = sum_j W_ij wave(j) from the other dynamic cells
    and b = sum_p W_ip wave(p) from the inputs, the force on cell i is lever(i) (a + b) and the energy
    -held(i) (share a + b): a pair's two directions each hold half of what is common.

    lever, held : (x, phi, dphi) -> (n, ...), phi = phi(x), dphi = phi'(x); wave : (x, phi) -> likewise
    """

    lever: Callable[[Array, Array, Array], Array]
    wave: Callable[[Array, Array], Array]
    held: Callable[[Array, Array, Array], Array]
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class CouplingLaw:
    """What couplings of one kind do.

    terms : their force and energy
    slopes : terms of the Jacobian; those of one function must be symmetric for the force to be a
        gradient, "driven" ones must be the transpose of "driving" ones
    homogeneous : whether the force is of degree 1 in x among cells that show x itself
    drives_by_state : whether a phase's input scale multiplies an input's state: a resistor stays where
        its far end is put to 0. Else it multiplies what the input brings to the sum, and 0 is off
    """

    terms: tuple[Term, ...]
    slopes: tuple[Slope, ...]
    homogeneous: bool = True
    drives_by_state: bool = False


def _one(x: Array, *_: Array) -> Array:
    return np.ones_like(x)


def _x(x: Array, *_: Array) -> Array:
    return x


def _phi(x: Array, phi: Array, *_: Array) -> Array:
    return phi


def _sine(x: Array, *_: Array) -> Array:
    return np.sin(x)


def _cosine(x: Array, *_: Array) -> Array:
    return np.cos(x)


COUPLINGS: dict[CouplingKind, CouplingLaw] = {
    CouplingKind.LINEAR: CouplingLaw(
        terms=(Term(_one, _phi, _x),), slopes=(Slope("1", driving="plain"), Slope("driving", driving="shown"))
    ),
    CouplingKind.GRADIENT: CouplingLaw(
        terms=(Term(lambda x, phi, dphi: dphi, _phi, _phi),),
        slopes=(
            Slope("1", "plain", "plain"),
            Slope("driving", "plain", "shown"),
            Slope("driven", "shown", "plain"),
            Slope("both", "shown", "shown"),
        ),
    ),
    CouplingKind.RESISTIVE: CouplingLaw(  # g (x_i - x_j)^2 / 2, of which pairs share the product
        terms=(
            Term(_one, _x, _x),
            Term(lambda x, *_: -x, _one, lambda x, *_: -(x**2) / 2, share=1.0),
            Term(lambda x, *_: np.zeros_like(x), lambda x, *_: x**2 / 2, lambda x, *_: -np.ones_like(x), 0.0),
        ),
        slopes=(Slope("1"),),
        drives_by_state=True,
    ),
    CouplingKind.SINE: CouplingLaw(  # sin(x_j - x_i) = sin x_j cos x_i - cos x_j sin x_i
        terms=(Term(_cosine, _sine, _sine), Term(lambda x, *_: -np.sin(x), _cosine, _cosine)),
        slopes=(Slope("cos"),),
        homogeneous=False,
    ),
}
