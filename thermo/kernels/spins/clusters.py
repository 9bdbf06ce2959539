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
from thermo.kernels.spins.tempering import temper_ladder

STREAM_CLUSTERS = 28
EVERY = 2  # turns; a cluster takes as long as sweeps


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
    spin, total, own, indptr, edges, seed, pair, turn, a, b, energies, mark, stack, stamp
):
    """One cluster at each temperature of the colder half of two ladders, in place; returns its spins.

    spin, total : (chains, n_places) float32; own, indptr, edges : of thermo.kernels.spins.colours
    seed, pair, turn : identity of the random numbers
    a, b : (K,) int64, chains of the one and of the other ladder by temperature
    energies : (chains,) float64; mark : (n_places,) int64, all below `stamp`; stack : (n_places,) int64
    """
    n = spin.shape[1]
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    spins = 0
    for k in range((a.shape[0] + 1) // 2):  # of hot states half of all spins differ
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
        mark[start] = stamp + k
        stack[0], waiting = start, 1
        while waiting:
            waiting -= 1
            i = stack[waiting]
            energies[a[k]] += _turn(i, one, total[a[k]], own, indptr, edges)
            energies[b[k]] += _turn(i, other, total[b[k]], own, indptr, edges)
            spins += 1
            for e in range(indptr[i], indptr[i + 1]):
                j = end_of(edges[e])
                if mark[j] != stamp + k and one[j] * other[j] < np.float32(0.0):
                    mark[j] = stamp + k
                    stack[waiting] = j
                    waiting += 1
    return spins


@njit(cache=True, nogil=True)
def temper_pair(  # type: ignore[no-untyped-def]
    spin,
    total,
    own,
    indptr,
    edges,
    runs,
    free,
    beta,
    cold,
    every,
    turns,
    seed,
    first_chain,
    pair,
    step0,
    turn0,
    slots,
    energies,
    journey,
    counts,
    trips,
    best,
    least,
    look_every,
    seen,
):
    """temper_ladder of two ladders, which exchange clusters after every second turn; returns flips.

    Arrays as there, of the 2 K chains or with a first axis of two; seen : (2, n_looks, K)
    """
    n_kT = beta.shape[0]
    mark, stack = np.zeros(own.shape[0], np.int64), np.empty(own.shape[0], np.int64)
    flips = 0
    for turn in range(turns):
        look = look_every > 0 and (turn + 1) % look_every == 0
        at = (turn + 1) // look_every - 1 if look else 0
        for r in range(2):
            mine = slice(r * n_kT, (r + 1) * n_kT)
            flips += temper_ladder(
                spin[mine],
                total[mine],
                own,
                indptr,
                edges,
                runs,
                free,
                beta,
                cold,
                every,
                1,
                seed,
                first_chain + r * n_kT,
                2 * pair + r,
                step0 + turn * every,
                turn0 + turn,
                slots[r],
                energies[mine],
                journey[r],
                counts[r],
                trips[r : r + 1],
                best[r],
                least[r : r + 1],
                1 if look else 0,
                seen[r, at:],
            )
        if (turn0 + turn + 1) % EVERY:
            continue
        flips += 2 * exchange_clusters(
            spin,
            total,
            own,
            indptr,
            edges,
            seed,
            pair,
            turn0 + turn + 1,
            slots[0],
            slots[1] + n_kT,
            energies,
            mark,
            stack,
            turn * n_kT + 1,
        )
        for r in range(2):
            for c in range(r * n_kT, (r + 1) * n_kT):
                if energies[c] < least[r]:
                    least[r] = energies[c]
                    best[r] = spin[c]
    return flips
