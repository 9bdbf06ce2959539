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
def pairs_of(indptr, indices, values, pairs):  # type: ignore[no-untyped-def]
    """Fill pairs, 0 before, see compiler.ir.complete; returns whether the CSR couplings act both ways."""
    n = indptr.shape[0] - 1
    below = 0
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            if j > i:
                pairs[i * n - i * (i + 1) // 2 + j - i - 1] = values[e]
            else:
                below += 1
    if 2 * below != indices.shape[0]:
        return False
    for i in range(n):
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            if j < i and pairs[j * n - j * (j + 1) // 2 + i - j - 1] != values[e]:
                return False
    return True


@njit(cache=True, nogil=True)
def fill_matrix(pairs, factor, matrix):  # type: ignore[no-untyped-def]
    """matrix[i, j] = matrix[j, i] = factor times the pair (i, j), float32."""
    n = matrix.shape[0]
    for a in range(0, n, _BLOCK):  # by blocks, which the cache holds
        for b in range(a, n, _BLOCK):
            for i in range(a, min(a + _BLOCK, n)):
                start = i * n - i * (i + 1) // 2 - i - 1
                for j in range(max(b, i + 1), min(b + _BLOCK, n)):
                    w = np.float32(pairs[start + j] * factor)
                    matrix[i, j] = w
                    matrix[j, i] = w


@njit(cache=True, nogil=True)
def sum_pairs(pairs, spin, out):  # type: ignore[no-untyped-def]
    """out[i] = sum over j of the pair (i, j) times spin[j], float64."""
    n = spin.shape[0]
    out[:] = 0.0
    start = 0
    for i in range(n):
        total, s = 0.0, spin[i]
        for j in range(i + 1, n):
            w = pairs[start + j - i - 1]
            total += w * spin[j]
            out[j] += w * s
        out[i] += total
        start += n - 1 - i
