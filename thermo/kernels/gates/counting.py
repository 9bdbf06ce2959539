"""Bits of a counting encoder, LANES samples at a time: a row of values of each sum, comparison and count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit

LANES = 64
"""Samples at a time: as many as fill vectors, and few enough for the rows to stay in a cache."""


class Counting(NamedTuple):
    """Columns of compiler.ir.encoders.CountingEncoder; weight and bound are of the sums' type.

    entries : (n_tables, 2^inputs) uint8, of its shared tables; applied : (n_applied,)
    taps : (n_applied, inputs)
    """

    sum_ends: np.ndarray
    feature: np.ndarray
    weight: np.ndarray
    compared: np.ndarray
    bound: np.ndarray
    count_ends: np.ndarray
    counted: np.ndarray
    tested: np.ndarray
    least: np.ndarray
    entries: np.ndarray
    applied: np.ndarray
    taps: np.ndarray


class Rows(NamedTuple):
    """Scratch. values : (n_features + n_sums, LANES) int16 or int32, the codes come first
    above : (n_local, LANES) uint8, applications of tables follow the comparisons
    counts : (n_counts, LANES) uint16; halves : see apply_tables
    """

    values: np.ndarray
    above: np.ndarray
    counts: np.ndarray
    halves: np.ndarray


@njit(cache=True, nogil=True, forceinline=True)
def _weigh(values, out, of, weight, first):  # type: ignore[no-untyped-def]
    """values[out] = (0 if first, else values[out]) + weight values[of]."""
    if first:
        for s in range(LANES):
            values[out, s] = weight * values[of, s]
    else:
        for s in range(LANES):
            values[out, s] += weight * values[of, s]


@njit(cache=True, nogil=True, forceinline=True)
def _compare(values, of, bound, above, out):  # type: ignore[no-untyped-def]
    for s in range(LANES):
        above[out, s] = values[of, s] > bound


@njit(cache=True, nogil=True, forceinline=True)
def _add(rows, of, counts, out):  # type: ignore[no-untyped-def]
    for s in range(LANES):
        counts[out, s] += rows[of, s]


@njit(cache=True, nogil=True, forceinline=True)
def _first(row, low, change, out):  # type: ignore[no-untyped-def]
    """out = low, or low ^ change where the row is 1."""
    for s in range(out.shape[0]):
        out[s] = low ^ (row[s] & change)


@njit(cache=True, nogil=True, forceinline=True)
def _choose(row, low, high, out):  # type: ignore[no-untyped-def]
    """out = high where the row is 1, else low."""
    for s in range(out.shape[0]):
        out[s] = low[s] ^ (row[s] & (low[s] ^ high[s]))


@njit(cache=True, nogil=True)
def apply_tables(entries, applied, taps, bits, first, halves):  # type: ignore[no-untyped-def]
    """bits[first + t] = table applied[t] of the rows taps[t] of bits; bytes of 0 and 1.

    entries : (n_tables, 2^inputs) uint8; applied : (n,) int32; taps : (n, inputs) int32, below first + t
    bits : (rows, lanes) uint8; halves : (2, at least 2^(inputs - 1), lanes) uint8, scratch
    """
    inputs = taps.shape[1]
    for t in range(applied.shape[0]):
        own = entries[applied[t]]
        n = own.shape[0] // 2
        for e in range(n):
            _first(bits[taps[t, 0]], own[2 * e], own[2 * e] ^ own[2 * e + 1], halves[0, e])
        for j in range(1, inputs):
            n //= 2
            source, out = halves[(j + 1) % 2], halves[j % 2]
            for e in range(n):
                _choose(bits[taps[t, j]], source[2 * e], source[2 * e + 1], out[e])
        bits[first + t] = halves[(inputs + 1) % 2, 0]


@njit(cache=True, nogil=True)
def evaluate(encoder, n_features, rows):  # type: ignore[no-untyped-def]
    """Sums, comparisons, shared tables and counts of the codes in rows.values[:n_features]."""
    values, above, counts = rows.values, rows.above, rows.counts
    ends, feature, weight = encoder.sum_ends, encoder.feature, encoder.weight
    for r in range(ends.shape[0] - 1):
        for k in range(ends[r], ends[r + 1]):
            _weigh(values, n_features + r, feature[k], weight[k], k == ends[r])
    n = encoder.compared.shape[0]
    for j in range(n):
        _compare(values, n_features + encoder.compared[j], encoder.bound[j], above, j)
    if encoder.applied.shape[0]:
        apply_tables(encoder.entries, encoder.applied, encoder.taps, above, n, rows.halves)
        n += encoder.applied.shape[0]
    ends, counted = encoder.count_ends, encoder.counted
    for w in range(ends.shape[0] - 1):
        counts[w, :] = 0
        for k in range(ends[w], ends[w + 1]):
            j = counted[k]
            if j < n:
                _add(above, j, counts, w)
            else:
                _add(counts, j - n, counts, w)


@njit(cache=True, nogil=True)
def encode_frames(frames, rows_of, moves, position, codes, encoder, rows, x, first, last):  # type: ignore[no-untyped-def]
    """Bits of samples first .. last - 1 of a batch into columns of x.

    frames : (n, size) uint8; rows_of, moves : (m,) int64; position : (n_features,) int64
    codes : (m, 256) int16, the code that each stored value of a sample is read as
    x : (n_bits, pitch) uint8; first is a multiple of LANES; columns from m up to `last` become 0
    """
    size, flat, values = frames.shape[1], frames.reshape(-1), rows.values
    n_features, n = position.shape[0], rows_of.shape[0]
    for s0 in range(first, last, LANES):
        m = min(max(n - s0, 0), LANES)
        width = min(last - s0, LANES)
        if m > 0:
            for s in range(LANES):
                of = s0 + min(s, m - 1)
                table = codes[of]
                at = rows_of[of] * size + moves[of]
                for f in range(n_features):
                    values[f, s] = table[flat[at + position[f]]]
            evaluate(encoder, n_features, rows)
        for k in range(x.shape[0]):
            row, least = rows.counts[encoder.tested[k]], encoder.least[k]
            for s in range(m):
                x[k, s0 + s] = row[s] >= least
            for s in range(m, width):
                x[k, s0 + s] = 0


@njit(cache=True, nogil=True)
def encode_codes(codes, encoder, rows, out):  # type: ignore[no-untyped-def]
    """out[s, k] = bit k of the codes (n, n_features) of sample s, of the type of rows.values."""
    n, n_features = codes.shape
    bits = np.empty((encoder.tested.shape[0], LANES), np.uint8)
    for s0 in range(0, n, LANES):
        m = min(n - s0, LANES)
        for s in range(LANES):
            of = s0 + min(s, m - 1)
            for f in range(n_features):
                rows.values[f, s] = codes[of, f]
        evaluate(encoder, n_features, rows)
        for k in range(bits.shape[0]):
            row, least = rows.counts[encoder.tested[k]], encoder.least[k]
            for s in range(LANES):
                bits[k, s] = row[s] >= least
        for s in range(m):
            for k in range(bits.shape[0]):
                out[s0 + s, k] = bits[k, s]
