"""TileNetlist: a feed-forward network laid out on crossbar tiles.

A weight is a pair of devices, g+ and g-, in neighbouring columns of one row; its value is their
difference, in units of the layer's largest |W| over the conductance of a device that is on. A layer's
matrix is cut into tiles of at most `rows` rows and `columns` columns, which hold columns / 2 outputs. With
slices of b bits a weight's magnitude is a whole number of slices * b bits, and each slice's pair, in a tile
of its own, holds b of them:

    W = top sum_k c_k (g+_k - g-_k),    c_k = 2^(b k) (2^b - 1) / (2^(b slices) - 1)

with every g a multiple of 1 / (2^b - 1).

Sums over the tiles of a layer's rows and over its slices, biases, activations and pooling are digital.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.network import Network, Shape, Weighted, check_network

MOST_BITS = 24  # of a weight's magnitude, all slices together


@dataclass(frozen=True, slots=True)
class Layout:
    """rows, columns : of a tile, None: as many as a layer asks for
    slices : devices a weight's magnitude is cut over; slice_bits : of each, None: one slice, not rounded

    Raises NetlistError for a tile without room for a weight and for slices that do not hold one.
    """

    rows: int | None = None
    columns: int | None = None
    slices: int = 1
    slice_bits: int | None = None

    def __post_init__(self) -> None:
        if (self.rows is not None and self.rows < 1) or (self.columns is not None and self.columns < 2):
            raise NetlistError(
                f"a tile needs 1 row and 2 columns or more, a weight being a pair of devices, got "
                f"{self.rows} x {self.columns}"
            )
        bits = self.slice_bits
        if self.slices < 1 or (self.slices > 1 and bits is None):
            raise NetlistError(
                f"{self.slices} slices a weight must be 1 or more, and more than one needs the bits of each"
            )
        if bits is not None and not 1 <= bits * self.slices <= MOST_BITS:
            raise NetlistError(
                f"{self.slices} slices of {bits} bits are {bits * self.slices} bits of a weight; 1 to "
                f"{MOST_BITS} can be held"
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """c_k of every slice, the least significant one first."""
        if self.slice_bits is None:
            return (1.0,)
        base = 2**self.slice_bits
        return tuple(base**k * (base - 1) / (base**self.slices - 1) for k in range(self.slices))

    def sliced(self, relative: np.ndarray) -> np.ndarray:
        """(slices, ...) signed relative conductances of relative weights (...), from -1 to 1."""
        if self.slice_bits is None:
            return relative[None]
        base = 2**self.slice_bits
        whole = np.rint(np.abs(relative) * (base**self.slices - 1)).astype(np.int64)
        digits = np.stack([(whole // base**k) % base for k in range(self.slices)])
        return np.sign(relative) * digits / (base - 1)

    def row_cuts(self, n: int) -> list[slice]:
        """Rows of every tile of a column of tiles that `n` inputs drive."""
        return _cuts(n, n if self.rows is None else self.rows)

    def output_cuts(self, n: int) -> list[slice]:
        """Outputs of every tile of a row of tiles that make `n` of them."""
        return _cuts(n, n if self.columns is None else self.columns // 2)


def _cuts(n: int, most: int) -> list[slice]:
    return [slice(a, min(a + most, n)) for a in range(0, n, most)]


@dataclass(frozen=True, slots=True, eq=False)
class TileNetlist:
    """network : what is computed; layout : on which tiles; meta : facts for people, JSON-able"""

    network: Network
    layout: Layout = Layout()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    def __post_init__(self) -> None:
        freeze_meta(self)

    @property
    def n_inputs(self) -> int:
        return self.network.n_inputs

    @property
    def labels(self) -> tuple[str, ...]:
        return self.network.labels

    def __repr__(self) -> str:
        layers = len(self.network.weighted)
        tiles = sum(used.tiles for used in usage(self))
        return f"TileNetlist({layers} layers with weights on {tiles:,} tiles, {self.n_inputs:,} inputs)"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one layer takes of the hardware, and what an answer asks of it.

    copies : of its matrix; reads : of each an answer, one after another
    tiles, devices : of all copies and slices; pairs : columns that are converted, of all copies
    lines : rows that are driven, of all copies; crossed : columns that a line crosses
    input_conversions, output_conversions : an answer; sums : digital additions an answer, biases too
    """

    copies: int
    reads: int
    tiles: int
    devices: int
    pairs: int
    lines: int
    crossed: int
    input_conversions: int
    output_conversions: int
    sums: int


def usage(netlist: TileNetlist) -> tuple[Usage, ...]:
    """Of every layer with weights."""
    return tuple(_usage(layer, after, netlist.layout) for layer, _, after in netlist.network.weighted)


def _usage(layer: Weighted, after: Shape, layout: Layout) -> Usage:
    positions, n, m = math.prod(after[:2]), layer.n_read, layer.n_out
    copies = positions if layer.unrolled else 1
    down, across = len(layout.row_cuts(n)), len(layout.output_cuts(m))
    return Usage(
        copies=copies,
        reads=positions // copies,
        tiles=copies * down * across * layout.slices,
        devices=2 * copies * n * m * layout.slices,
        pairs=copies * m * down * layout.slices,
        lines=copies * n,
        crossed=2 * m * layout.slices,
        input_conversions=positions * n,
        output_conversions=positions * m * down * layout.slices,
        sums=positions * m * down * layout.slices,
    )


def verify_tiles(netlist: TileNetlist) -> None:
    """Check every invariant; NetlistError names the first offender."""
    check_network(netlist.network, "network on tiles")
