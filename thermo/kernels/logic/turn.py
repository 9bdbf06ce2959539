"""Bytes of several samples turned, so that what a sample has in a row lies in a column."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.logic.emit import load, store
from thermo.kernels.random import intrinsic

SIDE = 16
"""Samples and bytes of a tile."""
_I32, _I64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def turn(typingctx, base, starts, out, pitch):  # type: ignore[no-untyped-def]
    """out[i, s] = byte i of sample s, for SIDE bytes of SIDE samples.

    Addresses: base + starts[s] is where sample s begins; starts (SIDE,) int64; out rows of `pitch` bytes
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        base, starts, out, pitch = args
        at = builder.inttoptr(starts, _I64.as_pointer())
        rows = []
        for s in range(SIDE):
            start = builder.load(builder.gep(at, [ir.Constant(_I64, s)]))
            rows.append(load(builder, base, start, SIDE))
        # four times row s beside row s + 8, byte by byte: the bits of (s, i) move round by one
        low, high = ([SIDE * (i % 2) + i // 2 + start for i in range(SIDE)] for start in (0, SIDE // 2))
        masks = [ir.Constant(ir.VectorType(_I32, SIDE), order) for order in (low, high)]
        for _ in range(4):
            pairs = [(rows[s], rows[s + SIDE // 2]) for s in range(SIDE // 2)]
            rows = [builder.shuffle_vector(*pair, mask) for pair in pairs for mask in masks]
        for i, row in enumerate(rows):
            store(builder, row, out, builder.mul(pitch, ir.Constant(_I64, i)), SIDE)
        return cgutils.get_null_value(_I64)

    return types.int64(*[types.int64] * 4), codegen
