"""Rows of a Langevin step as vector code: sums over sparse couplings, Euler-Maruyama of one cell.

Written for LLVM because a loop over several rows would test at every entry whether they overlap,
which takes longer than the step, and would keep its sums in memory. Arrays are (cells, lanes)
float32, lanes 16, 32 or 64.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.langevin.parts import C2, C3, HI, LO, H
from thermo.kernels.random import fma, intrinsic

VECTOR = 16  # lanes of one vector


@njit(cache=True, nogil=True, forceinline=True)
def self_force(b, x, c1, c2, c3):  # type: ignore[no-untyped-def]
    """b - x (c1 + x (c2 + x c3))."""
    return fma(-x, fma(x, fma(x, c3, c2), c1), b)


@njit(cache=True, nogil=True, forceinline=True)
def clamp(v, lo, hi):  # type: ignore[no-untyped-def]
    """v kept in [lo, hi]."""
    v = lo if v < lo else v
    return hi if v > hi else v


@njit(cache=True, nogil=True)
def copy(x, out):  # type: ignore[no-untyped-def]
    """out = x, two dimensions; an assignment to a slice compiles numba's formatting of shapes."""
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            out[i, l] = x[i, l]


def _splat(builder, value):  # type: ignore[no-untyped-def]
    """A float32 in all of 16 lanes (code generation)."""
    vector = ir.VectorType(ir.FloatType(), 16)
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), 16), [0] * 16))


class _Code:
    """Vector code of one intrinsic: what its arguments' arrays hold, 16 lanes at a time."""

    def __init__(self, context, builder, sig, args):  # type: ignore[no-untyped-def]
        self.context, self.builder, self.sig, self.args = context, builder, sig, args
        self.floats = ir.VectorType(ir.FloatType(), VECTOR)
        self.words = ir.VectorType(ir.IntType(32), VECTOR)
        self.long = ir.IntType(64)
        self._fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.floats, [self.floats] * 3), "llvm.fma.v16f32"
        )

    def data(self, k):  # type: ignore[no-untyped-def]
        return self.context.make_array(self.sig.args[k])(self.context, self.builder, self.args[k]).data

    def at(self, k, lane, kind=None):  # type: ignore[no-untyped-def]
        here = self.builder.gep(self.data(k), [lane])
        return self.builder.bitcast(here, (kind or self.floats).as_pointer())

    def load(self, k, lane, kind=None):  # type: ignore[no-untyped-def]
        return self.builder.load(self.at(k, lane, kind), align=4)

    def store(self, value, k, lane, kind=None):  # type: ignore[no-untyped-def]
        self.builder.store(value, self.at(k, lane, kind), align=4)

    def fma(self, a, b, c):  # type: ignore[no-untyped-def]
        return self.builder.call(self._fma, [a, b, c])

    def splat(self, k):  # type: ignore[no-untyped-def]
        return _splat(self.builder, self.args[k])

    def row_sums(self, lanes):  # type: ignore[no-untyped-def]
        """Sums over e of weight[e] phi[indices[e]], a vector for every 16 lanes.

        Arguments 0 to 4 are indices, weight, first, last and phi. In registers over the whole row.
        """
        builder = self.builder
        index, weights, states = self.data(0), self.data(1), self.data(4)
        zero = ir.Constant(self.floats, [0.0] * VECTOR)
        groups = range(lanes // VECTOR)
        totals = [cgutils.alloca_once_value(builder, zero) for _ in groups]
        for total in totals:  # the slot is made once a call of the kernel, not once a row
            builder.store(zero, total)
        one = self.long(1)
        with cgutils.for_range_slice(builder, self.args[2], self.args[3], one) as (e, _):
            j = builder.load(builder.gep(index, [e]))
            if j.type.width < 64:
                j = builder.sext(j, self.long)
            at = builder.mul(j, self.long(lanes))
            w = _splat(builder, builder.load(builder.gep(weights, [e])))
            for g, total in zip(groups, totals, strict=True):
                here = builder.gep(states, [builder.add(at, self.long(VECTOR * g))])
                row = builder.load(builder.bitcast(here, self.floats.as_pointer()), align=4)
                builder.store(self.fma(w, row, builder.load(total)), total)
        return [builder.load(total) for total in totals]

    def euler(self, lane, x, new, drive, z, scalars, peak, coupled):  # type: ignore[no-untyped-def]
        """One Euler-Maruyama step of one cell in 16 lanes; arguments by number, coupled a vector.

        scalars : vectors h, s, a1, a2, a3, lo, hi, mdt, sigma
        """
        builder = self.builder

        def keep(op, v, limit):  # type: ignore[no-untyped-def]
            return builder.select(builder.fcmp_ordered(op, v, limit), limit, v)

        h, s, a1, a2, a3, lo, hi, mdt, sigma = scalars
        v = self.load(x, lane)
        b = self.fma(s, builder.fadd(coupled, self.load(drive, lane)), h)
        f = self.fma(builder.fneg(v), self.fma(v, self.fma(v, a3, a2), a1), b)
        v = self.fma(sigma, self.load(z, lane), self.fma(mdt, f, v))
        v = keep(">", keep("<", v, lo), hi)
        self.store(v, new, lane)
        mask = ir.Constant(self.words, [0x7FFFFFFF] * VECTOR)
        bits = builder.and_(builder.bitcast(v, self.words), mask)
        top = self.load(peak, lane, self.words)
        top = builder.select(builder.icmp_signed(">", bits, top), bits, top)
        self.store(top, peak, lane, self.words)


def _row_sum(lanes):  # type: ignore[no-untyped-def]
    """An intrinsic for out = sum over e from first to last of weight[e] phi[indices[e]].

    phi : (cells, lanes), out : (lanes,), float32
    """

    def row_sum(typingctx, indices, weight, first, last, phi, out):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            code = _Code(context, builder, sig, args)
            for g, total in enumerate(code.row_sums(lanes)):
                code.store(total, 5, code.long(VECTOR * g))
            return context.get_dummy_value()

        return types.void(indices, weight, types.int64, types.int64, phi, out), codegen

    return intrinsic(row_sum)


def _sparse_euler(lanes):  # type: ignore[no-untyped-def]
    """An intrinsic for the sum over a row and the step of its cell, without a trip to memory."""

    def sparse_euler(  # type: ignore[no-untyped-def]
        typingctx,
        indices,
        weight,
        first,
        last,
        phi,
        x,
        new,
        drive,
        z,
        h,
        s,
        a1,
        a2,
        a3,
        lo,
        hi,
        mdt,
        sigma,
        peak,
    ):
        f32, i64 = types.float32, types.int64
        signature = types.void(
            indices,
            weight,
            i64,
            i64,
            phi,
            x,
            new,
            drive,
            z,
            f32,
            f32,
            f32,
            f32,
            f32,
            f32,
            f32,
            f32,
            f32,
            peak,
        )

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            code = _Code(context, builder, sig, args)
            scalars = [code.splat(k) for k in range(9, 18)]
            for g, total in enumerate(code.row_sums(lanes)):
                code.euler(code.long(VECTOR * g), 5, 6, 7, 8, scalars, 18, total)
            return context.get_dummy_value()

        return signature, codegen

    return intrinsic(sparse_euler)


_row16, _row32, _row64 = _row_sum(16), _row_sum(32), _row_sum(64)
_step16, _step32, _step64 = _sparse_euler(16), _sparse_euler(32), _sparse_euler(64)


@njit(cache=True, nogil=True, forceinline=True)
def csr_row(indices, weight, first, last, phi, out):  # type: ignore[no-untyped-def]
    """out = sum over couplings first to last of weight * phi[driving cell]; 16, 32 or 64 lanes."""
    if out.shape[0] == 64:
        _row64(indices, weight, first, last, phi, out)
    elif out.shape[0] == 32:
        _row32(indices, weight, first, last, phi, out)
    else:
        _row16(indices, weight, first, last, phi, out)


@njit(cache=True, nogil=True, forceinline=True)
def own_law(columns, k1, i):  # type: ignore[no-untyped-def]
    """(h, c1, c2, c3, lo, hi) of cell i, c1 with the phase's well, from Cells.columns."""
    return columns[H, i], k1[i], columns[C2, i], columns[C3, i], columns[LO, i], columns[HI, i]


@njit(cache=True, nogil=True, forceinline=True)
def csr_euler_row(  # type: ignore[no-untyped-def]
    indices, weight, first, last, phi, x, new, drive, z, s, own, mdt, sigma, peak
):
    """euler_row of a sparsely coupled cell; 16, 32 or 64 lanes."""
    h, a1, a2, a3, lo, hi = own
    if x.shape[0] == 64:
        _step64(
            indices, weight, first, last, phi, x, new, drive, z, h, s, a1, a2, a3, lo, hi, mdt, sigma, peak
        )
    elif x.shape[0] == 32:
        _step32(
            indices, weight, first, last, phi, x, new, drive, z, h, s, a1, a2, a3, lo, hi, mdt, sigma, peak
        )
    else:
        _step16(
            indices, weight, first, last, phi, x, new, drive, z, h, s, a1, a2, a3, lo, hi, mdt, sigma, peak
        )


@intrinsic
def _euler16(  # type: ignore[no-untyped-def]
    typingctx, x, new, coupled, drive, z, h, s, a1, a2, a3, lo, hi, mdt, sigma, peak, lane
):
    """One Euler-Maruyama step of one cell in lanes lane to lane + 15.

    Written as vector code: a loop would test at every entry whether its eight rows overlap, which
    takes longer than the step.
    """
    f32 = types.float32
    signature = types.void(
        x, new, coupled, drive, z, f32, f32, f32, f32, f32, f32, f32, f32, f32, peak, types.int64
    )

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        code = _Code(context, builder, sig, args)
        scalars = [code.splat(k) for k in range(5, 14)]
        lane = args[-1]
        code.euler(lane, 0, 1, 3, 4, scalars, 14, code.load(2, lane))
        return context.get_dummy_value()

    return signature, codegen


@njit(cache=True, nogil=True, forceinline=True)
def euler_row(x, new, coupled, drive, z, s, own, mdt, sigma, peak):  # type: ignore[no-untyped-def]
    """One Euler-Maruyama step of one cell in all lanes; own : own_law; peak = max(peak, |new|) as bits."""
    h, a1, a2, a3, lo, hi = own
    for lane in range(0, x.shape[0], 16):
        _euler16(x, new, coupled, drive, z, h, s, a1, a2, a3, lo, hi, mdt, sigma, peak, lane)
