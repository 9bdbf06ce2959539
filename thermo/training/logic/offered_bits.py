"""Bits of pictures that a training may choose from: comparisons of pixels, of blocks, window counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.encoder_builder import EncoderBuilder
from compiler.ir.encoders import CountingEncoder
from thermo.data import Dataset
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig

SEEN = 1024
"""Training samples that bounds are found on, as quantiles."""
FAR = 4
"""Pixels, or blocks, that compared ones are apart at most along each axis."""
OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))
"""Neighbours that a window's local bits compare a pixel with."""
TILE = 4
"""Side of the smallest window."""
LEVELS = {1: 3, 2: 4, 4: 6}
"""Thresholds of a count over a window of so many tiles a side."""
BOUNDS = ((), (0.5,), (0.2, 0.8), (0.15, 0.5, 0.85), (0.1, 0.3, 0.7, 0.9))
"""Quantiles at which local bits cut, by how many there are."""
_DRAW = 30
"""Tag of a generator."""


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """encoder : of all bits; channel : (n_bits,) int32, local bit that a count counts, -1 of other bits"""

    encoder: CountingEncoder
    channel: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """A number at each place of a grid. number : (height, width) as in EncoderBuilder
    value : (n, height, width) int32, what it is in the samples seen
    """

    number: np.ndarray
    value: np.ndarray


def offered_bits(dataset: Dataset, config: LogicConfig) -> Offered:
    """The bits of config.encoder; TrainingError for data that are no pictures of values from 0 to 1."""
    x = dataset.x_train
    if len(dataset.image_shape) not in (2, 3) or x.min() < 0 or x.max() > 1:
        raise TrainingError(
            f"data set {dataset.name}: encoder {config.encoder} compares pixels of pictures with values from "
            "0 to 1; take encoder thermometer"
        )
    shape = (*dataset.image_shape, 1)[:3]
    builder = EncoderBuilder(dataset.n_features, 255, 8 - config.pixel_bits)
    seen = x[:: max(x.shape[0] // SEEN, 1)]
    rng = np.random.default_rng([config.seed, _DRAW])
    planes = _planes(builder, seen, shape)
    channel: list[int] = []
    kinds = ("blocks", "counts") if config.encoder == "mix" else (config.encoder,)
    for kind in kinds:
        if kind == "comparisons":
            _compared(builder, planes, config.comparisons, rng)
        elif kind == "blocks":
            blocks = [_blocks(builder, plane, size) for plane in planes for size in (2, 4)]
            _compared(builder, blocks, config.comparisons, rng)
        else:
            channel += [-1] * (builder.n_bits - len(channel))
            channel += _counted(builder, planes, config)
    channel += [-1] * (builder.n_bits - len(channel))
    return Offered(builder.build(), np.array(channel, dtype=np.int32))


def _planes(builder: EncoderBuilder, seen: np.ndarray, shape: tuple[int, ...]) -> list[_Plane]:
    """Grey values; of colours their luminance R + 2 G + B and the opponents R - G, 2 B - R - G."""
    height, width, colours = shape
    top = builder.top >> builder.dropped
    codes = np.clip(np.rint(seen.astype(np.float64) * builder.top), 0, builder.top).astype(np.int32)
    value = (codes >> builder.dropped).reshape(-1, *shape)
    assert value.max() <= top
    number = np.arange(height * width * colours).reshape(shape)
    if colours != 3:
        return [_Plane(number[..., c], value[..., c]) for c in range(colours)]
    return [_weighed(builder, number, value, weights) for weights in ((1, 2, 1), (1, -1, 0), (-1, -1, 2))]


def _weighed(
    builder: EncoderBuilder, number: np.ndarray, value: np.ndarray, weights: Sequence[int]
) -> _Plane:
    sums = [
        builder.sum(dict(zip(row, weights, strict=True)))
        for row in number.reshape(-1, number.shape[2]).tolist()
    ]
    return _Plane(np.array(sums).reshape(number.shape[:2]), value @ np.array(weights, dtype=np.int32))


def _blocks(builder: EncoderBuilder, plane: _Plane, size: int) -> _Plane:
    """Sums of size x size blocks at every place; those of 4 are made of those of 2."""
    at = (0, 1)
    if size > 2:
        plane, at = _blocks(builder, plane, size // 2), (0, size // 2)
    height, width = (n - at[-1] for n in plane.number.shape)
    parts = [np.s_[..., dy : dy + height, dx : dx + width] for dy in at for dx in at]
    numbers = np.stack([plane.number[part] for part in parts], axis=-1)
    sums = [builder.sum(dict.fromkeys(row, 1)) for row in numbers.reshape(-1, 4).tolist()]
    value = np.sum([plane.value[part] for part in parts], axis=0)
    return _Plane(np.array(sums).reshape(height, width), value)


def _compared(builder: EncoderBuilder, planes: list[_Plane], n: int, rng: np.random.Generator) -> None:
    """n random comparisons: of two places of a plane, or of one with a constant, at a random quantile."""
    for _ in range(n):
        plane = planes[rng.integers(len(planes))]
        height, width = plane.number.shape
        y, x = int(rng.integers(height)), int(rng.integers(width))
        v = int(np.clip(y + rng.integers(-FAR, FAR + 1), 0, height - 1))
        u = int(np.clip(x + rng.integers(-FAR, FAR + 1), 0, width - 1))
        number, value = int(plane.number[y, x]), plane.value[:, y, x]
        if (y, x) != (v, u):
            number = builder.sum({number: 1, int(plane.number[v, u]): -1})
            value = value - plane.value[:, v, u]
        bound = int(np.floor(np.quantile(value, rng.uniform(0.1, 0.9))))
        builder.bit(builder.above(number, bound))


def _counted(builder: EncoderBuilder, planes: list[_Plane], config: LogicConfig) -> list[int]:
    """Local bits counted over nested windows; each bit's channel, one a kind of local bit.

    Differences of light between pixels, between blocks of 2x2, light of blocks, and opponents; all but the
    first vary slowly, so that every other place along both axes is enough.
    """
    light, *opponents = planes
    smooth, slow = _blocks(builder, light, 2), max(config.stride, 2)
    kinds: list[tuple[_Plane, tuple[int, int] | None, int, int]] = [
        *((light, offset, config.cuts, config.stride) for offset in OFFSETS[: config.offsets]),
        *((smooth, (2 * dy, 2 * dx), config.cuts, slow) for dy, dx in OFFSETS[: config.coarse]),
        (smooth, None, 3, slow),
        *((plane, None, 4, slow) for plane in opponents),
    ]
    channel: list[int] = []
    number = 0
    for plane, offset, cuts, stride in kinds:
        for level in BOUNDS[cuts]:
            channel += [number] * _channel(builder, plane, offset, level, stride)
            number += 1
    return channel


def _channel(
    builder: EncoderBuilder, plane: _Plane, offset: tuple[int, int] | None, level: float, stride: int
) -> int:
    """Count one kind of local bit over the windows; how many input bits that makes."""
    height, width = (-(-n // TILE) * TILE for n in plane.number.shape)
    room = [(0, height - plane.number.shape[0]), (0, width - plane.number.shape[1])]
    number, value = np.pad(plane.number, room), np.pad(plane.value, [(0, 0), *room])
    grid = np.zeros((height, width), dtype=bool)
    grid[::stride, ::stride] = True
    grid[plane.number.shape[0] :] = grid[:, plane.number.shape[1] :] = False
    far = np.full((height, width), -1)
    if offset is not None:
        dy, dx = offset
        grid[plane.number.shape[0] - dy :] = grid[:, plane.number.shape[1] - max(dx, 0) :] = False
        grid[:, : max(-dx, 0)] = False
        far = np.roll(number, (-dy, -dx), (0, 1))
        value = value - np.roll(value, (-dy, -dx), (1, 2))
    if not grid.any():  # a small picture has no such neighbours
        return 0
    bound = int(np.floor(np.quantile(value[:, grid], level)))
    ones = (value > bound) & grid
    before = builder.n_bits
    tiles = np.zeros((height // TILE, width // TILE), dtype=np.int64)
    for ty, tx in np.ndindex(*tiles.shape):
        part = np.s_[ty * TILE : (ty + 1) * TILE, tx * TILE : (tx + 1) * TILE]
        wanted = grid[part]
        pairs = zip(number[part][wanted].tolist(), far[part][wanted].tolist(), strict=True)
        things = [builder.above(a if b < 0 else builder.sum({a: 1, b: -1}), bound) for a, b in pairs]
        tiles[ty, tx] = builder.count(things) if things else 0  # counts are below 0
    counts = ones.reshape(-1, tiles.shape[0], TILE, tiles.shape[1], TILE).sum(axis=(2, 4))
    side, windows = 1, tiles
    while True:
        for y, x in np.ndindex(*windows.shape):
            if windows[y, x]:
                _tested(builder, int(windows[y, x]), counts[:, y, x], LEVELS[side])
        side *= 2
        if side not in LEVELS:
            break
        # four neighbours that touch are a window twice as large; these lie half of themselves apart
        near = 1 if side == 2 else 2
        rows, columns = (np.arange(0, n - near, near) for n in windows.shape)
        if not (rows.size and columns.size):
            break
        parts = [np.ix_(rows + i, columns + j) for i in (0, near) for j in (0, near)]
        counts = np.sum([counts[:, *part] for part in parts], axis=0)
        quads = np.stack([windows[part] for part in parts], axis=-1).reshape(-1, 4).tolist()
        inner = [[count for count in quad if count] for quad in quads]
        found = [builder.count(quad) if quad else 0 for quad in inner]
        windows = np.array(found).reshape(rows.size, columns.size)
    return builder.n_bits - before


def _tested(builder: EncoderBuilder, count: int, value: np.ndarray, n: int) -> None:
    """Bits count >= least at evenly spaced quantiles of the count."""
    levels = np.quantile(value, (np.arange(n) + 1) / (n + 1))
    for least in np.unique(np.ceil(levels).astype(int)).tolist():
        if least >= 1:
            builder.bit(count, least)
