"""Derivatives by a layer's outputs, from the weights of the inputs of the tables above that read them.

An input's weight is a byte in steps of its table's unit, base 2^shift. The derivative by a net is their sum,
a whole number of the base, and becomes a byte again: divided by the smallest power of two that fits it,
with a dither, so that its mean is right. Sums of whole numbers do not depend on their order, nor on the width
of vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import CHUNK
from thermo.kernels.random import intrinsic

_LANES, _PARTS = 16, CHUNK // 16
_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))
_BYTES, _WORDS = ir.VectorType(_I8, _LANES), ir.VectorType(_I32, _LANES)


class Given(NamedTuple):
    """By what a layer is trained.

    weights : (n_classes, pitch) int8, derivatives by the class sums: of the last layer
    packs : whether a class's samples of weight 0 are left out of its tables' sums
    own : whether a table has derivatives of its own, from the layer above:
    rows : (tables above times operands, pitch) int8, weights of their inputs
    begin : (n_tables + 1,) int64; entry, factor : (readers,) int32; rows begin[t] .. begin[t + 1] of entry
        read t, a step of them is factor units
    """

    weights: np.ndarray
    packs: bool
    own: bool
    rows: np.ndarray
    begin: np.ndarray
    entry: np.ndarray
    factor: np.ndarray


class Handed(NamedTuple):
    """What a layer's tables hand down; without rows, nothing.

    rows : (tables times operands, pitch) int8, weights of inputs; read : (tables, inputs) int32, the nets
        that they read; factor : (tables,) int32, units that a step of theirs is
    """

    rows: np.ndarray
    read: np.ndarray
    factor: np.ndarray


@njit(cache=True, nogil=True)
def readers(read, factors, n_tables, apart, begin, entry, factor):  # type: ignore[no-untyped-def]
    """Sort the inputs of a layer by the nets that they read, see Given.

    read : (at least n_tables, inputs) int32; factors : (at least n_tables,) int32
    begin : (nets + 1,) int64, entry, factor : (n_tables inputs,) int32, out; input j of table t has the row
        t apart + j
    """
    begin[:] = 0
    for t in range(n_tables):
        for j in range(read.shape[1]):
            begin[read[t, j] + 1] += 1
    for i in range(begin.shape[0] - 1):
        begin[i + 1] += begin[i]
    at = begin[:-1].copy()
    for t in range(n_tables):
        for j in range(read.shape[1]):
            i = read[t, j]
            entry[at[i]], factor[at[i]] = t * apart + j, factors[t]
            at[i] += 1


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _steps(builder: Any, end: Any, step: int) -> Any:
    return cgutils.for_range_slice(builder, ir.Constant(_I64, 0), end, ir.Constant(_I64, step), _I64)


def _splat(builder: Any, value: Any) -> Any:
    one = builder.insert_element(ir.Constant(_WORDS, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(_WORDS, [0] * _LANES))


@intrinsic
def _gather(typingctx, rows, pitch, entry, factor, n, sums):  # type: ignore[no-untyped-def]
    """sums = the sum over i < n of factor[i] rows[entry[i]]; the largest size of one.

    Addresses: rows (m, pitch) int8, entry, factor (n,) int32, sums (pitch,) int32, a multiple of 64
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        rows, pitch, entry, factor, n, sums = args
        zeros = ir.Constant(_WORDS, None)
        totals = [cgutils.alloca_once(builder, _WORDS) for _ in range(_PARTS)]
        largest = cgutils.alloca_once(builder, _WORDS)
        builder.store(zeros, largest)
        entry, factor = (_at(builder, a, _I32) for a in (entry, factor))
        with _steps(builder, pitch, CHUNK) as (offset, _):
            for total in totals:
                builder.store(zeros, total)
            with cgutils.for_range(builder, n) as loop:
                row = builder.sext(builder.load(builder.gep(entry, [loop.index])), _I64)
                by = _splat(builder, builder.load(builder.gep(factor, [loop.index])))
                start = builder.add(builder.add(rows, builder.mul(row, pitch)), offset)
                for part, total in enumerate(totals):
                    place = builder.add(start, ir.Constant(_I64, _LANES * part))
                    value = builder.sext(builder.load(_at(builder, place, _BYTES), align=1), _WORDS)
                    builder.store(builder.add(builder.load(total), builder.mul(value, by)), total)
            for part, total in enumerate(totals):
                value = builder.load(total)
                bytes_ = builder.mul(
                    builder.add(offset, ir.Constant(_I64, _LANES * part)), ir.Constant(_I64, 4)
                )
                builder.store(value, _at(builder, builder.add(sums, bytes_), _WORDS), align=4)
                negative = builder.icmp_signed("<", value, zeros)
                size = builder.select(negative, builder.sub(zeros, value), value)
                most = builder.load(largest)
                builder.store(builder.select(builder.icmp_signed(">", size, most), size, most), largest)
        most, half = builder.load(largest), _LANES // 2
        while half:
            order = ir.Constant(_WORDS, [(i + half) % _LANES for i in range(_LANES)])
            other = builder.shuffle_vector(most, most, order)
            most = builder.select(builder.icmp_signed(">", most, other), most, other)
            half //= 2
        return builder.sext(builder.extract_element(most, ir.Constant(_I32, 0)), _I64)

    return types.int64(*[types.int64] * 6), codegen


@intrinsic
def _narrow(typingctx, sums, pitch, dither, shift, few):  # type: ignore[no-untyped-def]
    """few = floor((sums + dither 2^shift / 128) / 2^shift) as bytes.

    Addresses: sums (pitch,) int32, dither (pitch,) uint8 below 128, few (pitch,) int8
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        sums, pitch, dither, shift, few = args
        by = _splat(builder, builder.trunc(shift, _I32))
        seven = ir.Constant(_WORDS, [7] * _LANES)
        with _steps(builder, pitch, _LANES) as (offset, _):
            place = builder.add(sums, builder.mul(offset, ir.Constant(_I64, 4)))
            value = builder.load(_at(builder, place, _WORDS), align=4)
            rough = builder.load(_at(builder, builder.add(dither, offset), _BYTES), align=1)
            more = builder.lshr(builder.shl(builder.zext(rough, _WORDS), by), seven)
            value = builder.trunc(builder.ashr(builder.add(value, more), by), _BYTES)
            builder.store(value, _at(builder, builder.add(few, offset), _BYTES), align=1)
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * 5), codegen


@njit(cache=True, nogil=True)
def derivatives(given, block, n_tables, lanes, width, dither, sums, few, scales):  # type: ignore[no-untyped-def]
    """Derivatives by the outputs of a block's tables, in steps of 2^shift.

    few : (lanes, at least width) int8, out; scales : (lanes,) int32, out: 2^shift, 0 where nobody reads it
    dither : uint8 below 128; sums : (at least width,) int32, scratch; width : a multiple of 64
    """
    begin, row = given.begin, few.shape[1]
    rows, entry, factor = given.rows.ctypes.data, given.entry.ctypes.data, given.factor.ctypes.data
    rough, total, out = dither.ctypes.data, sums.ctypes.data, few.ctypes.data
    places = (dither.shape[0] - width) // CHUNK + 1
    for lane in range(lanes):
        t = block * lanes + lane
        scales[lane] = 0
        if t >= n_tables or begin[t] == begin[t + 1]:
            continue
        first = 4 * begin[t]
        largest = _gather(rows, width, entry + first, factor + first, begin[t + 1] - begin[t], total)
        shift = 0
        while largest > 127 << shift:
            shift += 1
        # tables differ in their rounding; what weighs their inputs takes the place before
        _narrow(total, width, rough + CHUNK * ((t + 1) % places), shift, out + row * lane)
        scales[lane] = 1 << shift
