"""Vectors of bytes in LLVM IR, and arrays of which kernels hold the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic

_I8, _I64 = ir.IntType(8), ir.IntType(64)
Case = tuple[Iterable[int], Callable[[], None]]


def vector(kind: Any, n: int) -> Any:
    return kind if n == 1 else ir.VectorType(kind, n)


def same(kind: Any, n: int, value: int) -> Any:
    return ir.Constant(kind, value) if n == 1 else ir.Constant(vector(kind, n), [value] * n)


def pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def load(builder: Any, base: Any, offset: Any, n: int) -> Any:
    return builder.load(pointer(builder, builder.add(base, offset), vector(_I8, n)), align=1)


def store(builder: Any, value: Any, base: Any, offset: Any, n: int) -> None:
    builder.store(value, pointer(builder, builder.add(base, offset), vector(_I8, n)), align=1)


def chunks(builder: Any, pitch: Any, width: int) -> Any:
    return cgutils.for_range_slice(builder, ir.Constant(_I64, 0), pitch, ir.Constant(_I64, width), _I64)


def switch(builder: Any, number: Any, cases: Iterable[Case], other: Callable[[], None] | None = None) -> None:
    """The code of one of several cases, by a number that is known when a kernel runs.

    cases : (numbers, what emits their code); other : what emits that of other numbers, None: there is none
    """
    before, done = builder.block, builder.append_basic_block("done")

    def made(emit: Callable[[], None]) -> Any:
        block = builder.append_basic_block("case")
        builder.position_at_end(block)
        emit()
        builder.branch(done)
        return block

    blocks = [(numbers, made(emit)) for numbers, emit in cases]
    rest = done if other is None else made(other)
    builder.position_at_end(before)
    chosen = builder.switch(number, rest)
    for numbers, block in blocks:
        for one in numbers:
            chosen.add_case(ir.Constant(number.type, one), block)
    builder.position_at_end(done)


def scratch(builder: Any, kind: Any) -> Any:
    """Address of room on the stack, whatever is in it: cgutils.alloca_once writes zeros at each call."""
    with builder.goto_entry_block():
        return builder.ptrtoint(builder.alloca(kind), _I64)


@njit(cache=True, nogil=True)
def address(array):  # type: ignore[no-untyped-def]
    """Where its first element is, as int64: numba's own is unsigned, and a float once a number is added."""
    return np.int64(array.ctypes.data)


@intrinsic
def alive(typingctx, arrays):  # type: ignore[no-untyped-def]
    """To be called, with a tuple of a kernel's own arrays, behind the last use of their addresses: numba
    frees an array behind its own last use, and an address is none.
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        return context.get_dummy_value()

    return types.none(arrays), codegen


@intrinsic
def borrowed(typingctx, arrays):  # type: ignore[no-untyped-def]
    """A tuple's arrays, which the caller keeps, not counted: counting references takes an atomic instruction
    at each function that is called with them.
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        found = args[0]
        for k, kind in enumerate(arrays):
            if isinstance(kind, types.Array):
                array = context.make_array(kind)(context, builder, builder.extract_value(found, k))
                array.meminfo = cgutils.get_null_value(array.meminfo.type)
                array.parent = cgutils.get_null_value(array.parent.type)
                found = builder.insert_value(found, array._getvalue(), k)
        return found

    return arrays(arrays), codegen
