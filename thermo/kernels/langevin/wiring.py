"""What couplings that are circuits do in a step: noise of each cell, load, range.

Compiled apart: without wiring (None) there is nothing of this in a kernel. Equations:
docs/physics.md#couplings-as-circuits.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import multiply, show
from thermo.kernels.random import STREAM_PAIRS, fill_normals, fma

_TOP = np.float32(7.90531110763549805)  # beyond it tanh is 1 in float32
_P: tuple[float, ...] = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
)
_P += (1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
_Q = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
_P0, _P1, _P2, _P3, _P4, _P5, _P6 = (np.float32(c) for c in _P)
_Q0, _Q1, _Q2, _Q3 = (np.float32(c) for c in _Q)


@njit(cache=True, nogil=True, forceinline=True)
def fast_tanh(x):  # type: ignore[no-untyped-def]
    """tanh of a float32 to 4e-7, by the rational function of Eigen's ptanh: plain arithmetic vectorises."""
    x = -_TOP if x < -_TOP else x
    x = _TOP if x > _TOP else x
    y = x * x
    p = fma(y, fma(y, fma(y, fma(y, fma(y, fma(y, _P0, _P1), _P2), _P3), _P4), _P5), _P6)
    q = fma(y, fma(y, fma(y, _Q0, _Q1), _Q2), _Q3)
    return x * p / q


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
                phi[i, l] = reach * fast_tanh(per * phi[i, l])
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
    """(n,) standard deviation of each cell's noise, amount the variance of its resistor's; None without
    wiring.
    """
    if wiring is None:
        return None
    own, excess, sigma = wiring.own, wiring.excess[input], wiring.sigma
    for i in range(sigma.shape[0]):
        sigma[i] = np.float32(math.sqrt(amount * (own[i] + abs(s) * excess[i])))
    return sigma


@njit(cache=True, nogil=True)
def add_shared(shared, wiring, s, input, source, step, shots):  # type: ignore[no-untyped-def]
    """Add noise that cells share to a step's normals, `shots` (n, lanes), of which each is spread by
    `spread`; nothing without any.
    """
    if shared is None:
        return
    own, excess, size = wiring.own, wiring.excess[input], abs(s)
    fill_normals(shared.normals, source.seed, source.origin, step, STREAM_PAIRS)
    multiply(shared.mixing, shared.normals, shared.product)
    for i in range(shots.shape[0]):
        share = np.float32(math.sqrt(size / (own[i] + size * excess[i])))
        for l in range(shots.shape[1]):
            shots[i, l] = fma(share, shared.product[i, l], shots[i, l])
