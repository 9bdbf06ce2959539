"""Search of resub_kernels.py: a function as one or two gates over divisors, within a care set.

tables : (n, words) uint64 by position; divisors : positions; target, care : (words,)
"""

from __future__ import annotations

import numpy as np

from compiler.jit import njit
from compiler.passes.gates.xag import AND_NODE, XOR_NODE


@njit(widen=True, cache=True)
def is_divisor(tables, d, target, care, words):  # pragma: no cover - compiled
    """0 or 1 where divisor d or its complement is the target within care, else -1."""
    same = opposite = True
    for w in range(words):
        differ = (tables[d, w] ^ target[w]) & care[w]
        if differ != 0:
            same = False
        if differ != care[w]:
            opposite = False
        if not same and not opposite:
            return -1
    return 0 if same else 1


@njit(widen=True, cache=True)
def one_gate(
    tables, divisors, n_divisors, target, care, words, xors, up, down, keys, answer
):  # pragma: no cover - compiled
    """A gate of two divisors that is the target within care: answer = (kind, p, q, complement)
    with literals over positions; whether there is one.

    up, down : scratch for literals that the target implies, and that imply it
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    ups = downs = 0
    for k in range(n_divisors):
        d = divisors[k]
        # which values of (target, divisor) occur: 00, 01, 10, 11
        c00 = c01 = c10 = c11 = False
        for w in range(words):
            t, v = target[w], tables[d, w]
            c00 = c00 or (care[w] & ~t & ~v) != 0
            c01 = c01 or (care[w] & ~t & v) != 0
            c10 = c10 or (care[w] & t & ~v) != 0
            c11 = c11 or (care[w] & t & v) != 0
        if not c10:
            up[ups] = 2 * d
            ups += 1
        if not c11:
            up[ups] = 2 * d + 1
            ups += 1
        if not c01:
            down[downs] = 2 * d
            downs += 1
        if not c00:
            down[downs] = 2 * d + 1
            downs += 1
    for i in range(ups):
        p = up[i]
        flip_p = full if p & 1 else np.uint64(0)
        for j in range(i):
            q = up[j]
            flip_q = full if q & 1 else np.uint64(0)
            match = True
            for w in range(words):
                both = (tables[p >> 1, w] ^ flip_p) & (tables[q >> 1, w] ^ flip_q)
                if (both ^ target[w]) & care[w]:
                    match = False
                    break
            if match:
                answer[0], answer[1], answer[2], answer[3] = AND_NODE, p, q, 0
                return True
    for i in range(downs):
        p = down[i]
        flip_p = full if p & 1 else np.uint64(0)
        for j in range(i):
            q = down[j]
            flip_q = full if q & 1 else np.uint64(0)
            match = True
            for w in range(words):
                either = (tables[p >> 1, w] ^ flip_p) | (tables[q >> 1, w] ^ flip_q)
                if (either ^ target[w]) & care[w]:
                    match = False
                    break
            if match:
                answer[0], answer[1], answer[2], answer[3] = AND_NODE, p ^ 1, q ^ 1, 1
                return True
    if not xors:
        return False
    # keys: of each divisor within care, up to complement; then of its sum with the target
    low = np.uint64(0)
    first = -1
    for w in range(words):
        if care[w] != 0:
            first = w
            low = care[w] & (~care[w] + np.uint64(1))
            break
    if first < 0:
        return False
    for k in range(n_divisors):
        d = divisors[k]
        flip = full if tables[d, first] & low else np.uint64(0)
        key = np.uint64(0)
        for w in range(words):
            key = _mixed(key, (tables[d, w] ^ flip) & care[w])
        keys[k] = key
    for i in range(n_divisors):
        d = divisors[i]
        flip = full if (tables[d, first] ^ target[first]) & low else np.uint64(0)
        key = np.uint64(0)
        for w in range(words):
            key = _mixed(key, (tables[d, w] ^ target[w] ^ flip) & care[w])
        for j in range(i):
            if keys[j] != key:
                continue
            e = divisors[j]
            same = opposite = True
            for w in range(words):
                differ = (tables[d, w] ^ tables[e, w] ^ target[w]) & care[w]
                same = same and differ == 0
                opposite = opposite and differ == care[w]
            if same or opposite:
                answer[0], answer[1], answer[2] = XOR_NODE, 2 * d, 2 * e
                answer[3] = 0 if same else 1
                return True
    return False


@njit(widen=True, cache=True)
def _mixed(key, word):  # pragma: no cover - compiled
    key = (key ^ word) * np.uint64(0x9E3779B97F4A7C15)
    return key ^ (key >> np.uint64(29))


@njit(widen=True, cache=True)
def two_gates(
    tables, divisors, n_divisors, target, care, words, xors, up, down, keys, answer, rest, within
):  # pragma: no cover - compiled
    """A gate of a divisor and of a gate of two divisors, see one_gate; answer[4:] is the outer
    gate (kind, literal, complement of the inner gate, complement)."""
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for k in range(n_divisors):
        d = divisors[k]
        for form in range(4):
            # form 0, 1: target = d (or its complement) and inner; 2, 3: or
            flip = full if form & 1 else np.uint64(0)
            fits = True
            smaller = False
            for w in range(words):
                v = tables[d, w] ^ flip
                bad = target[w] & ~v if form < 2 else v & ~target[w]
                if bad & care[w]:
                    fits = False
                    break
                within[w] = care[w] & (v if form < 2 else ~v)
                if within[w] != care[w]:
                    smaller = True
            if not fits or not smaller:
                continue
            if one_gate(tables, divisors, n_divisors, target, within, words, xors, up, down, keys, answer):
                answer[4] = AND_NODE
                if form < 2:
                    answer[5], answer[6], answer[7] = 2 * d + (form & 1), 0, 0
                else:
                    answer[5], answer[6], answer[7] = (2 * d + (form & 1)) ^ 1, 1, 1
                return True
    if not xors:
        return False
    for k in range(n_divisors):
        d = divisors[k]
        for w in range(words):
            rest[w] = target[w] ^ tables[d, w]
        if one_gate(tables, divisors, n_divisors, rest, care, words, False, up, down, keys, answer):
            answer[4], answer[5], answer[6], answer[7] = XOR_NODE, 2 * d, 0, 0
            return True
    return False
