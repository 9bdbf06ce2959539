"""Metropolis sweeps of 512 states at a time, one bit a state, where couplings are whole numbers.

A spin's terms are its couplings and field in units of one number, each as often as it counts. With U of D
terms not satisfied, turning the spin costs 2 (D - 2 U) units. It is turned where

    U + V >= D / 2,    P(V >= v) = exp(-cost(v) / kT),    cost(v) = 4 v, D even, or 4 v - 2, D odd,

which is Metropolis' rule. U is counted bit by bit in all states at once: with the counter's middle put where
D / 2 lies (and, if D is even, the spin counted to itself), unsatisfied terms of a spin that is down are the
complement of those of one that is up, and the condition is a carry out of the counter's upper half.

V is read, for all 512 states, from a random place of a table of bits. The table of a temperature is made of
16,384 evenly spaced quantiles in an order of their own, permuted by an exclusive or for each table. Random
numbers of different states are the same ones at a distance: good enough for a search, not for a law.
(Multi-spin coding as Isakov, Zintchenko, Ronnow and Troyer, Comput. Phys. Commun. 192, 265, 2015.)

A row is a spin in 512 states: eight 64-bit words, at a multiple of 64 bytes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.gates.vector import _I64, _ROW, _at, _data, _load, _row, _store
from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic
from thermo.kernels.spins.crossing import _mixed
from thermo.kernels.spins.packed import _ones, _spread

STATES = 512
QUANTILES = 1 << 14
TABLE_WORDS = QUANTILES // 64 + 8  # a place and the 512 bits from it on
PLANES = 7  # binary digits of V
COUNTERS = (3, 4, 5, 6, 8)  # digits of the counters that there are
MOST = (1 << COUNTERS[-1]) - 2  # terms of a spin at most
FOUR = 4  # terms that are added at a time
CELL, FIRST, MIDDLE, LAST, MIDST, COUNTER, ODD = range(7)  # columns of a plan
COLUMNS = 7

_I16 = ir.IntType(16)
_I32 = ir.IntType(32)
_SOME = ir.VectorType(_I16, 64)
_PLACES = np.uint64(QUANTILES // 8 - 1)
_PLACE_BITS = np.uint64(11)
_DRAWS = 5  # places in 64 random bits


def quantiles() -> np.ndarray:
    """(QUANTILES + 512,) uint16, evenly spaced and shuffled, the first 512 once more at the end."""
    step = 65536 // QUANTILES
    spaced = np.arange(QUANTILES, dtype=np.uint16) * np.uint16(step) + np.uint16(step // 2)
    shuffled = np.random.default_rng(0).permutation(spaced)
    return np.concatenate([shuffled, shuffled[:STATES]])


@intrinsic
def _below(typingctx, numbers, at, scramble, limit):  # type: ignore[no-untyped-def]
    """Bit k set where numbers[at + k] xor scramble is below limit; 64 numbers of 16 bits."""
    i64 = types.int64
    signature = types.uint64(numbers, i64, i64, i64)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        def all_of(value: Any) -> Any:
            nothing = ir.Constant(_SOME, ir.Undefined)
            first = builder.insert_element(nothing, builder.trunc(value, _I16), _I32(0))
            return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_I32, 64), [0] * 64))

        base = _data(context, builder, sig.args[0], args[0])
        some = _load(builder, base, builder.shl(args[1], _I64(1)), _SOME, 2)
        less = builder.icmp_unsigned("<", builder.xor(some, all_of(args[2])), all_of(args[3]))
        return builder.bitcast(less, _I64)

    return signature, codegen


def _turn(planes: int) -> Any:
    """A function that turns one spin in all states by a counter of so many planes."""

    @intrinsic
    def turn(typingctx, rows, plan, number, terms, table, digits, place):  # type: ignore[no-untyped-def]
        i64 = types.int64
        signature = types.void(rows, plan, i64, terms, table, i64, i64)

        def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
            base, tasks, sources, drawn = (
                _data(context, builder, sig.args[k], args[k]) for k in (0, 1, 3, 4)
            )
            row = builder.mul(args[2], _I64(8 * COLUMNS))

            def task(column: int) -> Any:
                return builder.load(_at(builder, tasks, builder.add(row, _I64(8 * column)), _I64))

            middle = task(MIDST)
            counter = [cgutils.alloca_once(builder, _ROW) for _ in range(planes)]
            for p in range(planes):
                bit = builder.and_(builder.lshr(middle, _I64(p)), _I64(1))
                builder.store(_spread(builder, builder.sub(_I64(0), bit)), counter[p])

            def full(p: int, x: Any, y: Any) -> Any:
                """Add two bits to a plane; returns the carry."""
                kept = builder.load(counter[p])
                half = builder.xor(x, y)
                builder.store(builder.xor(half, kept), counter[p])
                return builder.or_(builder.and_(x, y), builder.and_(half, kept))

            def add(first: int, last: int, wanted: bool) -> None:
                """Add the rows of terms, or their complements."""
                with cgutils.for_range_slice(builder, task(first), task(last), _I64(FOUR)) as (e, _):
                    four = []
                    for k in range(FOUR):
                        at = builder.shl(builder.add(e, _I64(k)), _I64(2))
                        source = builder.zext(builder.load(_at(builder, sources, at, _I32)), _I64)
                        value = _load(builder, _row(builder, base, source), _I64(0))
                        four.append(value if wanted else builder.not_(value))
                    twos = full(0, four[0], four[1]), full(0, four[2], four[3])
                    carry = full(1, *twos)
                    for p in range(2, planes):
                        kept = builder.load(counter[p])
                        builder.store(builder.xor(kept, carry), counter[p])
                        carry = builder.and_(kept, carry)

            add(FIRST, MIDDLE, True)
            add(MIDDLE, LAST, False)
            here = _row(builder, base, task(CELL))
            spin = _load(builder, here, _I64(0))
            down = builder.xor(spin, _ones())
            size = _I64(8 * TABLE_WORDS)
            at = builder.add(args[6], builder.mul(task(ODD), _I64(8 * TABLE_WORDS * PLANES)))
            carry = None
            for p in range(planes - 1):
                u = builder.xor(builder.load(counter[p]), down)
                v = _load(builder, drawn, builder.add(at, _I64(8 * TABLE_WORDS * p)), _ROW, 1)
                both = builder.and_(u, v)
                carry = both if carry is None else builder.or_(both, builder.and_(carry, builder.xor(u, v)))
            upper = builder.xor(builder.load(counter[-1]), down)
            turned = cgutils.alloca_once(builder, _ROW)
            builder.store(builder.or_(upper, carry), turned)
            with cgutils.for_range_slice(builder, _I64(planes - 1), args[5], _I64(1)) as (p, _):
                # a digit of V that is more than all terms
                v = _load(builder, drawn, builder.add(at, builder.mul(p, size)), _ROW, 1)
                builder.store(builder.or_(builder.load(turned), v), turned)
            _store(builder, builder.xor(spin, builder.load(turned)), here, _I64(0))
            return context.get_dummy_value()

        return signature, codegen

    return turn


_turn3, _turn4, _turn5, _turn6, _turn8 = (_turn(planes) for planes in COUNTERS)


@njit(cache=True, nogil=True)
def fill_table(table, numbers, kT, key, number):  # type: ignore[no-untyped-def]
    """The digits of V at a temperature, of D even and odd; returns how many are not all 0.

    table : (2, PLANES, TABLE_WORDS) uint64; numbers : `quantiles()`; kT : in the couplings' unit
    key, number : of the random bits that permute the quantiles
    """
    scramble = np.int64(_mixed(key, number) >> np.uint64(48))
    table[:] = np.uint64(0)
    digits = 0
    for odd in range(2):
        for v in range(1, 1 << PLANES):
            cost = 4.0 * v - 2.0 * odd
            if cost > 11.1 * kT:  # below a quantile
                break
            limit = np.int64(min(65535.0, math.exp(-cost / kT) * 65536.0))
            for w in range(TABLE_WORDS):
                least = _below(numbers, 64 * w, scramble, limit)
                # a digit turns at each multiple of its value
                p, rest = 0, v
                while True:
                    table[odd, p, w] ^= least
                    if rest & 1:
                        break
                    rest >>= 1
                    p += 1
                digits = max(digits, p + 1)
    return digits


@njit(cache=True, nogil=True)
def sweep_bits(rows, plan, terms, table, digits, key, number):  # type: ignore[no-untyped-def]
    """One sweep of 512 states, in place.

    rows : (n_rows, 8) uint64
    plan : (n_free, 7) int64, a spin in each row: its row; its terms that are satisfied where the spin
        differs from the row terms[e], e from FIRST on, and where it does not, from MIDDLE to LAST; the
        counter's start, its place in COUNTERS, and D mod 2
    terms : (m,) int32; FIRST, MIDDLE and LAST are multiples of FOUR, what is not needed names rows of
        nothing but 0, or of nothing but 1 from MIDDLE on
    table, digits : see `fill_table`; key, number : of the random numbers
    """
    n = plan.shape[0]
    draws = np.uint64(number) * np.uint64((n + _DRAWS - 1) // _DRAWS)
    bits = np.uint64(0)
    left = 0
    for k in range(n):
        if left == 0:
            bits = _mixed(key, draws)
            draws += np.uint64(1)
            left = _DRAWS
        place = np.int64(bits & _PLACES)
        bits >>= _PLACE_BITS
        left -= 1
        counter = plan[k, COUNTER]
        if counter == 0:
            _turn3(rows, plan, k, terms, table, digits, place)
        elif counter == 1:
            _turn4(rows, plan, k, terms, table, digits, place)
        elif counter == 2:
            _turn5(rows, plan, k, terms, table, digits, place)
        elif counter == 3:
            _turn6(rows, plan, k, terms, table, digits, place)
        else:
            _turn8(rows, plan, k, terms, table, digits, place)


@njit(cache=True, nogil=True)
def _transpose(block):  # type: ignore[no-untyped-def]
    """Exchange bit c of word r with bit r of word c, r, c < 64 (Warren, Hacker's Delight, section 7-3)."""
    mask = np.uint64(0xFFFFFFFF)
    j = 32
    while j:
        shift = np.uint64(j)
        k = 0
        while k < 64:
            some = ((block[k] >> shift) ^ block[k + j]) & mask
            block[k] ^= some << shift
            block[k + j] ^= some
            k = (k + j + 1) & ~j
        j >>= 1
        mask ^= mask << np.uint64(j)


@njit(cache=True, nogil=True)
def rows_to_states(rows, n, states):  # type: ignore[no-untyped-def]
    """states[c] = the bits of state c, spin i in bit i % 64 of word i // 64; (512, words) uint64."""
    block = np.empty(64, np.uint64)
    for q in range(states.shape[1]):
        for w in range(8):
            for r in range(64):
                block[r] = rows[64 * q + r, w] if 64 * q + r < n else np.uint64(0)
            _transpose(block)
            for c in range(64):
                states[64 * w + c, q] = block[c]


@njit(cache=True, nogil=True)
def states_to_rows(states, n, rows):  # type: ignore[no-untyped-def]
    """The reverse of `rows_to_states`."""
    block = np.empty(64, np.uint64)
    for q in range(states.shape[1]):
        for w in range(8):
            for c in range(64):
                block[c] = states[64 * w + c, q]
            _transpose(block)
            for r in range(min(64, n - 64 * q)):
                rows[64 * q + r, w] = block[r]
