"""Addresses of tables, of rows of bits: of sample s the sum of 2^j x[wires[j], s].

A byte of a row holds bits of up to eight samples, one a plane (dots): the bits of eight rows at one byte
are a square, which turned holds the addresses. Nothing but bits moves, so that every path gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from thermo.kernels.logic.dots import CHUNK, row_bytes_of
from thermo.kernels.logic.emit import Case, load, same, store, switch

HALF = 4
"""Planes of which half a byte holds all."""
_WIDTHS = {"portable": 16, "avx2": 32, "avx512vnni": 64}
_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def starts_of(builder: Any, rows: Any, pitch: Any, wires: Any, operands: int) -> list[Any]:
    """Addresses of the rows that the operands read, of `pitch` samples each.

    rows : address of the first row; wires : address of (operands,) int32, their numbers
    """
    size = row_bytes_of(builder, pitch)
    wires = builder.inttoptr(wires, _I32.as_pointer())
    found = []
    for j in range(operands):
        row = builder.sext(builder.load(builder.gep(wires, [ir.Constant(_I64, j)])), _I64)
        found.append(builder.add(rows, builder.mul(row, size)))
    return found


@contextmanager
def groups(builder: Any, pitch: Any) -> Iterator[tuple[Any, Any]]:
    """Each LONG samples: where their bytes begin in a row, and how many planes they have."""
    zero, size, eight = ir.Constant(_I64, 0), row_bytes_of(builder, pitch), ir.Constant(_I64, 8)
    with cgutils.for_range_slice(builder, zero, size, ir.Constant(_I64, CHUNK), _I64) as (first, _):
        left = builder.sub(pitch, builder.shl(first, ir.Constant(_I64, 3)))
        left = builder.lshr(left, ir.Constant(_I64, 6))
        yield first, builder.select(builder.icmp_signed("<", left, eight), left, eight)


def emit_places(builder: Any, starts: list[Any], first: Any, planes: Any, places: Any, path: str) -> None:
    """Store the addresses of a group's samples from `places` on, where LONG bytes fit.

    starts : addresses of the rows; first : byte of a row where the group begins; planes : the group's, 1 to 8
    """

    def store_of(n: int) -> None:
        for part in range(0, CHUNK, _WIDTHS[path]):
            offset = builder.add(first, ir.Constant(_I64, part))
            rows = [load(builder, start, offset, _WIDTHS[path]) for start in starts]
            for plane, found in enumerate(_addresses(builder, rows, n)):
                place = ir.Constant(_I64, CHUNK * plane + part)
                store(builder, found, places, place, _WIDTHS[path])

    cases: list[Case] = [((1,), partial(store_of, 1)), ((2,), partial(store_of, 2))]
    switch(builder, planes, [*cases, ((3, 4), partial(store_of, HALF))], partial(store_of, 2 * HALF))


def _addresses(builder: Any, rows: list[Any], planes: int) -> list[Any]:
    """Of the first `planes` planes: 1, 2, 4 or 8."""
    if planes < HALF:
        return [_one_by_one(builder, rows, plane) for plane in range(planes)]
    low = _turned(builder, rows[:HALF])
    high = _turned(builder, rows[HALF:]) if len(rows) > HALF else [None] * HALF
    if planes == HALF:  # of the others all bits are 0
        return [
            a if b is None else builder.or_(a, _moved(builder, b, 4)) for a, b in zip(low, high, strict=True)
        ]
    pairs = [_swapped(builder, a, b, 4) for a, b in zip(low, high, strict=True)]
    return [a for a, _ in pairs] + [b for _, b in pairs]


def _one_by_one(builder: Any, rows: list[Any], plane: int) -> Any:
    total = None
    for j, row in enumerate(rows):
        bit = _moved(builder, builder.and_(row, same(_I8, row.type.count, 1 << plane)), j - plane)
        total = bit if total is None else builder.or_(total, bit)
    return total


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Four vectors, of which number i has the bits i of the rows, and the bits i + 4 in the upper half."""
    every: list[Any] = [*rows, *[None] * (HALF - len(rows))]
    a, b, c, d = every
    (a, c), (b, d) = _swapped(builder, a, c, 2), _swapped(builder, b, d, 2)
    return [*_swapped(builder, a, b, 1), *_swapped(builder, c, d, 1)]


def _swapped(builder: Any, a: Any, b: Any, by: int) -> tuple[Any, Any]:
    """a and b, None for zeros, after those bits of a of which `by` is part of the number changed places with
    those bits of b of which it is not.
    """
    mask = same(_I8, a.type.count, sum(1 << bit for bit in range(8) if not bit & by))
    if b is None:
        return builder.and_(a, mask), builder.and_(_moved(builder, a, -by), mask)
    differ = builder.and_(builder.xor(_moved(builder, a, -by), b), mask)
    return builder.xor(a, _moved(builder, differ, by)), builder.xor(b, differ)


def _moved(builder: Any, x: Any, by: int) -> Any:
    """Bytes shifted up by so many bits, as words: bits that leave a byte are to be masked, or are 0."""
    words = ir.VectorType(_I16, x.type.count // 2)
    if by == 0:
        return x
    shift = builder.shl if by > 0 else builder.lshr
    moved = shift(builder.bitcast(x, words), ir.Constant(words, [abs(by)] * words.count))
    return builder.bitcast(moved, x.type)
