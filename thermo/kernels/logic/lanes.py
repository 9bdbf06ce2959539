"""SIMD primitives over the samples of a batch, for logic-gate training.

A row is one value for each lane (sample) of a batch, padded to a multiple of 64 lanes: float32, or
one bit a lane in 16-bit words (lane l is bit l % 16 of word l // 16). Every sum over lanes has 64
partial sums, lane l going to number l % 64, added up in one fixed tree. So the bits of a result
depend neither on the CPU's vector width nor on threads. Nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.random import fma, intrinsic

LANES = 64  # granularity of a padded batch
_V = 16  # lanes of one vector
_PARTS = LANES // _V
_F32 = ir.FloatType()
_I16 = ir.IntType(16)
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_VEC = ir.VectorType(_F32, _V)
_MASK = ir.VectorType(ir.IntType(1), _V)


class _Rows:
    """Addresses of 16 lanes of a row in a C-ordered array, inside an intrinsic's code."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, builder, value)
        shape = cgutils.unpack_tuple(builder, array.shape)
        self.builder, self.data, self.width = builder, array.data, shape[-1]

    def _at(self, row: Any, element: Any) -> Any:
        offset = self.builder.add(self.builder.mul(row, self.width), element)
        return self.builder.gep(self.data, [offset])

    def floats(self, row: Any, group: Any) -> Any:
        """Pointer to lanes 16 group ... of a float row."""
        address = self._at(row, self.builder.mul(group, ir.Constant(_I64, _V)))
        return self.builder.bitcast(address, _VEC.as_pointer())

    def load(self, row: Any, group: Any) -> Any:
        return self.builder.load(self.floats(row, group), align=4)

    def store(self, row: Any, group: Any, value: Any) -> None:
        self.builder.store(value, self.floats(row, group), align=4)

    def mask(self, row: Any, group: Any) -> Any:
        """16 lanes of a bit row as a vector of booleans."""
        return self.builder.bitcast(self.builder.load(self._at(row, group)), _MASK)

    def value(self, element: Any) -> Any:
        """One element of a flat array."""
        return self.builder.load(self.builder.gep(self.data, [element]))


def _splat(builder: Any, value: Any) -> Any:
    vector = builder.insert_element(ir.Constant(_VEC, ir.Undefined), value, ir.Constant(_I32, 0))
    zeros = ir.Constant(ir.VectorType(_I32, _V), [0] * _V)
    return builder.shuffle_vector(vector, ir.Constant(_VEC, ir.Undefined), zeros)


def _fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c for vectors, rounded once."""
    kind = ir.FunctionType(_VEC, [_VEC] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{_V}f32")
    return builder.call(function, [a, b, c])


def _zero() -> Any:
    return ir.Constant(_VEC, [0.0] * _V)


def _total(builder: Any, parts: list[Any]) -> Any:
    """The sum of 64 partial sums in one fixed order."""
    while len(parts) > 1:
        half = len(parts) // 2
        parts = [builder.fadd(parts[i], parts[i + half]) for i in range(half)]
    vector, width = parts[0], _V
    undefined = ir.Constant(_VEC, ir.Undefined)
    while width > 1:
        width //= 2
        order = [(i + width) % _V for i in range(_V)]
        turned = builder.shuffle_vector(vector, undefined, ir.Constant(ir.VectorType(_I32, _V), order))
        vector = builder.fadd(vector, turned)
    return builder.extract_element(vector, ir.Constant(_I32, 0))


def _reduce(builder: Any, groups: Any, term: Callable[[Any, Any], Any]) -> Any:
    """Sum over all lanes; term(group, partial sum) gives the new partial sum."""
    slots = [cgutils.alloca_once_value(builder, _zero()) for _ in range(_PARTS)]
    for slot in slots:
        builder.store(_zero(), slot)
    with cgutils.for_range_slice(
        builder, ir.Constant(_I64, 0), groups, ir.Constant(_I64, _PARTS), inc=True
    ) as (group, _):
        for part, slot in enumerate(slots):
            here = builder.add(group, ir.Constant(_I64, part))
            builder.store(term(here, builder.load(slot)), slot)
    return _total(builder, [builder.load(slot) for slot in slots])


@intrinsic
def lane_dot(typingctx, x, row, values, values_row):  # type: ignore[no-untyped-def]
    """Sum over lanes of x[row] values[values_row]; x holds floats, or bits in uint16 words."""
    bits = x.dtype == types.uint16

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        left = _Rows(context, builder, sig.args[0], args[0])
        right = _Rows(context, builder, sig.args[2], args[2])

        def masked(group, total):  # type: ignore[no-untyped-def]
            kept = builder.select(left.mask(args[1], group), right.load(args[3], group), _zero())
            return builder.fadd(total, kept)

        def product(group, total):  # type: ignore[no-untyped-def]
            return _fma(builder, left.load(args[1], group), right.load(args[3], group), total)

        groups = builder.udiv(right.width, ir.Constant(_I64, _V))
        return _reduce(builder, groups, masked if bits else product)

    return types.float32(x, types.int64, values, types.int64), codegen


def _combine(
    builder: Any,
    out: _Rows,
    out_row: Any,
    groups: Any,
    first: Any,
    last: Any,
    term: Callable[[Any, Any, Any], Any],
) -> None:
    """out[out_row] = sum over r in first .. last; term(r, group, partial) adds one summand."""
    slots = [cgutils.alloca_once(builder, _VEC) for _ in range(_PARTS)]
    with cgutils.for_range_slice(
        builder, ir.Constant(_I64, 0), groups, ir.Constant(_I64, _PARTS), inc=True
    ) as (group, _):
        for slot in slots:
            builder.store(_zero(), slot)
        with cgutils.for_range_slice(builder, first, last, ir.Constant(_I64, 1), inc=True) as (r, _):
            for part, slot in enumerate(slots):
                here = builder.add(group, ir.Constant(_I64, part))
                builder.store(term(r, here, builder.load(slot)), slot)
        for part, slot in enumerate(slots):
            here = builder.add(group, ir.Constant(_I64, part))
            out.store(out_row, here, builder.load(slot))


@intrinsic
def combine(typingctx, out, out_row, x, index, weight, first, last):  # type: ignore[no-untyped-def]
    """out[out_row] = sum over r in first .. last of weight[r] x[index[r]].

    x : rows of floats, or of bits in uint16 words; index : flat int32; weight : flat float32
    """
    bits = x.dtype == types.uint16

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        target = _Rows(context, builder, sig.args[0], args[0])
        data = _Rows(context, builder, sig.args[2], args[2])
        rows = _Rows(context, builder, sig.args[3], args[3])
        weights = _Rows(context, builder, sig.args[4], args[4])

        def term(r, group, total):  # type: ignore[no-untyped-def]
            row = builder.sext(rows.value(r), _I64)
            w = _splat(builder, weights.value(r))
            if bits:
                kept = builder.select(data.mask(row, group), w, _zero())
                return builder.fadd(total, kept)
            return _fma(builder, w, data.load(row, group), total)

        groups = builder.udiv(target.width, ir.Constant(_I64, _V))
        _combine(builder, target, args[1], groups, args[5], args[6], term)
        return context.get_dummy_value()

    signature = types.none(out, types.int64, x, index, weight, types.int64, types.int64)
    return signature, codegen


@intrinsic
def scale_by_bit(typingctx, out, out_row, values, values_row, bits, row, clear, set_):  # type: ignore[no-untyped-def]
    """out[out_row] = values[values_row] times `set_` where bits[row] is set, else `clear`."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        target = _Rows(context, builder, sig.args[0], args[0])
        data = _Rows(context, builder, sig.args[2], args[2])
        mask = _Rows(context, builder, sig.args[4], args[4])
        low, high = _splat(builder, args[6]), _splat(builder, args[7])
        with cgutils.for_range(builder, mask.width) as loop:
            factor = builder.select(mask.mask(args[5], loop.index), high, low)
            value = builder.fmul(data.load(args[3], loop.index), factor)
            target.store(args[1], loop.index, value)
        return context.get_dummy_value()

    signature = types.none(
        out, types.int64, values, types.int64, bits, types.int64, types.float32, types.float32
    )
    return signature, codegen


@intrinsic
def spread_bits(typingctx, out, out_row, bits, row):  # type: ignore[no-untyped-def]
    """out[out_row] = 1 where bits[row] is set, else 0."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        target = _Rows(context, builder, sig.args[0], args[0])
        mask = _Rows(context, builder, sig.args[2], args[2])
        ones = ir.Constant(_VEC, [1.0] * _V)
        with cgutils.for_range(builder, mask.width) as loop:
            kept = builder.select(mask.mask(args[3], loop.index), ones, _zero())
            target.store(args[1], loop.index, kept)
        return context.get_dummy_value()

    return types.none(out, types.int64, bits, types.int64), codegen


@intrinsic
def _bits_of(typingctx, a):  # type: ignore[no-untyped-def]
    """The bits of a float32 as an int32."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return builder.bitcast(args[0], _I32)

    return types.int32(types.float32), codegen


@intrinsic
def _times_power(typingctx, p, n):  # type: ignore[no-untyped-def]
    """p 2^n for a float32 p and the low bits n of an int32, without leaving the normal numbers."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        shifted = builder.shl(args[1], ir.Constant(_I32, 23))
        return builder.bitcast(builder.add(builder.bitcast(args[0], _I32), shifted), _F32)

    return types.float32(types.float32, types.int32), codegen


_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693145751953125)
_LN2_LOW = np.float32(1.42860682030941723212e-6)
_ROUNDER = np.float32(12582912.0)  # 1.5 2^23: adding it leaves a whole number in the low bits
_FLOOR = np.float32(-87.0)
# exp(f) on |f| <= ln(2) / 2, Taylor to order 7: the first term left out is below 6e-9
_E2, _E3, _E4, _E5, _E6, _E7 = (np.float32(1.0 / v) for v in (2.0, 6.0, 24.0, 120.0, 720.0, 5040.0))
_ONE = np.float32(1.0)


@njit(cache=True, nogil=True, forceinline=True)
def exp_below(x):  # type: ignore[no-untyped-def]
    """exp(x) for float32 x <= 0, flat below -87 (1.6e-38); vectorises, the same bits everywhere."""
    x = x if x > _FLOOR else _FLOOR
    z = fma(x, _LOG2E, _ROUNDER)
    n = z - _ROUNDER
    f = fma(n, -_LN2_LOW, fma(n, -_LN2_HIGH, x))
    p = fma(_E7, f, _E6)
    p = fma(p, f, _E5)
    p = fma(p, f, _E4)
    p = fma(p, f, _E3)
    p = fma(p, f, _E2)
    p = fma(p, f, _ONE)
    p = fma(p, f, _ONE)
    return _times_power(p, _bits_of(z))
