"""Euler-Maruyama on one trajectory of very many sparsely coupled cells; threads share the cells.

Each cell's sum and noise are its own, so the bits are those of `thermo.kernels.langevin.tile` and do
not depend on threads.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit, prange
from thermo.kernels.langevin.parts import C1, C2, C3, HI, LO, H
from thermo.kernels.langevin.rows import clamp, self_force
from thermo.kernels.random import fill_normals_cells, fma, magnitude

ROWS = 4096  # cells of one piece of work; a multiple of 4


class Stretch(NamedTuple):
    """A phase: its first step and how many it has, coupling scale and kT at both ends, its well."""

    mobility: float
    dt: float
    first: int
    steps: int
    s0: float
    s1: float
    kT0: float
    kT1: float
    kappa: float


@njit(cache=True, parallel=True)
def advance(  # type: ignore[no-untyped-def]
    linear, cells, stretch, drive, source, x, spare, shown, start, stop, bound, check_every
):
    """Steps start to stop - 1 of a schedule, all within one phase.

    linear, cells, source : see thermo.kernels.langevin.parts; source.origin is the trajectory
    x, spare : (n,) float32; returned in the order (state, other, bad_step, bad_cell), the last two
        -1 unless a state left the bound
    shown : (n,) float32 scratch where cells have activations; drive : (n,) or (1,)
    """
    indptr, indices, values = linear.indptr, linear.indices, linear.weights[0]
    columns, activation, kappa = cells.columns, cells.activation, stretch.kappa
    seed, stream, trajectory = source.seed, source.stream, source.origin
    n = x.shape[0]
    pieces = (n + ROWS - 1) // ROWS
    peak = np.zeros(pieces, np.int32)
    most = magnitude(bound)
    mdt = np.float32(stretch.mobility * stretch.dt)
    each = 1 if drive.shape[0] == n else 0
    for k in range(start, stop):
        part = k - stretch.first
        s = np.float32(stretch.s0 + (stretch.s1 - stretch.s0) * part / stretch.steps)
        heat = stretch.kT0 + (stretch.kT1 - stretch.kT0) * (part + 0.5) / stretch.steps
        sigma = np.float32(math.sqrt(2.0 * stretch.mobility * heat * stretch.dt))
        source = x
        if cells.active:
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
                    total = fma(values[e], source[indices[e]], total)
                b = fma(s, total + drive[i * each], columns[H, i])
                a1 = np.float32(np.float64(columns[C1, i]) + kappa)
                v = x[i]
                force = self_force(b, v, a1, columns[C2, i], columns[C3, i])
                v = fma(sigma, noise[i - first], fma(mdt, force, v))
                v = clamp(v, columns[LO, i], columns[HI, i])
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
