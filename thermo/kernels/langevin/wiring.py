"""What couplings that are circuits do in a step: noise of each cell, load, range.

Compiled apart: without wiring (None) there is nothing of this in a kernel. Equations:
docs/physics.md#couplings-as-circuits.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import show


@njit(cache=True, nogil=True)
def show_within(wiring, cells, x, phi):  # type: ignore[no-untyped-def]
    """What couplings show of the states: phi(x) within the reach of the wiring."""
    if wiring is None:
        return show(cells, x, phi)
    reach = wiring.reach
    per = np.float32(1.0 / np.float64(reach))
    for i in range(x.shape[0]):
        activate_row(cells.activation[i], x[i], phi[i])
        if per > 0:
            for l in range(x.shape[1]):
                phi[i, l] = reach * np.float32(math.tanh(per * phi[i, l]))
    return phi


@njit(cache=True, nogil=True)
def load_wells(wiring, c1, at, k1):  # type: ignore[no-untyped-def]
    """k1 = c1 with the phase's well and the load of the couplings in a Setting."""
    if wiring is not None:
        s, load = abs(at.s), wiring.load[at.input]
        for i in range(k1.shape[0]):
            k1[i] = np.float32(np.float64(c1[i]) + at.kappa + s * load[i])


@njit(cache=True, nogil=True)
def spread(wiring, amount, s, input):  # type: ignore[no-untyped-def]
    """(n,) standard deviation of each cell's noise, amount the variance of its own; None without wiring."""
    if wiring is None:
        return None
    excess, sigma = wiring.excess[input], wiring.sigma
    for i in range(sigma.shape[0]):
        sigma[i] = np.float32(math.sqrt(amount * (1.0 + abs(s) * excess[i])))
    return sigma
