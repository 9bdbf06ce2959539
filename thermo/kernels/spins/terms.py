"""Single turns of the variables of an energy that is a sum of products of any length.

    E = sum over t of w_t product over the factors of t

Of bits, a factor is 0 or 1 and a product counts where none of its factors is 0; of spins it is +-1 and what
counts is how many are -1. Both need one number a product, how many of its factors are down, and a turn costs
what the products of its variable say. Metropolis' rule, variable after variable (Metropolis et al., J. Chem.
Phys. 21, 1087, 1953), in float64.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.spins.crossing import _key, _mixed

KIND = 8  # of the streams of random numbers, those of crossed searches being 1 to 3
_UNIT = 2.0**-53


@njit(cache=True, nogil=True)
def count_down(spin, indptr, variable, sign, down):  # type: ignore[no-untyped-def]
    """down[t] = factors of product t that are down: sign[k] spin[variable[k]] < 0."""
    for t in range(down.shape[0]):
        down[t] = 0
        for k in range(indptr[t], indptr[t + 1]):
            down[t] += spin[variable[k]] * sign[k] < 0


@njit(cache=True, nogil=True)
def energy_of(down, weight, bits):  # type: ignore[no-untyped-def]
    """The sum of the products."""
    total = 0.0
    for t in range(down.shape[0]):
        if bits:
            if down[t] == 0:
                total += weight[t]
        else:
            total += weight[t] * (1 - 2 * (down[t] & 1))
    return total


@njit(cache=True, nogil=True)
def cost_of(i, up, begin, product, sign_of, down, weight, bits):  # type: ignore[no-untyped-def]
    """What turning variable i costs that is `up` or not."""
    cost = 0.0
    for e in range(begin[i], begin[i + 1]):
        t = product[e]
        if not bits:
            cost -= 2.0 * weight[t] * (1 - 2 * (down[t] & 1))
        elif (sign_of[e] > 0) == up:
            if down[t] == 0:
                cost -= weight[t]
        elif down[t] == 1:
            cost += weight[t]
    return cost


@njit(cache=True, nogil=True)
def sweep_terms(  # type: ignore[no-untyped-def]
    spin, down, begin, product, sign_of, weight, bits, free, kT, seed, chain, step0, energy, least, best
):
    """Sweeps of one chain, in place; returns (energy, least energy after a sweep, turns).

    spin : (n,) int8 of +-1; down : (n_products,) int32, see `count_down`
    begin, product, sign_of : variable i is a factor of product[e], e from begin[i] to begin[i + 1], as it is
        (sign_of[e] = 1) or turned (-1)
    free : (n_free,) int64 variables that may turn; kT : (n_sweeps,)
    seed, chain, step0 : identity of the random numbers; best : (n,) int8, the state with energy `least`
    """
    turns = 0
    for t in range(kT.shape[0]):
        key = _key(seed, chain, step0 + t, KIND)
        beta = 1.0 / kT[t] if kT[t] > 0.0 else np.inf
        for q in range(free.shape[0]):
            i = free[q]
            up = spin[i] > 0
            cost = cost_of(i, up, begin, product, sign_of, down, weight, bits)
            if cost > 0.0:
                exponent = cost * beta
                if exponent > 40.0 or _UNIT * np.float64(_mixed(key, q) >> np.uint64(11)) >= math.exp(
                    -exponent
                ):
                    continue
            elif cost == 0.0 and _mixed(key, q) >> np.uint64(63):
                continue
            for e in range(begin[i], begin[i + 1]):
                down[product[e]] += 1 if (sign_of[e] > 0) == up else -1
            spin[i] = -spin[i]
            energy += cost
            turns += 1
        if energy < least:
            least = energy
            best[:] = spin
    return energy, least, turns
