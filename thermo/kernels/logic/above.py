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
from thermo.kernels.logic.emit import address
from thermo.kernels.logic.fetch import emit_fetch
from thermo.kernels.random import intrinsic

FEW = 255
"""The sum of so many bytes within +- 127, and what is added to round it, fit 16 bits."""
AHEAD = 8
"""How many readers before it is added a row is asked for."""
_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


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


def _splat(builder: Any, value: Any, n: int) -> Any:
    one = builder.insert_element(
        ir.Constant(ir.VectorType(value.type, n), ir.Undefined), value, ir.Constant(_I32, 0)
    )
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_I32, n), [0] * n))


def _gather_of(word: Any, weighs: bool) -> Any:
    """Of sums that fit so many bits; weighs : whether a factor is not 1.

    Rows lie anywhere in megabytes: those of the readers AHEAD, also of the next nets, are asked for.
    """
    lanes = 8 * CHUNK // word.width
    bytes_, words = ir.VectorType(_I8, lanes), ir.VectorType(word, lanes)
    zeros = ir.Constant(words, None)

    def gather(typingctx, rows, pitch, entry, factor, n, left, sums):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            rows, pitch, entry, factor, n, left, sums = args
            final = builder.sub(left, ir.Constant(_I64, 1))
            largest = cgutils.alloca_once(builder, words)
            builder.store(zeros, largest)
            entry, factor = (_at(builder, a, _I32) for a in (entry, factor))

            def start_of(index: Any, offset: Any) -> Any:
                row = builder.sext(builder.load(builder.gep(entry, [index])), _I64)
                return builder.add(builder.add(rows, builder.mul(row, pitch)), offset)

            def add_up(offset: Any, size: int) -> None:
                parts = range(size // lanes)
                totals = [cgutils.alloca_once(builder, words) for _ in parts]
                for total in totals:
                    builder.store(zeros, total)
                with cgutils.for_range(builder, n) as loop:
                    ahead = builder.add(loop.index, ir.Constant(_I64, AHEAD))
                    ahead = builder.select(builder.icmp_signed("<", ahead, final), ahead, final)
                    asked = start_of(ahead, offset)
                    for line in range(0, size, CHUNK):
                        emit_fetch(builder, builder.add(asked, ir.Constant(_I64, line)))
                    start = start_of(loop.index, offset)
                    if weighs:
                        by = builder.load(builder.gep(factor, [loop.index]))
                        by = _splat(builder, by if word == _I32 else builder.trunc(by, word), lanes)
                    for part, total in zip(parts, totals, strict=True):
                        place = builder.add(start, ir.Constant(_I64, lanes * part))
                        value = builder.sext(builder.load(_at(builder, place, bytes_), align=1), words)
                        value = builder.mul(value, by) if weighs else value
                        builder.store(builder.add(builder.load(total), value), total)
                for part, total in zip(parts, totals, strict=True):
                    value = builder.load(total)
                    first = builder.add(offset, ir.Constant(_I64, lanes * part))
                    place = builder.mul(first, ir.Constant(_I64, word.width // 8))
                    builder.store(value, _at(builder, builder.add(sums, place), words), align=2)
                    negative = builder.icmp_signed("<", value, zeros)
                    size_of = builder.select(negative, builder.sub(zeros, value), value)
                    most = builder.load(largest)
                    larger = builder.icmp_signed(">", size_of, most)
                    builder.store(builder.select(larger, size_of, most), largest)

            double = builder.and_(pitch, ir.Constant(_I64, -2 * CHUNK))
            with _steps(builder, double, 2 * CHUNK) as (offset, _):
                add_up(offset, 2 * CHUNK)
            with builder.if_then(builder.icmp_signed("<", double, pitch)):
                add_up(double, CHUNK)
            most, half = builder.load(largest), lanes // 2
            while half:
                order = ir.Constant(ir.VectorType(_I32, lanes), [(i + half) % lanes for i in range(lanes)])
                other = builder.shuffle_vector(most, most, order)
                most = builder.select(builder.icmp_signed(">", most, other), most, other)
                half //= 2
            return builder.sext(builder.extract_element(most, ir.Constant(_I32, 0)), _I64)

        return types.int64(*[types.int64] * 7), codegen

    return intrinsic(gather)


def _narrow_of(word: Any) -> Any:
    lanes = 8 * CHUNK // word.width
    bytes_, words = ir.VectorType(_I8, lanes), ir.VectorType(word, lanes)

    def narrow(typingctx, sums, pitch, dither, shift, few):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            sums, pitch, dither, shift, few = args
            by = _splat(builder, builder.trunc(shift, word), lanes)
            seven = ir.Constant(words, [7] * lanes)
            with _steps(builder, pitch, lanes) as (offset, _):
                place = builder.add(sums, builder.mul(offset, ir.Constant(_I64, word.width // 8)))
                value = builder.load(_at(builder, place, words), align=2)
                rough = builder.load(_at(builder, builder.add(dither, offset), bytes_), align=1)
                more = builder.lshr(builder.shl(builder.zext(rough, words), by), seven)
                value = builder.trunc(builder.ashr(builder.add(value, more), by), bytes_)
                builder.store(value, _at(builder, builder.add(few, offset), bytes_), align=1)
            return ir.Constant(_I64, 0)

        return types.int64(*[types.int64] * 5), codegen

    return intrinsic(narrow)


_gather_plain, _gather_few, _gather_many = (
    _gather_of(*kind) for kind in ((_I16, False), (_I16, True), (_I32, True))
)
_narrow_few, _narrow_many = (_narrow_of(word) for word in (_I16, _I32))


@njit(cache=True, nogil=True)
def _sum_up(rows, pitch, entry, factor, n, left, sums, whole):  # type: ignore[no-untyped-def]
    """sums = the sum over i < n of factor[i] rows[entry[i]]; the largest size of one.

    whole : the sum of factors; up to FEW, sums are held as int16, else as int32
    left : at least n, the readers in entry from here to the end
    Addresses: rows (m, pitch) int8 within +- 127, entry, factor (n,) int32, pitch a multiple of 64
    """
    if whole == n and n <= FEW:
        return _gather_plain(rows, pitch, entry, factor, n, left, sums)
    if whole <= FEW:
        return _gather_few(rows, pitch, entry, factor, n, left, sums)
    return _gather_many(rows, pitch, entry, factor, n, left, sums)


@njit(cache=True, nogil=True)
def _narrow(sums, pitch, dither, shift, few, whole):  # type: ignore[no-untyped-def]
    """few = floor((sums + dither 2^shift / 128) / 2^shift) as bytes.

    Addresses: sums as _sum_up leaves them, dither (pitch,) uint8 below 128, few (pitch,) int8
    """
    if whole <= FEW:
        _narrow_few(sums, pitch, dither, shift, few)
    else:
        _narrow_many(sums, pitch, dither, shift, few)


@njit(cache=True, nogil=True)
def derivatives(given, block, n_tables, lanes, width, dither, sums, few, scales):  # type: ignore[no-untyped-def]
    """Derivatives by the outputs of a block's tables, in steps of 2^shift.

    few : (lanes, at least width) int8, out; scales : (lanes,) int32, out: 2^shift, 0 where nobody reads it
    dither : uint8 below 128; sums : (at least width,) int32, scratch; width : a multiple of 64
    """
    begin, row = given.begin, few.shape[1]
    rows, entry, factor = address(given.rows), address(given.entry), address(given.factor)
    rough, total, out = address(dither), address(sums), address(few)
    places = (dither.shape[0] - width) // CHUNK + 1
    for lane in range(lanes):
        t = block * lanes + lane
        scales[lane] = 0
        if t >= n_tables or begin[t] == begin[t + 1]:
            continue
        first, n, whole = 4 * begin[t], begin[t + 1] - begin[t], 0
        for i in range(begin[t], begin[t + 1]):
            whole += given.factor[i]
        left = given.entry.shape[0] - begin[t]
        largest = _sum_up(rows, width, entry + first, factor + first, n, left, total, whole)
        shift = 0
        while largest > 127 << shift:
            shift += 1
        # tables differ in their rounding; what weighs their inputs takes the place before
        _narrow(total, width, rough + CHUNK * ((t + 1) % places), shift, out + row * lane, whole)
        scales[lane] = 1 << shift
