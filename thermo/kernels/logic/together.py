"""Samples whose derivative is not 0, put side by side: the others need no work.

avx512vbmi  rows of 256 bytes: VPERMI2B, 64 bytes a time
ssse3       16 bytes a time, PSHUFB; other CPUs byte by byte
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from compiler.jit.bundles import target_features
from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import from_bits, row_bytes, to_bits
from thermo.kernels.logic.emit import address, alive, chunks, load, pointer, same, store
from thermo.kernels.random import intrinsic

SIXTEEN = 16
"""Bytes of a part of a row."""
TILE = 32
"""Rows at a time, which stay in a near cache."""
_I8, _I64 = ir.IntType(8), ir.IntType(64)


@njit(cache=True, nogil=True)
def padded(m):  # type: ignore[no-untyped-def]
    """The width of rows of m samples: a multiple of 64, at least 64."""
    return max((m + 63) // 64 * 64, 64)


_row = njit(cache=True, nogil=True)(row_bytes)


def _has(feature: str) -> Any:
    """Whether compiled kernels may use what a feature of the CPU brings."""

    def has(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            return ir.Constant(ir.IntType(1), int(feature in target_features()))

        return types.boolean(), codegen

    return intrinsic(has)


_can_permute, _can_shuffle = _has("avx512vbmi"), _has("ssse3")
"""VPERMI2B; PSHUFB."""


@intrinsic
def _permute_rows(typingctx, rows, n, order, out, width):  # type: ignore[no-untyped-def]
    """out[f, i] = rows[f, order[i]] for rows of 256 bytes, 64 at a time; order : (width,) int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        rows, n, order, out, width = args
        if "avx512vbmi" not in target_features():
            return ir.Constant(_I64, 0)
        kind = ir.VectorType(_I8, 64)
        pick = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), "llvm.x86.avx512.vpermi2var.qi.512"
        )
        with chunks(builder, width, 64) as (offset, _):
            wide = builder.add(order, builder.shl(offset, ir.Constant(_I64, 2)))
            wide = builder.load(pointer(builder, wide, ir.VectorType(ir.IntType(32), 64)), align=4)
            places = builder.trunc(wide, kind)
            high = builder.icmp_signed("<", places, same(_I8, 64, 0))
            with cgutils.for_range(builder, n) as loop:
                start = builder.mul(loop.index, ir.Constant(_I64, 256))
                quarter = [
                    load(builder, rows, builder.add(start, ir.Constant(_I64, 64 * i)), 64) for i in range(4)
                ]
                low_half = builder.call(pick, [quarter[0], places, quarter[1]])
                high_half = builder.call(pick, [quarter[2], places, quarter[3]])
                at = builder.add(builder.mul(loop.index, width), offset)
                store(builder, builder.select(high, high_half, low_half), out, at, 64)
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * 5), codegen


@intrinsic
def _shuffle_rows(typingctx, rows, n, pitch, parts, places, some, out, width):  # type: ignore[no-untyped-def]
    """Of each of n rows `some` parts of 16 bytes, shuffled, to where they belong.

    Addresses: rows (n, pitch), parts (some, 16) uint8 and places (some, 2) int64 as _by_sixteen makes them,
        out (n, width), of which 16 bytes are written from each place
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        rows, n, pitch, parts, places, some, out, width = args
        if "ssse3" not in target_features():
            return ir.Constant(_I64, 0)
        kind = ir.VectorType(_I8, SIXTEEN)
        shuffle = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 2), "llvm.x86.ssse3.pshuf.b.128"
        )
        sixteen, two, one = (ir.Constant(_I64, value) for value in (SIXTEEN, 2, 1))
        places = pointer(builder, places, _I64)
        with cgutils.for_range(builder, n) as row:
            start = builder.add(rows, builder.mul(row.index, pitch))
            to = builder.add(out, builder.mul(row.index, width))
            with cgutils.for_range(builder, some) as part:
                first = builder.mul(part.index, two)
                source = builder.load(builder.gep(places, [first]))
                target = builder.load(builder.gep(places, [builder.add(first, one)]))
                order = load(builder, parts, builder.mul(part.index, sixteen), SIXTEEN)
                found = builder.call(shuffle, [load(builder, start, source, SIXTEEN), order])
                store(builder, found, to, target, SIXTEEN)
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * 8), codegen


@njit(cache=True, nogil=True)
def _by_sixteen(order, m, parts, places):  # type: ignore[no-untyped-def]
    """How many parts of 16 samples have any of the first m of `order`, and what PSHUFB does to them.

    parts : (at least as many, 16) uint8, out: which of the part's samples come, in turn, then 0x80, which
        makes 0; places : (.., 2) int64, out: where the part begins, and where it goes
    """
    some, last = 0, -1
    for i in range(m):
        part = order[i] // SIXTEEN
        if part != last:
            last, first = part, i
            for j in range(SIXTEEN):
                parts[some, j] = 0x80
            places[some, 0], places[some, 1] = SIXTEEN * part, i
            some += 1
        parts[some - 1, i - first] = order[i] % SIXTEEN
    return some


@njit(cache=True, nogil=True)
def weighty(weights, first, last, order):  # type: ignore[no-untyped-def]
    """How many samples have a weight that is not 0 in any of the rows first .. last - 1, and which.

    weights : (rows, pitch) int8; order : (pitch,) int32, out: the samples, then 0
    """
    m, pitch = 0, weights.shape[1]
    for s in range(pitch):
        seen = False
        for c in range(first, last):
            seen |= weights[c, s] != 0
        if seen:
            order[m] = s
            m += 1
    for s in range(m, pitch):
        order[s] = 0
    return m


@njit(cache=True, nogil=True)
def _moves(order, m, pitch):  # type: ignore[no-untyped-def]
    """How many parts _by_sixteen makes of these samples, what it makes of them, and where they belong."""
    some, n = 0, pitch // SIXTEEN
    parts, places = np.empty((n, SIXTEEN), np.uint8), np.empty((n, 2), np.int64)
    if _can_shuffle() and not (pitch == 256 and _can_permute()):
        some = _by_sixteen(order, m, parts, places)
    return some, parts, places


@njit(cache=True, nogil=True)
def _side_by_side(x, order, m, width, moves, packed):  # type: ignore[no-untyped-def]
    """The first m samples of `order`, which rise, of each row.

    x : (n, pitch) uint8 0 or 1; moves : see _moves
    packed : (at least n width + SIXTEEN,) uint8, out; what is beyond the samples is 0 or 1
    """
    n, pitch = x.shape
    some, parts, places = moves
    if pitch == 256 and _can_permute():
        _permute_rows(address(x), n, address(order), address(packed), width)
    elif _can_shuffle():
        # a row's last part may reach into the next one, which is written later
        _shuffle_rows(address(x), n, pitch, address(parts), address(places), some, address(packed), width)
    else:
        for f in range(n):
            for i in range(m):
                packed[f * width + i] = x[f, order[i]]


@njit(cache=True, nogil=True)
def put_together(x, order, m, width, packed, bits, first, last):  # type: ignore[no-untyped-def]
    """The first m samples of `order`, which rise, of rows first .. last - 1, as rows of bits.

    x : (n, pitch) uint8 0 or 1; width : a multiple of 64, at least m; packed : (room(pitch),) uint8, scratch
    of 0 and 1; bits : (at least n rows of width samples,) uint8, out; what is beyond the samples is 0 or 1
    """
    size, moves = _row(width), _moves(order, m, x.shape[1])
    for f in range(first, last, TILE):
        n = min(TILE, last - f)
        _side_by_side(x[f : f + n], order, m, width, moves, packed)
        to_bits(address(packed), n, width, address(bits) + size * f)
    alive(moves)


@njit(cache=True, nogil=True)
def put_bits_together(rows, pitch, order, m, width, packed, bits, first, last):  # type: ignore[no-untyped-def]
    """As put_together, of rows of bits (n, bytes a row) uint8 of pitch samples."""
    size, moves = _row(width), _moves(order, m, pitch)
    x = np.empty((TILE, pitch), np.uint8)
    for f in range(first, last, TILE):
        n = min(TILE, last - f)
        from_bits(address(rows) + rows.shape[1] * f, n, pitch, address(x))
        _side_by_side(x[:n], order, m, width, moves, packed)
        to_bits(address(packed), n, width, address(bits) + size * f)
    alive((x,))
    alive(moves)


@njit(cache=True, nogil=True)
def pack(x, weights, c, packed, few, order, bits):  # type: ignore[no-untyped-def]
    """The samples whose weight of class c is not 0, side by side; the width of their rows.

    weights : (n_classes, pitch) int8; few : (pitch,) int8, out: the weights, then 0; see put_together
    """
    m = weighty(weights, c, c + 1, order)
    width = padded(m)
    for i in range(m):
        few[i] = weights[c, order[i]]
    for i in range(m, width):
        few[i] = 0
    put_together(x, order, m, width, packed, bits, 0, x.shape[0])
    return width


def room(pitch: int) -> int:
    """Bytes of scratch that rows of so many samples are put together in."""
    return TILE * pitch + SIXTEEN
