"""Sweeps of p-bits that are nearly all coupled to all: one after the other, whole rows at a time."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.spins.rows import words_of_cells

_BLOCK = 64
_NEVER = np.float32(23.0)  # |z| from which exp(-|z|) is below 2^-33: the unlikely state never happens
_HALF = np.float32(2.0**-33)
_UNIT = np.float32(2.0**-32)


@njit(cache=True, nogil=True)
def sweep_dense(  # type: ignore[no-untyped-def]
    spin, total, own, matrix, free, beta, scale, seed, chain, step0, energy, least, best, target
):
    """Sweeps of one chain, in place; returns (sweeps done, energy, least energy seen, flips).

    spin, total, own : (n,) float32 states of +-1, sums of couplings, kept up to date, and fields
    matrix : (n, n) float32, symmetric, its diagonal 0; free : (n,) bool, cells that may flip
    beta, scale : (n_sweeps,) float32, 2 / kT and the factor on couplings
    energy : of `spin` with scale = 1; best : (n,) int8, the state with energy `least`
    target : the chain stops after a sweep that ends at this energy or below

    The word of cell i in sweep t is that of place i: the heat bath is that of thermo.kernels.spins.rows.
    """
    n = spin.shape[0]
    words = np.empty(64, np.uint32)
    flips = 0
    for t in range(beta.shape[0]):
        for i in range(n):
            if i % 64 == 0:
                words_of_cells(words, seed, chain, step0 + t, i)
            z = beta[t] * (own[i] + scale[t] * total[i])
            up = z >= np.float32(0.0)
            size = abs(z)
            if size < _NEVER:
                e = np.exp(-size)
                u = np.float32(words[i % 64]) * _UNIT + _HALF
                if u + u * e < e:
                    up = not up
            if up == (spin[i] > np.float32(0.0)) or not free[i]:
                continue
            s = spin[i]
            energy += np.float64(s) * np.float64(total[i] + own[i]) * 2.0
            change = np.float32(-2.0) * s
            spin[i] = -s
            flips += 1
            row = matrix[i]
            for j in range(n):
                total[j] += change * row[j]
        if energy < least:
            least = energy
            for i in range(n):
                best[i] = np.int8(spin[i])
            if least <= target:
                return t + 1, energy, least, flips
    return beta.shape[0], energy, least, flips


@njit(cache=True, nogil=True)
def fill_dense(indptr, indices, weight, factor, matrix):  # type: ignore[no-untyped-def]
    """matrix[i, indices[e]] = factor weight[e], float32; returns whether it is symmetric."""
    n = matrix.shape[0]
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            matrix[i, indices[e]] = np.float32(weight[e] * factor)
    for a in range(0, n, _BLOCK):  # by blocks, which the cache holds
        for b in range(0, a + 1, _BLOCK):
            for i in range(a, min(a + _BLOCK, n)):
                for j in range(b, min(b + _BLOCK, n)):
                    if matrix[i, j] != matrix[j, i]:
                        return False
    return True
