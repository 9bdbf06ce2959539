"""Every transition of a circuit of cells with delays, 64 pairs of inputs a word.

Time is a whole number of steps; cell k shows at t what its inputs were at t - delay[k] (transport),
or only if its inputs kept asking for it until then (inertial, as Verilog's continuous assignment: a
pulse shorter than the delay never appears). A wheel of lists holds, for every step to come, the
cells that will change then and in which of the 64 lanes.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE = np.uint64(0)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)
_1, _2, _4, _56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


@njit(cache=True, nogil=True)
def count_ones(x):  # type: ignore[no-untyped-def]
    """Ones of a word."""
    x = x - ((x >> _1) & _M1)
    x = (x & _M2) + ((x >> _2) & _M2)
    x = (x + (x >> _4)) & _M4
    return np.int64((x * _H01) >> _56)


@njit(cache=True, nogil=True)
def evaluate_cell(table, first, n, fanin, value, room):  # type: ignore[no-untyped-def]
    """What a cell of n inputs answers in all lanes; table : bit r is the value of row r of its pins."""
    if n == 0:
        return _ALL if table & _1 else _NONE
    half = 1 << (n - 1)
    x = value[fanin[first + n - 1]]
    for r in range(half):
        zero, one = (table >> np.uint64(2 * r)) & _1, (table >> np.uint64(2 * r + 1)) & _1
        room[r] = (x if one else _NONE) | (~x if zero else _NONE)
    for i in range(n - 2, -1, -1):
        x = value[fanin[first + i]]
        half >>= 1
        for r in range(half):
            low = room[2 * r]
            room[r] = low ^ (x & (low ^ room[2 * r + 1]))
    return room[0]


@njit(cache=True, nogil=True)
def count_transitions(  # type: ignore[no-untyped-def]
    before, after, lanes, indptr, fanin, table, reader_start, readers, delay, inertial, settled, seen
):
    """Add every cell's transitions after each change of the inputs to `seen`.

    before, after : (n_words, n_inputs) uint64, the two inputs of 64 pairs; lanes : (n_words,) uint64,
        those that count
    indptr, fanin : the cells' input nets; table : (n_cells,) uint64, as in evaluate_cell
    reader_start : (n_nets + 1,), readers : cells that read each net, each once
    delay : (n_cells,) int64, steps, at least 1
    settled : (n_cells,) int64, pairs in which the settled value differs, added to as well
    """
    n_cells, n = delay.size, before.shape[1]
    value = np.zeros(n + n_cells, np.uint64)
    begun, target = np.zeros(n_cells, np.uint64), np.zeros(n_cells, np.uint64)
    room = np.zeros(32, np.uint64)
    # what cell k will do at t stands in coming[place[k] + t % delay[k]]
    place = np.zeros(n_cells + 1, np.int64)
    longest = 1
    for k in range(n_cells):
        place[k + 1] = place[k] + delay[k]
        longest = max(longest, delay[k])
    coming = np.zeros(place[n_cells], np.uint64)
    owner, following = np.zeros(place[n_cells], np.int64), np.zeros(place[n_cells], np.int64)
    for k in range(n_cells):
        owner[place[k] : place[k + 1]] = k
    wheel = np.full(longest, -1)
    woken, stamp = np.zeros(n_cells, np.int64), np.full(n_cells, -1)
    for w in range(before.shape[0]):
        for i in range(n):
            value[i] = before[w, i]
        for k in range(n_cells):
            a = indptr[k]
            value[n + k] = evaluate_cell(table[k], a, indptr[k + 1] - a, fanin, value, room)
            begun[k] = target[k] = value[n + k]
            stamp[k] = -1
        awake = 0
        for i in range(n):
            value[i] = after[w, i]
            if before[w, i] != after[w, i]:
                for r in range(reader_start[i], reader_start[i + 1]):
                    k = readers[r]
                    if stamp[k] != 0:
                        stamp[k] = 0
                        woken[awake] = k
                        awake += 1
        now, waiting = 0, 0
        while True:
            for at in range(awake):
                k = woken[at]
                a = indptr[k]
                new = evaluate_cell(table[k], a, indptr[k + 1] - a, fanin, value, room)
                change = new ^ target[k]
                if change == _NONE:
                    continue
                under_way = target[k] ^ value[n + k]
                target[k] = new
                if inertial and (change & under_way) != _NONE:
                    for s in range(place[k], place[k + 1]):
                        coming[s] &= ~(change & under_way)
                    change &= ~under_way
                if change != _NONE:
                    s = place[k] + now % delay[k]
                    coming[s] = change
                    slot = (now + delay[k]) % longest
                    following[s] = wheel[slot]
                    wheel[slot] = s
                    waiting += 1
            if waiting == 0:
                break
            now += 1
            slot = now % longest
            s = wheel[slot]
            wheel[slot] = -1
            awake = 0
            while s >= 0:
                waiting -= 1
                change = coming[s]
                coming[s] = _NONE
                if change != _NONE:
                    k = owner[s]
                    value[n + k] ^= change
                    seen[k] += count_ones(change & lanes[w])
                    for r in range(reader_start[n + k], reader_start[n + k + 1]):
                        reader = readers[r]
                        if stamp[reader] != now:
                            stamp[reader] = now
                            woken[awake] = reader
                            awake += 1
                s = following[s]
        for k in range(n_cells):
            settled[k] += count_ones((value[n + k] ^ begun[k]) & lanes[w])
