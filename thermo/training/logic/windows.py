"""Local bits counted over nested windows, the counts compared with thresholds."""

from __future__ import annotations

import numpy as np

from compiler.circuits.encoder_builder import EncoderBuilder
from thermo.training.logic.local_bits import TILE, LocalBits

LEVELS = {1: 3, 2: 4, 4: 6}
"""Thresholds of a count over a window of so many tiles a side."""


def count_windows(builder: EncoderBuilder, local: LocalBits) -> int:
    """Count one kind of local bit over windows of 4x4 pixels side by side, 8x8 half of themselves apart and
    16x16 likewise, each made of four of the next smaller; how many input bits that makes.
    """
    height, width = (-(-n // TILE) * TILE for n in local.thing.shape)
    room = [(0, height - local.thing.shape[0]), (0, width - local.thing.shape[1])]
    thing = np.pad(local.thing, room, constant_values=-1)
    ones = np.pad(local.ones, [(0, 0), *room])
    before = builder.n_bits
    tiles = np.zeros((height // TILE, width // TILE), dtype=np.int64)
    for ty, tx in np.ndindex(*tiles.shape):
        part = thing[ty * TILE : (ty + 1) * TILE, tx * TILE : (tx + 1) * TILE]
        things = part[part >= 0].tolist()
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
