"""Rows asked for before they are needed: where the next ones lie is known, a CPU cannot guess it."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.logic.dots import CHUNK
from thermo.kernels.random import intrinsic

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def emit_fetch(builder: Any, address: Any, writes: bool = False) -> None:
    """Have the line of this address brought into the cache."""
    pointer = _I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    near, data = ir.Constant(_I32, 3), ir.Constant(_I32, 1)
    builder.call(function, [builder.inttoptr(address, pointer), ir.Constant(_I32, int(writes)), near, data])


def _fetch_of(writes: bool) -> Any:
    def fetch(typingctx, start, size):  # type: ignore[no-untyped-def]
        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            start, size = args
            zero, line = ir.Constant(_I64, 0), ir.Constant(_I64, CHUNK)
            with cgutils.for_range_slice(builder, zero, size, line, _I64) as (offset, _):
                emit_fetch(builder, builder.add(start, offset), writes)
            return zero

        return types.int64(types.int64, types.int64), codegen

    return intrinsic(fetch)


fetch, fetch_to_write = _fetch_of(False), _fetch_of(True)
"""Ask for `size` bytes, a multiple of 64, from an address: to be read, or to be written, soon."""
