"""Straight-through training of one layer of tables of 3 to 6 inputs.

See thermo/kernels/logic/tables.py for the gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.families.tables import TableLayer, TableNetwork
from thermo.kernels.logic import one_layer as gates
from thermo.kernels.logic import tables as kernels
from thermo.kernels.logic.dots import aligned
from thermo.kernels.logic.lookups import SHIFT, operands_of
from thermo.training.logic.one_layer import LANES, OneLayerTrainer
from thermo.training.tiles import Tiles

ROUGH = 8
"""Dither, in multiples of a batch: neighbouring tables round differently."""
READ = 4096
"""Samples read at a time where addresses are counted."""


class Scratch(NamedTuple):
    """weights : (n_classes, pitch) int8; dither : (ROUGH pitch,) uint8 below 2^SHIFT
    packs : one a thread, what lookups.pack fills
    """

    weights: np.ndarray
    dither: np.ndarray
    packs: list[tuple[np.ndarray, np.ndarray, np.ndarray]]


class TableTrainer(OneLayerTrainer):
    """table : (blocks LANES, 2^inputs) float32, entry e where input j is bit j of e."""

    @property
    def tables(self) -> kernels.Tables:
        return kernels.Tables(
            self.table,
            self.table_m,
            self.table_v,
            self.scores,
            self.scores_m,
            self.scores_v,
            self.wires,
            self.best,
            self.k,
            self.n_gates,
            self.per_class,
            operands_of(self.inputs),
        )

    def laid_out(self, logits: np.ndarray) -> np.ndarray:
        table = aligned((self.best.shape[0] * LANES, logits.shape[1]), np.float32)
        table[: self.n_gates] = logits
        return table

    def scratch(self, threads: int, pitch: int) -> Scratch:
        packs = [
            (
                aligned((self.source.n_bits * pitch,), np.uint8),
                aligned((pitch,), np.int8),
                aligned((pitch,), np.uint8 if pitch <= 256 else np.uint16),
            )
            for _ in range(threads)
        ]
        weights = aligned((self.n_classes, pitch), np.int8)
        return Scratch(weights, aligned((ROUGH * pitch,), np.uint8), packs)

    def prepare(self, scratch: Scratch, x: np.ndarray | None, rng: np.random.Generator) -> None:
        scratch.dither[:] = rng.integers(0, 1 << SHIFT, scratch.dither.size, np.uint8)

    def advance(
        self,
        thread: int,
        train: bool,
        adam: gates.AdamStep,
        scratch: Scratch,
        x_old: np.ndarray,
        x: np.ndarray,
        counts: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        kernels.phase(
            train,
            self.tables,
            adam,
            x_old,
            scratch.weights,
            scratch.dither,
            scratch.packs[thread],
            x,
            counts,
            first,
            last,
            self.path,
        )

    def count(self, x: np.ndarray, counts: np.ndarray, first: int, last: int) -> None:
        kernels.count_ones(self.tables, x, counts, first, last, self.path)

    def ask(
        self,
        thread: int,
        scratch: Scratch,
        x: np.ndarray,
        pool: np.ndarray,
        h: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        kernels.pool_gradients(
            self.tables,
            x,
            scratch.weights,
            scratch.dither,
            scratch.packs[thread],
            pool,
            h,
            first,
            last,
            self.path,
        )

    def right(self, x: np.ndarray, counts: np.ndarray, labels: np.ndarray) -> int:
        return kernels.right_answers(self.tables, x, counts, labels, self.path)

    def soft_accuracy(self, tiles: Tiles) -> None:
        """Not measured: 2^inputs products a table and sample."""
        return None

    def layer(self) -> TableLayer:
        """The best epoch's layer, with how many training samples, as they are, address each entry."""
        wires, scores = self.kept_wiring()
        layer = TableLayer(np.ascontiguousarray(self.kept["table"][: self.n_gates]), wires, scores)
        return layer.with_addressed(self._addressed(layer))

    def _addressed(self, layer: TableLayer) -> np.ndarray:
        """(tables, entries) int32."""
        nets, size = layer.chosen(), layer.table.shape[1]
        found = np.zeros((layer.n_tables, size), np.int32)
        x = aligned((self.source.n_bits, READ), np.uint8)
        every = self.data.plain_epoch()
        for start in range(0, every.labels.size, READ):
            part = slice(start, min(start + READ, every.labels.size))
            self.data.fill(every, part, x)
            for t in range(layer.n_tables):
                address = x[nets[0, t], : part.stop - start].copy()
                for j in range(1, self.inputs):
                    address |= x[nets[j, t], : part.stop - start] << j
                found[t] += np.bincount(address, minlength=size)
        return found

    def model(self) -> TableNetwork:
        return TableNetwork(
            (self.layer(),),
            self.source.encoder,
            self.n_classes,
            self.best_tau,
            labels=tuple(self.labels),
            meta={"method": "logic", "forward": self.config.forward, "inputs": self.inputs},
        )
