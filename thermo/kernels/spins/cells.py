"""Sweeps of one chain of very many p-bits; all threads share the cells.

Cells of one colour do not see each other: each colour's places are cut into pieces, which any thread
may take, and sums over neighbours are made anew, 16 cells at a time. Random words and arithmetic are
those of thermo.kernels.spins.colours, so that where sums are exact the states are its, on any number
of threads. A coupling of 16 cells whose other ends lie side by side, as on lattices, is one load of
the vector unit; other ends are fetched one by one. States are bytes, and so are couplings that are
small whole numbers: a large machine waits for memory.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from thermo.kernels.jit import njit
from thermo.kernels.langevin.rows import VECTOR, _Code
from thermo.kernels.random import intrinsic
from thermo.kernels.spins.rows import GROUP, _constant, _heat_bath, words_of_cells

PIECE = 128  # groups of one piece of work, 2048 places: microseconds
PATIENCE = 10_000  # looks at a counter, a few pieces' time, before a thread lets others have its processor
PADDING = GROUP  # states beyond the last place, so that 16 can be loaded from anywhere


@intrinsic
def _update_group(  # type: ignore[no-untyped-def]
    typingctx, spin, weight, bases, ends, first, last, own, words, at, word_at, scale, beta, free
):
    """Heat bath of the cells at places at to at + 15 of one colour, whose slots are first to last - 1.

    A slot is one coupling of each of 16 cells: bases[e] is the first of 16 other ends side by side,
    or -1 - k where they are ends[k]. free : bit k set where cell k may change
    Weights that are bytes are summed in bytes, 16 in a quarter of the vector that floats take.
    """
    f32, i64 = types.float32, types.int64
    signature = types.void(spin, weight, bases, ends, i64, i64, own, words, i64, i64, f32, f32, i64)
    byte = ir.IntType(8)
    bytes_ = ir.VectorType(byte, VECTOR)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        code = _Code(context, builder, sig, args)
        i32, i64, one = ir.IntType(32), code.long, code.long(1)
        states, other = code.data(0), code.data(3)

        def load_states(at):  # type: ignore[no-untyped-def]
            return builder.load(builder.bitcast(builder.gep(states, [at]), bytes_.as_pointer()), align=1)

        small = sig.args[1].dtype == types.int8
        zero = _constant(bytes_, 0) if small else _constant(code.floats, 0.0)
        total = cgutils.alloca_once_value(builder, zero)
        builder.store(zero, total)
        seen = cgutils.alloca_once(builder, bytes_)
        with cgutils.for_range_slice(builder, args[4], args[5], one) as (e, _):
            base = builder.sext(builder.load(builder.gep(code.data(2), [e])), i64)
            with builder.if_else(builder.icmp_signed(">=", base, i64(0))) as (side_by_side, apart):
                with side_by_side:
                    builder.store(load_states(base), seen)
                with apart:
                    row = builder.mul(builder.sub(i64(-1), base), i64(VECTOR))
                    vector = ir.Constant(bytes_, ir.Undefined)
                    for k in range(VECTOR):
                        end = builder.load(builder.gep(other, [builder.add(row, i64(k))]))
                        state = builder.load(builder.gep(states, [builder.sext(end, i64)]))
                        vector = builder.insert_element(vector, state, i32(k))
                    builder.store(vector, seen)
            here, s = builder.mul(e, i64(VECTOR)), builder.load(seen)
            if small:
                w = builder.load(code.at(1, here, bytes_), align=1)
                against = builder.ashr(s, _constant(bytes_, 7))  # all ones where s is -1
                w = builder.sub(builder.xor(w, against), against)
                builder.store(builder.add(builder.load(total), w), total)
            else:
                s = builder.sitofp(builder.sext(s, code.words), code.floats)
                builder.store(code.fma(code.load(1, here), s, builder.load(total)), total)
        at, word_at = args[8], args[9]
        coupled = builder.load(total)
        if small:
            coupled = builder.sitofp(builder.sext(coupled, code.words), code.floats)
        field = code.fma(code.splat(10), coupled, code.load(6, at))
        up = _heat_bath(code, builder.fmul(field, code.splat(11)), code.load(7, word_at, code.words))
        new = builder.select(up, _constant(bytes_, 1), _constant(bytes_, -1))
        mask = builder.bitcast(
            builder.trunc(args[12], ir.IntType(VECTOR)), ir.VectorType(ir.IntType(1), VECTOR)
        )
        new = builder.select(mask, new, load_states(at))
        builder.store(new, builder.bitcast(builder.gep(states, [at]), bytes_.as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, codegen


@njit(cache=True, nogil=True)
def _sweep_piece(  # type: ignore[no-untyped-def]
    spin, own, slots, bases, ends, weight, free, first, last, beta, scale, seed, chain, step
):
    """One update of the cells in groups first to last - 1, all of one colour; see sweep_cells."""
    words = np.empty(4 * GROUP, np.uint32)
    made = -1
    for g in range(first, last):
        if g // 4 != made:
            made = g // 4
            words_of_cells(words, seed, chain, step, made * 4 * GROUP)
        if free[g]:
            _update_group(
                spin,
                weight,
                bases,
                ends,
                slots[g],
                slots[g + 1],
                own,
                words,
                g * GROUP,
                (g % 4) * GROUP,
                scale,
                beta,
                free[g],
            )


@intrinsic
def _take(typingctx, counters, k):  # type: ignore[no-untyped-def]
    """counters[k] before one is added to it, seen by all threads."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), ir.IntType(64)(1), "seq_cst")

    return types.int64(counters, types.int64), codegen


@intrinsic
def _read(typingctx, counters, k):  # type: ignore[no-untyped-def]
    """counters[k] as all threads see it."""

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.load_atomic(builder.gep(data, [args[1]]), "seq_cst", 8)

    return types.int64(counters, types.int64), codegen


@njit(cache=True, nogil=True)
def sweep_cells(  # type: ignore[no-untyped-def]
    spin,
    own,
    slots,
    bases,
    ends,
    weight,
    free,
    pieces,
    before,
    beta,
    scale,
    seed,
    chain,
    step0,
    counters,
    ticket,
):
    """Sweeps of one chain, in place, by every thread that calls this with the same `counters`.

    spin : (n_places + PADDING,) int8 of +-1; own : (n_places,) float32 fields
    slots : (n_groups + 1,) int64, slots of each group of 16 places
    bases : (n_slots,) int32; ends : (k, 16) int32, see _update_group
    weight : (n_slots, 16) float32, or int8 where a cell's sizes add up to 127 at most
    free : (n_groups,) int64, bit k set where cell k of the group may change
    pieces : (n_pieces, 2) int64, groups of one colour from the first to before the last, colour by colour
    before : (n_pieces,) int64, pieces of earlier colours than this one's
    beta, scale : (n_sweeps,) float32, 2 / kT and the factor on weights
    seed, chain, step0 : identity of the random numbers
    counters : (2,) int64, 0 at first: pieces of all sweeps begun, and finished
    ticket : -1, or what the last call returned

    Pieces are taken in order; one is begun when all those of earlier colours and sweeps are finished.
    Returns -1 when all are taken, or the number of a piece that had to wait long: call again with it.
    """
    n_pieces = pieces.shape[0]
    while True:
        if ticket < 0:
            ticket = _take(counters, 0)
        t = ticket // n_pieces
        if t >= beta.shape[0]:
            return np.int64(-1)
        p = ticket - t * n_pieces
        waited = 0
        while _read(counters, 1) < t * n_pieces + before[p]:
            waited += 1
            if waited == PATIENCE:
                return ticket
        _sweep_piece(
            spin,
            own,
            slots,
            bases,
            ends,
            weight,
            free,
            pieces[p, 0],
            pieces[p, 1],
            beta[t],
            scale[t],
            seed,
            chain,
            step0 + t,
        )
        _take(counters, 1)
        ticket = np.int64(-1)


@njit(cache=True, nogil=True)
def cells_energy(spin, own, slots, bases, ends, weight, unit, first, last):  # type: ignore[no-untyped-def]
    """Part of groups first to last - 1 in a chain's energy, float64; couplings, `unit` times weights, act
    both ways.
    """
    energy = 0.0
    for g in range(first, last):
        for k in range(GROUP):
            i = g * GROUP + k
            total = 0.0
            for e in range(slots[g], slots[g + 1]):
                end = bases[e] + k if bases[e] >= 0 else ends[-1 - bases[e], k]
                total += np.float64(weight[e, k]) * np.float64(spin[end])
            energy -= np.float64(spin[i]) * (np.float64(own[i]) + 0.5 * unit * total)
    return energy


@njit(cache=True, nogil=True)
def find_bases(place, indptr, indices, slots, bases):  # type: ignore[no-untyped-def]
    """Fill bases (n_slots,) for the rows at ascending places; returns how many slots are apart.

    place : (n,) int64; indptr, indices : CSR couplings among rows; slots : as in sweep_cells
    """
    n, apart, low = place.shape[0], 0, 0
    for g in range(slots.shape[0] - 1):
        high = low
        while high < n and place[high] < (g + 1) * GROUP:
            high += 1
        for k in range(slots[g + 1] - slots[g]):
            base, same = np.int64(-1), True
            for r in range(low, high):
                if k < indptr[r + 1] - indptr[r]:
                    here = place[indices[indptr[r] + k]] - place[r] % GROUP
                    if base < 0:
                        base = here
                    same = same and here == base and here >= 0
            if not same:
                apart += 1
                base = np.int64(-apart)
            bases[slots[g] + k] = max(base, 0) if same else base
        low = high
    return apart


@njit(cache=True, nogil=True)
def fill_slots(place, indptr, indices, values, slots, bases, ends, weight):  # type: ignore[no-untyped-def]
    """Fill weight (n_slots, 16) and ends (k, 16), both 0 before; values : (nnz,) couplings."""
    for r in range(place.shape[0]):
        g, k = place[r] // GROUP, place[r] % GROUP
        for e in range(indptr[r], indptr[r + 1]):
            slot = slots[g] + e - indptr[r]
            weight[slot, k] = values[e]
            if bases[slot] < 0:
                ends[-1 - bases[slot], k] = place[indices[e]]
