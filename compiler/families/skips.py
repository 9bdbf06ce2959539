"""Couplings of convolutional layers across one layer, as residual networks have them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Geometry = tuple[int, int, int]
"""Width of a square kernel, stride, padding."""


def skip_geometry(first: Geometry, second: Geometry) -> Geometry:
    """Of the convolution that takes the place of `second` after `first`: as many places, around the same
    centres, and as narrow as gaps and paddings allow (none below 0, none as wide as the kernel): 1 x 1 for
    two of stride 1, as wide as its stride for even kernels.
    """
    (k1, s1, p1), (k2, s2, p2) = first, second
    wide, stride, padding = k1 + (k2 - 1) * s1, s1 * s2, p1 + p2 * s1
    least = max(stride, wide - 2 * padding, 2 + 2 * padding - wide)
    kernel = min(wide, least + (wide - least) % 2)
    return kernel, stride, padding - (wide - kernel) // 2


def skip_geometries(layers: Sequence[Geometry]) -> list[Geometry]:
    """Of the convolutions into layers 2, 3, ... from two layers below; `layers` from the inputs up."""
    return [skip_geometry(a, b) for a, b in pairwise(layers)]
