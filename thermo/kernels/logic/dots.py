"""Exact dot products of byte rows with int8 weights, by what SIMD the CPU has.

dots8: out[j] = sum over s of rows[indices[j], s] weights[s], eight rows at a time. Rows hold 0 and
1 as uint8, weights are int8, sums int32: integer arithmetic, so every path gives the same bits.
The code is emitted as LLVM IR under numba, so that no compiler is needed:

avx512vnni  VPDPBUSD, 64 products an instruction
avx2        VPMADDUBSW (exact here: a pair of products is at most 256) and VPMADDWD, 32 products
portable    multiplications in vectors of 16, which LLVM maps to any CPU
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from compiler.jit.bundles import target_features
from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic

GROUP = 8
"""Rows that one call takes."""
CHUNK = 64
"""The pitch of rows is a multiple of this many bytes."""

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


def _maddubs(builder: Any, acc: Any, rows: Any, weights: Any) -> Any:
    """The same with <8 x i32> of <32 x i8>."""
    v32, v16, v8 = ir.VectorType(_I8, 32), ir.VectorType(_I16, 16), ir.VectorType(_I32, 8)
    pairs = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(v16, [v32, v32]), "llvm.x86.avx2.pmadd.ub.sw"
    )
    fours = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(v8, [v16, v16]), "llvm.x86.avx2.pmadd.wd"
    )
    ones = ir.Constant(v16, [1] * 16)
    return builder.add(acc, builder.call(fours, [builder.call(pairs, [rows, weights]), ones]))


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


def _emit(builder: Any, args: Any, width: int, n_lanes: int, step: Any) -> Any:
    """The loop over chunks of `width` bytes; `step` adds one chunk's products to 8 sums."""
    weights, rows, pitch, indices, out = args
    bytes_, lanes = ir.VectorType(_I8, width), ir.VectorType(_I32, n_lanes)
    indices = builder.inttoptr(indices, _I32.as_pointer())
    starts = []
    for j in range(GROUP):
        index = builder.load(builder.gep(indices, [ir.Constant(_I64, j)]))
        starts.append(builder.add(rows, builder.mul(builder.sext(index, _I64), pitch)))
    sums = [cgutils.alloca_once_value(builder, ir.Constant(lanes, None)) for _ in range(GROUP)]
    with cgutils.for_range_slice(builder, ir.Constant(_I64, 0), pitch, ir.Constant(_I64, width), _I64) as (
        offset,
        _,
    ):

        def chunk(start: Any) -> Any:
            pointer = builder.inttoptr(builder.add(start, offset), bytes_.as_pointer())
            return builder.load(pointer, align=1)

        w = chunk(weights)
        for start, total in zip(starts, sums, strict=True):
            builder.store(step(builder, builder.load(total), chunk(start), w), total)
    totals = total8(builder, [builder.load(total) for total in sums])
    pointer = builder.inttoptr(out, ir.VectorType(_I32, 8).as_pointer())
    builder.store(totals, pointer, align=4)
    return ir.Constant(_I64, 0)


EMITTERS = {"avx512vnni": (64, 16, _vnni), "avx2": (32, 8, _maddubs), "portable": (16, 16, _plain)}
"""Of each path: bytes at a time, partial sums, and what adds the products of so many bytes to them."""
PATHS = ("portable", "avx2", "avx512vnni")
"""From the one that every CPU has to the fastest."""


def _dots8_of(wanted: str) -> Any:
    """The intrinsic for one path; where the CPU lacks it, the best that it has."""

    def dots8(typingctx, weights, rows, pitch, indices, out):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            path = PATHS[min(PATHS.index(wanted), PATHS.index(simd_path()))]
            return _emit(builder, args, *EMITTERS[path])

        return types.int64(*[types.int64] * 5), codegen

    return intrinsic(dots8)


_portable, _avx2, _best = (_dots8_of(path) for path in PATHS)


def path_code(path: str | None = None) -> int:
    """What `dots8` takes for this path; None: the best of this CPU.

    Raises ValueError for a path that the CPU lacks.
    """
    best = simd_path()
    code = PATHS.index(best if path is None else path)
    if code > PATHS.index(best):
        raise ValueError(f"SIMD path {path} is not to be had here; this CPU's best is {best}")
    return code


@njit(cache=True, nogil=True, forceinline=True)
def dots8(weights, rows, pitch, indices, out, path):  # type: ignore[no-untyped-def]
    """out[j] = sum over s of rows[indices[j], s] weights[s] for j from 0 to 7.

    Addresses: weights (pitch,) int8, rows (n, pitch) uint8 of 0 and 1, indices and out (8,) int32;
    pitch : a multiple of 64; path : see path_code. Rows aligned to 64 bytes are read fastest.
    """
    if path == 2:
        _best(weights, rows, pitch, indices, out)
    elif path == 1:
        _avx2(weights, rows, pitch, indices, out)
    else:
        _portable(weights, rows, pitch, indices, out)


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, the width of a cache line."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + CHUNK, np.uint8)
    start = -raw.ctypes.data % CHUNK
    return raw[start : start + size].view(dtype).reshape(shape)
