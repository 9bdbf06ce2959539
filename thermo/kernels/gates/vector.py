"""Rows of 512 bits and what is done with them: the LLVM code beneath `thermo.kernels.gates.program`.

A row is one net in 512 consecutive samples: eight little-endian words of 64 bits, sample s in bit
s % 64 of word s // 64, so that byte g holds samples 8 g to 8 g + 7. Everything here is written in
LLVM's vectors of 512 bits; numba compiles them for the CPU it runs on, to AVX-512 registers, to
pairs of AVX2 ones or to whatever there is, with the same bits. Rows lie at multiples of 64 bytes;
"at" is a row's distance in bytes from the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.random import intrinsic

ROW_BYTES = 64
ROWS_MOST = 1 << 21  # row numbers have 21 bits
DEPTH = 4
GROUP = 1 << DEPTH  # rows that one step of a class sum adds

_I1, _I8, _I16, _I32, _I64 = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
_ROW = ir.VectorType(_I64, 8)
_BYTES = ir.VectorType(_I8, 64)
_FIELD = (ROWS_MOST - 1) * ROW_BYTES


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Address of an array's first byte."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(data, _I8.as_pointer())


def _at(builder: Any, base: Any, offset: Any, kind: Any) -> Any:
    """Pointer to a `kind`, `offset` bytes after base."""
    return builder.bitcast(builder.gep(base, [offset]), kind.as_pointer())


def _load(builder: Any, base: Any, offset: Any, kind: Any = _ROW, align: int = ROW_BYTES) -> Any:
    return builder.load(_at(builder, base, offset, kind), align=align)


def _store(builder: Any, value: Any, base: Any, offset: Any, align: int = ROW_BYTES) -> None:
    builder.store(value, _at(builder, base, offset, value.type), align=align)


def _llvm(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """One of LLVM's own functions."""
    kind = ir.FunctionType(result, arguments)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _operands(builder: Any, words: Any, index: Any) -> tuple[Any, Any, Any]:
    """Where instruction `index` reads and writes, in bytes: three 21-bit fields of row numbers."""
    word = builder.load(_at(builder, words, builder.mul(index, _I64(8)), _I64), align=8)
    a, b, out = (
        builder.and_(by(word, _I64(bits)), _I64(_FIELD))
        for by, bits in ((builder.shl, 6), (builder.lshr, 15), (builder.lshr, 36))
    )
    return a, b, out


def _add_up(builder: Any, value: Callable[[int], Any], counter: Any) -> Any:
    """Add GROUP rows to a counter's lowest planes; returns the carry, of weight GROUP.

    A tree of full adders keeps one partial sum a bit (Harley and Seal; Warren, "Hacker's Delight",
    2nd edition, section 5-1).
    """
    kept = [_load(builder, counter, _I64(ROW_BYTES * p)) for p in range(DEPTH)]

    def tree(first: int, size: int) -> Any:
        if size == 1:
            return value(first)
        x, y = tree(first, size // 2), tree(first + size // 2, size // 2)
        level = size.bit_length() - 2
        half = builder.xor(x, y)
        carry = builder.or_(builder.and_(x, y), builder.and_(half, kept[level]))
        kept[level] = builder.xor(half, kept[level])
        return carry

    carry = tree(0, GROUP)
    for p in range(DEPTH):
        _store(builder, kept[p], counter, _I64(ROW_BYTES * p))
    return carry


def _row(builder: Any, base: Any, number: Any) -> Any:
    return builder.gep(base, [builder.mul(number, _I64(ROW_BYTES))])


def _loops(combine: Callable[[Any, Any, Any], Any]) -> tuple[Any, Any]:
    """Two functions that run instructions start to stop - 1, all of one kind.

    The first, (rows, code, start, stop), writes each result to its row. The second, (rows, code,
    start, stop, planes, first, carries), adds them, GROUP at a time, to the counter whose lowest
    plane is `first`, and writes the carries of weight GROUP to the rows from `carries` on.
    """

    @intrinsic
    def run(typingctx, rows, code, start, stop):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            base = _data(context, builder, sig.args[0], args[0])
            words = _data(context, builder, sig.args[1], args[1])
            with cgutils.for_range_slice(builder, args[2], args[3], _I64(1)) as (i, _):
                a, b, out = _operands(builder, words, i)
                x, y = _load(builder, base, a), _load(builder, base, b)
                _store(builder, combine(builder, x, y), base, out)

        return types.void(rows, code, types.int64, types.int64), codegen

    @intrinsic
    def count(typingctx, rows, code, start, stop, planes, first, carries):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            base = _data(context, builder, sig.args[0], args[0])
            words = _data(context, builder, sig.args[1], args[1])
            counter = _row(builder, _data(context, builder, sig.args[4], args[4]), args[5])
            target = _row(builder, base, args[6])
            with cgutils.for_range_slice(builder, args[2], args[3], _I64(GROUP)) as (i, n):

                def value(k: int) -> Any:
                    a, b, _ = _operands(builder, words, builder.add(i, _I64(k)))
                    return combine(builder, _load(builder, base, a), _load(builder, base, b))

                carry = _add_up(builder, value, counter)
                _store(builder, carry, target, builder.mul(n, _I64(ROW_BYTES)))

        signature = types.void(rows, code, types.int64, types.int64, planes, types.int64, types.int64)
        return signature, codegen

    return run, count


run_and, count_and = _loops(lambda to, x, y: to.and_(x, y))
run_gt, count_gt = _loops(lambda to, x, y: to.and_(x, to.not_(y)))
run_nor, count_nor = _loops(lambda to, x, y: to.not_(to.or_(x, y)))
run_xor, count_xor = _loops(lambda to, x, y: to.xor(x, y))
run_nand, count_nand = _loops(lambda to, x, y: to.not_(to.and_(x, y)))
run_ge, count_ge = _loops(lambda to, x, y: to.or_(x, to.not_(y)))
run_or, count_or = _loops(lambda to, x, y: to.or_(x, y))
run_xnor, count_xnor = _loops(lambda to, x, y: to.not_(to.xor(x, y)))


@intrinsic
def count_rows(typingctx, rows, nets, start, planes, first, n_planes):  # type: ignore[no-untyped-def]
    """Add GROUP rows to the planes first to first + n_planes - 1 of a counter of 512 samples.

    nets : uint32, row numbers; the group begins at nets[start]; n_planes at least DEPTH
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base = _data(context, builder, sig.args[0], args[0])
        words = _data(context, builder, sig.args[1], args[1])
        counter = _row(builder, _data(context, builder, sig.args[3], args[3]), args[4])

        def value(k: int) -> Any:
            at = builder.mul(builder.add(args[2], _I64(k)), _I64(4))
            number = builder.load(_at(builder, words, at, _I32), align=4)
            return _load(builder, _row(builder, base, builder.zext(number, _I64)), _I64(0))

        carry = cgutils.alloca_once_value(builder, _add_up(builder, value, counter))
        with cgutils.for_range_slice(builder, _I64(DEPTH), args[5], _I64(1)) as (p, _):
            place = builder.mul(p, _I64(ROW_BYTES))
            x, y = builder.load(carry), _load(builder, counter, place)
            _store(builder, builder.xor(x, y), counter, place)
            builder.store(builder.and_(x, y), carry)

    return types.void(rows, nets, types.int64, planes, types.int64, types.int64), codegen


@intrinsic
def expand_counter(typingctx, planes, first, n_planes, out, place):  # type: ignore[no-untyped-def]
    """Write a counter's 512 values to out[place : place + 512], int32; planes as in count_group."""
    lanes = 16
    vector = ir.VectorType(_I32, lanes)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        counter = builder.gep(
            _data(context, builder, sig.args[0], args[0]), [builder.mul(args[1], _I64(ROW_BYTES))]
        )
        target = builder.gep(_data(context, builder, sig.args[3], args[3]), [builder.mul(args[4], _I64(4))])
        total = cgutils.alloca_once(builder, vector)
        ones = ir.Constant(vector, [1] * lanes)
        with cgutils.for_range(builder, _I64(512 // lanes)) as piece:
            builder.store(ir.Constant(vector, [0] * lanes), total)
            here = builder.mul(piece.index, _I64(lanes // 8))
            with cgutils.for_range(builder, args[2]) as loop:  # from the highest bit down
                p = builder.sub(builder.sub(args[2], _I64(1)), loop.index)
                offset = builder.add(builder.mul(p, _I64(ROW_BYTES)), here)
                bits = _load(builder, counter, offset, _I16, 2)
                mask = builder.bitcast(bits, ir.VectorType(_I1, lanes))
                twice = builder.add(builder.load(total), builder.load(total))
                builder.store(builder.select(mask, builder.add(twice, ones), twice), total)
            _store(builder, builder.load(total), target, builder.mul(piece.index, _I64(4 * lanes)), 4)

    return types.void(planes, types.int64, types.int64, out, types.int64), codegen


@intrinsic
def gather_bits(typingctx, source, start, stride, out, place):  # type: ignore[no-untyped-def]
    """Bit i of out[place + c] = whether source[start + i stride + c] is set, for i < 8, c < 64.

    source, out : uint8 arrays, flat positions; eight samples of 64 inputs
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base = _data(context, builder, sig.args[0], args[0])
        parts, place = [], args[1]
        one = ir.Constant(_BYTES, [1] * 64)
        for _ in range(8):
            raw = _load(builder, base, place, _BYTES, 1)
            least = builder.select(builder.icmp_unsigned("<", raw, one), raw, one)
            parts.append(builder.bitcast(least, _ROW))
            place = builder.add(place, args[2])
        for shift in (1, 2, 4):  # no bit leaves its byte
            by = ir.Constant(_ROW, [shift] * 8)
            parts = [
                builder.or_(low, builder.shl(high, by))
                for low, high in zip(parts[0::2], parts[1::2], strict=True)
            ]
        _store(builder, parts[0], _data(context, builder, sig.args[3], args[3]), args[4], 1)

    return types.void(source, types.int64, types.int64, out, types.int64), codegen


def _interleave(builder: Any, x: Any, y: Any, unit: int, lane: int) -> tuple[Any, Any]:
    """Low and high halves of every `lane` bytes of x and y, mixed in units of `unit` bytes."""
    n = ROW_BYTES // unit
    x, y = (builder.bitcast(v, ir.VectorType(ir.IntType(8 * unit), n)) for v in (x, y))
    per = lane // unit
    mixed = []
    for half in (0, per // 2):
        picks = []
        for begin in range(0, n, per):
            for k in range(begin + half, begin + half + per // 2):
                picks += [k, n + k]
        mask = ir.Constant(ir.VectorType(_I32, n), picks)
        mixed.append(builder.bitcast(builder.shuffle_vector(x, y, mask), _ROW))
    return mixed[0], mixed[1]


def _blocks(builder: Any, x: Any, y: Any, words: int) -> tuple[Any, Any]:
    """The even and the odd blocks of `words` words of x, with those of y between them."""
    both = []
    for odd in (0, words):
        picks = []
        for begin in range(0, 8, 2 * words):
            picks += [begin + odd + k for k in range(words)]
            picks += [8 + begin + odd + k for k in range(words)]
        mask = ir.Constant(ir.VectorType(_I32, 8), picks)
        both.append(builder.shuffle_vector(x, y, mask))
    return both[0], both[1]


@intrinsic
def transpose_bytes(typingctx, source, start, stride, out, place, step, spare):  # type: ignore[no-untyped-def]
    """out[place + step c + g] = source[start + stride g + c] for c, g < 64.

    Positions are flat, in bytes; spare : room for 4096 bytes. Arrays may be of any type.
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base = _data(context, builder, sig.args[0], args[0])
        target = _data(context, builder, sig.args[3], args[3])
        room = _data(context, builder, sig.args[6], args[6])
        _, start, stride, _, place, step, _ = args
        # eight rows at a time: words of eight bytes of one column
        with cgutils.for_range(builder, _I64(8)) as loop:
            rows = []
            for k in range(8):
                g = builder.add(builder.mul(loop.index, _I64(8)), _I64(k))
                rows.append(_load(builder, base, builder.add(start, builder.mul(stride, g)), _ROW, 1))
            for unit in (1, 2, 4):
                # pairs are neighbours; the low half goes before the high one
                pairs = [_interleave(builder, rows[k], rows[k + 1], unit, 16) for k in range(0, len(rows), 2)]
                rows = [v for p in pairs for v in p]
                rows = _regroup(rows, unit)
            for j in range(8):
                at = builder.mul(builder.add(builder.mul(loop.index, _I64(8)), _I64(j)), _I64(64))
                _store(builder, rows[j], room, at, 1)
        # row (w, j) holds, in word 2 L + e, bytes 8 w.. of column 16 L + 2 j + e
        with cgutils.for_range(builder, _I64(8)) as loop:
            rows = []
            for w in range(8):
                at = builder.mul(builder.add(_I64(8 * w), loop.index), _I64(64))
                rows.append(_load(builder, room, at, _ROW, 1))
            for words in (1, 2, 4):
                new = list(rows)
                for k in range(8):
                    if not k & words:
                        new[k], new[k + words] = _blocks(builder, rows[k], rows[k + words], words)
                rows = new
            for k in range(8):
                column = builder.add(_I64(16 * (k // 2) + k % 2), builder.mul(loop.index, _I64(2)))
                at = builder.add(place, builder.mul(step, column))
                _store(builder, rows[k], target, at, 1)

    signature = types.void(source, types.int64, types.int64, out, types.int64, types.int64, spare)
    return signature, codegen


def _regroup(rows: list[Any], unit: int) -> list[Any]:
    """Order rows so that the next interleaving's partners are neighbours.

    After the step of `unit` bytes there are 4 / unit sets of rows; each set's 2 unit rows hold
    successive columns, and row k of one set meets row k of the next set.
    """
    size = 2 * unit
    sets = [rows[k : k + size] for k in range(0, 8, size)]
    if len(sets) == 1:
        return rows
    return [
        row
        for first, second in zip(sets[0::2], sets[1::2], strict=True)
        for pair in zip(first, second, strict=True)
        for row in pair
    ]


@intrinsic
def fetch_ahead(typingctx, array, start, lines):  # type: ignore[no-untyped-def]
    """Ask for cache lines of an array, from byte `start` on; changes no value."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base = _data(context, builder, sig.args[0], args[0])
        kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [_I8.as_pointer()], kind)
        with cgutils.for_range(builder, args[2]) as loop:
            at = builder.add(args[1], builder.mul(loop.index, _I64(ROW_BYTES)))
            # for reading, to the second cache, data
            builder.call(fetch, [builder.gep(base, [at]), _I32(0), _I32(2), _I32(1)])

    return types.void(array, types.int64, types.int64), codegen


@intrinsic
def count_changes(typingctx, rows, at, valid, before):  # type: ignore[no-untyped-def]
    """How many samples of a row differ from the sample before them.

    before : 0 or 1, the sample before the first; valid : row of the samples that count, at 0
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base = _data(context, builder, sig.args[0], args[0])
        x = _load(builder, base, args[1])
        mask = _load(builder, _data(context, builder, sig.args[2], args[2]), _I64(0))
        top = builder.shl(args[3], _I64(63))
        edge = builder.insert_element(ir.Constant(_ROW, [0] * 8), top, _I32(0))
        picks = ir.Constant(ir.VectorType(_I32, 8), [8, 0, 1, 2, 3, 4, 5, 6])
        lower = builder.shuffle_vector(x, edge, picks)
        by = ir.Constant(_ROW, [1] * 8)
        earlier = builder.or_(builder.shl(x, by), builder.lshr(lower, ir.Constant(_ROW, [63] * 8)))
        changed = builder.and_(builder.xor(x, earlier), mask)
        popcount = _llvm(builder, "llvm.ctpop.v8i64", _ROW, _ROW)
        add = _llvm(builder, "llvm.vector.reduce.add.v8i64", _I64, _ROW)
        return builder.call(add, [builder.call(popcount, [changed])])

    return types.int64(rows, types.int64, valid, types.int64), codegen
