"""Entries of tables as lookups hold them: hard ones, slopes, and the sums of derivatives at each."""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.logic.emit import Case, load, pointer, store, switch
from thermo.kernels.logic.lookups import MANY, TWO, operands_of, size_of
from thermo.kernels.random import intrinsic

_I8, _I32, _I64 = (ir.IntType(bits) for bits in (8, 32, 64))


def _emit_sums(builder: Any, args: Any, inputs: int) -> None:
    size = 1 << inputs
    held = size if inputs == TWO else size_of(operands_of(inputs))
    totals, scale, out = args
    whole, real = ir.VectorType(_I32, size), ir.VectorType(ir.FloatType(), size)
    total = None
    for start in range(0, held, size):
        place = builder.add(totals, ir.Constant(_I64, 4 * start))
        part = builder.load(pointer(builder, place, whole), align=4)
        total = part if total is None else builder.add(total, part)
    one = builder.insert_element(ir.Constant(real, ir.Undefined), scale, ir.Constant(_I32, 0))
    by = builder.shuffle_vector(one, one, ir.Constant(whole, [0] * size))
    value = builder.fmul(by, builder.sitofp(total, real))
    builder.store(value, pointer(builder, out, real), align=4)


def _repeated(builder: Any, table: Any, held: int, change: Any = lambda e: e) -> Any:
    """<held x ...>: entry change(e) of the table at e, again and again."""
    n = table.type.count
    order = [change(e) % n for e in range(held)]
    return builder.shuffle_vector(table, table, ir.Constant(ir.VectorType(_I32, held), order))


def _emit_slopes(builder: Any, args: Any, inputs: int) -> None:
    operands = operands_of(inputs)
    held, table = size_of(operands), load(builder, args[0], ir.Constant(_I64, 0), 1 << inputs)
    for j in range(operands):
        one = _repeated(builder, table, held, lambda e, j=j: e | 1 << j)
        zero = _repeated(builder, table, held, lambda e, j=j: e & ~(1 << j))
        store(builder, builder.sub(one, zero), args[1], ir.Constant(_I64, j * held), held)


def _emit_hard(builder: Any, args: Any, inputs: int) -> None:
    held = size_of(operands_of(inputs))
    kind = ir.VectorType(ir.FloatType(), 1 << inputs)
    table = builder.load(pointer(builder, args[0], kind), align=4)
    ones = builder.fcmp_ordered(">", table, ir.Constant(kind, [0.0] * kind.count))
    bits = builder.zext(ones, ir.VectorType(_I8, kind.count))
    store(builder, _repeated(builder, bits, held), args[1], ir.Constant(_I64, 0), held)


def _by_inputs(emit: Any, *kinds: Any) -> tuple[Any, Any]:
    """Signature and code of an intrinsic of such arguments, then the inputs of a table.

    emit : builder, arguments, inputs -> their code
    """

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        *given, inputs = args
        cases: list[Case] = [((n,), partial(emit, builder, given, n)) for n in range(TWO, MANY + 1)]
        switch(builder, inputs, cases)
        return ir.Constant(_I64, 0)

    return types.int64(*kinds, types.int64), codegen


@intrinsic
def _sums(typingctx, totals, scale, out, inputs):  # type: ignore[no-untyped-def]
    return _by_inputs(_emit_sums, types.int64, types.float32, types.int64)


@intrinsic
def _slopes(typingctx, entries, out, inputs):  # type: ignore[no-untyped-def]
    return _by_inputs(_emit_slopes, types.int64, types.int64)


@intrinsic
def _hard(typingctx, logits, out, inputs):  # type: ignore[no-untyped-def]
    return _by_inputs(_emit_hard, types.int64, types.int64)


@njit(cache=True, nogil=True)
def slopes(entries, out, inputs):  # type: ignore[no-untyped-def]
    """out[j, e] = entries[e with bit j set] - entries[e with it clear]; (operands, entries held) int8.

    entries : (2^inputs,) int8
    """
    _slopes(entries, out, inputs)


@njit(cache=True, nogil=True)
def hard_entries(logits, out, inputs):  # type: ignore[no-untyped-def]
    """out[e] = logits[e] > 0; logits : (2^inputs,) float32, out : (entries held,) uint8."""
    _hard(logits, out, inputs)


@njit(cache=True, nogil=True)
def entry_sums(totals, scale, out, inputs):  # type: ignore[no-untyped-def]
    """out[e] = scale times the totals of all places where entry e is held; (2^inputs,) float32.

    totals : as add_up leaves them; scale : float32
    """
    _sums(totals, scale, out, inputs)
