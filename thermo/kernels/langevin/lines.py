"""Converters in kernels: their noise, one normal a conversion, that of (seed, stream, trajectory, step,
line), and what they make of a tile. hw_models.converters.Lines is the same law on arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import fill_normals_cells

STREAM_INPUTS = 4  # beside the streams of thermo.kernels.random
STREAM_READ = 5


class Line(NamedTuple):
    """Levels lo + k step, k from 0 to top; noise : standard deviation; offset : (n_lines,)"""

    lo: np.floating
    step: np.floating
    top: np.floating
    noise: np.floating
    offset: np.ndarray


@njit(cache=True, nogil=True)
def line_normals(out, seed, first, stride, step, stream):  # type: ignore[no-untyped-def]
    """Fill out[r, p] with the normal of trajectory first + r stride and line p.

    out : (rows, lines) float32
    """
    rows, lines = out.shape
    padded = np.empty(4 * ((lines + 3) // 4), np.float32)
    for r in range(rows):
        trajectory = np.uint64(first) + np.uint64(r) * np.uint64(stride)
        fill_normals_cells(padded, seed, trajectory, step, 0, stream)
        for p in range(lines):
            out[r, p] = padded[p]


@njit(cache=True, nogil=True)
def drive_lines(u, line, seed, trajectory):  # type: ignore[no-untyped-def]
    """DACs, in place: u (lanes, n_in) becomes levels, off by offset and noise."""
    lanes, n_in = u.shape
    real = u.dtype.type
    z = np.empty((lanes, n_in), np.float32)
    line_normals(z, seed, trajectory, 1, 0, STREAM_INPUTS)
    for l in range(lanes):
        for p in range(n_in):
            code = min(max(np.rint((u[l, p] - line.lo) / line.step), real(0)), line.top)
            u[l, p] = line.lo + line.step * code + line.offset[p] + line.noise * real(z[l, p])


@njit(cache=True, nogil=True)
def read_lines(x, line, seed, trajectory, step, read):  # type: ignore[no-untyped-def]
    """ADCs: read (n_out, lanes) are the levels nearest to x with offset and noise."""
    n_out, lanes = x.shape
    real = x.dtype.type
    z = np.empty((lanes, n_out), np.float32)
    line_normals(z, seed, trajectory, 1, step, STREAM_READ)
    for o in range(n_out):
        for l in range(lanes):
            value = x[o, l] + line.offset[o] + line.noise * real(z[l, o])
            code = min(max(np.rint((value - line.lo) / line.step), real(0)), line.top)
            read[o, l] = line.lo + line.step * code
