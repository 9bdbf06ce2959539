"""Cluster moves between two replicas at one temperature that leave the sum of their energies alone.

Where two states differ, neighbours that differ form clusters. To exchange one cluster between the
replicas turns its spins in both: what one gains the other loses, so that the move is always accepted
and obeys detailed balance (Houdayer, Eur. Phys. J. B 22, 479, 2001; at the temperatures of replica
exchange Zhu, Ochoa and Katzgraber, Phys. Rev. Lett. 115, 077201, 2015). Which spins differ stays as it
was, so that any choice of the cluster by that alone is as likely back as forth.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import _threefry13
from thermo.kernels.spins.rows import end_of, weight_of

STREAM_CLUSTERS = 28


@njit(cache=True, nogil=True)
def _turn(i, spin, total, own, indptr, edges):  # type: ignore[no-untyped-def]
    """Turn a spin; returns what it cost."""
    s = spin[i]
    change = np.float32(-2.0) * s
    spin[i] = -s
    for e in range(indptr[i], indptr[i + 1]):
        total[end_of(edges[e])] += change * weight_of(edges[e])
    return np.float64(s) * np.float64(total[i] + own[i]) * 2.0


@njit(cache=True, nogil=True)
def exchange_clusters(  # type: ignore[no-untyped-def]
    spin, total, own, indptr, edges, seed, pair, turn, a, b, energies, mark, stack
):
    """One cluster at each temperature of two ladders, in place; returns how many spins were exchanged.

    spin, total : (chains, n_places) float32; own, indptr, edges : of thermo.kernels.spins.colours
    seed, pair, turn : identity of the random numbers
    a, b : (K,) int64, chains of the one and of the other ladder by temperature
    energies : (chains,) float64; mark : (n_places,) int64, 0; stack : (n_places,) int64, scratch
    """
    n = spin.shape[1]
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    spins = 0
    for k in range(a.shape[0]):
        one, other = spin[a[k]], spin[b[k]]
        word, _, _, _ = _threefry13(
            k0,
            k1,
            np.uint32(STREAM_CLUSTERS),
            np.uint32(0),
            np.uint32(pair),
            np.uint32(k),
            np.uint32(turn),
            np.uint32(0),
        )
        first = np.int64((np.uint64(word) * np.uint64(n)) >> np.uint64(32))
        start = np.int64(-1)
        for d in range(n):  # the first spin from there on that differs
            i = first + d if first + d < n else first + d - n
            if one[i] * other[i] < np.float32(0.0):
                start = i
                break
        if start < 0:
            continue
        mark[start] = k + 1
        stack[0], waiting = start, 1
        while waiting:
            waiting -= 1
            i = stack[waiting]
            energies[a[k]] += _turn(i, one, total[a[k]], own, indptr, edges)
            energies[b[k]] += _turn(i, other, total[b[k]], own, indptr, edges)
            spins += 1
            for e in range(indptr[i], indptr[i + 1]):
                j = end_of(edges[e])
                if mark[j] != k + 1 and one[j] * other[j] < np.float32(0.0):
                    mark[j] = k + 1
                    stack[waiting] = j
                    waiting += 1
    return spins
