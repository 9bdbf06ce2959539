"""Noise of converters: one normal a conversion, that of (seed, stream, trajectory, step, line)."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import fill_normals_cells

STREAM_INPUTS = 4  # beside the streams of thermo.kernels.random
STREAM_READ = 5


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
