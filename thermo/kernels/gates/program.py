"""Running a gate program, 512 samples at a time (the rows of `thermo.kernels.gates.vector`).

A program (thermo.simulate.gates.program) is a list of steps, each a run of gates of one kind or a
piece of a class sum; kinds and operands were sorted when it was made, so that nothing is decided
gate by gate. Row 0 is all zeros, row 1 all ones, the inputs follow.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.gates.vector import (
    GROUP,
    ROW_BYTES,
    count_and,
    count_changes,
    count_ge,
    count_gt,
    count_nand,
    count_nor,
    count_or,
    count_rows,
    count_xnor,
    count_xor,
    expand_counter,
    fetch_ahead,
    gather_bits,
    run_and,
    run_ge,
    run_gt,
    run_nand,
    run_nor,
    run_or,
    run_xnor,
    run_xor,
    transpose_bytes,
)
from thermo.kernels.jit import njit

SAMPLES = 8 * ROW_BYTES  # of one row
GROUPS = ROW_BYTES  # bytes of one row: eight samples each
COUNTED = 16  # a gate id + this: a gate whose only reader is one class sum
ROWS = 32  # the kind of step that adds any rows to a class


@njit(cache=True, nogil=True)
def pack_rows(bits, first, rows, row, n, scratch):  # type: ignore[no-untyped-def]
    """Fill rows row, row + 1, ... with 512 samples of n >= 64 inputs.

    bits : (n_samples, n) uint8, C order; samples first to first + 511; non-zero counts as 1
    rows : (n_rows, 8) uint64 with room for n up to a multiple of 64
    scratch : (GROUPS + 64, n up to a multiple of 64) uint8
    """
    stride = scratch.shape[1]
    for g in range(GROUPS):
        start = (first + 8 * g) * n
        for c in range(0, n, 64):
            # the last 64 columns may overlap those before them
            here = min(c, n - 64)
            gather_bits(bits, start + here, n, scratch, stride * g + here)
    for c in range(0, n, 64):
        transpose_bytes(scratch, c, stride, rows, (row + c) * ROW_BYTES, ROW_BYTES, scratch[GROUPS:])


@njit(cache=True, nogil=True)
def unpack_rows(rows, at, out, first, last, scratch):  # type: ignore[no-untyped-def]
    """out[first : last] gets the rows `at` as columns of 0 and 1.

    at : (n_outputs,) int64; out : (n_samples, n_outputs) uint8; last - first <= 512
    scratch : (64 + 64 + GROUPS, 64) uint8
    """
    words = scratch[:64].view(np.uint64)
    turned = scratch[128:]
    for c in range(0, at.shape[0], 64):
        width = min(64, at.shape[0] - c)
        for k in range(width):
            for w in range(8):
                words[k, w] = rows[at[c + k], w]
        transpose_bytes(scratch, 0, 64, turned, 0, 64, scratch[64:])
        for s in range(last - first):
            shift = np.uint8(s % 8)
            for k in range(width):
                out[first + s, c + k] = (turned[s // 8, k] >> shift) & np.uint8(1)


@njit(cache=True, nogil=True)
def run_steps(steps, code, nets, rows, planes, ahead, place, lines):  # type: ignore[no-untyped-def]
    """Evaluate a program on one row of samples.

    steps : (n_steps, 5) int64: kind, start, stop, plane, last. kind is
        a gate id: instructions code[start : stop] write their rows;
        COUNTED + gate id: they add to the counter from `plane` on, carries to the rows from `last`;
        ROWS: the rows nets[start : stop] add to the counter from `plane` on, of `last` planes
    code : uint64, rows read and written: a + 2^21 b + 2^42 out
    nets : uint32 row numbers; planes : (n_planes, 8) uint64, counters, zero on entry
    ahead, place, lines : each step also fetches so many cache lines of an array into the cache,
        from byte `place` on; memory then works while the gates do
    """
    for s in range(steps.shape[0]):
        kind, start, stop, plane, last = (steps[s, 0], steps[s, 1], steps[s, 2], steps[s, 3], steps[s, 4])
        if lines:
            fetch_ahead(ahead, place, lines)
            place += lines * ROW_BYTES
        if kind == 1:
            run_and(rows, code, start, stop)
        elif kind == 2:
            run_gt(rows, code, start, stop)
        elif kind == 6:
            run_xor(rows, code, start, stop)
        elif kind == 7:
            run_or(rows, code, start, stop)
        elif kind == 8:
            run_nor(rows, code, start, stop)
        elif kind == 9:
            run_xnor(rows, code, start, stop)
        elif kind == 11:
            run_ge(rows, code, start, stop)
        elif kind == 14:
            run_nand(rows, code, start, stop)
        elif kind == COUNTED + 1:
            count_and(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 2:
            count_gt(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 6:
            count_xor(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 7:
            count_or(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 8:
            count_nor(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 9:
            count_xnor(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 11:
            count_ge(rows, code, start, stop, planes, plane, last)
        elif kind == COUNTED + 14:
            count_nand(rows, code, start, stop, planes, plane, last)
        else:
            for k in range(start, stop, GROUP):
                count_rows(rows, nets, k, planes, plane, last)


@njit(cache=True, nogil=True)
def write_sums(planes, first_plane, n_planes, out, first, last, spare):  # type: ignore[no-untyped-def]
    """out[first : last, c] = value of counter c; spare : (n_classes, 512) int32."""
    n_classes = n_planes.shape[0]
    for c in range(n_classes):
        expand_counter(planes, first_plane[c], n_planes[c], spare, c * SAMPLES)
    for s in range(last - first):
        for c in range(n_classes):
            out[first + s, c] = spare[c, s]


@njit(cache=True, nogil=True)
def tally_changes(rows, first_row, valid, fresh, first_bit, last_bit, counts):  # type: ignore[no-untyped-def]
    """counts[k] += changes between consecutive samples in row first_row + k.

    valid : (1, 8) uint64, samples that exist
    fresh : nothing came before; then first_bit[k] becomes the row's first sample
    last_bit : (n,) uint8, the sample before the row, then the row's sample 511
    """
    for k in range(counts.shape[0]):
        row = first_row + k
        if fresh:
            first_bit[k] = np.uint8(rows[row, 0] & np.uint64(1))
            last_bit[k] = first_bit[k]
        counts[k] += count_changes(rows, row * ROW_BYTES, valid, np.int64(last_bit[k]))
        last_bit[k] = np.uint8(rows[row, 7] >> np.uint64(63))


@njit(cache=True, nogil=True)
def load_samples(bits, first, last, rows, row, scratch, padded):  # type: ignore[no-untyped-def]
    """Fill rows row, row + 1, ... with samples first to last - 1, at most 512; the rest are 0.

    padded : (512, 64 or more if there are more inputs) uint8, used where `bits` is too small
    """
    n = bits.shape[1]
    if last - first == SAMPLES and n >= 64:
        pack_rows(bits, first, rows, row, n, scratch)
        return
    padded[:] = 0
    for s in range(last - first):
        for c in range(n):
            padded[s, c] = bits[first + s, c]
    pack_rows(padded, 0, rows, row, padded.shape[1], scratch)


@njit(cache=True, nogil=True)
def mark_valid(valid, n):  # type: ignore[no-untyped-def]
    """Set the first n samples of a row, and no other."""
    for w in range(8):
        live = min(max(n - 64 * w, 0), 64)
        valid[0, w] = np.uint64(0)
        if live:
            valid[0, w] = ~np.uint64(0) >> np.uint64(64 - live)


@njit(cache=True, nogil=True)
def run_samples(  # type: ignore[no-untyped-def]
    steps,
    code,
    nets,
    first_plane,
    n_bits,
    output_rows,
    first_row,
    bits,
    first,
    last,
    rows,
    planes,
    sums,
    outputs,
    counts,
    first_bit,
    last_bit,
):
    """Run samples first to last - 1 through a program, 512 at a time.

    bits : (n_samples, n_inputs) uint8; first_row : of the inputs
    sums : (n_samples, n_classes) int32 and outputs : (n_samples, n_outputs) uint8, written
    counts, first_bit, last_bit : (n,) changes of the rows from first_row on, see tally_changes;
        of size 0 where they are not wanted
    """
    n = bits.shape[1]
    width = max(64, n)
    scratch = np.empty((GROUPS + 64, (width + 63) // 64 * 64), np.uint8)
    padded = np.empty((SAMPLES, width), np.uint8)
    spare = np.empty((n_bits.shape[0], SAMPLES), np.int32)
    shuffle = np.zeros((128 + GROUPS, 64), np.uint8)
    valid = rows[rows.shape[0] - 1 :]
    rows[0] = 0
    rows[1] = ~np.uint64(0)
    lines = 0
    if steps.shape[0]:
        lines = SAMPLES * n // (ROW_BYTES * steps.shape[0]) + 1
    for begin in range(first, last, SAMPLES):
        end = min(begin + SAMPLES, last)
        load_samples(bits, begin, end, rows, first_row, scratch, padded)
        planes[:] = 0
        follows = lines if end + SAMPLES <= last else 0
        run_steps(steps, code, nets, rows, planes, bits, end * n, follows)
        if n_bits.shape[0]:
            write_sums(planes, first_plane, n_bits, sums, begin, end, spare)
        if output_rows.shape[0]:
            unpack_rows(rows, output_rows, outputs, begin, end, shuffle)
        if counts.shape[0]:
            mark_valid(valid, end - begin)
            tally_changes(rows, first_row, valid, begin == first, first_bit, last_bit, counts)
