"""Rows of a data set as a machine's inputs: warped, encoded, converted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.lines import drive_lines


class Images(NamedTuple):
    """Rows `rows` of `images` (N, n_in), encoded as (image - shift) * scale.

    warps : (lanes or 0, 6) affine maps, see warp_image, of images of (height, width, channels)
    """

    images: np.ndarray
    rows: np.ndarray
    warps: np.ndarray
    shape: tuple[int, int, int]
    shift: np.ndarray
    scale: np.ndarray


@njit(cache=True, nogil=True)
def warp_image(image, out, height, width, channels, coefficients, frame):  # type: ignore[no-untyped-def]
    """Bilinear affine warp: out(y, x) = image at (a y + b x + c, d y + e x + f), 0 outside.

    image, out : (height * width * channels,); coefficients : (6,) in pixels from the centre
    frame : (height + 4, width + 4) scratch, the image with a margin of zeros: no branch is needed
    """
    real = coefficients.dtype.type
    one = real(1)
    zero = real(0)
    half_h = real((height - 1) / 2)
    half_w = real((width - 1) / 2)
    top_y = real(height + 2.5)
    top_x = real(width + 2.5)
    row = width + 4
    flat = frame.reshape(-1)
    flat[:] = zero
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                frame[y + 2, x + 2] = image[(y * width + x) * channels + c]
        for y in range(height):
            dy = real(y) - half_h
            row_y = coefficients[0] * dy + coefficients[2] + half_h + real(2)
            row_x = coefficients[3] * dy + coefficients[5] + half_w + real(2)
            for x in range(width):
                dx = real(x) - half_w
                sy = min(max(row_y + coefficients[1] * dx, zero), top_y)
                sx = min(max(row_x + coefficients[4] * dx, zero), top_x)
                iy = np.int32(sy)
                ix = np.int32(sx)
                wy = sy - real(iy)
                wx = sx - real(ix)
                p = iy * row + ix
                high = flat[p] * (one - wx) + flat[p + 1] * wx
                low = flat[p + row] * (one - wx) + flat[p + row + 1] * wx
                out[(y * width + x) * channels + c] = high * (one - wy) + low * wy


@njit(cache=True, nogil=True)
def fill_inputs(batch, dacs, u, seed, trajectory):  # type: ignore[no-untyped-def]
    """u[l] = (warped image of row rows[l] - shift) * scale of Images; no warp where warps is empty.

    dacs : Line that makes levels of them, or None
    """
    images, rows, warps, shift, scale = batch.images, batch.rows, batch.warps, batch.shift, batch.scale
    height, width, channels = batch.shape
    n_in = u.shape[1]
    several = shift.shape[0] > 1
    frame = np.empty((height + 4, width + 4), u.dtype)
    for l in range(u.shape[0]):
        image = images[rows[l]]
        if warps.shape[0]:
            warp_image(image, u[l], height, width, channels, warps[l], frame)
        else:
            for p in range(n_in):
                u[l, p] = image[p]
        if several or scale.shape[0] > 1:
            for p in range(n_in):
                u[l, p] = (u[l, p] - shift[p % shift.shape[0]]) * scale[p % scale.shape[0]]
        else:
            for p in range(n_in):
                u[l, p] = (u[l, p] - shift[0]) * scale[0]
    if dacs is not None:
        drive_lines(u, dacs, seed, trajectory)
