"""Kinds of local bits: differences between pixels or blocks, blocks and opponents, each above a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.encoder_builder import EncoderBuilder
from thermo.training.logic.config import LogicConfig

OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
"""Neighbours that local bits compare a pixel with."""
TILE = 4
"""Side of the smallest window."""
BOUNDS = ((), (0.5,), (0.2, 0.8), (0.15, 0.5, 0.85), (0.1, 0.3, 0.7, 0.9))
"""Quantiles at which local bits cut, by how many there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A number at each place of a grid. number : (height, width) as in EncoderBuilder
    value : (n, height, width) int32, what it is in the samples seen
    """

    number: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class LocalBits:
    """Bits of one kind. thing : (height, width) int64 as in EncoderBuilder, -1 where there is none
    ones : (n, height, width) bool, what they are in the samples seen
    """

    thing: np.ndarray
    ones: np.ndarray


def planes_of(builder: EncoderBuilder, seen: np.ndarray, shape: tuple[int, ...]) -> list[Plane]:
    """Grey values; of colours their luminance R + 2 G + B and the opponents R - G, 2 B - R - G."""
    height, width, colours = shape
    top = builder.top >> builder.dropped
    codes = np.clip(np.rint(seen.astype(np.float64) * builder.top), 0, builder.top).astype(np.int32)
    value = (codes >> builder.dropped).reshape(-1, *shape)
    assert value.max() <= top
    number = np.arange(height * width * colours).reshape(shape)
    if colours != 3:
        return [Plane(number[..., c], value[..., c]) for c in range(colours)]
    return [_weighed(builder, number, value, weights) for weights in ((1, 2, 1), (1, -1, 0), (-1, -1, 2))]


def _weighed(builder: EncoderBuilder, number: np.ndarray, value: np.ndarray, weights: Sequence[int]) -> Plane:
    sums = [
        builder.sum(dict(zip(row, weights, strict=True)))
        for row in number.reshape(-1, number.shape[2]).tolist()
    ]
    return Plane(np.array(sums).reshape(number.shape[:2]), value @ np.array(weights, dtype=np.int32))


def blocks(builder: EncoderBuilder, plane: Plane, size: int) -> Plane:
    """Sums of size x size blocks at every place; those of 4 are made of those of 2."""
    at = (0, 1)
    if size > 2:
        plane, at = blocks(builder, plane, size // 2), (0, size // 2)
    height, width = (n - at[-1] for n in plane.number.shape)
    parts = [np.s_[..., dy : dy + height, dx : dx + width] for dy in at for dx in at]
    numbers = np.stack([plane.number[part] for part in parts], axis=-1)
    sums = [builder.sum(dict.fromkeys(row, 1)) for row in numbers.reshape(-1, 4).tolist()]
    value = np.sum([plane.value[part] for part in parts], axis=0)
    return Plane(np.array(sums).reshape(height, width), value)


def slow(config: LogicConfig) -> int:
    """Pixels between bits that vary slowly, and between patches."""
    return max(config.stride, 2)


def local_kinds(builder: EncoderBuilder, planes: list[Plane], config: LogicConfig) -> list[LocalBits | None]:
    """Differences of light between pixels, between blocks of 2x2, light of blocks, and opponents; all but
    the first vary slowly, so that every other place along both axes is enough. None for a kind that a small
    picture has no room for.
    """
    light, *opponents = planes
    smooth, step = blocks(builder, light, 2), slow(config)
    kinds: list[tuple[Plane, tuple[int, int] | None, int, int]] = [
        *((light, offset, config.cuts, config.stride) for offset in OFFSETS[: config.offsets]),
        *((smooth, (2 * dy, 2 * dx), config.cuts, step) for dy, dx in OFFSETS[: config.coarse]),
        (smooth, None, 3, step),
        *((plane, None, 4, step) for plane in opponents),
    ]
    return [
        _local(builder, plane, offset, level, stride)
        for plane, offset, cuts, stride in kinds
        for level in BOUNDS[cuts]
    ]


def _local(
    builder: EncoderBuilder, plane: Plane, offset: tuple[int, int] | None, level: float, stride: int
) -> LocalBits | None:
    """One kind, at every `stride`th place along both axes."""
    number, value = plane.number, plane.value
    height, width = number.shape
    grid = np.zeros((height, width), dtype=bool)
    grid[::stride, ::stride] = True
    far = np.full((height, width), -1)
    if offset is not None:
        dy, dx = offset
        grid[height - dy :] = grid[:, width - max(dx, 0) :] = False
        grid[:, : max(-dx, 0)] = False
        far = np.roll(number, (-dy, -dx), (0, 1))
        value = value - np.roll(value, (-dy, -dx), (1, 2))
    if not grid.any():
        return None
    bound = int(np.floor(np.quantile(value[:, grid], level)))
    thing = np.full((height, width), -1, dtype=np.int64)
    y, x = np.nonzero(grid)
    order = np.lexsort((x, y, x // TILE, y // TILE))  # window by window
    for at in zip(y[order].tolist(), x[order].tolist(), strict=True):
        a, b = int(number[at]), int(far[at])
        thing[at] = builder.above(a if b < 0 else builder.sum({a: 1, b: -1}), bound)
    return LocalBits(thing, (value > bound) & grid)
