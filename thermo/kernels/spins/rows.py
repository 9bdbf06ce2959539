"""Heat-bath updates of p-bits as vector code, 16 at a time.

A p-bit with local field f at temperature kT becomes +1 with probability 1 / (1 + exp(-2 f / kT))
(Glauber, J. Math. Phys. 4, 294, 1963). With z = 2 f / kT and a uniform number u = (word + 1/2) /
2^32 it takes the sign of z, unless u < e / (1 + e), e = exp(-|z|): then the opposite. So unlikely
states keep 32 bits of resolution (probabilities below 2^-33 never happen), and kT = 0, where z is
huge or 0, is greedy descent with ties tossed. All arithmetic is float32, lane by lane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.langevin.rows import VECTOR, _Code
from thermo.kernels.random import _carry, _threefry13, add_words, intrinsic

STREAM_SPINS = 24
BLOCK = 4  # cells that share one call of the generator
GROUP = VECTOR  # cells of one colour that one chain updates together

_MAGIC = 1.5 * 2.0**23  # added to a float32, it leaves a whole number in its low bits
_LOG2E = float(np.float32(1.4426950408889634))
# 2^f on |f| <= 1/2: ln 2^k / k!; what is left out is below 1.3e-7
_EXP2 = tuple(float(np.float32(np.log(2.0) ** k / np.prod(np.arange(1, k + 1)))) for k in range(7))


def _constant(kind: Any, value: Any) -> Any:
    """A vector constant with one value in every lane."""
    return ir.Constant(kind, [value] * kind.count)


def _heat_bath(code: Any, z: Any, word: Any) -> Any:
    """Lanes that become +1 (code generation): z float32, word uint32, both of 16 lanes."""
    builder, floats, words = code.builder, code.floats, code.words

    def number(value: float) -> Any:
        return _constant(floats, value)

    size = builder.bitcast(builder.and_(builder.bitcast(z, words), _constant(words, 0x7FFFFFFF)), floats)
    t = builder.fmul(size, number(-_LOG2E))
    t = builder.select(builder.fcmp_ordered(">", t, number(-126.0)), t, number(-126.0))
    shifted = builder.fadd(t, number(_MAGIC))
    f = builder.fsub(t, builder.fsub(shifted, number(_MAGIC)))
    p = number(_EXP2[6])
    for k in range(5, -1, -1):
        p = code.fma(p, f, number(_EXP2[k]))
    biased = builder.add(builder.bitcast(shifted, words), _constant(words, 127))
    e = builder.fmul(p, builder.bitcast(builder.shl(biased, _constant(words, 23)), floats))
    u = code.fma(builder.uitofp(word, floats), number(2.0**-32), number(2.0**-33))
    against = builder.fcmp_ordered("<", code.fma(u, e, u), e)
    return builder.xor(builder.fcmp_ordered(">=", z, number(0.0)), against)


def _row_update(lanes: int) -> Any:
    """An intrinsic that updates one cell in all lanes of a tile."""

    @intrinsic
    def update(  # type: ignore[no-untyped-def]
        typingctx, indices, weight, first, last, x, new, extra, h, scale, beta, words
    ):
        f32, i64 = types.float32, types.int64
        signature = types.void(indices, weight, i64, i64, x, new, extra, f32, f32, beta, words)

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            code = _Code(context, builder, sig, args)
            field, factor = code.splat(7), code.splat(8)
            for g, total in enumerate(code.row_sums(lanes)):
                lane = code.long(VECTOR * g)
                own = builder.fadd(field, code.load(6, lane))
                z = builder.fmul(code.fma(factor, total, own), code.load(9, lane))
                up = _heat_bath(code, z, code.load(10, lane, code.words))
                spins = builder.select(up, _constant(code.floats, 1.0), _constant(code.floats, -1.0))
                code.store(spins, 5, lane)
            return context.get_dummy_value()

        return signature, codegen

    return update


_update16, _update32, _update64 = _row_update(16), _row_update(32), _row_update(64)


@njit(cache=True, nogil=True, forceinline=True)
def update_row(indices, weight, first, last, x, new, extra, h, scale, beta, words):  # type: ignore[no-untyped-def]
    """new = heat bath of one cell at z = beta (h + extra + scale sum_e weight[e] x[indices[e]]).

    x : (n, lanes) float32 of +-1; new, extra, beta : (lanes,) float32; words : (lanes,) uint32;
    lanes 16, 32 or 64
    """
    if new.shape[0] == 64:
        _update64(indices, weight, first, last, x, new, extra, h, scale, beta, words)
    elif new.shape[0] == 32:
        _update32(indices, weight, first, last, x, new, extra, h, scale, beta, words)
    else:
        _update16(indices, weight, first, last, x, new, extra, h, scale, beta, words)


@intrinsic
def turned(typingctx, spin, total, own, words, at, word_at, scale, beta):  # type: ignore[no-untyped-def]
    """Bit k set where cell at + k of one chain flips in its heat bath; 16 cells.

    spin, total, own : (n,) float32 states +-1, sums of couplings and fields; words : uint32
    """
    f32, i64 = types.float32, types.int64
    signature = types.int64(spin, total, own, words, i64, i64, f32, f32)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        code = _Code(context, builder, sig, args)
        at, word_at = args[4], args[5]
        field = code.fma(code.splat(6), code.load(1, at), code.load(2, at))
        up = _heat_bath(code, builder.fmul(field, code.splat(7)), code.load(3, word_at, code.words))
        was = builder.fcmp_ordered(">", code.load(0, at), _constant(code.floats, 0.0))
        bits = builder.bitcast(builder.xor(up, was), ir.IntType(VECTOR))
        return builder.zext(bits, ir.IntType(64))

    return signature, codegen


@intrinsic
def lowest(typingctx, mask):  # type: ignore[no-untyped-def]
    """Number of the lowest bit that is set in a mask that is not 0."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        word = ir.IntType(64)
        count = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(word, [word, ir.IntType(1)]), "llvm.cttz.i64"
        )
        return builder.call(count, [args[0], ir.IntType(1)(1)])

    return types.int64(types.int64), codegen


def pack_edges(indices: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(m,) uint64 edges: the end below, the bits of the float32 weight above, for one load."""
    bits = np.ascontiguousarray(weight, dtype=np.float32).view(np.uint32).astype(np.uint64)
    return indices.astype(np.uint64) | (bits << np.uint64(32))


@intrinsic
def end_of(typingctx, edge):  # type: ignore[no-untyped-def]
    """The cell that an edge leads to."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.and_(args[0], ir.IntType(64)(0xFFFFFFFF))

    return types.int64(types.uint64), codegen


@intrinsic
def weight_of(typingctx, edge):  # type: ignore[no-untyped-def]
    """The weight of an edge."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        high = builder.lshr(args[0], ir.IntType(64)(32))
        return builder.bitcast(builder.trunc(high, ir.IntType(32)), ir.FloatType())

    return types.float32(types.uint64), codegen


@njit(cache=True, nogil=True, forceinline=True)
def words_of_lanes(w0, w1, w2, w3, seed, chain0, step, block, stream=STREAM_SPINS):  # type: ignore[no-untyped-def]
    """Uniform words of places 4 block to 4 block + 3 for chains chain0, chain0 + 1, ..."""
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    lo0 = np.uint32(np.uint64(chain0) & np.uint64(0xFFFFFFFF))
    hi0 = np.uint32(np.uint64(chain0) >> np.uint64(32))
    for l in range(w0.shape[0]):
        lo = add_words(lo0, np.uint32(l))
        w0[l], w1[l], w2[l], w3[l] = _threefry13(
            k0,
            k1,
            np.uint32(stream),
            np.uint32(0),
            lo,
            _carry(hi0, lo, lo0),
            np.uint32(step),
            np.uint32(block),
        )


@njit(cache=True, nogil=True)
def words_of_cells(out, seed, chain, step, place):  # type: ignore[no-untyped-def]
    """Uniform words of one chain for the 64 places from `place`, a multiple of 4; out (64,)."""
    k0 = np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(np.uint64(seed) >> np.uint64(32))
    lo = np.uint32(np.uint64(chain) & np.uint64(0xFFFFFFFF))
    hi = np.uint32(np.uint64(chain) >> np.uint64(32))
    first = np.uint32(place // BLOCK)
    for b in range(16):
        out[4 * b], out[4 * b + 1], out[4 * b + 2], out[4 * b + 3] = _threefry13(
            k0,
            k1,
            np.uint32(STREAM_SPINS),
            np.uint32(0),
            lo,
            hi,
            np.uint32(step),
            add_words(first, np.uint32(b)),
        )
