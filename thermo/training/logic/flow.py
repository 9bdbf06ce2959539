"""A batch on its way through layers of tables: bits up, derivatives down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thermo.kernels.logic.above import Given, Handed, readers
from thermo.kernels.logic.dots import aligned, fill_bits, row_bytes
from thermo.kernels.logic.lookups import SHIFT
from thermo.kernels.logic.pool import pool_gradients
from thermo.kernels.logic.tables import Rows, count_ones, outputs, train_blocks
from thermo.kernels.logic.together import padded, put_together, weighty
from thermo.kernels.logic.updates import LANES, AdamStep
from thermo.training.logic.layer_state import LayerState, order
from thermo.training.tiles import Tiles

ROUGH = 8
"""Dither, in multiples of a batch: neighbouring tables round differently."""
_NO_WEIGHTS, _NO_ENTRY = np.zeros((0, 0), np.int8), np.zeros(0, np.int32)
_NO_BEGIN, _NO_BITS = np.zeros(0, np.int64), np.zeros((0, 0), np.uint8)

Visit = Callable[[int, int, Given, Handed], None]


class Flow:
    """Room for batches of at most `pitch` samples, a multiple of 64.

    fixed : layers, the lowest, that do not learn: nothing goes down to them
    hidden : of each layer but the last (nets, pitch) uint8, its outputs, and the input bits where the layer
        above may read them, too
    counts : (threads, n_classes, pitch) int32, ones of each class
    weights : (n_classes, pitch) int8, derivatives of the loss by the class sums
    rows : what each layer reads, as it is trained: samples without weight may be left out

    One layer leaves out each class's own samples without weight (together.pack), several those without
    any, so that all of them have the same samples. One above fixed layers does as several: for each class
    all nets below would have to be put together, often more work than is saved.
    """

    def __init__(
        self, layers: list[LayerState], n_classes: int, pitch: int, threads: int, path: int, fixed: int = 0
    ) -> None:
        self.layers, self.pitch, self.path, self.fixed = layers, pitch, path, fixed
        self.one = len(layers) == 1
        self.hidden = [aligned((above.n_below, pitch), np.uint8) for above in layers[1:]]
        self.counts = np.zeros((threads, n_classes, pitch), np.int32)
        self.weights = aligned((n_classes, pitch), np.int8)
        self.dither = aligned((ROUGH * pitch,), np.uint8)
        self.work = [[layer.work(pitch, self.one) for layer in layers[fixed:]] for _ in range(threads)]
        self.shares = [np.linspace(0, layer.blocks, threads + 1).astype(int) for layer in layers]
        self.order = order(pitch)
        learn, above = [] if self.one else layers[fixed:], layers[fixed + 1 :]
        self.packed = [aligned((layer.n_below * pitch,), np.uint8) for layer in learn]
        # of candidates alone
        sizes = [layer.n_below * row_bytes(pitch) if layer.k > 1 else 0 for layer in learn]
        self.bits = [aligned((size,), np.uint8) for size in sizes]
        self.down = [aligned((layer.blocks * LANES * layer.operands * pitch,), np.int8) for layer in above]
        self.read = [np.zeros((layer.blocks * LANES, layer.inputs), np.int32) for layer in above]
        self.factors = [np.zeros(layer.blocks * LANES, np.int32) for layer in above]
        self.begin = [np.zeros(layer.n_below + 1, np.int64) for layer in above]
        self.entry, self.factor = (
            [np.zeros(layer.n_tables * layer.inputs, np.int32) for layer in above] for _ in range(2)
        )

    # --- up --------------------------------------------------------------------------------------

    def up(self, number: int, thread: int, x: np.ndarray) -> None:
        """A thread's share of one layer's outputs, of the last layer's counts; x : (n_bits, pitch)."""
        layer = self.layers[number]
        below = self.hidden[number - 1] if number else x
        first, last = self.shares[number][thread : thread + 2]
        if number < len(self.layers) - 1:
            outputs(layer.tables, below, self.hidden[number], first, last, self.path)
            passed = self.hidden[number][layer.n_tables :]
            lo, hi = (passed.shape[0] * n // self.counts.shape[0] for n in (thread, thread + 1))
            passed[lo:hi] = x[lo:hi]
        else:
            self.counts[thread] = 0
            count_ones(layer.tables, below, self.counts[thread], first, last, self.path)

    # --- down ------------------------------------------------------------------------------------

    def turn(self, x: np.ndarray, rng: np.random.Generator, tiles: Tiles) -> None:
        """To be called when `weights` are there; x : the batch's bits, which stay until `descend` is done."""
        self.dither[:] = rng.integers(0, 1 << SHIFT, self.dither.size, np.uint8)
        rows, self.now, threads = [x, *self.hidden][self.fixed :], self.weights, tiles.threads
        if self.one:
            self.rows = [Rows(x, _NO_BITS)]
            return
        m = weighty(self.weights, 0, self.weights.shape[0], self.order)
        width = int(padded(m))
        some = 4 * width <= 3 * self.pitch  # else there are few to leave out
        if some:
            every, rows = (
                rows,
                [
                    packed[: source.shape[0] * width].reshape(-1, width)
                    for source, packed in zip(rows, self.packed, strict=True)
                ],
            )
            self.now = np.zeros((self.weights.shape[0], width), np.int8)
            self.now[:, :m] = self.weights[:, self.order[:m]]
        size = row_bytes(rows[0].shape[1])
        self.rows = [
            Rows(x, bits[: x.shape[0] * size].reshape(-1, size))
            for x, bits in zip(rows, self.bits, strict=True)
        ]

        def lay_out(i: int) -> None:
            for number, (x, bits) in enumerate(self.rows):
                lo, hi = (x.shape[0] * n // threads for n in (i, i + 1))
                if some:
                    put_together(every[number][lo:hi], self.order, m, width, x[lo:hi].reshape(-1))
                if bits.size:
                    fill_bits(x, bits, lo, hi)

        tiles.map(lay_out, threads)

    def descend(self, visit: Visit, tiles: Tiles) -> None:
        """visit(number, thread, given, handed) for each layer from the last to the lowest that learns."""
        width = self.rows[0].x.shape[1]
        given = Given(self.now, self.one, False, _NO_WEIGHTS, _NO_BEGIN, _NO_ENTRY, _NO_ENTRY)
        for number in reversed(range(self.fixed, len(self.layers))):
            layer, at = self.layers[number], number - 1 - self.fixed
            handed = Handed(_NO_WEIGHTS, np.zeros((0, 0), np.int32), _NO_ENTRY)
            if at >= 0:
                size = layer.blocks * LANES * layer.operands
                rows = self.down[at][: size * width].reshape(size, width)
                handed = Handed(rows, self.read[at], self.factors[at])

            def one(i: int, number: int = number, given: Given = given, handed: Handed = handed) -> None:
                visit(number, i, given, handed)

            tiles.map(one, tiles.threads)
            if at >= 0:
                sorted_ = self.begin[at], self.entry[at], self.factor[at]
                readers(handed.read, handed.factor, layer.n_tables, layer.operands, *sorted_)
                given = Given(_NO_WEIGHTS, False, True, handed.rows, *sorted_)

    def train(self, number: int, thread: int, step: AdamStep, given: Given, handed: Handed) -> None:
        """A thread's share of one layer's step, see `descend`."""
        layer = self.layers[number]
        first, last = self.shares[number][thread : thread + 2]
        train_blocks(
            layer.tables,
            step,
            given,
            handed,
            self.rows[number - self.fixed],
            self.dither,
            self.work[thread][number - self.fixed],
            first,
            last,
            self.path,
        )

    def ask(
        self, number: int, thread: int, pool: np.ndarray, h: np.ndarray, given: Given, handed: Handed
    ) -> None:
        """Add to h the derivatives by the nets of the pool, see pool_gradients."""
        layer = self.layers[number]
        first, last = self.shares[number][thread : thread + 2]
        pool_gradients(
            layer.tables,
            given,
            handed,
            self.rows[number - self.fixed],
            self.dither,
            self.work[thread][number - self.fixed],
            pool,
            h,
            first,
            last,
            self.path,
        )
