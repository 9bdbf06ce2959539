"""A search by a population of 512 annealed states, one bit each, whose parts are crossed.

Two states of low energy differ in parts of a sparse graph that are not coupled to each other. What a part's
turn costs does not depend on the others, so the best of all states that take each part from either parent is
found part by part in one pass (partition crossover: Whitley, Hains and Howe, GECCO 2009, 915; Tinos,
Whitley and Chicano, FOGA 2015, 137).

All states are annealed together (`thermo.kernels.spins.bits`). Then, again and again: every state takes from
another one the parts that are better there; all are annealed once more, from a share of the first
temperature; of what came of it every state takes the parts that are not worse. So local searches all over
the graph are accepted one by one. Every second time states are annealed and accepted alone. A population
nearly all of which has the least energy makes room for a new one, annealed twice as slowly at first.

No law of sampling holds. Energies are whole numbers of the couplings' unit, without rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.random import intrinsic
from thermo.kernels.spins.bits import STATES, fill_table, rows_to_states, states_to_rows, sweep_bits
from thermo.kernels.spins.crossing import GREEDY, _key, _mixed
from thermo.kernels.spins.rows import lowest

KIND = 16  # of the streams of random numbers, those of other searches being below
HOT_SWEEPS = 100  # before the first ramp, which tell how fast sweeps are
FIRST_SHARE = 1 / 12  # of the time, for the first ramp
LEAST_SWEEPS, MOST_SWEEPS = 1000, 20_000  # of that ramp; fewer where there is no time for three times as many
AGAIN = 500  # sweeps of each later ramp at most, or half the first
WARM = 0.7  # temperature that these begin at, of the first one's
ALIKE = STATES - STATES // 16  # states with the least energy, twice, that end a population
TABLE_SWEEPS = 8  # between two temperatures, and
TABLE_SPINS = 8000  # of small systems as many as turn so many spins
# work, in terms of a sweep
SPIN_WORK, PART_WORK, WEIGHT_WORK = 6, 6, 4  # for each spin of a sweep, each coupling of parts, of an energy

# columns of a search's state
WORK, STAGE, DONE, LENGTH, LANE, CYCLE, NUMBER, FIRST_LENGTH, SAME, DIGITS = range(10)
COLUMNS = 10
_OPEN, _HOT, _BORN, _WEIGHED, _CROSSED, _AGAIN, _TAKEN = range(7)  # stages

_ONE = np.uint64(1)
_SIX = np.uint64(6)
_LOW = np.uint64(63)


@intrinsic
def _ones_in(typingctx, word):  # type: ignore[no-untyped-def]
    """How many bits of a word are set."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


@njit(cache=True, nogil=True, forceinline=True)
def _bit(words, i):  # type: ignore[no-untyped-def]
    return (words[i >> _SIX] >> (i & _LOW)) & _ONE


@njit(cache=True, nogil=True, forceinline=True)
def _flip(words, i):  # type: ignore[no-untyped-def]
    words[i >> _SIX] ^= _ONE << (i & _LOW)


@njit(cache=True, nogil=True)
def weigh(state, own, indptr, ends, weight):  # type: ignore[no-untyped-def]
    """Energy of one state; arguments as in `take_parts`."""
    energy = np.int64(0)
    for i in range(own.shape[0]):
        s = _bit(state, np.uint64(i))
        total = np.int64(0)
        for e in range(indptr[i], indptr[i + 1]):
            if ends[e] > i:
                total += weight[e] if _bit(state, np.uint64(ends[e])) == s else -weight[e]
        energy -= total + (own[i] if s else -own[i])
    return energy


@njit(cache=True, nogil=True)
def take_parts(state, other, free, own, indptr, ends, weight, gain, differ, left, queue):  # type: ignore[no-untyped-def]
    """Turn the parts of `state` that gain at least so much in `other`; returns (energy gained, work).

    Parts are the connected sets of spins that differ; where most differ, those that are alike: the reverse
    of a state often has nearly its energy, and what a part's turn costs is exact in any case.
    state, other : (words,) uint64, spin i in bit i % 64 of word i // 64
    free : (words,) uint64, spins that may turn; the others do not differ
    own : (n,) int64; indptr, ends, weight : symmetric CSR of whole numbers, int64, uint32 and int16
    gain : 0 or 1; differ, left : (words,), queue : (n + 1,) uint64, scratch
    """
    words = state.shape[0]
    count = 0
    for q in range(words):
        differ[q] = state[q] ^ other[q]
        count += 2 * _ones_in(differ[q]) - _ones_in(free[q])
    if count > 0:
        for q in range(words):
            differ[q] ^= free[q]
    for q in range(words):
        left[q] = differ[q]
    gained, work = np.int64(0), np.int64(words)
    # indices are unsigned: no test whether one counts from the end
    for q in range(words):
        while left[q]:
            root = np.uint64(64 * q + lowest(np.int64(left[q])))
            _flip(left, root)
            queue[0] = root
            head, tail, cost = np.uint64(0), np.uint64(1), np.int64(0)
            while head < tail:
                i = queue[head]
                head += _ONE
                s = _bit(state, i)
                cost += own[i] if s else -own[i]
                start, stop = np.uint64(indptr[i]), np.uint64(indptr[i + _ONE])
                work += 1 + np.int64(stop - start)
                e = start
                while e < stop:
                    # without branches, which nobody could predict
                    j = np.uint64(ends[e])
                    alike = 1 - 2 * np.int64(_bit(state, j) ^ s)
                    cost += np.int64(weight[e]) * alike * np.int64(_ONE ^ _bit(differ, j))
                    here = _bit(left, j)
                    left[j >> _SIX] ^= here << (j & _LOW)
                    queue[tail] = j
                    tail += here
                    e += _ONE
            if -2 * cost >= gain:
                gained -= 2 * cost
                for k in range(np.int64(tail)):
                    _flip(state, queue[k])
    return gained, work


@njit(cache=True, nogil=True)
def search_population(  # type: ignore[no-untyped-def]
    rows,
    plan,
    terms,
    own,
    indptr,
    ends,
    weight,
    free,
    numbers,
    hot,
    cold,
    until,
    expected,
    seed,
    chain,
    state,
    energies,
    members,
    others,
    best,
    table,
    differ,
    left,
    queue,
):
    """One search, gone on with until its work is that of `until` sweeps.

    rows, plan, terms, numbers : see thermo.kernels.spins.bits.sweep_bits; spins are numbered by rows
    own, indptr, ends, weight : see `take_parts`
    free : (words,) uint64, spins that may turn
    hot, cold : ends of the first ramp, in the couplings' unit
    expected : sweeps that the whole search will have, about; read once, after the first HOT_SWEEPS
    state : (COLUMNS,) int64, see the columns
    energies : (STATES + 1,) int64 of the members, then of `best`
    members : (STATES, words) uint64, all like the start at first; others : the same, scratch that is kept
    best : (words,) uint64, state of least energy seen; table : kept, see `fill_table`
    """
    n, words = own.shape[0], best.shape[0]
    sweep_work = np.int64(terms.shape[0] + SPIN_WORK * plan.shape[0])
    every = min(64, max(TABLE_SWEEPS, TABLE_SPINS // max(1, n)))
    while state[WORK] < until * sweep_work:
        stage = state[STAGE]
        if stage == _OPEN:  # a new population; the very first of all states begins where it was put
            key = _key(seed, chain, state[NUMBER], KIND)
            for c in range(0 if state[NUMBER] else 1, STATES):
                for q in range(words):
                    drawn = _mixed(key, c * words + q)
                    members[c, q] ^= (members[c, q] ^ drawn) & free[q]
            states_to_rows(members, n, rows)
            state[STAGE], state[DONE], state[LENGTH] = _HOT, 0, 0 if state[NUMBER] else HOT_SWEEPS
            state[CYCLE], state[SAME] = 0, 0
            state[WORK] += 3 * STATES * words
            state[NUMBER] += 1
        elif stage == _HOT:
            key = _key(seed, chain, state[NUMBER], KIND)
            if state[DONE] < state[LENGTH]:
                if state[DONE] == 0:
                    state[DIGITS] = fill_table(table, numbers, hot, key, 0)
                sweep_bits(rows, plan, terms, table, state[DIGITS], key, 1 + state[DONE])
                state[DONE] += 1
                state[WORK] += sweep_work
                continue
            share = np.int64(min(1e9, FIRST_SHARE * expected))
            first = min(MOST_SWEEPS, max(share, min(LEAST_SWEEPS, 4 * share)))
            first = max(first, HOT_SWEEPS)
            state[FIRST_LENGTH] = 2 * state[FIRST_LENGTH] if state[FIRST_LENGTH] else first
            state[STAGE], state[DONE], state[LENGTH] = _BORN, 0, state[FIRST_LENGTH]
            state[NUMBER] += 1
        elif stage in (_BORN, _AGAIN):
            top = hot if stage == _BORN else WARM * hot
            key = _key(seed, chain, state[NUMBER], KIND + 1)
            length = state[LENGTH]
            t = state[DONE]
            if t % every == 0 or t == length - GREEDY:
                kT = top + (min(cold, top) - top) * min(1.0, (t + 0.5 * every) / length)
                state[DIGITS] = fill_table(table, numbers, kT if t < length - GREEDY else 0.0, key, t)
            sweep_bits(rows, plan, terms, table, state[DIGITS], key, length + t)
            state[DONE] += 1
            state[WORK] += sweep_work
            if state[DONE] < length:
                continue
            rows_to_states(rows, n, members if stage == _BORN else others)
            state[WORK] += STATES * words
            state[STAGE], state[LANE] = _WEIGHED if stage == _BORN else _TAKEN, 0
            state[NUMBER] += 1
        elif stage == _WEIGHED:
            c = state[LANE]
            energies[c] = weigh(members[c], own, indptr, ends, weight)
            state[WORK] += WEIGHT_WORK * ends.shape[0]
            _keep(members, energies, c, best)
            state[LANE] += 1
            if state[LANE] == STATES:
                state[STAGE], state[LANE] = _CROSSED, 0
                _copy(members, others)
        elif stage == _CROSSED:
            c = state[LANE]
            if state[CYCLE] % 2 == 0:
                far = _mixed(_key(seed, chain, state[NUMBER], KIND), 0) % np.uint64(STATES - 1)
                mate = (c + 1 + np.int64(far)) % STATES
                gained, work = take_parts(
                    members[c], others[mate], free, own, indptr, ends, weight, 1, differ, left, queue
                )
                energies[c] -= gained
                state[WORK] += PART_WORK * work
                _keep(members, energies, c, best)
                state[LANE] += 1
            else:
                state[LANE] = STATES
            if state[LANE] == STATES:
                states_to_rows(members, n, rows)
                state[STAGE], state[DONE], state[LENGTH] = _AGAIN, 0, min(AGAIN, state[FIRST_LENGTH] // 2)
                state[WORK] += STATES * words
                state[NUMBER] += 1
        else:
            c = state[LANE]
            gained, work = take_parts(
                members[c], others[c], free, own, indptr, ends, weight, 0, differ, left, queue
            )
            energies[c] -= gained
            state[WORK] += PART_WORK * work
            _keep(members, energies, c, best)
            state[LANE] += 1
            if state[LANE] < STATES:
                continue
            least, alike = energies[0], 0
            for k in range(STATES):
                least = min(least, energies[k])
            for k in range(STATES):
                alike += energies[k] == least
            state[SAME] = state[SAME] + 1 if alike >= ALIKE else 0
            state[CYCLE] += 1
            state[STAGE], state[LANE] = _OPEN if state[SAME] > 1 else _CROSSED, 0
            if state[CYCLE] % 2 == 0:
                _copy(members, others)


@njit(cache=True, nogil=True)
def _copy(source, into):  # type: ignore[no-untyped-def]
    for c in range(source.shape[0]):
        for q in range(source.shape[1]):
            into[c, q] = source[c, q]


@njit(cache=True, nogil=True)
def _keep(members, energies, c, best):  # type: ignore[no-untyped-def]
    """Make a member the best state if it is."""
    if energies[c] < energies[STATES]:
        energies[STATES] = energies[c]
        for q in range(best.shape[0]):
            best[q] = members[c, q]
