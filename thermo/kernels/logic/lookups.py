"""What tables of several inputs do: entries looked up at their addresses (places), weights of their inputs.

Rows are bits as `dots.bits_of` makes them. Entries are bytes, and all that is computed is whole numbers, so
that every path gives the same bits:

avx512vnni  64 samples: one VPERMB where the CPU has it, else VPSHUFB of 16 entries at a time
avx2        32 samples, VPSHUFB
portable    sample by sample

A table takes 2, 4 or 6 operands here, held as 16, 16 or 64 entries: smaller ones are repeated, so that what
the operands beyond theirs read does not matter. Arguments are addresses, as those of `dots8`: arrays would
be counted at each table, which costs as much as its work.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from compiler.jit.bundles import target_features
from thermo.kernels.logic.dots import ADDERS, CHUNK, GROUP, LONG, PATHS, has, total8
from thermo.kernels.logic.emit import Case, chunks, load, pointer, same, scratch, store, switch, vector
from thermo.kernels.logic.places import emit_places, groups, starts_of
from thermo.kernels.random import intrinsic

TWO, FEW, MANY = 2, 4, 6
"""Operands that kernels are made for."""
SHIFT = 7
"""An input's weight is a product of two numbers up to 127, divided by 2^SHIFT."""

WORDS = 4096
"""Samples whose weights add up in 16 bits, pairs of neighbours apart: 4096 / 32 times 2 127 is below 2^15."""

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_WIDTHS = {"portable": 1, "avx2": 32, "avx512vnni": 64}


def operands_of(inputs: int) -> int:
    """Operands that kernels take for a table of so many inputs."""
    return next(n for n in (TWO, FEW, MANY) if inputs <= n)


def size_of(operands: int) -> int:
    """Entries that a table of so many operands is held as."""
    return 64 if operands == MANY else 16


class _Entries:
    """The entries of one table, held in registers, to be looked up by addresses.

    free : a bit of the address that entries do not depend on, 0 if they may depend on each
    """

    def __init__(self, builder: Any, base: Any, operands: int, width: int, free: int = 0) -> None:
        self.builder, self.base, self.width, self.free = builder, base, width, free
        self.parts: list[Any] = []
        self.whole = None
        if width == 1:
            return
        if operands == MANY and width == 64 and "avx512vbmi" in target_features():
            self.whole = load(builder, base, ir.Constant(_I64, 0), 64)
            return
        order = ir.Constant(ir.VectorType(_I32, width), [lane % 16 for lane in range(width)])
        for start in range(0, size_of(operands), 16):
            if not start & free:
                part = load(builder, base, ir.Constant(_I64, start), 16)
                self.parts.append(builder.shuffle_vector(part, part, order))

    def at(self, address: Any) -> Any:
        builder, width = self.builder, self.width
        if width == 1:
            place = builder.add(self.base, builder.zext(address, _I64))
            return builder.load(pointer(builder, place, _I8))
        kind = ir.VectorType(_I8, width)
        function = ir.FunctionType(kind, [kind, kind])
        if self.whole is not None:
            name = "llvm.x86.avx512.permvar.qi.512"
            return builder.call(
                cgutils.get_or_insert_function(builder.module, function, name), [self.whole, address]
            )
        name = "llvm.x86.avx512.pshuf.b.512" if width == 64 else "llvm.x86.avx2.pshuf.b"
        shuffle = cgutils.get_or_insert_function(builder.module, function, name)
        found = [builder.call(shuffle, [part, address]) for part in self.parts]
        bits = [bit for bit in (16, 32) if bit != self.free]
        while len(found) > 1:
            bit = bits.pop(0)
            high = builder.icmp_unsigned(
                "!=", builder.and_(address, same(_I8, width, bit)), same(_I8, width, 0)
            )
            found = [builder.select(high, found[i + 1], found[i]) for i in range(0, len(found), 2)]
        return found[0]


def _one_by_one(builder: Any, weight: Any, slope: Any, more: Any) -> Any:
    """(weight slope + more) >> SHIFT of bytes."""
    product = builder.mul(builder.sext(weight, _I16), builder.sext(slope, _I16))
    value = builder.add(product, builder.zext(more, _I16))
    return builder.trunc(builder.ashr(value, ir.Constant(_I16, SHIFT)), _I8)


class _Weights:
    """Of `width` samples, to be multiplied by bytes, dithered and divided by 2^SHIFT.

    Of two neighbours the even and the odd one are made apart, as words: twice the weight's size times the
    slope, which takes the weight's sign, and twice the dither; the upper byte is what is asked for.
    """

    def __init__(self, builder: Any, weight: Any, more: Any, width: int) -> None:
        self.builder, self.width = builder, width
        self.words, self.bytes_ = ir.VectorType(_I16, width // 2), weight.type
        zeros = ir.Constant(self.bytes_, None)
        self.weight, self.negative = weight, builder.icmp_signed("<", weight, zeros)
        size = builder.select(self.negative, builder.sub(zeros, weight), weight)
        both = []
        for value in (size, more):
            twice = builder.bitcast(builder.add(value, value), self.words)
            both.append((builder.and_(twice, self._word(0x00FF)), builder.and_(twice, self._word(0xFF00))))
        self.sizes = [builder.bitcast(size, self.bytes_) for size in both[0]]
        self.more = [both[1][0], builder.lshr(both[1][1], self._word(8))]
        self.pairs = self._function(
            "avx512.pmaddubs.w.512" if width == 64 else "avx2.pmadd.ub.sw", self.words
        )

    def _word(self, value: int) -> Any:
        return ir.Constant(self.words, [value] * (self.width // 2))

    def _function(self, name: str, result: Any) -> Any:
        kind = ir.FunctionType(result, [self.bytes_, self.bytes_])
        return cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.x86.{name}")

    def _signed(self, slope: Any) -> Any:
        """`slope` times the weight's sign; what a weight of 0 makes of it does not matter."""
        builder = self.builder
        if self.width == 32:
            return builder.call(self._function("avx2.psign.b", self.bytes_), [slope, self.weight])
        return builder.select(self.negative, builder.sub(ir.Constant(self.bytes_, None), slope), slope)

    def times(self, slope: Any) -> Any:
        builder, slope = self.builder, self._signed(slope)
        even, odd = (
            builder.add(builder.call(self.pairs, [size, slope]), more)
            for size, more in zip(self.sizes, self.more, strict=True)
        )
        even = builder.lshr(even, self._word(8))
        first = ir.Constant(ir.VectorType(ir.IntType(1), self.width), [i % 2 == 0 for i in range(self.width)])
        return builder.select(first, *(builder.bitcast(a, self.bytes_) for a in (even, odd)))


def _emit_weigh(builder: Any, args: Any, operands: int, path: str) -> None:
    width = _WIDTHS[path]
    rows, pitch, wires, slopes, weights, dither, out, places = args
    starts = starts_of(builder, rows, pitch, wires, operands)
    size = size_of(operands)
    tables = [
        _Entries(builder, builder.add(slopes, ir.Constant(_I64, j * size)), operands, width, free=1 << j)
        for j in range(operands)
    ]
    with groups(builder, pitch) as (first, planes):
        at = builder.add(places, builder.shl(first, ir.Constant(_I64, 3)))
        emit_places(builder, starts, first, planes, at, path)
    with chunks(builder, pitch, width) as (offset, _):
        address = load(builder, places, offset, width)
        weight = load(builder, weights, offset, width)
        more = load(builder, dither, offset, width)
        together = None if width == 1 else _Weights(builder, weight, more, width)
        for j, table in enumerate(tables):
            slope = table.at(address)
            value = _one_by_one(builder, weight, slope, more) if together is None else together.times(slope)
            row = builder.add(out, builder.mul(pitch, ir.Constant(_I64, j)))
            store(builder, value, row, offset, width)


def _emit_tally(builder: Any, args: Any, operands: int, path: str) -> None:
    width = _WIDTHS[path]
    rows, pitch, wires, entries, ones = args
    starts = starts_of(builder, rows, pitch, wires, operands)
    places = scratch(builder, ir.ArrayType(_I8, LONG))
    table = _Entries(builder, entries, operands, width)
    with groups(builder, pitch) as (first, planes):
        emit_places(builder, starts, first, planes, places, path)
        begin = builder.add(ones, builder.shl(first, ir.Constant(_I64, 3)))
        with chunks(builder, builder.shl(planes, ir.Constant(_I64, 6)), width) as (offset, _):
            found = table.at(load(builder, places, offset, width))
            store(builder, builder.add(load(builder, begin, offset, width), found), begin, offset, width)


def _emit_decide(builder: Any, args: Any, operands: int, path: str) -> None:
    width = _WIDTHS[path]
    rows, pitch, wires, entries, out = args
    starts = starts_of(builder, rows, pitch, wires, operands)
    places = scratch(builder, ir.ArrayType(_I8, LONG))
    table = _Entries(builder, entries, operands, width)
    chunk, one = ir.Constant(_I64, CHUNK), ir.Constant(_I64, 1)
    total = cgutils.alloca_once(builder, vector(_I8, width))
    with groups(builder, pitch) as (first, planes):
        emit_places(builder, starts, first, planes, places, path)
        with chunks(builder, chunk, width) as (part, _):
            builder.store(same(_I8, width, 0), total)
            with cgutils.for_range(builder, planes) as loop:  # from the last to the first
                plane = builder.sub(builder.sub(planes, one), loop.index)
                found = table.at(load(builder, places, builder.add(part, builder.mul(plane, chunk)), width))
                before = builder.load(total)
                builder.store(builder.or_(builder.add(before, before), found), total)
            store(builder, builder.load(total), builder.add(out, first), part, width)


def _emit_add_up(builder: Any, args: Any, operands: int, path: str) -> None:
    places, weights, pitch, out = args
    if operands == MANY:
        return _emit_histogram(builder, places, weights, pitch, out)
    width, kind, add, finish, whole = ADDERS[path]
    zero, most = ir.Constant(_I64, 0), ir.Constant(_I64, WORDS)
    for first in range(0, 1 << operands, GROUP):
        entries = range(first, min(first + GROUP, 1 << operands))
        totals = [cgutils.alloca_once_value(builder, ir.Constant(whole, None)) for _ in range(GROUP)]
        sums = [cgutils.alloca_once(builder, kind) for _ in entries]
        with cgutils.for_range_slice(builder, zero, pitch, most, _I64) as (start, _):
            for one in sums:
                builder.store(ir.Constant(kind, None), one)
            left = builder.sub(pitch, start)
            left = builder.select(builder.icmp_signed("<", left, most), left, most)
            with chunks(builder, left, width) as (offset, _):
                here = builder.add(start, offset)
                address, weight = load(builder, places, here, width), load(builder, weights, here, width)
                for e, one in zip(entries, sums, strict=True):
                    bits = builder.icmp_unsigned("==", address, same(_I8, width, e))
                    bits = builder.zext(bits, vector(_I8, width))
                    builder.store(add(builder, builder.load(one), bits, weight), one)
            for one, total in zip(sums, totals, strict=False):
                value = finish(builder, builder.load(one))
                builder.store(builder.add(builder.load(total), value), total)
        found = total8(builder, [builder.load(total) for total in totals])
        place = builder.add(out, ir.Constant(_I64, 4 * first))
        builder.store(found, pointer(builder, place, ir.VectorType(_I32, 8)), align=4)


def _emit_histogram(builder: Any, places: Any, weights: Any, pitch: Any, out: Any) -> None:
    """Four histograms beside each other: neighbouring samples with the same address need not wait.

    Loads are what a CPU has too few of: eight addresses come by one.
    """
    size = 1 << MANY
    kind = ir.VectorType(_I32, size)
    bases = [scratch(builder, kind) for _ in range(4)]
    parts = [pointer(builder, base, kind) for base in bases]
    for part in parts:
        builder.store(ir.Constant(kind, None), part)
    with chunks(builder, pitch, 8) as (offset, _):
        eight = builder.load(pointer(builder, builder.add(places, offset), _I64), align=1)
        for i in range(8):
            address = builder.trunc(builder.lshr(eight, ir.Constant(_I64, 8 * i)), _I8)
            here = builder.add(offset, ir.Constant(_I64, i))
            weight = builder.sext(load(builder, weights, here, 1), _I32)
            place = builder.shl(builder.zext(address, _I64), ir.Constant(_I64, 2))
            slot = pointer(builder, builder.add(bases[i % len(bases)], place), _I32)
            builder.store(builder.add(builder.load(slot), weight), slot)
    total = builder.load(parts[0])
    for part in parts[1:]:
        total = builder.add(total, builder.load(part))
    builder.store(total, pointer(builder, out, kind), align=4)


def _by_kind(emit: Any, n_args: int, alike: tuple[int, ...] = ()) -> tuple[Any, Any]:
    """Signature and code of an intrinsic of so many addresses and sizes, then operands and the path.

    emit : builder, arguments, operands, path -> their code; alike : operands whose code is that of any path
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        *given, operands, path = args
        here = [number for number, name in enumerate(PATHS) if has(name)]
        cases: list[Case] = []
        for n in (TWO, FEW, MANY):
            for numbers in [here] if n in alike else [[number] for number in here]:
                made = partial(emit, builder, given, n, PATHS[numbers[0]])
                cases.append(([4 * n + number for number in numbers], made))
        switch(builder, builder.add(builder.shl(operands, ir.Constant(_I64, 2)), path), cases)
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * (n_args + 2)), codegen


@intrinsic
def weigh(typingctx, rows, pitch, wires, slopes, weights, dither, out, places, operands, path):  # type: ignore[no-untyped-def]
    """The weights of a table's inputs, and its addresses.

    out[j, s] = floor((weights[s] slopes[j, address of s] + dither[s]) / 128)

    rows : bits of pitch samples, a multiple of 64; wires : (operands,) int32
    slopes : (operands, entries held) int8, weights : (pitch,) int8, within +- 127; dither : (pitch,) uint8,
        0 to 127: at random, so that the mean of a weight is right
    out : (operands, pitch) int8; places : (8 row_bytes(pitch),) uint8, the addresses, of pitch samples first
    """
    return _by_kind(_emit_weigh, 8)


@intrinsic
def tally(typingctx, rows, pitch, wires, entries, ones, operands, path):  # type: ignore[no-untyped-def]
    """ones[s] += entries[address of s].

    rows : see weigh; entries : (entries held,) uint8, ones : (pitch,) uint8
    """
    return _by_kind(_emit_tally, 5)


@intrinsic
def decide(typingctx, rows, pitch, wires, entries, out, operands, path):  # type: ignore[no-untyped-def]
    """out = the row of bits that a table puts out, (row_bytes(pitch),) uint8.

    rows : see weigh; entries : (entries held,) uint8
    """
    return _by_kind(_emit_decide, 5)


@intrinsic
def add_up(typingctx, places, weights, pitch, out, operands, path):  # type: ignore[no-untyped-def]
    """out[e] = the sum of weights over the samples at address e.

    places : (pitch,) uint8; weights : (pitch,) int8; pitch : a multiple of 64
    out : (entries held,) int32; of 2 operands the first four alone mean something
    """
    return _by_kind(_emit_add_up, 4, alike=(MANY,))
