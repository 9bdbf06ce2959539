"""Gates that err: each flips its output with probability p in a sample, or is stuck for good.

Whether gate g errs in sample s is a function of (seed, s, g) alone: Threefry4x32-13
(thermo.kernels.random) under the key (seed low, seed high, STREAM_FLIPS, 0) at the counter
(block low, block high, g, draw), where a block is 512 samples. Errors are independent with
probability p exactly, in one of two ways:

rare (p at most RARE): the number of errors in a block is drawn from the binomial law by a 64-bit
    uniform number (words 0 and 1 of draw 0) in a table of the cumulative law; then so many
    different samples, each from nine bits of the words that follow, three to a word, repetitions
    drawn again.
often: bit by bit from the last binary digit of p to the first, with random words r: errors become
    errors | r where the digit is 1, errors & r where it is 0, so that their probability becomes
    (digit + probability) / 2. p is rounded to 32 digits.

Where p is above 1 - RARE the correct samples are drawn rarely instead.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from thermo.kernels.gates.program import (
    SAMPLES,
    load_samples,
    mark_valid,
    run_steps,
    tally_changes,
    unpack_rows,
    write_sums,
)
from thermo.kernels.jit import njit
from thermo.kernels.random import _threefry13

STREAM_FLIPS = 8
STREAM_STUCK = 9
RARE = 1 / 32
DIGITS = 32
NEVER, RARELY, OFTEN, ALMOST_ALWAYS = 0, 1, 2, 3
CHUNK = 64  # gates whose first draws are made together

_ALL = np.uint64(2**64 - 1)
_LOW = np.uint64(0xFFFFFFFF)


def flip_law(p: float) -> tuple[int, np.ndarray]:
    """How flips of probability p are drawn, and the table or number that this needs.

    Returns a mode and a uint64 array: RARELY and ALMOST_ALWAYS, c[j] = floor(2^64 P(at most j
    errors in a block)) as far as it stays below 2^64; OFTEN, one number, p in units of 2^-32.
    """
    if p == 0.0:
        return NEVER, np.zeros(0, np.uint64)
    if RARE < p < 1 - RARE:
        return OFTEN, np.array([round(p * 2**DIGITS)], dtype=np.uint64)
    mode, rate = (RARELY, Fraction(p)) if p <= RARE else (ALMOST_ALWAYS, 1 - Fraction(p))
    # 80 spare bits keep the rounding of every term far below one unit
    part = int((1 - rate) ** SAMPLES * (1 << 144))
    below, table = part, []
    for j in range(SAMPLES):
        if below >> 80 >= 2**64 - 1:
            break
        table.append(below >> 80)
        part = part * (SAMPLES - j) * rate.numerator // ((j + 1) * (rate.denominator - rate.numerator))
        below += part
    return mode, np.array(table, dtype=np.uint64)


@njit(cache=True, nogil=True)
def _key(seed):  # type: ignore[no-untyped-def]
    return np.uint32(np.uint64(seed) & _LOW), np.uint32(np.uint64(seed) >> np.uint64(32))


@njit(cache=True, nogil=True)
def draw_first(seed, block, gates, start, stop, words):  # type: ignore[no-untyped-def]
    """words[w, i] = word w of draw 0 of gates[start + i] in a block; words : (4, CHUNK) uint32."""
    k0, k1 = _key(seed)
    lo, hi = _key(block)
    for i in range(stop - start):
        words[0, i], words[1, i], words[2, i], words[3, i] = _threefry13(
            k0, k1, np.uint32(STREAM_FLIPS), np.uint32(0), lo, hi, np.uint32(gates[start + i]), np.uint32(0)
        )


@njit(cache=True, nogil=True)
def flip_rarely(seed, block, gate, first, table, out):  # type: ignore[no-untyped-def]
    """Set as many different bits of out as the binomial law tells; returns how many.

    first : (4,) uint32, the gate's draw 0; out : (8,) uint64, zero on entry
    """
    u = np.uint64(first[1]) << np.uint64(32) | np.uint64(first[0])
    count = 0
    while count < table.shape[0] and u >= table[count]:
        count += 1
    if count == 0:
        return 0
    k0, k1 = _key(seed)
    lo, hi = _key(block)
    draw, word, part = 0, 2, 0
    four = (first[0], first[1], first[2], first[3])
    done = 0
    while done < count:
        if word == 4:
            draw += 1
            four = _threefry13(
                k0, k1, np.uint32(STREAM_FLIPS), np.uint32(0), lo, hi, np.uint32(gate), np.uint32(draw)
            )
            word = 0
        s = (np.uint64(four[word]) >> np.uint64(9 * part)) & np.uint64(SAMPLES - 1)
        part += 1
        if part == 3:
            part = 0
            word += 1
        bit = np.uint64(1) << (s & np.uint64(63))
        if not out[s >> np.uint64(6)] & bit:
            out[s >> np.uint64(6)] |= bit
            done += 1
    return count


@njit(cache=True, nogil=True)
def flip_often(seed, block, gate, p, words, out):  # type: ignore[no-untyped-def]
    """out = 512 bits, each set with probability p / 2^32; words : (4, 4 DIGITS) uint32 of room."""
    k0, k1 = _key(seed)
    lo, hi = _key(block)
    lowest = 0
    while not (p >> np.uint64(lowest)) & np.uint64(1):
        lowest += 1
    for i in range(4 * (DIGITS - lowest)):
        words[0, i], words[1, i], words[2, i], words[3, i] = _threefry13(
            k0, k1, np.uint32(STREAM_FLIPS), np.uint32(0), lo, hi, np.uint32(gate), np.uint32(1 + i)
        )
    for w in range(8):
        out[w] = np.uint64(0)
    for digit in range(lowest, DIGITS):
        one = (p >> np.uint64(digit)) & np.uint64(1)
        for w in range(8):
            i = 4 * (digit - lowest) + w // 2
            t = 2 * (w % 2)
            r = np.uint64(words[t, i]) | np.uint64(words[t + 1, i]) << np.uint64(32)
            out[w] = out[w] | r if one else out[w] & r


@njit(cache=True, nogil=True)
def run_faulty(forms, op, x, y, out, gates, stuck, seed, block, mode, table, rows):  # type: ignore[no-untyped-def]
    """Evaluate gates in order on one block of samples, with their errors.

    forms : compiler.circuits.evaluate.FORMS; op, x, y, out, gates : (n,) gate ids, rows read and
    written, and numbers of the gates; stuck : (n,) int8, -1, or the value a gate is stuck at
    mode, table : see flip_law
    """
    first = np.empty((4, CHUNK), np.uint32)
    words = np.empty((4, 4 * DIGITS), np.uint32)
    flips = np.empty(8, np.uint64)
    rarely = mode in (RARELY, ALMOST_ALWAYS)
    for start in range(0, op.shape[0], CHUNK):
        stop = min(start + CHUNK, op.shape[0])
        if rarely:
            draw_first(seed, block, gates, start, stop, first)
        for i in range(start, stop):
            o = out[i]
            if stuck[i] >= 0:
                for w in range(8):
                    rows[o, w] = _ALL if stuck[i] else np.uint64(0)
                continue
            kind, p, q, r = forms[op[i], 0], forms[op[i], 1], forms[op[i], 2], forms[op[i], 3]
            for w in range(8):
                if kind == 1:
                    rows[o, w] = ((rows[x[i], w] ^ p) & (rows[y[i], w] ^ q)) ^ r
                elif kind == 2:
                    rows[o, w] = rows[x[i], w] ^ rows[y[i], w] ^ r
                else:
                    rows[o, w] = r
            if rarely:
                flips[:] = np.uint64(0)
                n = flip_rarely(seed, block, gates[i], first[:, i - start], table, flips)
                if mode == ALMOST_ALWAYS:
                    for w in range(8):
                        rows[o, w] ^= ~flips[w]
                elif n:
                    for w in range(8):
                        rows[o, w] ^= flips[w]
            elif mode == OFTEN:
                flip_often(seed, block, gates[i], table[0], words, flips)
                for w in range(8):
                    rows[o, w] ^= flips[w]


@njit(cache=True, nogil=True)
def run_faulty_samples(  # type: ignore[no-untyped-def]
    forms,
    op,
    x,
    y,
    out,
    gates,
    stuck,
    stuck_inputs,
    seed,
    mode,
    table,
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
    block,
    rows,
    planes,
    sums,
    outputs,
    counts,
    first_bit,
    last_bit,
):
    """thermo.kernels.gates.program.run_samples with errors, then `steps` for the class sums.

    stuck_inputs : (n_inputs,) int8 as stuck; block : number of the first 512 samples
    """
    n = bits.shape[1]
    width = max(64, n)
    scratch = np.empty((128, (width + 63) // 64 * 64), np.uint8)
    padded = np.empty((SAMPLES, width), np.uint8)
    spare = np.empty((n_bits.shape[0], SAMPLES), np.int32)
    shuffle = np.zeros((192, 64), np.uint8)
    valid = rows[rows.shape[0] - 1 :]
    rows[0] = 0
    rows[1] = _ALL
    for begin in range(first, last, SAMPLES):
        end = min(begin + SAMPLES, last)
        load_samples(bits, begin, end, rows, first_row, scratch, padded)
        for k in range(n):
            if stuck_inputs[k] >= 0:
                rows[first_row + k] = _ALL if stuck_inputs[k] else np.uint64(0)
        here = np.uint64(block + (begin - first) // SAMPLES)
        run_faulty(forms, op, x, y, out, gates, stuck, seed, here, mode, table, rows)
        planes[:] = 0
        run_steps(steps, code, nets, rows, planes, bits, 0, 0)
        if n_bits.shape[0]:
            write_sums(planes, first_plane, n_bits, sums, begin, end, spare)
        if output_rows.shape[0]:
            unpack_rows(rows, output_rows, outputs, begin, end, shuffle)
        if counts.shape[0]:
            mark_valid(valid, end - begin)
            tally_changes(rows, first_row, valid, begin == first, first_bit, last_bit, counts)
