"""Exact dot products of rows of bits with int8 weights, by what SIMD the CPU has.

dots8: out[j] = sum over s of bit s of row indices[j] times weights[s], eight rows at a time. Rows hold 64
bytes for 512 samples: bit b of byte i is sample 64 b + i, so that a row of a batch is one line of a cache.
Planes of bits are taken from the last to the first, and sums halved in between: bit b counts 2^b, all are
whole numbers, so every path gives the same bits. The code is emitted as LLVM IR under numba, so that no
compiler is needed:

avx512vnni  VPDPBUSD, 64 products an instruction
avx2        VPMADDUBSW (exact here: a pair of products is at most 2^15) and VPMADDWD, 32 products
portable    multiplications in vectors of 16, which LLVM maps to any CPU
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from compiler.jit.bundles import target_features
from thermo.kernels.jit import njit
from thermo.kernels.logic.emit import Case, address, switch
from thermo.kernels.random import intrinsic

GROUP = 8
"""Rows that one call takes."""
CHUNK = 64
"""Samples are a multiple of this many."""
LONG = 8 * CHUNK
"""Samples of which a row holds CHUNK bytes."""
UNROLLED = 4
"""Planes of bits up to which code is made for just so many: those of batches of at most 256 samples."""

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def simd_path() -> str:
    """ "avx512vnni", "avx2" or "portable": what kernels of this process are compiled for."""
    features = target_features()
    if {"avx512vnni", "avx512bw", "avx512vl"} <= features:
        return "avx512vnni"
    return "avx2" if "avx2" in features else "portable"


def _vnni(builder: Any, acc: Any, rows: Any, weights: Any) -> Any:
    """acc + the sums of four neighbouring products each; <16 x i32> of <64 x i8>."""
    v16 = ir.VectorType(_I32, 16)
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(v16, [v16] * 3), "llvm.x86.avx512.vpdpbusd.512"
    )
    return builder.call(function, [acc, builder.bitcast(rows, v16), builder.bitcast(weights, v16)])


def _plain(builder: Any, acc: Any, rows: Any, weights: Any) -> Any:
    """acc + the products; <16 x i32> of <16 x i8>."""
    v16 = ir.VectorType(_I32, 16)
    return builder.add(acc, builder.mul(builder.zext(rows, v16), builder.sext(weights, v16)))


def _shuffle(builder: Any, a: Any, b: Any, order: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_I32, len(order)), order)
    return builder.shuffle_vector(a, b, mask)


def _halves(builder: Any, a: Any, b: Any, step: int) -> Any:
    """Sum of the halves of each group of 4 lanes of a and b, interleaved in units of `step`."""
    n = a.type.count
    low: list[int] = []
    for lane in range(0, n, 4):
        for unit in range(0, 2, step):
            low += [lane + unit + j for j in range(step)]
            low += [n + lane + unit + j for j in range(step)]
    high = [index + 2 for index in low]
    return builder.add(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high))


def total8(builder: Any, sums: list[Any]) -> Any:
    """<8 x i32>: the sum over all lanes of each of eight vectors."""
    pairs = [_halves(builder, sums[j], sums[j + 1], 1) for j in range(0, 8, 2)]
    first, second = (_halves(builder, pairs[j], pairs[j + 1], 2) for j in (0, 2))
    # lane group l of `first` holds part l of sums 0 to 3; add the groups
    n = first.type.count
    parts = [
        _shuffle(builder, first, second, [*range(lane, lane + 4), *range(n + lane, n + lane + 4)])
        for lane in range(0, n, 4)
    ]
    while len(parts) > 1:
        parts = [builder.add(parts[j], parts[j + 1]) for j in range(0, len(parts), 2)]
    return parts[0]


def _halved(sums: Any) -> Any:
    """By what they are shifted."""
    return ir.Constant(sums.type, [1] * sums.type.count)


def _maddubs_pairs(builder: Any, acc: Any, rows: Any, weights: Any) -> Any:
    """Sums of pairs, <16 x i16>: of all eight planes, and of two pairs of four, at most 2^15."""
    v32, v16 = ir.VectorType(_I8, 32), ir.VectorType(_I16, 16)
    pairs = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(v16, [v32, v32]), "llvm.x86.avx2.pmadd.ub.sw"
    )
    return builder.add(acc, builder.call(pairs, [rows, weights]))


def _of_pairs(builder: Any, acc: Any) -> Any:
    """Sums of four, <8 x i32>."""
    v16, v8 = ir.VectorType(_I16, 16), ir.VectorType(_I32, 8)
    fours = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(v8, [v16, v16]), "llvm.x86.avx2.pmadd.wd"
    )
    return builder.call(fours, [acc, ir.Constant(v16, [1] * 16)])


def _as_it_is(builder: Any, acc: Any) -> Any:
    return acc


_V16 = ir.VectorType(_I32, 16)
ADDERS: dict[str, tuple] = {
    "avx512vnni": (64, _V16, _vnni, _as_it_is, _V16),
    "avx2": (32, ir.VectorType(_I16, 16), _maddubs_pairs, _of_pairs, ir.VectorType(_I32, 8)),
    "portable": (16, _V16, _plain, _as_it_is, _V16),
}
"""Of each path: bytes at a time, their sums, what adds a plane's products to these, what makes sums of 32
bits of them, and these."""


def row_bytes_of(builder: Any, samples: Any) -> Any:
    """CHUNK for each LONG samples that have begun."""
    groups = builder.lshr(builder.add(samples, ir.Constant(_I64, LONG - 1)), ir.Constant(_I64, 9))
    return builder.shl(groups, ir.Constant(_I64, 6))


class _Call:
    """What one call of dots8 reads."""

    def __init__(self, builder: Any, args: Any, path: str) -> None:
        self.builder, (self.weights, self.rows, self.samples, indices, self.out) = builder, args
        self.width, self.kind, self.add, self.finish, self.whole = ADDERS[path]
        self.indices = builder.inttoptr(indices, _I32.as_pointer())
        self.parts = [ir.Constant(_I64, part) for part in range(0, CHUNK, self.width)]

    def starts(self, pitch: Any) -> list[Any]:
        """Addresses of the rows."""
        builder, found = self.builder, []
        for j in range(GROUP):
            index = builder.load(builder.gep(self.indices, [ir.Constant(_I64, j)]))
            found.append(builder.add(self.rows, builder.mul(builder.sext(index, _I64), pitch)))
        return found

    def load(self, start: Any, offset: Any) -> Any:
        builder, bytes_ = self.builder, ir.VectorType(_I8, self.width)
        return builder.load(builder.inttoptr(builder.add(start, offset), bytes_.as_pointer()), align=1)

    def zeros(self, kind: Any) -> list[Any]:
        zero = ir.Constant(kind, None)
        return [cgutils.alloca_once_value(self.builder, zero) for _ in range(GROUP)]

    def planes(self, starts: list[Any], sums: list[Any], first: Any, planes: Any, part: Any) -> None:
        """Sums of the products of all planes of one part of rows' CHUNK bytes from `first` on."""
        builder, chunk = self.builder, ir.Constant(_I64, CHUNK)
        start, at = builder.add(builder.shl(first, ir.Constant(_I64, 3)), part), builder.add(first, part)
        for total in sums:
            builder.store(ir.Constant(self.kind, None), total)
        with cgutils.for_range(builder, planes) as loop:
            plane = builder.sub(builder.sub(planes, ir.Constant(_I64, 1)), loop.index)
            bit = builder.shl(ir.Constant(_I8, 1), builder.trunc(plane, _I8))
            mask, w = self._same(bit), self.load(self.weights, builder.add(start, builder.mul(plane, chunk)))
            for row, total in zip(starts, sums, strict=True):
                value, before = builder.and_(self.load(row, at), mask), builder.load(total)
                halved = builder.ashr(before, _halved(before))
                builder.store(self.add(builder, halved, value, w), total)

    def _same(self, byte: Any) -> Any:
        builder, kind = self.builder, ir.VectorType(_I8, self.width)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), byte, ir.Constant(_I32, 0))
        return builder.shuffle_vector(
            one, one, ir.Constant(ir.VectorType(_I32, self.width), [0] * self.width)
        )

    def of_planes(self, start: Any, planes: int) -> Any:
        """Sums of the products of all planes of one row of CHUNK bytes."""
        builder, kind = self.builder, ir.VectorType(_I8, self.width)
        total = ir.Constant(self.kind, None)
        for plane in reversed(range(planes)):
            if plane < planes - 1:
                total = builder.ashr(total, _halved(total))
            mask = ir.Constant(kind, [1 << plane] * self.width)
            for part in self.parts:
                w = self.load(self.weights, builder.add(part, ir.Constant(_I64, CHUNK * plane)))
                total = self.add(builder, total, builder.and_(self.load(start, part), mask), w)
        return total

    def put_out(self, totals: list[Any]) -> None:
        found = total8(self.builder, totals)
        pointer = self.builder.inttoptr(self.out, ir.VectorType(_I32, 8).as_pointer())
        self.builder.store(found, pointer, align=4)


def _emit(builder: Any, args: Any, path: str) -> Any:
    call = _Call(builder, args, path)

    def few(planes: int) -> None:
        starts = call.starts(ir.Constant(_I64, CHUNK))
        call.put_out([call.finish(builder, call.of_planes(start, planes)) for start in starts])

    unrolled = range(1, UNROLLED + 1 if path != "portable" else 1)
    cases: list[Case] = [((planes,), partial(few, planes)) for planes in unrolled]
    switch(
        builder, builder.lshr(call.samples, ir.Constant(_I64, 6)), cases, partial(_emit_any, builder, call)
    )
    return ir.Constant(_I64, 0)


def _emit_any(builder: Any, call: _Call) -> None:
    """Of any number of samples."""
    zero, chunk, eight = (ir.Constant(_I64, value) for value in (0, CHUNK, 8))
    pitch, sums, totals = row_bytes_of(builder, call.samples), call.zeros(call.kind), call.zeros(call.whole)
    starts = call.starts(pitch)
    with cgutils.for_range_slice(builder, zero, pitch, chunk, _I64) as (first, _):
        left = builder.sub(call.samples, builder.shl(first, ir.Constant(_I64, 3)))
        left = builder.lshr(left, ir.Constant(_I64, 6))
        planes = builder.select(builder.icmp_signed("<", left, eight), left, eight)
        for part in call.parts:
            call.planes(starts, sums, first, planes, part)
            for one, total in zip(sums, totals, strict=True):
                value = call.finish(builder, builder.load(one))
                builder.store(builder.add(builder.load(total), value), total)
    call.put_out([builder.load(total) for total in totals])


PATHS = ("portable", "avx2", "avx512vnni")
"""From the one that every CPU has to the fastest."""


def has(path: str) -> bool:
    """Whether kernels of this process may take this path."""
    return PATHS.index(path) <= PATHS.index(simd_path())


def path_code(path: str | None = None) -> int:
    """What `dots8` takes for this path; None: the best of this CPU.

    Raises ValueError for a path that the CPU lacks.
    """
    best = simd_path()
    if path is not None and not has(path):
        raise ValueError(f"SIMD path {path} is not to be had here; this CPU's best is {best}")
    return PATHS.index(path or best)


@intrinsic
def dots8(typingctx, weights, rows, samples, indices, out, path):  # type: ignore[no-untyped-def]
    """out[j] = sum over s of bit s of row indices[j] times weights[s], for j from 0 to 7.

    Addresses: weights (samples,) int8, rows as `bits_of` makes them, indices and out (8,) int32
    samples : a multiple of 64; path : see path_code. Rows aligned to 64 bytes are read fastest.
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        *given, path = args
        here = [(number, name) for number, name in enumerate(PATHS) if has(name)]
        switch(builder, path, [([number], partial(_emit, builder, given, name)) for number, name in here])
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * 6), codegen


@intrinsic
def to_bits(typingctx, x, n, samples, rows):  # type: ignore[no-untyped-def]
    """n rows of bytes 0 or 1 as dots8 takes them. Addresses: x (n, samples), rows (n, bytes a row)."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        x, n, samples, rows = args
        kind, chunk = ir.VectorType(_I8, CHUNK), ir.Constant(_I64, CHUNK)

        def byte_row(address: Any) -> Any:
            return builder.inttoptr(address, kind.as_pointer())

        def few(planes: int) -> None:
            with cgutils.for_range(builder, n) as loop:
                source = builder.add(x, builder.mul(loop.index, ir.Constant(_I64, CHUNK * planes)))
                total = None
                for plane in reversed(range(planes)):
                    place = builder.add(source, ir.Constant(_I64, CHUNK * plane))
                    more = builder.load(byte_row(place), align=1)
                    total = more if total is None else builder.or_(builder.add(total, total), more)
                target = builder.add(rows, builder.mul(loop.index, chunk))
                builder.store(total, byte_row(target), align=1)

        cases: list[Case] = [((planes,), partial(few, planes)) for planes in range(1, UNROLLED + 1)]
        other = partial(_emit_to_bits, builder, x, n, samples, rows)
        switch(builder, builder.lshr(samples, ir.Constant(_I64, 6)), cases, other)
        return ir.Constant(_I64, 0)

    return types.int64(*[types.int64] * 4), codegen


def _emit_to_bits(builder: Any, x: Any, n: Any, samples: Any, rows: Any) -> None:
    """Of any number of samples."""
    kind = ir.VectorType(_I8, CHUNK)
    pitch, total = row_bytes_of(builder, samples), cgutils.alloca_once(builder, kind)
    zero, chunk = ir.Constant(_I64, 0), ir.Constant(_I64, CHUNK)

    def at(start: Any, offset: Any) -> Any:
        return builder.inttoptr(builder.add(start, offset), kind.as_pointer())

    with cgutils.for_range(builder, n) as loop:
        source = builder.add(x, builder.mul(loop.index, samples))
        target = builder.add(rows, builder.mul(loop.index, pitch))
        with cgutils.for_range_slice(builder, zero, pitch, chunk, _I64) as (first, _):
            builder.store(ir.Constant(kind, None), total)
            start = builder.mul(first, ir.Constant(_I64, 8))
            end = builder.add(start, ir.Constant(_I64, LONG))
            end = builder.select(builder.icmp_signed("<", end, samples), end, samples)
            left = builder.udiv(builder.sub(end, start), chunk)
            with cgutils.for_range(builder, left) as planes:  # from the last to the first
                offset = builder.sub(end, builder.mul(builder.add(planes.index, ir.Constant(_I64, 1)), chunk))
                before = builder.load(total)
                more = builder.load(at(source, offset), align=1)
                builder.store(builder.or_(builder.add(before, before), more), total)
            builder.store(builder.load(total), at(target, first), align=1)


@intrinsic
def from_bits(typingctx, rows, n, samples, x):  # type: ignore[no-untyped-def]
    """What to_bits turns back: n rows of bits as bytes 0 or 1. Addresses as of to_bits."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        rows, n, samples, x = args
        kind = ir.VectorType(_I8, CHUNK)
        words = ir.VectorType(_I16, CHUNK // 2)
        pitch, rest = row_bytes_of(builder, samples), cgutils.alloca_once(builder, words)
        zero, chunk = ir.Constant(_I64, 0), ir.Constant(_I64, CHUNK)
        ones, bit = ir.Constant(kind, [1] * CHUNK), ir.Constant(words, [1] * (CHUNK // 2))

        def at(start: Any, offset: Any) -> Any:
            return builder.inttoptr(builder.add(start, offset), kind.as_pointer())

        with cgutils.for_range(builder, n) as loop:
            source = builder.add(rows, builder.mul(loop.index, pitch))
            target = builder.add(x, builder.mul(loop.index, samples))
            with cgutils.for_range_slice(builder, zero, pitch, chunk, _I64) as (first, _):
                builder.store(builder.bitcast(builder.load(at(source, first), align=1), words), rest)
                start = builder.mul(first, ir.Constant(_I64, 8))
                end = builder.add(start, ir.Constant(_I64, LONG))
                end = builder.select(builder.icmp_signed("<", end, samples), end, samples)
                with cgutils.for_range_slice(builder, start, end, chunk, _I64) as (offset, _):
                    left = builder.load(rest)
                    found = builder.and_(builder.bitcast(left, kind), ones)
                    builder.store(found, at(target, offset), align=1)
                    builder.store(builder.lshr(left, bit), rest)
        return zero

    return types.int64(*[types.int64] * 4), codegen


@njit(cache=True, nogil=True)
def fill_bits(x, rows, first, last):  # type: ignore[no-untyped-def]
    """Rows first .. last - 1 of x (n, samples) uint8 into rows (n, row_bytes(samples)) uint8."""
    samples, pitch = x.shape[1], rows.shape[1]
    to_bits(address(x) + samples * first, last - first, samples, address(rows) + pitch * first)


def row_bytes(samples: int) -> int:
    """Bytes of a row of so many samples."""
    return -(-samples // LONG) * CHUNK


def bits_of(x: np.ndarray) -> np.ndarray:
    """Rows that dots8 takes, of bytes 0 or 1; x : (n, samples) uint8, samples a multiple of 64."""
    rows = aligned((x.shape[0], row_bytes(x.shape[1])), np.uint8)
    fill_bits(x, rows, 0, x.shape[0])
    return rows


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, the width of a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + CHUNK, np.uint8)
    start = -raw.ctypes.data % CHUNK
    return raw[start : start + size].view(dtype).reshape(shape)
