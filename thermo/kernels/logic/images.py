"""Training images of logic-gate networks: warped, moved and turned into byte rows of bits."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.random import fill_normals_cells

MARGIN = 4
"""Pixels of zeros around a frame: as far as a warp can reach."""


@njit(cache=True, nogil=True)
def encode(frames, rows, moves, position, bound, level, x, f0, f1):  # type: ignore[no-untyped-def]
    """x[f, s] = frame of rows[s] at position[f] + moves[s] > bound, for features f0 .. f1 - 1.

    frames : (n, size) uint8 or float32; rows, moves : (m,) int64; position : (n_features,) int64
    bound : (n_levels, m) of the frames' type; level : (n_features,) int64, row of bound
    x : (n_features, pitch) uint8; columns from m are 0
    """
    size = frames.shape[1]
    flat = frames.reshape(-1)
    start = rows * size + moves
    n = rows.shape[0]
    for f in range(f0, f1):
        at = position[f]
        limits = bound[level[f]]
        for s in range(n):
            x[f, s] = flat[start[s] + at] > limits[s]
        for s in range(n, x.shape[1]):
            x[f, s] = 0


@njit(cache=True, nogil=True)
def _grid(n, nodes, left, weight):  # type: ignore[no-untyped-def]
    """Pixel p of n lies between nodes left[p] and left[p] + 1, weight[p] of the way."""
    for p in range(n):
        u = p * (nodes - 1) / max(n - 1, 1)
        left[p] = min(np.int64(u), nodes - 2)
        weight[p] = np.float32(u - left[p])


@njit(cache=True, nogil=True)
def _displace(field, y, left, weight, column, place):  # type: ignore[no-untyped-def]
    """Add the field (nodes, nodes), interpolated at row y, to place[y]."""
    one = np.float32(1)
    i, w = left[0, y], weight[0, y]
    for g in range(column.shape[0]):
        column[g] = field[i, g] * (one - w) + field[i + 1, g] * w
    for x in range(place.shape[1]):
        j, w = left[1, x], weight[1, x]
        place[y, x] += column[j] * (one - w) + column[j + 1] * w


@njit(cache=True, nogil=True)
def _affine(by_y, by_x, centre_y, centre_x, shift, place):  # type: ignore[no-untyped-def]
    """place[y, x] = by_y (y - centre_y) + by_x (x - centre_x) + shift."""
    for y in range(place.shape[0]):
        base = by_y * (np.float32(y) - centre_y) + shift
        for x in range(place.shape[1]):
            place[y, x] = base + by_x * (np.float32(x) - centre_x)


@njit(cache=True, nogil=True)
def _split(place, top, whole):  # type: ignore[no-untyped-def]
    """place clipped to [0, top]: its whole part into `whole`, the rest stays; both flat."""
    for p in range(place.shape[0]):
        place[p] = min(max(place[p], np.float32(0)), top)
        whole[p] = np.int32(place[p])
    for p in range(place.shape[0]):
        place[p] -= np.float32(whole[p])


@njit(cache=True, nogil=True)
def _pick(flat, pad_w, iy, ix, wy, wx, rounding, out):  # type: ignore[no-untyped-def]
    """out[p] = bilinear mean of the pixels right and below of (iy, ix)[p], plus `rounding`."""
    one = np.float32(1)
    for p in range(out.shape[0]):
        i = iy[p] * pad_w + ix[p]
        high = flat[i] * (one - wx[p]) + flat[i + 1] * wx[p]
        low = flat[i + pad_w] * (one - wx[p]) + flat[i + pad_w + 1] * wx[p]
        out[p] = high * (one - wy[p]) + low * wy[p] + rounding


@njit(cache=True, nogil=True)
def warp(
    images,
    chosen,
    coefficients,
    elastic,
    nodes,
    seed,
    epoch,
    height,
    width,
    channels,
    margin,
    rounding,
    frames,
    first,
    last,
):  # type: ignore[no-untyped-def]
    """Write warped copies of images chosen[first .. last - 1] into their frames.

    out(y, x) = image at (a y + b x + c, d y + e x + f) plus a smooth random displacement, bilinear,
    0 outside; coefficients : (m, 6) float32 in pixels from the centre
    elastic : root-mean-square displacement in pixels of a field that is random normal on nodes x
        nodes points and linear between; its numbers belong to (seed, epoch, image)
    images : (n, height * width * channels) uint8 or float32
    rounding : added to what is written: 0.5 for uint8, so that it is rounded, else 0
    frames : (n, (height + 2 margin) * (width + 2 margin) * channels); margins stay as they are
    """
    pad_h, pad_w = height + 2 * MARGIN, width + 2 * MARGIN
    padded = np.zeros((channels, pad_h, pad_w), np.float32)
    flat = padded.reshape(channels, -1)
    n_normals = 2 * nodes * nodes
    normals = np.zeros(4 * ((n_normals + 3) // 4), np.float32)
    field = normals[:n_normals].reshape(2, nodes, nodes)
    column = np.empty(nodes, np.float32)
    left = np.empty((2, max(height, width)), np.int64)
    weight = np.empty((2, max(height, width)), np.float32)
    _grid(height, nodes, left[0], weight[0])
    _grid(width, nodes, left[1], weight[1])
    half = np.array([(height - 1) / 2, (width - 1) / 2], np.float32)
    top = np.array([pad_h - 1.5, pad_w - 1.5], np.float32)
    place = np.empty((2, height, width), np.float32)
    parts = place.reshape(2, -1)
    whole = np.empty((2, height * width), np.int32)
    out = np.empty(height * width, np.float32)
    framed = frames.reshape(-1, height + 2 * margin, (width + 2 * margin) * channels)
    # linear interpolation in two directions leaves (2/3)^2 of the nodes' variance on average
    size = np.float32(elastic * 1.5)
    for i in range(first, last):
        n, k = chosen[i], coefficients[i]
        for axis in range(2):
            _affine(
                k[3 * axis],
                k[3 * axis + 1],
                half[0],
                half[1],
                k[3 * axis + 2] + half[axis] + np.float32(MARGIN),
                place[axis],
            )
        if elastic > 0:
            fill_normals_cells(normals, seed, n, epoch, 0)
            normals *= size
            for axis in range(2):
                for y in range(height):
                    _displace(field[axis], y, left, weight, column, place[axis])
        for axis in range(2):
            _split(parts[axis], top[axis], whole[axis])
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    padded[c, y + MARGIN, x + MARGIN] = images[n, (y * width + x) * channels + c]
            _pick(flat[c], pad_w, whole[0], whole[1], parts[0], parts[1], rounding, out)
            for y in range(height):
                for x in range(width):
                    framed[n, y + margin, (x + margin) * channels + c] = out[y * width + x]


@njit(cache=True, nogil=True)
def order_statistics(codes, ranks, out):  # type: ignore[no-untyped-def]
    """out[r, i] = the value of rank ranks[r] (0: the least) among codes[i]; uint8."""
    counts = np.empty(256, np.int64)
    for i in range(codes.shape[0]):
        counts[:] = 0
        for p in range(codes.shape[1]):
            counts[codes[i, p]] += 1
        for q in range(1, 256):
            counts[q] += counts[q - 1]
        for r in range(ranks.shape[0]):
            q = 0
            while counts[q] <= ranks[r]:
                q += 1
            out[r, i] = q
