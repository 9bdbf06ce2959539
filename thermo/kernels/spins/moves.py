"""Moves of several spins at once, from one local minimum to the next.

A spin is turned and then, as long as turning another one lowers the energy, that which lowers it
most; a spin turns once a move at most. The whole is accepted or undone by Metropolis' rule. Where
penalties hold the spins, each single one is stuck, while such a move goes from one state that obeys
the penalties to another: in a matching it exchanges two pairs. (Ejection chains, Glover, Discrete
Appl. Math. 65, 223, 1996; between minima as in basin hopping, Wales and Doye, J. Phys. Chem. A 101,
5111, 1997.) No law of sampling holds: this searches.

All arithmetic is float64: penalties a million times the costs leave the costs their digits.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import _threefry13

STREAM_MOVES = 27
DEPTH = 64  # turns of one move


@njit(cache=True, nogil=True)
def sum_forces(spin, own, indptr, ends, weight, force):  # type: ignore[no-untyped-def]
    """Make force[i] = own[i] + sum over e of weight[e] spin[ends[e]] anew; returns the energy."""
    energy = 0.0
    for i in range(spin.shape[0]):
        total = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            total += weight[e] * spin[ends[e]]
        force[i] = own[i] + total
        energy -= spin[i] * (own[i] + 0.5 * total)
    return energy


@njit(cache=True, nogil=True)
def _turn(i, spin, force, indptr, ends, weight):  # type: ignore[no-untyped-def]
    """Turn a spin; returns what it cost."""
    cost = 2.0 * spin[i] * force[i]
    spin[i] = -spin[i]
    twice = 2.0 * spin[i]
    for e in range(indptr[i], indptr[i + 1]):
        force[ends[e]] += twice * weight[e]
    return cost


@njit(cache=True, nogil=True)
def descend(spin, force, indptr, ends, weight, free):  # type: ignore[no-untyped-def]
    """Turn spins of `free` one by one while that lowers the energy; returns by how much."""
    total = 0.0
    turned = True
    while turned:
        turned = False
        for i in free:
            if spin[i] * force[i] < 0.0:
                cost = _turn(i, spin, force, indptr, ends, weight)
                total += cost
                turned = True
    return total


@njit(cache=True, nogil=True)
def move_chain(  # type: ignore[no-untyped-def]
    spin, force, indptr, ends, weight, free, mark, kT, seed, chain, step0, stamp, energy, least, best, changes
):
    """Sweeps of moves of one chain, in place; returns (energy, least energy seen, stamp).

    spin, force : (n,) float64 states of +-1 and local fields
    indptr, ends, weight : symmetric CSR, float64
    free : (n_free,) int64 spins that may turn; mark : (n,) int64, below 0 where one may not, else
        at most `stamp`, which numbers the moves
    kT : (n_sweeps,) float64, a sweep being n_free turns; infinite: every move is accepted
    seed, chain, step0 : identity of the random numbers
    energy : of `spin`; best : (n,) int8, the state with energy `least`, replaced by lower ones
    changes : (k,) float64, receives the energies of the moves, one after the other and round again
    """
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    lo = np.uint32(np.uint64(chain) & np.uint64(0xFFFFFFFF))
    hi = np.uint32(np.uint64(chain) >> np.uint64(32))
    turned = np.empty(DEPTH, np.int64)
    queue = np.empty(spin.shape[0], np.int64)
    queued = np.zeros(spin.shape[0], np.int64)
    n_free = free.shape[0]
    for t in range(kT.shape[0]):
        done = 0
        number = 0
        while done < n_free:
            w0, w1, _, _ = _threefry13(
                k0, k1, np.uint32(STREAM_MOVES), np.uint32(0), lo, hi, np.uint32(step0 + t), np.uint32(number)
            )
            number += 1
            stamp += 1
            i = free[np.int64((np.uint64(w0) * np.uint64(n_free)) >> np.uint64(32))]
            depth, waiting, change = 0, 0, 0.0
            while True:
                change += _turn(i, spin, force, indptr, ends, weight)
                mark[i] = stamp
                turned[depth] = i
                depth += 1
                if depth == DEPTH:
                    break
                for e in range(indptr[i], indptr[i + 1]):
                    k = ends[e]
                    if spin[k] * force[k] < 0.0 and queued[k] != stamp and mark[k] >= 0:
                        queued[k] = stamp
                        queue[waiting] = k
                        waiting += 1
                lowest = 0.0
                for q in range(waiting):
                    k = queue[q]
                    if mark[k] != stamp and spin[k] * force[k] < lowest:
                        lowest = spin[k] * force[k]
                        i = k
                if lowest == 0.0:
                    break
            done += depth
            if changes.shape[0]:
                changes[(stamp - 1) % changes.shape[0]] = change
            if change > 0.0 and (np.float64(w1) + 0.5) * 2.0**-32 >= math.exp(-change / kT[t]):
                for d in range(depth):
                    _turn(turned[depth - 1 - d], spin, force, indptr, ends, weight)
                continue
            energy += change
            if energy < least:
                least = energy
                for k in range(spin.shape[0]):
                    best[k] = np.int8(spin[k])
    return energy, least, stamp
