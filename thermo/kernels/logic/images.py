"""Training images of logic-gate networks: warped, moved and turned into byte rows of bits."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.emit import address
from thermo.kernels.logic.fetch import fetch
from thermo.kernels.logic.turn import SIDE, turn
from thermo.kernels.random import fill_normals_cells

MARGIN = 4
"""Pixels of zeros around a frame: as far as a warp can reach."""
NEAR = 64
"""Pixels of all samples of a batch that fit a near cache."""


@njit(cache=True, nogil=True)
def encode(frames, rows, moves, position, bound, level, x, f0, f1):  # type: ignore[no-untyped-def]
    """x[f, s] = frame of rows[s] at position[f] + moves[s] > bound, for features f0 .. f1 - 1.

    frames : (n, size) uint8 or float32; rows, moves : (m,) int64; position : (n_features,) int64
    bound : (n_levels, m) of the frames' type; level : (n_features,) int64, row of bound
    x : (n_features, pitch) uint8; columns from m are 0
    """
    flat, n, pitch = frames.reshape(-1), rows.shape[0], x.shape[1]
    start = np.empty((n + SIDE - 1) // SIDE * SIDE, np.int64)
    for s in range(start.shape[0]):
        which = min(s, n - 1)
        start[s] = rows[which] * frames.shape[1] + moves[which]
    turned = np.empty((NEAR, pitch), np.uint8)
    f = f0
    while f < f1:
        first, end, span = position[f], f, 0
        while end < f1 and first <= position[end] < first + NEAR:
            span = max(span, position[end] + 1 - first)
            end += 1
        if frames.itemsize == 1 and n and SIDE <= span <= SIDE * (end - f):
            _turn_samples(flat, start, first, span, turned)
            for g in range(f, end):
                row, limits = position[g] - first, level[g]
                for s in range(n):
                    x[g, s] = turned[row, s] > bound[limits, s]
        else:
            for g in range(f, end):
                at, limits = position[g], level[g]
                for s in range(n):
                    x[g, s] = flat[start[s] + at] > bound[limits, s]
        for g in range(f, end):
            for s in range(n, pitch):
                x[g, s] = 0
        f = end


@njit(cache=True, nogil=True)
def _turn_samples(flat, start, first, span, turned):  # type: ignore[no-untyped-def]
    """turned[i, s] = flat[start[s] + first + i] for i from 0 to span - 1, at least SIDE; start : (m,) int64,
    m a multiple of SIDE
    """
    base, at, out, pitch = address(flat) + first, address(start), address(turned), turned.shape[1]
    for s in range(0, start.shape[0], SIDE):
        for l in range(s, s + SIDE):
            fetch(base + start[l] + NEAR, NEAR)  # what is turned next; samples lie far apart
        for i in range(0, span, SIDE):
            i = min(i, span - SIDE)  # the last tile reads no further than the others'
            turn(base + i, at + 8 * s, out + pitch * i + s, pitch)


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
