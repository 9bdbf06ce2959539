"""Euler-Maruyama on one trajectory of very many sparsely coupled cells; threads share the cells.

Each cell's sum and noise are its own, so the bits are those of `thermo.kernels.langevin.tile` and do
not depend on threads.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit, prange
from thermo.kernels.langevin.rows import clamp, self_force
from thermo.kernels.random import fill_normals_cells, fma, magnitude

ROWS = 4096  # cells of one piece of work; a multiple of 4


@njit(cache=True, parallel=True)
def advance(  # type: ignore[no-untyped-def]
    indptr,
    indices,
    weight,
    c1,
    c2,
    c3,
    h,
    lo,
    hi,
    activation,
    active,
    mobility,
    dt,
    scale,
    kT,
    stiffness,
    phase_start,
    phase_steps,
    start,
    stop,
    x,
    spare,
    shown,
    drive,
    seed,
    trajectory,
    stream,
    bound,
    check_every,
):
    """Steps start to stop - 1 of a schedule, all within one phase.

    x, spare : (n,) float32; returned in the order (state, other, bad_step, bad_cell), the last two
        -1 unless a state left the bound
    scale, kT : (2,) at start and end of the phase, which has phase_steps steps from phase_start
    shown : (n,) float32 scratch where cells have activations; drive : (n,) or (1,)
    """
    n = x.shape[0]
    pieces = (n + ROWS - 1) // ROWS
    peak = np.zeros(pieces, np.int32)
    most = magnitude(bound)
    mdt = np.float32(mobility * dt)
    each = 1 if drive.shape[0] == n else 0
    for k in range(start, stop):
        part = k - phase_start
        s = np.float32(scale[0] + (scale[1] - scale[0]) * part / phase_steps)
        heat = kT[0] + (kT[1] - kT[0]) * (part + 0.5) / phase_steps
        sigma = np.float32(math.sqrt(2.0 * mobility * heat * dt))
        source = x
        if active:
            for piece in prange(pieces):
                for i in range(piece * ROWS, min((piece + 1) * ROWS, n)):
                    activate_row(activation[i], x[i : i + 1], shown[i : i + 1])
            source = shown
        for piece in prange(pieces):
            first, last = piece * ROWS, min((piece + 1) * ROWS, n)
            noise = np.zeros((last - first + 3) // 4 * 4, np.float32)
            if sigma > 0:
                fill_normals_cells(noise, seed, trajectory, k, first, stream)
            top = peak[piece]
            for i in range(first, last):
                total = np.float32(0.0)
                for e in range(indptr[i], indptr[i + 1]):
                    total = fma(weight[e], source[indices[e]], total)
                b = fma(s, total + drive[i * each], h[i])
                a1 = np.float32(np.float64(c1[i]) + stiffness)
                v = x[i]
                v = fma(sigma, noise[i - first], fma(mdt, self_force(b, v, a1, c2[i], c3[i]), v))
                v = clamp(v, lo[i], hi[i])
                spare[i] = v
                bits = magnitude(v)
                top = bits if bits > top else top
            peak[piece] = top
        x, spare = spare, x
        if (k + 1) % check_every == 0 or k == stop - 1:
            for piece in range(pieces):
                if peak[piece] > most:
                    for i in range(piece * ROWS, min((piece + 1) * ROWS, n)):
                        if magnitude(x[i]) > most:
                            return x, spare, k + 1, i
                    return x, spare, k + 1, piece * ROWS
    return x, spare, -1, -1
