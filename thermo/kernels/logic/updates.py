"""What a training step does to logits and scores: Adam, the softmax over candidates, new choices.

Gates and tables are held in blocks of LANES, the lane innermost. Steps are LLVM IR on vectors of WIDTH lanes,
without a fused or reordered operation, so that every CPU gives the same bits; arguments are addresses, as
those of `dots8`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import GROUP
from thermo.kernels.random import intrinsic

LANES = 32
WIDTH = 16
"""Lanes of a vector: LANES and the entries of LANES tables are a multiple."""
TOP = 127.0
"""A probability of 1 as a byte."""

_ROUND = 1.5 * 2**23
"""Added and taken away again it leaves the nearest whole number."""
_LOG2E = 1.4426950408889634
_LEAST = -87.0
_POWERS = (
    0.00015403530393381608,
    0.0013333558146428443,
    0.009618129107628477,
    0.05550410866482158,
    0.2402265069591007,
    0.6931471805599453,
    1.0,
)
"""2^r = sum of (r ln 2)^n / n! on [-1/2, 1/2], from the sixth power down."""

_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_BYTES, _WORDS, _FLOATS = (ir.VectorType(kind, WIDTH) for kind in (_I8, _I32, _F32))
_LINE = 4 * LANES
"""Bytes of a candidate's scores."""


def _same(value: float) -> Any:
    return ir.Constant(_FLOATS, [float(np.float32(value))] * WIDTH)


def _whole(value: int) -> Any:
    return ir.Constant(_WORDS, [value] * WIDTH)


def _splat(builder: Any, value: Any) -> Any:
    kind = ir.VectorType(value.type, WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, one, ir.Constant(_WORDS, [0] * WIDTH))


def _at(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    return builder.inttoptr(builder.add(base, offset), kind.as_pointer())


def _load(builder: Any, base: Any, offset: Any, kind: Any = _FLOATS) -> Any:
    return builder.load(_at(builder, base, offset, kind), align=4)


def _store(builder: Any, value: Any, base: Any, offset: Any) -> None:
    builder.store(value, _at(builder, base, offset, value.type), align=1 if value.type == _BYTES else 4)


def _index(value: int) -> Any:
    return ir.Constant(_I64, value)


def _exp_negative(builder: Any, x: Any) -> Any:
    """exp(x) for x <= 0, 0 below -87."""
    least = _same(_LEAST)
    t = builder.fmul(builder.select(builder.fcmp_ordered(">", x, least), x, least), _same(_LOG2E))
    whole = builder.fadd(t, _same(_ROUND))  # its last bits are the nearest whole number
    r = builder.fsub(t, builder.fsub(whole, _same(_ROUND)))
    y = _same(_POWERS[0])
    for power in _POWERS[1:]:
        y = builder.fadd(builder.fmul(y, r), _same(power))
    exponent = builder.add(builder.bitcast(whole, _WORDS), _whole(127))
    return builder.fmul(y, builder.bitcast(builder.shl(exponent, _whole(23)), _FLOATS))


def _sigmoid(builder: Any, x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    one, bits = _same(1), builder.bitcast(x, _WORDS)
    e = _exp_negative(builder, builder.bitcast(builder.or_(bits, _whole(-(1 << 31))), _FLOATS))
    negative = builder.icmp_signed("<", bits, _whole(0))
    return builder.fdiv(builder.select(negative, e, one), builder.fadd(one, e))


class _Adam:
    """Adam's constants in registers (Kingma and Ba, arXiv 1412.6980)."""

    def __init__(self, builder: Any, rate: Any, beta1: Any, beta2: Any, fix2: Any, epsilon: Any) -> None:
        one = ir.Constant(_F32, 1.0)
        found = [rate, beta1, builder.fsub(one, beta1), beta2, builder.fsub(one, beta2), fix2, epsilon]
        self.builder, self.constants = builder, [_splat(builder, value) for value in found]
        kind = ir.FunctionType(_FLOATS, [_FLOATS])
        self.root = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{WIDTH}f32")

    def step(self, p: Any, m: Any, v: Any, offset: Any, g: Any, value: Any) -> Any:
        """Those at p + offset, of `value`, after a step by the gradient g; moments are stored, too."""
        builder, (rate, beta1, rest1, beta2, rest2, fix2, epsilon) = self.builder, self.constants
        mean = builder.fadd(builder.fmul(beta1, _load(builder, m, offset)), builder.fmul(rest1, g))
        square = builder.fadd(
            builder.fmul(beta2, _load(builder, v, offset)), builder.fmul(rest2, builder.fmul(g, g))
        )
        root = builder.call(self.root, [builder.fmul(square, fix2)])
        moved = builder.fdiv(builder.fmul(rate, mean), builder.fadd(root, epsilon))
        value = builder.fsub(value, moved)
        for what, where in ((mean, m), (square, v), (value, p)):
            _store(builder, what, where, offset)
        return value


@intrinsic
def probabilities(typingctx, logits, n, p, rounded):  # type: ignore[no-untyped-def]
    """p[i] = sigmoid(logits[i]); rounded[i] = p[i] in steps of 1 / 127.

    Addresses of n float32 each, a multiple of 16, and of n int8
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        logits, n, p, rounded = args
        with cgutils.for_range_slice(builder, _index(0), n, _index(WIDTH), _I64) as (i, _):
            offset = builder.shl(i, _index(2))
            value = _sigmoid(builder, _load(builder, logits, offset))
            _store(builder, value, p, offset)
            near = builder.fadd(builder.fmul(value, _same(TOP)), _same(0.5))
            _store(builder, builder.trunc(builder.fptosi(near, _WORDS), _BYTES), rounded, i)
        return _index(0)

    return types.int64(*[types.int64] * 4), codegen


@intrinsic
def table_step(typingctx, t, m, v, p, sums, n, unit, keep, rate, beta1, beta2, fix2, epsilon):  # type: ignore[no-untyped-def]
    """A step of n logits t, a multiple of 16, by their gradients unit sums p (1 - p), after t is multiplied
    by `keep`. Addresses of n float32 each; the rest as AdamStep.
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        t, m, v, p, sums, n, unit, keep = args[:8]
        adam, unit, keep = _Adam(builder, *args[8:]), _splat(builder, unit), _splat(builder, keep)
        with cgutils.for_range_slice(builder, _index(0), n, _index(WIDTH), _I64) as (i, _):
            offset = builder.shl(i, _index(2))
            g, share = builder.fmul(unit, _load(builder, sums, offset)), _load(builder, p, offset)
            g = builder.fmul(builder.fmul(g, share), builder.fsub(_same(1), share))
            adam.step(t, m, v, offset, g, builder.fmul(_load(builder, t, offset), keep))
        return _index(0)

    return types.int64(*[types.int64] * 6, *[types.float32] * 7), codegen


def _columns(builder: Any, rows: list[Any]) -> list[Any]:
    """Of 16 rows of eight words, in pairs a and a + 8 of one vector: eight columns of sixteen."""

    def pick(a: Any, b: Any, order: list[int]) -> Any:
        """`order` within four words of a, then b, of each quarter."""
        places = [
            4 * quarter + i if i < 4 else WIDTH + 4 * quarter + i - 4 for quarter in range(4) for i in order
        ]
        return builder.shuffle_vector(a, b, ir.Constant(_WORDS, places))

    low, high, first, last = [0, 4, 1, 5], [2, 6, 3, 7], [0, 1, 4, 5], [2, 3, 6, 7]
    fours = []
    for a, b, c, d in (rows[:4], rows[4:]):
        pairs = [pick(x, y, order) for order in (low, high) for x, y in ((a, b), (c, d))]
        fours.append([pick(pairs[i], pairs[i + 1], order) for i in (0, 2) for order in (first, last)])
    found = []
    for quarter in (0, 1):  # columns 0 to 3, then 4 to 7
        for one, other in zip(*fours, strict=True):
            places = [
                start + 4 * part + i
                for part in (quarter, quarter + 2)
                for start in (0, WIDTH)
                for i in range(4)
            ]
            found.append(builder.shuffle_vector(one, other, ir.Constant(_WORDS, places)))
    return found


@intrinsic
def score_step(  # type: ignore[no-untyped-def]
    typingctx, scores, m, v, dots, factor, k, apart, best, h, e, rate, beta1, beta2, fix2, epsilon
):
    """A step of LANES wires' scores by q_i (h_i - sum over j of q_j h_j), q their softmax, h_i factor dots_i.

    Addresses: scores, m, v (at least k, LANES) float32; dots (LANES, apart) int32, apart a multiple of 8;
        factor (LANES,) float32; best (LANES,) int32, out, the candidate of the largest score, the first on a
        tie; h, e (apart, 16) float32, scratch; the rest as AdamStep
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        scores, m, v, dots, factor, k, apart, best, h, e = args[:10]
        adam = _Adam(builder, *args[10:])
        vector = 4 * WIDTH
        places = [_index(vector * c) for c in range(GROUP)]
        eight = ir.VectorType(_I32, GROUP)
        z, mean, most = (cgutils.alloca_once(builder, _FLOATS) for _ in range(3))
        number = cgutils.alloca_once(builder, _WORDS)

        def each() -> Any:
            return cgutils.for_range(builder, k)

        for start in range(0, LANES, WIDTH):
            across = _index(4 * start)
            by = _load(builder, factor, across)
            with cgutils.for_range_slice(builder, _index(0), apart, _index(GROUP), _I64) as (first, _):
                rows = []
                for lane in range(start, start + GROUP):
                    halves = []
                    for row in (lane, lane + GROUP):
                        place = builder.add(builder.mul(apart, _index(row)), first)
                        halves.append(_load(builder, dots, builder.shl(place, _index(2)), eight))
                    rows.append(builder.shuffle_vector(*halves, ir.Constant(_WORDS, list(range(WIDTH)))))
                to = builder.mul(first, _index(vector))
                for place, column in zip(places, _columns(builder, rows), strict=True):
                    value = builder.fmul(by, builder.sitofp(column, _FLOATS))
                    _store(builder, value, h, builder.add(to, place))
            builder.store(_load(builder, scores, across), most)
            with each() as loop:
                score = _load(builder, scores, builder.add(builder.mul(loop.index, _index(_LINE)), across))
                top = builder.load(most)
                builder.store(builder.select(builder.fcmp_ordered(">", score, top), score, top), most)
            builder.store(_same(0), z)
            builder.store(_same(0), mean)
            with each() as loop:
                score = _load(builder, scores, builder.add(builder.mul(loop.index, _index(_LINE)), across))
                place = builder.mul(loop.index, _index(vector))
                power = _exp_negative(builder, builder.fsub(score, builder.load(most)))
                _store(builder, power, e, place)
                builder.store(builder.fadd(builder.load(z), power), z)
                part = builder.fmul(power, _load(builder, h, place))
                builder.store(builder.fadd(builder.load(mean), part), mean)
            inverse = builder.fdiv(_same(1), builder.load(z))
            middle = builder.fmul(builder.load(mean), inverse)
            builder.store(_same(-np.inf), most)
            builder.store(_whole(0), number)
            with each() as loop:
                place = builder.mul(loop.index, _index(vector))
                offset = builder.add(builder.mul(loop.index, _index(_LINE)), across)
                share = builder.fmul(_load(builder, e, place), inverse)
                g = builder.fmul(share, builder.fsub(_load(builder, h, place), middle))
                score = adam.step(scores, m, v, offset, g, _load(builder, scores, offset))
                top = builder.load(most)
                larger = builder.fcmp_ordered(">", score, top)
                builder.store(builder.select(larger, score, top), most)
                this = _splat(builder, builder.trunc(loop.index, _I32))
                builder.store(builder.select(larger, this, builder.load(number)), number)
            _store(builder, builder.load(number), best, across)
        return _index(0)

    return types.int64(*[types.int64] * 10, *[types.float32] * 5), codegen


@njit(cache=True, nogil=True)
def read_nets(wires, best, nets, block):  # type: ignore[no-untyped-def]
    """nets[block, lane] = the nets that the table's operands read; what it has not reads its first input's.

    wires : (blocks, inputs, LANES, k_padded) int32; best : (blocks, inputs, LANES) int32
    nets : (blocks, LANES, operands) int32
    """
    for j in range(nets.shape[2]):
        side = j if j < wires.shape[1] else 0
        for lane in range(LANES):
            nets[block, lane, j] = wires[block, side, lane, best[block, side, lane]]


class AdamStep(NamedTuple):
    """One step, float32. unit : what a weight of 1 stands for; rates and fix2 : with Adam's bias
    corrections; decay : of the scores, a step.
    """

    unit: np.float32
    rate_table: np.float32
    rate_wire: np.float32
    beta1: np.float32
    beta2: np.float32
    fix2: np.float32
    epsilon: np.float32
    decay: np.float32
