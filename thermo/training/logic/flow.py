"""A batch on its way through layers of tables: bits up, derivatives down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thermo.kernels.logic.above import Given, Handed, readers
from thermo.kernels.logic.dots import aligned, fill_bits, row_bytes
from thermo.kernels.logic.lookups import SHIFT
from thermo.kernels.logic.tables import Asked, Rows, count_ones, outputs, train_blocks
from thermo.kernels.logic.together import padded, put_bits_together, put_together, room, weighty
from thermo.kernels.logic.updates import LANES, AdamStep
from thermo.training.logic.layer_state import LayerState
from thermo.training.tiles import Tiles

ROUGH = 8
"""Dither, in multiples of a batch: neighbouring tables round differently."""
_NO_WEIGHTS, _NO_ENTRY = np.zeros((0, 0), np.int8), np.zeros(0, np.int32)
_NO_BEGIN, _NO_BYTES = np.zeros(0, np.int64), np.zeros((0, 0), np.uint8)

NOT_ASKED = Asked(False, np.zeros((0, 0), np.int32), np.zeros((0, 0, 0, 0), np.float32))
NO_STEP = AdamStep(*[np.float32(0)] * len(AdamStep._fields))

Visit = Callable[[int, int, Given, Handed], None]


class Flow:
    """Room for batches of at most `pitch` samples, a multiple of 64.

    fixed : layers, the lowest, that do not learn: nothing goes down to them
    hidden : of each layer but the last (nets, bytes a row) uint8, its outputs, and the input bits where the
        layer above may read them, too
    counts : (threads, n_classes, pitch) int32, ones of each class
    weights : (n_classes, pitch) int8, derivatives of the loss by the class sums
    rows : what each layer reads, as it is trained: samples without weight may be left out
    packed, bits : scratch of a thread, and of each layer, for rows of samples put together

    One layer leaves out each class's own samples without weight (together.pack), several those without
    any, so that all of them have the same samples. One above fixed layers does as several: for each class
    all nets below would have to be put together, often more work than is saved.
    """

    def __init__(
        self, layers: list[LayerState], n_classes: int, pitch: int, threads: int, path: int, fixed: int = 0
    ) -> None:
        self.layers, self.pitch, self.path, self.fixed = layers, pitch, path, fixed
        self.one = len(layers) == 1
        self.hidden = [aligned((above.n_below, row_bytes(pitch)), np.uint8) for above in layers[1:]]
        self.counts = np.zeros((threads, n_classes, pitch), np.int32)
        self.weights = aligned((n_classes, pitch), np.int8)
        self.dither = aligned((ROUGH * pitch,), np.uint8)
        self.work = [[layer.work(pitch, self.one) for layer in layers[fixed:]] for _ in range(threads)]
        self.shares = [np.linspace(0, layer.blocks, threads + 1).astype(int) for layer in layers]
        self.order = aligned((pitch,), np.int32)
        learn, above = [] if self.one else layers[fixed:], layers[fixed + 1 :]
        self.packed = [aligned((0 if self.one else room(pitch),), np.uint8) for _ in range(threads)]
        self.bits = [aligned((layer.n_below * row_bytes(pitch),), np.uint8) for layer in learn]
        self.down = [aligned((layer.blocks * LANES * layer.operands * pitch,), np.int8) for layer in above]
        self.read = [np.zeros((layer.blocks * LANES, layer.inputs), np.int32) for layer in above]
        self.factors = [np.zeros(layer.blocks * LANES, np.int32) for layer in above]
        self.begin = [np.zeros(layer.n_below + 1, np.int64) for layer in above]
        self.entry, self.factor = (
            [np.zeros(layer.n_tables * layer.inputs, np.int32) for layer in above] for _ in range(2)
        )

    # --- up --------------------------------------------------------------------------------------

    def batch(self, n_bits: int) -> Rows:
        """Room for a batch's input bits; x is to be filled, then `lay` called."""
        x = aligned((n_bits, self.pitch), np.uint8)
        return Rows(x, aligned((n_bits, row_bytes(self.pitch)), np.uint8), self.pitch)

    def up(self, number: int, thread: int, batch: Rows) -> None:
        """A thread's share of one layer's outputs, of the last layer's counts."""
        layer = self.layers[number]
        below = self.hidden[number - 1] if number else batch.bits
        first, last = self.shares[number][thread : thread + 2]
        if number < len(self.layers) - 1:
            outputs(layer.tables, below, self.pitch, self.hidden[number], first, last, self.path)
            passed = self.hidden[number][layer.n_tables :]
            lo, hi = (passed.shape[0] * n // self.counts.shape[0] for n in (thread, thread + 1))
            passed[lo:hi] = batch.bits[lo:hi]
        else:
            self.counts[thread] = 0
            count_ones(layer.tables, below, self.counts[thread], first, last, self.path)

    # --- down ------------------------------------------------------------------------------------

    def turn(self, batch: Rows, rng: np.random.Generator, tiles: Tiles) -> None:
        """To be called when `weights` are there; the batch stays until `descend` is done."""
        self.dither[:] = rng.integers(0, 1 << SHIFT, self.dither.size, np.uint8)
        self.now, threads = self.weights, tiles.threads
        hidden = self.hidden if self.fixed == 0 else self.hidden[self.fixed - 1 :]
        self.rows = [Rows(_NO_BYTES, bits, self.pitch) for bits in hidden]
        if self.fixed == 0:
            self.rows.insert(0, batch)
        if self.one:
            return
        m = weighty(self.weights, 0, self.weights.shape[0], self.order)
        width = int(padded(m))
        if 4 * width > 3 * self.pitch:  # there are few to leave out
            return
        self.now = np.zeros((self.weights.shape[0], width), np.int8)
        self.now[:, :m] = self.weights[:, self.order[:m]]
        every, size = self.rows, row_bytes(width)
        self.rows = [
            Rows(_NO_BYTES, bits[: rows.bits.shape[0] * size].reshape(-1, size), width)
            for rows, bits in zip(every, self.bits, strict=True)
        ]

        def lay_out(i: int) -> None:
            for rows, bits in zip(every, self.bits, strict=True):
                n = rows.bits.shape[0]
                ends = self.order, m, width, self.packed[i], bits, n * i // threads, n * (i + 1) // threads
                if rows.x.size:
                    put_together(rows.x, *ends)
                else:
                    put_bits_together(rows.bits, self.pitch, *ends)

        tiles.map(lay_out, threads)

    def descend(self, visit: Visit, tiles: Tiles) -> None:
        """visit(number, thread, given, handed) for each layer from the last to the lowest that learns."""
        width = self.rows[0].pitch
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
        self._visit(number, thread, step, given, handed, NOT_ASKED)

    def ask(
        self, number: int, thread: int, pool: np.ndarray, h: np.ndarray, given: Given, handed: Handed
    ) -> None:
        """Add to h the derivatives by the nets of the pool, see Asked; of none, what goes down alone."""
        self._visit(number, thread, NO_STEP, given, handed, Asked(True, pool, h))

    def _visit(
        self, number: int, thread: int, step: AdamStep, given: Given, handed: Handed, asked: Asked
    ) -> None:
        at = number - self.fixed
        first, last = self.shares[number][thread : thread + 2]
        ends = self.rows[at], self.dither, self.work[thread][at], asked, first, last, self.path
        train_blocks(self.layers[number].tables, step, given, handed, *ends)


def lay(batch: Rows, tiles: Tiles) -> None:
    """Make a batch's rows of bits of its bytes."""
    n, threads = batch.x.shape[0], tiles.threads
    tiles.map(lambda i: fill_bits(batch.x, batch.bits, n * i // threads, n * (i + 1) // threads), threads)
