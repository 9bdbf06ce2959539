"""Relaxation of layers of coupled oscillators by exact layer updates.

A phase is kept as its spin (cos, sin), so that couplings are matrix products and no angle is taken.
Arrays are (2 rows, units): row 2 k holds the cosines of image k, row 2 k + 1 the sines. Given its
neighbours an oscillator without locking has its minimum along their summed field; with locking S,
the tangent of the concave part of -S/2 cos 2 phi is one more field, and the energy falls all the
same (compiler.families.oscillator.follow has the argument). Kernels check nothing.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.eqprop.layers import copy
from thermo.kernels.jit import njit
from thermo.kernels.random import STREAM_TRAINING, fill_normals

WEAK = np.float32(1e-20)  # |field|^2 below it leaves a spin where it is


@njit(cache=True, nogil=True)
def turn(z, more, lock_c, lock_s, target, beta, state, moved):  # type: ignore[no-untyped-def]
    """state <- direction of z + more + beta target + lock state; returns the largest move.

    more : rows added to z, or one pair of rows for all (fields); lock_c, lock_s : (n,) 2 max(S, 0)
    and 2 max(-S, 0); target : as state, not read if beta is 0; moved : (n,) scratch
    """
    one = z.dtype.type(1)
    zero = z.dtype.type(0)
    n = z.shape[1]
    shared = more.shape[0] == 2
    moved[:] = zero
    for i in range(0, z.shape[0], 2):
        k = 0 if shared else i
        if beta != zero:
            for j in range(n):
                z[i, j] += beta * target[i, j]
                z[i + 1, j] += beta * target[i + 1, j]
        for j in range(n):
            c = state[i, j]
            s = state[i + 1, j]
            a = z[i, j] + more[k, j] + lock_c[j] * c
            b = z[i + 1, j] + more[k + 1, j] + lock_s[j] * s
            square = a * a + b * b
            inverse = one / np.sqrt(max(square, WEAK))
            fits = square > WEAK
            a = a * inverse if fits else c
            b = b * inverse if fits else s
            state[i, j] = a
            state[i + 1, j] = b
            moved[j] = max(moved[j], (a - c) * (a - c) + (b - s) * (b - s))
    return np.sqrt(moved.max())


@njit(cache=True, nogil=True)
def jitter(state, sigma, seed, row0, step):  # type: ignore[no-untyped-def]
    """Turn every spin by sigma z; z belongs to (seed, row0 + row, step, unit)."""
    z = np.empty((state.shape[1], 64), np.float32)
    rows = state.shape[0] // 2
    for first in range(0, rows, 64):
        fill_normals(z, seed, np.uint64(row0 + first), step, STREAM_TRAINING)
        for k in range(min(64, rows - first)):
            i = 2 * (first + k)
            for j in range(state.shape[1]):
                angle = sigma * z[j, k]
                c, s = np.cos(angle), np.sin(angle)
                a, b = state[i, j], state[i + 1, j]
                state[i, j] = a * c - b * s
                state[i + 1, j] = a * s + b * c


@njit(cache=True, nogil=True)
def begin(p, forward, field, lock_c, lock_s, start, states, drives, moved):  # type: ignore[no-untyped-def]
    """Every layer where the one below alone turns it.  start : (2,) spin before that"""
    for l in range(len(states)):
        state = states[l]
        for i in range(0, state.shape[0], 2):
            for j in range(state.shape[1]):
                state[i, j] = start[0]
                state[i + 1, j] = start[1]
        z = drives[l]
        if l == 0:
            copy(p, z)
        else:
            np.dot(states[l - 1], forward[l].T, z)
        turn(z, field[l], lock_c[l], lock_s[l], state, p.dtype.type(0), state, moved[l])


@njit(cache=True, nogil=True)
def relax(
    forward,
    back,
    field,
    lock_c,
    lock_s,
    p,
    states,
    drives,
    moved,
    target,
    beta,
    sweeps,
    tolerance,
    sigma,
    seed,
    row0,
    step0,
):  # type: ignore[no-untyped-def]
    """Relax one tile in place; returns (sweeps used, largest move of a spin in the last sweep).

    forward, back : tuples of L arrays (n_(l+1), n_l), entry 0 unused: couplings of layer l + 1 to
        l and of l to l + 1 (the same arrays on a perfect device)
    field : tuple of L arrays (2, n_l): h, 0; lock_c, lock_s, moved : see `turn`
    p : (2 rows, n_1) the inputs' field, without h
    states, drives : tuples of L arrays (2 rows, n_l); states hold the start, drives are scratch
    target : (2 rows, n_L) spins that a nudge of strength beta pulls outputs to; beta 0: free
    sigma : radians of noise on every phase after each of its updates (then all sweeps are run)
    """
    n_layers = len(states)
    zero = p.dtype.type(0)
    change = zero
    for sweep in range(sweeps):
        change = zero
        for parity in range(2):
            l = n_layers - 1 - parity  # states[l] is layer l + 1
            while l >= 0:
                z = drives[l]
                top = l == n_layers - 1
                if l == 0:
                    if top:
                        copy(p, z)
                    else:
                        np.dot(states[l + 1], back[l + 1], z)
                        z += p
                else:
                    np.dot(states[l - 1], forward[l].T, z)
                    if not top:
                        z += np.dot(states[l + 1], back[l + 1])
                strength = beta if top else zero
                here = turn(
                    z,
                    field[l],
                    lock_c[l],
                    lock_s[l],
                    target if top else states[l],
                    strength,
                    states[l],
                    moved[l],
                )
                if sigma > 0:
                    jitter(states[l], sigma, seed, row0, (step0 + sweep) * n_layers + l)
                change = max(change, here)
                l -= 2
        if change <= tolerance and tolerance > 0 and sigma == 0:
            return sweep + 1, change
    return sweeps, change
