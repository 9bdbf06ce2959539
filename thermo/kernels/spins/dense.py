"""Sweeps of p-bits that are nearly all coupled to all: one after the other, whole rows at a time."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic
from thermo.kernels.spins.rows import words_of_cells

_BLOCK = 64
_TOGETHER = 4  # rows that share a pass
_PAGE = 1024  # numbers of a page of memory
_NEVER = np.float32(23.0)  # |z| from which exp(-|z|) is below 2^-33: the unlikely state never happens
_HALF = np.float32(2.0**-33)
_UNIT = np.float32(2.0**-32)


@intrinsic
def prefetch(typingctx, array, place):  # type: ignore[no-untyped-def]
    """Ask for the line of memory with element `place` of an array."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        here = builder.bitcast(builder.gep(data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(call, [here, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@njit(cache=True, nogil=True)
def _add_rows(total, matrix, turned, change, count, start, stop):  # type: ignore[no-untyped-def]
    """total[j] += sum over k of change[k] matrix[turned[k], j], for j from start to stop - 1."""
    out = total[start:stop]
    for k in range(0, count, _TOGETHER):
        a, b = matrix[turned[k], start:stop], matrix[turned[k + 1], start:stop]
        c, d = matrix[turned[k + 2], start:stop], matrix[turned[k + 3], start:stop]
        p, q, r, s = change[k], change[k + 1], change[k + 2], change[k + 3]
        for j in range(out.shape[0]):
            out[j] += (p * a[j] + q * b[j]) + (r * c[j] + s * d[j])


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
    Cells go in blocks of 64: a flip is at once told to its own block, and to all others with those that
    follow it in the block, several rows in one pass.
    """
    n = spin.shape[0]
    words = np.empty(64, np.uint32)
    turned = np.empty(_BLOCK + _TOGETHER, np.int64)
    change = np.zeros(_BLOCK + _TOGETHER, np.float32)
    flips = 0
    for t in range(beta.shape[0]):
        for first in range(0, n, _BLOCK):
            last = min(first + _BLOCK, n)
            words_of_cells(words, seed, chain, step0 + t, first)
            count = 0
            for i in range(first, last):
                z = beta[t] * (own[i] + scale[t] * total[i])
                up = z >= np.float32(0.0)
                size = abs(z)
                if size < _NEVER:
                    e = np.exp(-size)
                    u = np.float32(words[i - first]) * _UNIT + _HALF
                    if u + u * e < e:
                        up = not up
                if up == (spin[i] > np.float32(0.0)) or not free[i]:
                    continue
                s = spin[i]
                energy += np.float64(s) * np.float64(total[i] + own[i]) * 2.0
                twice = np.float32(-2.0) * s
                spin[i] = -s
                row, own_block = matrix[i, first:last], total[first:last]
                for j in range(row.shape[0]):
                    own_block[j] += twice * row[j]
                for j in range(0, n, _PAGE):  # a page is found and its first lines come meanwhile
                    prefetch(matrix, i * n + j)
                    prefetch(matrix, i * n + j + 16)
                turned[count], change[count] = i, twice
                count += 1
            flips += count
            if count:
                for k in range(_TOGETHER - 1):  # the last pass adds rows times 0
                    turned[count + k], change[count + k] = turned[0], np.float32(0.0)
                _add_rows(total, matrix, turned, change, count, 0, first)
                _add_rows(total, matrix, turned, change, count, last, n)
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
