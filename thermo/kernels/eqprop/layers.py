"""Relaxation of layered hard-sigmoid networks by exact layer updates, and their local updates.

Arrays are (rows, units): a row is one image, so that the coupling products are the library's. The
energy of Scellier and Bengio 2017 on the box is quadratic in each layer given its neighbours, with
unit curvature: a layer's minimum is the clipped drive, and with the nudge beta / 2 |u - y|^2 on the
outputs it is clip((drive + beta y) / (1 + beta)). Layers of the outputs' parity move first, then
the others: within one parity no two layers touch. Kernels check nothing; thermo.training.eqprop does.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.range import range_tile
from thermo.kernels.random import STREAM_TRAINING, fill_normals

HELD = 1e8  # a nudge this strong holds outputs at their targets, beyond their walls too


@njit(cache=True, nogil=True)
def copy(source, out):  # type: ignore[no-untyped-def]
    """out <- source, both (rows, columns); `out[:] = source` would compile its error message too."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = source[i, j]


@njit(cache=True, nogil=True)
def less_bias(source, bias, out):  # type: ignore[no-untyped-def]
    """out <- source - bias, (rows, units); as one expression of arrays it takes long to compile."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = source[i, j] - bias[j]


@njit(cache=True, nogil=True)
def clip_bias(z, bias, state):  # type: ignore[no-untyped-def]
    """state <- clip(z + bias, 0, 1); returns the largest change."""
    one = z.dtype.type(1)
    zero = z.dtype.type(0)
    most = np.zeros(z.shape[1], z.dtype)  # a change a unit: one running maximum is no SIMD loop
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + bias[j]
            v = zero if v < zero else v
            v = one if v > one else v
            moved = abs(v - state[i, j])
            most[j] = most[j] if moved <= most[j] else moved
            state[i, j] = v
    return most.max()


@njit(cache=True, nogil=True)
def clip_sum(z, p, state):  # type: ignore[no-untyped-def]
    """state <- clip(z + p, 0, 1); returns the largest change."""
    one = z.dtype.type(1)
    zero = z.dtype.type(0)
    most = np.zeros(z.shape[1], z.dtype)  # a change a unit: one running maximum is no SIMD loop
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + p[i, j]
            v = zero if v < zero else v
            v = one if v > one else v
            moved = abs(v - state[i, j])
            most[j] = most[j] if moved <= most[j] else moved
            state[i, j] = v
    return most.max()


@njit(cache=True, nogil=True)
def clip_sum_bias(z, p, bias, state):  # type: ignore[no-untyped-def]
    """state <- clip(z + p + bias, 0, 1); returns the largest change."""
    one = z.dtype.type(1)
    zero = z.dtype.type(0)
    most = np.zeros(z.shape[1], z.dtype)  # a change a unit: one running maximum is no SIMD loop
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = z[i, j] + p[i, j] + bias[j]
            v = zero if v < zero else v
            v = one if v > one else v
            moved = abs(v - state[i, j])
            most[j] = most[j] if moved <= most[j] else moved
            state[i, j] = v
    return most.max()


@njit(cache=True, nogil=True)
def clip_nudged(z, bias, target, beta, state):  # type: ignore[no-untyped-def]
    """state <- clip((z + bias + beta target) / (1 + beta), 0, 1), or the target where beta is HELD;
    returns the largest change.
    """
    one = z.dtype.type(1)
    zero = z.dtype.type(0)
    inverse = one / (one + beta)
    change = zero
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = target[i, j]
            if beta < HELD:
                v = min(max((z[i, j] + bias[j] + beta * v) * inverse, zero), one)
            change = max(change, abs(v - state[i, j]))
            state[i, j] = v
    return change


@njit(cache=True, nogil=True)
def show(unit, reach, state):  # type: ignore[no-untyped-def]
    """state <- reach tanh(unit / reach), which overwrites unit; returns the largest change."""
    change = unit.dtype.type(0)
    range_tile(unit, reach, unit)
    for i in range(unit.shape[0]):
        for j in range(unit.shape[1]):
            v = unit[i, j]
            change = max(change, abs(v - state[i, j]))
            state[i, j] = v
    return change


@njit(cache=True, nogil=True)
def add_noise(state, sigma, seed, row0, step, stream):  # type: ignore[no-untyped-def]
    """state += sigma z, z a function of (seed, row, step, unit); rows in blocks of 64."""
    z = np.empty((state.shape[1], 64), np.float32)
    for first in range(0, state.shape[0], 64):
        fill_normals(z, seed, np.uint64(row0 + first), step, stream)
        for i in range(min(64, state.shape[0] - first)):
            for j in range(state.shape[1]):
                state[first + i, j] += sigma * z[j, i]


@njit(cache=True, nogil=True)
def mix(state, replicas, share):  # type: ignore[no-untyped-def]
    """Every unit moves by `share` of the way to the mean of its copies in `replicas` rows."""
    for first in range(0, state.shape[0], replicas):
        for j in range(state.shape[1]):
            mean = state[first, j]
            for r in range(1, replicas):
                mean += state[first + r, j]
            mean /= replicas
            for r in range(replicas):
                state[first + r, j] += share * (mean - state[first + r, j])


@njit(cache=True, nogil=True)
def relax(
    forward,
    back,
    bias,
    p,
    states,
    drives,
    target,
    beta,
    sweeps,
    tolerance,
    sigma,
    replicas,
    share,
    reach,
    seed,
    row0,
    step0,
):  # type: ignore[no-untyped-def]
    """Relax one tile in place; returns (sweeps used, largest change in the last sweep).

    forward, back : tuples of L arrays (n_(l+1), n_l), entry 0 unused: drive of layer l + 1 by l,
        and of l by l + 1; the same arrays for symmetric couplings
    bias : tuple of L arrays (n_l,), l = 1 ... L; p : (rows, n_1), the inputs' drive, bias included
    states, drives : tuples of L arrays (rows, n_l), l = 1 ... L; states hold the start, drives are
        scratch of the same shapes
    target : (rows, n_L); beta 0: free
    sigma : state noise added to every unit after each of its updates (then `tolerance` is not met
        and all `sweeps` are run); its normals belong to (seed, row0 + row, step0 + sweep, unit)
    replicas, share : so many rows, one after the other, are copies of one image; after each of its
        updates a unit moves by this share of the way to the mean of its copies
    reach : 0, or of couplings of finite range: states are then what these are given of units u,
        reach tanh(u / reach)
    """
    n_layers = len(states)
    change = p.dtype.type(0)
    for sweep in range(sweeps):
        change = p.dtype.type(0)
        for parity in range(2):
            l = n_layers - 1 - parity  # states[l] is layer l + 1
            while l >= 0:
                z = drives[l]
                unit = states[l] if reach == 0 else z
                if l == n_layers - 1:
                    if l == 0:
                        less_bias(p, bias[0], z)  # clip_nudged adds it again
                    else:
                        np.dot(states[l - 1], forward[l].T, z)
                    moved = clip_nudged(z, bias[l], target, beta, unit)
                else:
                    np.dot(states[l + 1], back[l + 1], z)
                    if l == 0:
                        moved = clip_sum(z, p, unit)
                    else:
                        below = np.dot(states[l - 1], forward[l].T)
                        moved = clip_sum_bias(z, below, bias[l], unit)
                if reach > 0:
                    moved = show(z, reach, states[l])
                if sigma > 0:
                    add_noise(states[l], sigma, seed, row0, (step0 + sweep) * n_layers + l, STREAM_TRAINING)
                if replicas > 1:
                    mix(states[l], replicas, share)
                change = max(change, moved)
                l -= 2
        if change <= tolerance and tolerance > 0 and sigma == 0:
            return sweep + 1, change
    return sweeps, change


@njit(cache=True, nogil=True)
def start_free(p, reach, states):  # type: ignore[no-untyped-def]
    """First layer at its inputs' drive alone, all above at 0; reach : see `relax`."""
    one = p.dtype.type(1)
    zero = p.dtype.type(0)
    for i in range(p.shape[0]):
        for j in range(p.shape[1]):
            states[0][i, j] = min(max(p[i, j], zero), one)
    if reach > 0:
        range_tile(states[0], reach, states[0])
    for l in range(1, len(states)):
        states[l][:] = zero


@njit(cache=True, nogil=True)
def project(x, w, bias, p):  # type: ignore[no-untyped-def]
    """p = x w^T + bias."""
    np.dot(x, w.T, p)
    for i in range(p.shape[0]):
        for j in range(p.shape[1]):
            p[i, j] += bias[j]


@njit(cache=True, nogil=True)
def momentum_step(w, v, post, pre, momentum, rate):  # type: ignore[no-untyped-def]
    """v <- momentum v + post^T pre; w <- w + rate v.  post : (rows, n_out), pre : (rows, n_in)"""
    g = np.dot(post.T, pre)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            m = momentum * v[i, j] + g[i, j]
            v[i, j] = m
            w[i, j] += rate * m


@njit(cache=True, nogil=True)
def grow(w, v, rate, least):  # type: ignore[no-untyped-def]
    """w <- w exp(rate sign(w) v), by at most a factor e, sizes kept at or above `least`."""
    one = w.dtype.type(1)
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            sign = one if w[i, j] >= 0 else -one
            power = min(max(rate * sign * v[i, j], -one), one)
            w[i, j] = sign * max(abs(w[i, j]) * np.exp(power), least)


@njit(cache=True, nogil=True)
def quantise_states(state, step):  # type: ignore[no-untyped-def]
    """Round to whole multiples of `step`."""
    for i in range(state.shape[0]):
        for j in range(state.shape[1]):
            state[i, j] = np.round(state[i, j] / step) * step


@njit(cache=True, nogil=True)
def divide(z, load, low, high, state):  # type: ignore[no-untyped-def]
    """state <- clip(z / load, low, high) by unit; returns the largest change."""
    change = z.dtype.type(0)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = min(max(z[i, j] / load[j], low[j]), high[j])
            change = max(change, abs(v - state[i, j]))
            state[i, j] = v
    return change


@njit(cache=True, nogil=True)
def divide_nudged(z, load, target, beta, state):  # type: ignore[no-untyped-def]
    """state <- (z + beta target) / (load + beta); returns the largest change."""
    change = z.dtype.type(0)
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            v = (z[i, j] + beta * target[i, j]) / (load[j] + beta)
            change = max(change, abs(v - state[i, j]))
            state[i, j] = v
    return change


@njit(cache=True, nogil=True)
def relax_resistive(g, load, low, high, p, states, drives, target, beta, sweeps, tolerance):  # type: ignore[no-untyped-def]
    """Relax one tile of a resistive network in place; returns (sweeps used, largest last change).

    g : tuple of L arrays (n_(l+1), n_l), entry 0 unused: conductances between neighbouring layers
    load : tuple of L arrays (n_l,), all conductances at a node; p : (rows, n_1), current that the
        sources would drive into layer 1 at 0 V; low, high : tuples of L arrays (n_l,), the diodes
    target : (rows, n_L), reached through a conductance beta (0: free). A node's energy is quadratic
        given its neighbours: v = clip(sum g v / sum g).
    """
    top = len(states) - 1
    change = p.dtype.type(0)
    for sweep in range(sweeps):
        change = p.dtype.type(0)
        for parity in range(2):
            l = top - parity
            while l >= 0:
                z = drives[l]
                if l == 0:
                    copy(p, z)
                else:
                    np.dot(states[l - 1], g[l].T, z)
                if l == top:
                    moved = divide_nudged(z, load[l], target, beta, states[l])
                else:
                    z += np.dot(states[l + 1], g[l + 1])
                    moved = divide(z, load[l], low[l], high[l], states[l])
                change = max(change, moved)
                l -= 2
        if change <= tolerance and tolerance > 0:
            return sweep + 1, change
    return sweeps, change
