"""What a device's couplings do to the cells of a machine in training, and its share of the gradient.

On a device cell i has noise nu_i sqrt(2 h kT), and couplings are given g(x) = R tanh(x / R) in place of
x, of inputs too. Then F^T nu = g'(x) J^T nu + s'(x) nu, with s the cell's own force, dJ = sum_k nu_k
g(x_k)^T, and what nu_i and J2_i depend on needs

    d nu_i = sqrt(2 h kT) sum_k lambda_{k+1,i} z_{k,i}
    d J2_i = -2 sum_k nu_{k,i} x_{k,i}   (+ gamma (x_0^2 - x_K^2) where the heat is V(x_0) - V(x_K))

No potential exists with a finite R, and the heat is then the Stratonovich sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit


class Circuit(NamedTuple):
    """What a device's couplings do to its cells.

    noise : (n,), amplitude of a cell's noise by that of its own, >= 1; ranged : whether couplings
    have a finite range, reach, in units of x
    """

    noise: np.ndarray
    ranged: bool
    reach: np.floating


@njit(cache=True, nogil=True)
def circuit_gradient(lam, nu, x, z, moves, noise, by_circuit):  # type: ignore[no-untyped-def]
    """Add step k's derivatives by the noise of each cell and by its J2; moves : whether k < n_steps."""
    real = lam.dtype.type
    n, lanes = x.shape
    for i in range(n):
        by_noise = real(0)
        by_well = real(0)
        if moves:
            for l in range(lanes):
                by_noise += lam[i, l] * real(z[i, l])
        for l in range(lanes):
            by_well += nu[i, l] * x[i, l]
        by_circuit[0, i] += noise * by_noise
        by_circuit[1, i] -= real(2) * by_well
