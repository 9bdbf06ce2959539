"""One tile of an exact Ornstein-Uhlenbeck process: x <- F x + g + L z, or mode by mode.

Arrays are (cells, lanes) float32, trajectories innermost; z are the counter-based normals of
thermo.kernels.random. The width of a tile is fixed, so that threads and batch change no bit.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import fill_block, fill_normals, fma

LANES = 64


@njit(cache=True, nogil=True)
def run_tile(maps, shifts, which, store, tiles, out, first, last, seed, traj0, stream):  # type: ignore[no-untyped-def]
    """Step one tile through len(which) transitions, keeping the states asked for.

    maps : (m, n, 2 n) float32, [F, L] of each transition; shifts : (m, n) float32, g
    which : (steps,) int64 transition of each step; store : (steps,) int64, row of `out` to keep the
        state after the step in, or -1
    tiles : (1, n, lanes) float32, start on entry and end on return
    out : (rows, n, last - first) float32, states of the lanes that count; the others are padding
    """
    x = tiles[0]
    n, lanes = x.shape
    both = np.empty((2 * n, lanes), np.float32)
    new = np.empty((n, lanes), np.float32)
    for i in range(n):
        for l in range(lanes):
            both[i, l] = x[i, l]
    for k in range(which.shape[0]):
        m = which[k]
        fill_normals(both[n:], seed, traj0, k, stream)
        np.dot(maps[m], both, new)
        row = store[k]
        for i in range(n):
            g = shifts[m, i]
            for l in range(lanes):
                both[i, l] = new[i, l] + g
            if row >= 0:
                kept = out[row, i]
                for l in range(first, last):
                    kept[l - first] = both[i, l]
    for i in range(n):
        for l in range(lanes):
            x[i, l] = both[i, l]


@njit(cache=True, nogil=True)
def run_modes(  # type: ignore[no-untyped-def]
    back, decay, shifts, spread, which, store, y, out, first, last, seed, traj0, stream
):
    """Step independent modes y <- decay y + shift + spread z, keeping x = back y where asked for.

    back : (n, n) float32; decay, shifts, spread : (m, n) float32, of each transition
    y : (tiles, n, lanes) float32, consecutive tiles that run step by step side by side, so that a
        kept state is written in one go; first, last : lanes that count, over all these tiles
    The rest is as in run_tile. One matrix product for every state kept, not two for every step.
    """
    tiles, n, lanes = y.shape
    z = np.empty((4, lanes), np.float32)
    x = np.empty((n, lanes), np.float32)
    for k in range(which.shape[0]):
        m = which[k]
        row = store[k]
        for tile in range(tiles):
            states = y[tile]
            start = tile * lanes
            for block in range((n + 3) // 4):
                fill_block(z[0], z[1], z[2], z[3], seed, traj0 + np.uint64(start), k, block, stream)
                for j in range(min(4, n - 4 * block)):
                    i = 4 * block + j
                    c, g, s = decay[m, i], shifts[m, i], spread[m, i]
                    state, shot = states[i], z[j]
                    for l in range(lanes):
                        state[l] = fma(s, shot[l], fma(c, state[l], g))
            if row >= 0:
                np.dot(back, states, x)
                low, high = max(first - start, 0), min(last - start, lanes)
                for i in range(n):
                    at, kept = x[i], out[row, i, start + low - first :]
                    for l in range(low, high):
                        kept[l - low] = at[l]
