"""Which places a window shows: convolutions and pooling of any stride, padding and dilation as index arrays.

Places of (n_1, ..., n_d) are numbered row by row. A layer's members are (positions, taps) int32: the place
that each tap of the window shows at each position, NONE where that is padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NONE = -1
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """shape : of the positions; members : (positions, taps) int32, see above
    inside : (positions, taps) bool, whether a tap lies within image and padding (a window that hangs over
        both, by ceil_mode, does not)
    """

    shape: Shape
    members: np.ndarray
    inside: np.ndarray

    @property
    def shown(self) -> np.ndarray:
        """(positions,) places that each window shows."""
        return (self.members != NONE).sum(axis=1)


def windows(
    places: Shape,
    window: Shape,
    *,
    stride: Shape,
    padding: Sequence[tuple[int, int]],
    dilation: Shape | None = None,
    ceil: bool = False,
) -> Seen:
    """Of a convolution or pooling; padding is (before, after) along each axis.

    ceil : count a last window that hangs over, as ceil_mode does, if it begins within image and padding
    """
    axes = []
    dilation = (1,) * len(places) if dilation is None else dilation
    for n, k, s, (before, after), d in zip(places, window, stride, padding, dilation, strict=True):
        room = n + before + after - d * (k - 1) - 1
        count = (-(-room // s) if ceil else room // s) + 1
        if ceil and (count - 1) * s >= n + before:
            count -= 1
        at = np.arange(max(count, 0))[:, None] * s - before + np.arange(k)[None, :] * d
        axes.append((at, (at >= 0) & (at < n), (at >= -before) & (at < n + after)))
    return _joined(places, axes)


def spread(
    places: Shape, window: Shape, *, stride: Shape, padding: Shape, dilation: Shape, output_padding: Shape
) -> Seen:
    """Of a transposed convolution: the place that each tap brings to each position of the output."""
    axes = []
    for n, k, s, p, d, more in zip(places, window, stride, padding, dilation, output_padding, strict=True):
        count = (n - 1) * s - 2 * p + d * (k - 1) + more + 1
        from_ = np.arange(max(count, 0))[:, None] + p - np.arange(k)[None, :] * d
        valid = (from_ % s == 0) & (from_ >= 0) & (from_ < n * s)
        axes.append((from_ // s, valid, valid))
    return _joined(places, axes)


def parted(places: Shape, parts: Shape) -> Seen:
    """Of adaptive pooling: position i of an axis shows floor(i n / m) to ceil((i + 1) n / m)."""
    axes = []
    for n, m in zip(places, parts, strict=True):
        first = np.arange(m) * n // m
        last = -(-(np.arange(m) + 1) * n // m)
        at = first[:, None] + np.arange(int((last - first).max()))[None, :]
        axes.append((at, at < last[:, None], at < last[:, None]))
    return _joined(places, axes)


def _joined(places: Shape, axes: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Seen:
    """Axes as one: every axis has (positions, taps) of where, whether there is a place, whether it counts."""
    index = np.zeros((1, 1), np.int64)
    valid = inside = np.ones((1, 1), bool)
    for n, (at, there, counted) in zip(places, axes, strict=True):
        index = _outer(index * n, at, np.add)
        valid, inside = _outer(valid, there, np.logical_and), _outer(inside, counted, np.logical_and)
    members = np.where(valid, index, NONE).astype(np.int32)
    return Seen(tuple(at.shape[0] for at, _, _ in axes), members, inside)


def _outer(a: np.ndarray, b: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Every row of a with every row of b, and every column likewise."""
    both = join(a[:, None, :, None], b[None, :, None, :])
    return both.reshape(a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])


def same(n: int, k: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding (before, after) by which there are ceil(n / stride) positions, the larger half behind."""
    total = max((math.ceil(n / stride) - 1) * stride + dilation * (k - 1) + 1 - n, 0)
    return total // 2, total - total // 2
