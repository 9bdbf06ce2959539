"""Replica exchange of one ladder: sweeps and exchanges in one loop, without a word to Python."""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import _threefry13
from thermo.kernels.spins.colours import sweep_chain

STREAM_SWAPS = 25


@njit(cache=True, nogil=True)
def temper_ladder(  # type: ignore[no-untyped-def]
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
    ladder,
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
    """`turns` times `every` sweeps of all chains and one round of exchanges, in place; returns flips.

    spin, total : (K, n_places) float32; own, indptr, edges, runs, free : of sweep_chain
    beta : (K,) float32 2 / kT; cold : (K,) float64 1 / kT, from the coldest on
    seed, first_chain, ladder, step0, turn0 : identity of the random numbers: chain c of the ladder
        is chain first_chain + c, and exchanges are those of ladder number `ladder` after turn0 others
    slots : (K,) int64, the chain at each temperature; energies : (K,) float64 of the chains
    journey : (K,) int8 of the chains: 0 unknown, 1 was cold, 2 then hot; trips : (1,) int64 round
        trips; counts : (2, K - 1) int64 exchanges tried and taken
    best : (n_places,) float32, the state with energy least : (1,), the least seen after any turn
    look_every : turns between two looks, 0: none; seen : (n_looks, K) energies by temperature
    """
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    n_kT = beta.shape[0]
    betas, scales = np.empty(every, np.float32), np.ones(every, np.float32)
    flips = 0
    for turn in range(turns):
        for k in range(n_kT):
            c = slots[k]
            betas[:] = beta[k]
            _, energies[c], _, some = sweep_chain(
                spin[c],
                total[c],
                own,
                indptr,
                edges,
                runs,
                free,
                betas,
                scales,
                seed,
                np.uint64(first_chain + c),
                step0 + turn * every,
                energies[c],
                -np.inf,
                best,
                -np.inf,
            )
            flips += some
        for c in range(n_kT):
            if energies[c] < least[0]:
                least[0] = energies[c]
                best[:] = spin[c]
        if look_every and (turn + 1) % look_every == 0:
            for k in range(n_kT):
                seen[(turn + 1) // look_every - 1, k] = energies[slots[k]]
        for k in range((turn0 + turn) % 2, n_kT - 1, 2):
            word, _, _, _ = _threefry13(
                k0,
                k1,
                np.uint32(STREAM_SWAPS),
                np.uint32(0),
                np.uint32(ladder),
                np.uint32(k // 2),
                np.uint32(turn0 + turn + 1),
                np.uint32(0),
            )
            a, b = slots[k], slots[k + 1]
            gain = (cold[k] - cold[k + 1]) * (energies[a] - energies[b])
            counts[0, k] += 1
            if math.log((np.float64(word) + 0.5) * 2.0**-32) < gain:
                slots[k], slots[k + 1] = b, a
                counts[1, k] += 1
        if journey[slots[0]] == 2:
            trips[0] += 1
        journey[slots[0]] = 1
        if journey[slots[n_kT - 1]] == 1:
            journey[slots[n_kT - 1]] = 2
    return flips
