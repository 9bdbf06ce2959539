"""Sweeps of 512 chains at a time, one bit a chain, where couplings are small whole numbers.

With couplings w in units of one number, the local field of a p-bit is unit (2 l - D) + h, where l
is how much of D = sum |w| points up: a level. Levels are counted bit by bit (a counter of planes,
one bit of each chain's count a plane) and turned into masks, M[l] = the chains at level l. A random
number u < P(+1 | level) is drawn a binary digit at a time, first digit first: the digits of the
chains' thresholds are T_b = OR over l of M[l] where digit b of level l's threshold is 1. A chain
whose digit of u differs from its T_b is decided; after 12 digits few of 512 chains are left.
Thresholds have 32 digits: probabilities are exact to 2^-33.

A row is one p-bit in 512 chains: eight 64-bit words, chain c in bit c % 64 of word c // 64, as 64
bytes at a multiple of 64. Digits 4 g to 4 g + 3 of chains 32 k to 32 k + 31 are the words of
Threefry4x32-13 at the counter (k low, k high, sweep, 8 place + g).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.gates.vector import _ROW, _data, _load, _row, _store
from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic
from thermo.kernels.spins.rows import words_of_lanes

STREAM_PACKED = 26
LANES = 16  # 32-bit words of a row
DIGITS = 32

_I64 = ir.IntType(64)


def _ones() -> Any:
    return ir.Constant(_ROW, [2**64 - 1] * 8)


def _spread(builder: Any, word: Any) -> Any:
    """A 64-bit word in all words of a row."""
    nothing = ir.Constant(_ROW, ir.Undefined)
    first = builder.insert_element(nothing, word, ir.IntType(32)(0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
    return builder.shuffle_vector(first, nothing, mask)


def _word(builder: Any, base: Any, index: Any) -> Any:
    """Element `index` of an array of 64-bit words."""
    pointer = builder.bitcast(base, _I64.as_pointer())
    return builder.load(builder.gep(pointer, [index]))


@intrinsic
def _count(typingctx, rows, sources, signs, places, first, last, planes, n_planes):  # type: ignore[no-untyped-def]
    """planes = sum over e of 2^places[e] [row sources[e] xor signs[e]], n_planes digits."""
    i64 = types.int64
    signature = types.void(rows, sources, signs, places, i64, i64, planes, i64)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base, source, sign, place, _, _, plane, _ = (
            _data(context, builder, kind, value) if k not in (4, 5, 7) else value
            for k, (kind, value) in enumerate(zip(sig.args, args, strict=True))
        )
        one = _I64(1)
        carry = cgutils.alloca_once(builder, _ROW)
        with cgutils.for_range_slice(builder, _I64(0), args[7], one) as (p, _):
            _store(builder, ir.Constant(_ROW, [0] * 8), _row(builder, plane, p), _I64(0))
        with cgutils.for_range_slice(builder, args[4], args[5], one) as (e, _):
            row = _load(builder, _row(builder, base, _word(builder, source, e)), _I64(0))
            builder.store(builder.xor(row, _spread(builder, _word(builder, sign, e))), carry)
            start = _word(builder, place, e)
            with cgutils.for_range_slice(builder, start, args[7], one) as (p, _):
                here = _row(builder, plane, p)
                before, more = _load(builder, here, _I64(0)), builder.load(carry)
                _store(builder, builder.xor(before, more), here, _I64(0))
                builder.store(builder.and_(before, more), carry)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _levels(typingctx, planes, n_planes, masks):  # type: ignore[no-untyped-def]
    """masks[l] = chains whose counter shows l, for l from 0 to 2^n_planes - 1."""
    signature = types.void(planes, types.int64, masks)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        plane = _data(context, builder, sig.args[0], args[0])
        mask = _data(context, builder, sig.args[2], args[2])
        one = _I64(1)
        _store(builder, _ones(), mask, _I64(0))
        with cgutils.for_range_slice(builder, _I64(0), args[1], one) as (k, _):
            digit = _load(builder, _row(builder, plane, builder.sub(builder.sub(args[1], one), k)), _I64(0))
            size = builder.shl(one, k)
            with cgutils.for_range_slice(builder, _I64(0), size, one) as (j, _):
                # from the last to the first, so that none is overwritten before it is read
                l = builder.sub(builder.sub(size, one), j)
                whole = _load(builder, _row(builder, mask, l), _I64(0))
                twice = builder.shl(l, one)
                yes = builder.and_(whole, digit)
                _store(builder, yes, _row(builder, mask, builder.add(twice, one)), _I64(0))
                _store(builder, builder.xor(whole, yes), _row(builder, mask, twice), _I64(0))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _compare(typingctx, words, masks, n_levels, digits, at, open_, rows, row):  # type: ignore[no-untyped-def]
    """Four more digits of u against the thresholds; 0 if every chain is decided, else not 0.

    words : (4, 16) uint32; digits : uint64, from `at` on 4 n_levels of them, 0 or all ones
    open_ : (1, 8) uint64 chains not decided; rows[row] : chains decided as +1, both updated
    """
    i64 = types.int64
    signature = i64(words, masks, i64, digits, i64, open_, rows, i64)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        word = _data(context, builder, sig.args[0], args[0])
        mask = _data(context, builder, sig.args[1], args[1])
        digit = _data(context, builder, sig.args[3], args[3])
        still = _data(context, builder, sig.args[5], args[5])
        out = _row(builder, _data(context, builder, sig.args[6], args[6]), args[7])
        undecided, up = _load(builder, still, _I64(0)), _load(builder, out, _I64(0))
        threshold = cgutils.alloca_once(builder, _ROW)
        for j in range(4):
            builder.store(ir.Constant(_ROW, [0] * 8), threshold)
            start = builder.add(args[4], builder.mul(args[2], _I64(j)))
            with cgutils.for_range_slice(builder, _I64(0), args[2], _I64(1)) as (l, _):
                chains = _load(builder, _row(builder, mask, l), _I64(0))
                bit = _spread(builder, _word(builder, digit, builder.add(start, l)))
                more = builder.and_(chains, bit)
                builder.store(builder.or_(builder.load(threshold), more), threshold)
            t, u = builder.load(threshold), _load(builder, word, _I64(64 * j))
            differ = builder.and_(undecided, builder.xor(t, u))
            up = builder.or_(up, builder.and_(differ, t))
            undecided = builder.xor(undecided, differ)
        _store(builder, undecided, still, _I64(0))
        _store(builder, up, out, _I64(0))
        half = builder.shuffle_vector(
            undecided, undecided, ir.Constant(ir.VectorType(ir.IntType(32), 4), [0, 1, 2, 3])
        )
        rest = builder.shuffle_vector(
            undecided, undecided, ir.Constant(ir.VectorType(ir.IntType(32), 4), [4, 5, 6, 7])
        )
        left = builder.or_(half, rest)
        total = builder.extract_element(left, ir.IntType(32)(0))
        for k in range(1, 4):
            total = builder.or_(total, builder.extract_element(left, ir.IntType(32)(k)))
        return total

    return signature, codegen


@njit(cache=True, nogil=True)
def sweep_packed(  # type: ignore[no-untyped-def]
    rows,
    cells,
    places,
    first,
    sources,
    signs,
    shifts,
    kind,
    digits,
    n_planes,
    n_levels,
    n_sweeps,
    seed,
    group0,
    step0,
    planes,
    masks,
    words,
    open_,
):
    """Sweeps of 512 chains at one temperature, in place.

    rows : (n, 8) uint64; cells : (n_free,) int64 rows in the order of updates; places : (n_free,)
    first : (n + 1,) int64; sources, signs, shifts : (n_terms,) int64, uint64, int64: row r's level
        is the sum over its terms of 2^shift [source xor sign]
    kind : (n,) int64; digits : (n_kinds, 32, n_levels) uint64, 0 or all ones: binary digits of the
        thresholds, first digit first
    n_planes : of the counter; n_levels : at most 2^n_planes
    group0 : number of the first chain / 32
    planes, masks : (n_planes, 8), (2^n_planes, 8) uint64, words : (4, 16) uint32, open_ : (1, 8)
        uint64, scratch at multiples of 64 bytes
    """
    flat = digits.reshape(-1)
    for t in range(n_sweeps):
        for k in range(cells.shape[0]):
            r = cells[k]
            _count(rows, sources, signs, shifts, first[r], first[r + 1], planes, n_planes)
            _levels(planes, n_planes, masks)
            for w in range(8):
                open_[0, w] = ~np.uint64(0)
                rows[r, w] = np.uint64(0)
            at = kind[r] * 32 * n_levels
            for g in range(8):
                words_of_lanes(
                    words[0],
                    words[1],
                    words[2],
                    words[3],
                    seed,
                    group0,
                    step0 + t,
                    8 * places[k] + g,
                    STREAM_PACKED,
                )
                if not _compare(words, masks, n_levels, flat, at, open_, rows, r):
                    break
                at += 4 * n_levels
