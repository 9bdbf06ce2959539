"""Where the units of a machine of several blocks lie: the blocks side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from compiler.ir.goals import Grid


def square(n: int) -> Grid:
    """n units in a square, row by row."""
    side = math.isqrt(max(n, 1) - 1) + 1
    return Grid(np.arange(n, dtype=np.int32), (side, side))


def side_by_side(blocks: Sequence[Grid]) -> Grid:
    """One grid of the units of all blocks, in their order, each block right of the one before."""
    rows, columns = max(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)
    first, places = 0, []
    for block in blocks:
        line, place = np.divmod(block.place, block.shape[1])
        places.append(line * columns + first + place)
        first += block.shape[1]
    return Grid(np.concatenate(places).astype(np.int32), (rows, columns))
