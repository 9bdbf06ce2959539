"""A search by a population of annealed states that are crossed with each other.

Two states of low energy agree about most of a sparse graph, up to the sign of whole regions. Neighbouring
spins that stand to each other as in both states are taken as one: what is left is an exact, small model of
the regions' signs (Houdayer and Martin, Phys. Rev. Lett. 83, 1030, 1999). That is annealed in no time; its
best state is at least as good as the first parent and is annealed once more on the whole graph, from half
the temperature. The child takes the place of the worse parent unless it is worse. A population that no child
improves any more meets the best state of those before it, and then makes room for a new one, annealed twice
as slowly.

No law of sampling holds: single spins turn by Metropolis' rule, whose random numbers are 4,096 quantiles in
an order of their own, read from a random place for 16 spins at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from thermo.kernels.jit import njit
from thermo.kernels.langevin.rows import VECTOR, _Code
from thermo.kernels.random import _threefry13, intrinsic
from thermo.kernels.spins.colours import sum_couplings
from thermo.kernels.spins.rows import GROUP, end_of, lowest, weight_of

STREAM_CROSSING = 29
QUANTILES = 4096
MEMBERS = 16  # of a population at most
FEWEST = 4
FIRST = 1000  # sweeps of the first member, which tells how fast sweeps are
SHORT = 3000  # sweeps of a member in the first population, or
EACH = 6  # sweeps for each spin, whichever is more
ANNEALED = 0.6  # share of the time that the first population takes at most
AGAIN = 0.04  # sweeps of a child, of a member's, but at least
AGAIN_LEAST = 300
REGIONS = 300  # sweeps of the regions
STAGNANT = 3  # children of each member without a better one
WARM = 0.5  # temperature that children begin at, of the members'
GREEDY = 2  # last sweeps of each ramp

# columns of a search's state
WORK, STAGE, DONE, LENGTH, MEMBER, FATHER, MOTHER, STALE, MET, SWEEPS, NUMBER, SIZE, KEPT, TURNS = range(14)
_OPEN, _BORN, _CHILD = 0, 1, 2  # stages: nothing under way, a member's ramp, a child's

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_PLACE = np.uint64(QUANTILES - 1)


def quantiles() -> np.ndarray:
    """(QUANTILES + 16,) float32 -ln u of evenly spaced u, shuffled, the first 16 once more at the end."""
    u = (np.arange(QUANTILES) + 0.5) / QUANTILES
    shuffled = np.random.default_rng(0).permutation(-np.log(u)).astype(np.float32)
    return np.concatenate([shuffled, shuffled[:VECTOR]])


@intrinsic
def _turned(typingctx, spin, total, own, logs, at, log_at, beta):  # type: ignore[no-untyped-def]
    """Bit k set where beta times what turning cell at + k costs is below logs[log_at + k]; 16 cells."""
    i64 = types.int64
    signature = i64(spin, total, own, logs, i64, i64, types.float32)

    def codegen(context, builder, sig, args):  # type: ignore[no-untyped-def]
        code: Any = _Code(context, builder, sig, args)
        force = builder.fmul(builder.fadd(code.load(1, args[4]), code.load(2, args[4])), code.splat(6))
        cost = builder.fmul(code.load(0, args[4]), force)
        less = builder.fcmp_ordered("<", cost, code.load(3, args[5]))
        return builder.zext(builder.bitcast(less, ir.IntType(VECTOR)), ir.IntType(64))

    return signature, codegen


@njit(cache=True, nogil=True, forceinline=True)
def _mixed(key, number):  # type: ignore[no-untyped-def]
    """64 random bits: SplitMix64 (Steele, Lea and Flood 2014) at a place of its stream."""
    z = key + np.uint64(number) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX1
    z = (z ^ (z >> np.uint64(27))) * _MIX2
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _key(seed, chain, number, kind):  # type: ignore[no-untyped-def]
    """The start of a stream of SplitMix64, one for each (seed, chain, number, kind)."""
    low, high, _, _ = _threefry13(
        np.uint32(np.uint64(seed) & np.uint64(0xFFFFFFFF)),
        np.uint32(np.uint64(seed) >> np.uint64(32)),
        np.uint32(STREAM_CROSSING),
        np.uint32(kind),
        np.uint32(np.uint64(chain) & np.uint64(0xFFFFFFFF)),
        np.uint32(np.uint64(chain) >> np.uint64(32)),
        np.uint32(np.uint64(number) & np.uint64(0xFFFFFFFF)),
        np.uint32(np.uint64(number) >> np.uint64(32)),
    )
    return np.uint64(low) | (np.uint64(high) << np.uint64(32))


@njit(cache=True, nogil=True)
def _ramp(  # type: ignore[no-untyped-def]
    spin, total, own, indptr, edges, runs, free, logs, hot, cold, start, stop, length, key, energy, least, now
):
    """Sweeps start to stop - 1 of a linear ramp; returns (energy, least energy in its second half, turns).

    now : the state with energy `least`; otherwise as thermo.kernels.spins.colours.sweep_chain
    """
    turns = 0
    n_runs = np.uint64(runs.shape[0])
    for t in range(start, stop):
        kT = hot + (cold - hot) * (t + 0.5) / length
        beta = np.float32(2.0 / kT if t < length - GREEDY and kT > 1e-30 else 1e30)
        bits = np.uint64(0)
        for q in range(runs.shape[0]):
            group = runs[q, 0]
            at = group * GROUP
            part = group % 4
            if part == 0:
                bits = _mixed(key, np.uint64(t) * n_runs + np.uint64(q))
            mask = np.int64(0)
            for k in range(runs[q, 1]):
                place = np.int64((bits >> np.uint64(12 * (part + k))) & _PLACE)
                mask |= _turned(spin, total, own, logs, at + k * GROUP, place, beta) << (k * GROUP)
            mask &= free[q]
            while mask:
                i = at + lowest(mask)
                mask &= mask - 1
                s = spin[i]
                energy += np.float64(s) * np.float64(total[i] + own[i]) * 2.0
                change = np.float32(-2.0) * s
                spin[i] = -s
                turns += 1
                for e in range(indptr[i], indptr[i + 1]):
                    total[end_of(edges[e])] += change * weight_of(edges[e])
        if 2 * t >= length and energy < least:
            least = energy
            for i in range(spin.shape[0]):
                now[i] = spin[i]
    return energy, least, turns


@njit(cache=True, nogil=True)
def regions(first, second, cells, indptr, edges, region, queue, begin):  # type: ignore[no-untyped-def]
    """Connected parts of the graph where two states are equal, or opposite; returns how many.

    first, second : (n,) of +-1; cells : (n_cells,) int64
    region : (n,) int64, receives each cell's part; queue : (n,) the cells part by part, part r from begin[r]
    """
    for i in cells:
        region[i] = -1
    count, tail = 0, 0
    for root in cells:
        if region[root] >= 0:
            continue
        begin[count] = tail
        head = tail
        queue[tail] = root
        region[root] = count
        tail += 1
        while head < tail:
            i = queue[head]
            head += 1
            same = first[i] == second[i]
            for e in range(indptr[i], indptr[i + 1]):
                j = end_of(edges[e])
                if region[j] < 0 and (first[j] == second[j]) == same:
                    region[j] = count
                    queue[tail] = j
                    tail += 1
        count += 1
    begin[count] = tail
    return count


@njit(cache=True, nogil=True)
def contract(state, own, indptr, edges, region, queue, begin, count, small, ends, weight, field, mark):  # type: ignore[no-untyped-def]
    """The model of the regions' signs, as factors of `state`: CSR small, ends, weight and field.

    small : (n + 1,) int64, ends : (m,) int64, weight : (m,), field : (n,) float64 receive it; mark : (n,)
    int64 scratch
    """
    at = 0
    for r in range(count):
        mark[r] = -1
    for r in range(count):
        small[r] = at
        field[r] = 0.0
        for k in range(begin[r], begin[r + 1]):
            i = queue[k]
            s = np.float64(state[i])
            field[r] += np.float64(own[i]) * s
            for e in range(indptr[i], indptr[i + 1]):
                j = end_of(edges[e])
                other = region[j]
                if other == r:
                    continue
                if mark[other] < small[r]:
                    mark[other] = at
                    ends[at] = other
                    weight[at] = 0.0
                    at += 1
                weight[mark[other]] += np.float64(weight_of(edges[e])) * s * np.float64(state[j])
    small[count] = at


@njit(cache=True, nogil=True)
def _anneal_regions(  # type: ignore[no-untyped-def]
    count, small, ends, weight, field, held, logs, hot, cold, sweeps, key, sign, force, best
):
    """best[r] = sign of each region in the state of least energy seen, all +1 among them."""
    energy = 0.0
    for r in range(count):
        total = field[r]
        energy -= field[r]
        for e in range(small[r], small[r + 1]):
            total += weight[e]
            energy -= 0.5 * weight[e]
        sign[r], force[r], best[r] = 1.0, total, 1.0
    least = energy
    number = np.uint64(0)
    for t in range(sweeps):
        kT = hot + (cold - hot) * (t + 0.5) / sweeps
        beta = 2.0 / kT if t < sweeps - GREEDY and kT > 1e-30 else 1e30
        for r in range(count):
            number += np.uint64(1)
            cost = sign[r] * force[r]
            if held[r] or cost * beta >= logs[np.int64(_mixed(key, number) & _PLACE)]:
                continue
            energy += 2.0 * cost
            twice = -2.0 * sign[r]
            sign[r] = -sign[r]
            for e in range(small[r], small[r + 1]):
                force[ends[e]] += twice * weight[e]
        if energy < least:
            least = energy
            for r in range(count):
                best[r] = sign[r]


@njit(cache=True, nogil=True)
def search_chain(  # type: ignore[no-untyped-def]
    spin,
    total,
    own,
    indptr,
    edges,
    runs,
    free,
    cells,
    held,
    logs,
    hot,
    cold,
    until,
    expected,
    seed,
    chain,
    state,
    energies,
    now,
    members,
    best,
    scratch,
    numbers,
):
    """One search, gone on with until its work is `until` sweeps.

    spin, total, own, indptr, edges, runs, free : as thermo.kernels.spins.colours.sweep_chain
    cells : (n_cells,) int64 places that hold a p-bit; held : (n_places,) bool, which may not turn
    logs : `quantiles()`; hot, cold : ends of the members' ramps
    expected : sweeps that the whole search will have, about; read once, when the first member is there
    state : (14,) int64, see the columns; now : (n_places,) float32, best of the ramp under way
    members : (MEMBERS + 1, n_places) int8, the last being the best of earlier populations
    energies : (MEMBERS + 4,) float64, of these; then of `spin`, `now` and `best`
    best : (n_places,) float32 state of least energy seen
    scratch : (6, n_places + 1) int64 and ends, and numbers (4, n_places) and weights, float64; see below
    """
    region, queue, begin, small, mark, ends = scratch
    field, sign, force, found, weight = numbers
    present, lowest_now, lowest_ever = MEMBERS + 1, MEMBERS + 2, MEMBERS + 3
    n_cells = cells.shape[0]
    while state[WORK] < until:
        if state[STAGE] == _OPEN and state[MEMBER] < state[SIZE]:
            if state[NUMBER]:  # the first one begins where the chain was put
                key = _key(seed, chain, state[NUMBER], 1)
                for k in range(n_cells):
                    if not held[cells[k]]:
                        spin[cells[k]] = 1.0 if _mixed(key, k) >> np.uint64(63) else -1.0
            energies[present] = sum_couplings(spin, own, indptr, edges, total)
            energies[lowest_now] = np.inf
            state[STAGE], state[DONE], state[LENGTH] = _BORN, 0, state[SWEEPS]
            state[NUMBER] += 1
        elif state[STAGE] == _OPEN:
            key = _key(seed, chain, state[NUMBER], 1)
            size = np.uint64(state[SIZE])
            a = np.int64(_mixed(key, 0) % size)
            b = np.int64(_mixed(key, 1) % (size - np.uint64(1)))
            b += b >= a
            count = regions(members[a], members[b], cells, indptr, edges, region, queue, begin)
            for i in cells:
                spin[i] = members[a, i]
            if count > 2 or (count == 2 and own.any()):
                contract(
                    spin, own, indptr, edges, region, queue, begin, count, small, ends, weight, field, mark
                )
                for r in range(count):
                    mark[r] = 0
                for i in cells:
                    if held[i]:
                        mark[region[i]] = 1
                _anneal_regions(
                    count,
                    small,
                    ends,
                    weight,
                    field,
                    mark,
                    logs,
                    hot,
                    cold,
                    REGIONS,
                    _key(seed, chain, state[NUMBER], 2),
                    sign,
                    force,
                    found,
                )
                for i in cells:
                    spin[i] *= np.float32(found[region[i]])
                state[WORK] += 4 * REGIONS * count // n_cells
            state[WORK] += 16
            energies[present] = sum_couplings(spin, own, indptr, edges, total)
            energies[lowest_now] = energies[present]
            for i in cells:
                now[i] = spin[i]
            state[STAGE], state[DONE] = _CHILD, 0
            state[LENGTH] = max(AGAIN_LEAST, np.int64(AGAIN * state[SWEEPS]))
            state[FATHER], state[MOTHER] = a, b
            state[NUMBER] += 1

        some = min(state[LENGTH] - state[DONE], max(0, until - state[WORK]))
        energies[present], energies[lowest_now], turns = _ramp(
            spin,
            total,
            own,
            indptr,
            edges,
            runs,
            free,
            logs,
            hot if state[STAGE] == _BORN else WARM * hot,
            cold if state[STAGE] == _BORN else min(cold, WARM * hot),
            state[DONE],
            state[DONE] + some,
            state[LENGTH],
            _key(seed, chain, state[NUMBER], 3),
            energies[present],
            energies[lowest_now],
            now,
        )
        state[DONE] += some
        state[WORK] += some
        state[TURNS] += turns
        if energies[lowest_now] < energies[lowest_ever]:
            energies[lowest_ever] = energies[lowest_now]
            for i in cells:
                best[i] = now[i]
        if state[DONE] < state[LENGTH]:
            continue

        if state[STAGE] == _BORN:
            slot = state[MEMBER]
            state[MEMBER] += 1
            if state[KEPT] == 0 and slot == 0:
                longest = max(np.int64(SHORT), EACH * n_cells)
                room = ANNEALED * expected
                state[SIZE] = np.int64(min(max(room / longest, np.float64(FEWEST)), np.float64(MEMBERS)))
                state[SWEEPS] = max(FIRST, min(longest, np.int64(room / state[SIZE])))
        else:
            a, b = state[FATHER], state[MOTHER]
            slot = a if energies[a] > energies[b] else b
            tolerance = 1e-6 * max(1.0, abs(energies[slot]) / n_cells)
            state[STALE] = 0 if energies[lowest_now] < energies[slot] - tolerance else state[STALE] + 1
            if energies[lowest_now] > energies[slot] + tolerance:
                slot = -1
        if slot >= 0:
            energies[slot] = energies[lowest_now]
            for i in cells:
                members[slot, i] = np.int8(now[i])
        state[STAGE] = _OPEN
        if state[STALE] > STAGNANT * state[SIZE]:
            state[STALE] = 0
            low, high = 0, 0
            for r in range(state[SIZE]):
                low = r if energies[r] < energies[low] else low
                high = r if energies[r] > energies[high] else high
            if state[KEPT] and not state[MET]:
                state[MET] = 1
                _take(members, energies, high, MEMBERS, cells)
                continue
            if not state[KEPT] or energies[low] < energies[MEMBERS]:
                _take(members, energies, MEMBERS, low, cells)
            state[KEPT], state[MET], state[MEMBER] = 1, 0, 0
            state[SWEEPS] *= 2


@njit(cache=True, nogil=True)
def _take(members, energies, into, source, cells):  # type: ignore[no-untyped-def]
    """Member `into` becomes a copy of `source`."""
    energies[into] = energies[source]
    for i in cells:
        members[into, i] = members[source, i]
