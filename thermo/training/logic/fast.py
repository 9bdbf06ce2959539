"""Straight-through training of one layer of two-input gates with exact gradients from bits.

See thermo/kernels/logic/one_layer.py for the gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.families.logic import LogicLayer, LogicNetwork
from thermo.data import Dataset
from thermo.kernels.logic import one_layer as kernels
from thermo.kernels.logic import phase as phases
from thermo.kernels.logic.dots import GROUP, aligned
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.one_layer import LANES, OneLayerTrainer, blocked, is_one_layer
from thermo.training.logic.relaxed import relaxed_accuracy
from thermo.training.tiles import Tiles


def is_fast(config: LogicConfig) -> bool:
    """Whether FastTrainer takes these settings."""
    return config.inputs == 2 and is_one_layer(config)


class Scratch(NamedTuple):
    """weights : (n_classes, pitch) int8; totals : (n_classes,) int32, their sums
    sums : (1 + threads, n_classes, n_features padded) int32, see feature_sums; the last for `ask`
    """

    weights: np.ndarray
    totals: np.ndarray
    sums: np.ndarray


class FastTrainer(OneLayerTrainer):
    """table : (blocks, 4, LANES) float32."""

    def __init__(self, dataset: Dataset, config: LogicConfig, path: str | None = None) -> None:
        super().__init__(dataset, config, path)
        padded = -(-self.source.n_bits // GROUP) * GROUP
        self.index = np.minimum(np.arange(padded), self.source.n_bits - 1).astype(np.int32)

    @property
    def gates(self) -> kernels.Gates:
        return kernels.Gates(
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
        )

    def laid_out(self, logits: np.ndarray) -> np.ndarray:
        table = aligned((-(-self.n_gates // LANES), 4, LANES), np.float32)
        table[:] = blocked(logits[None])[:, 0].transpose(0, 2, 1)
        return table

    def scratch(self, threads: int, pitch: int) -> Scratch:
        weights = aligned((self.n_classes, pitch), np.int8)
        sums = aligned((threads + 1, self.n_classes, self.index.size), np.int32)
        return Scratch(weights, np.zeros(self.n_classes, np.int32), sums)

    def prepare(self, scratch: Scratch, x: np.ndarray | None, rng: np.random.Generator) -> None:
        np.sum(scratch.weights, axis=1, dtype=np.int32, out=scratch.totals)
        if x is not None:
            classes, features = self.n_classes, self.index.size
            kernels.feature_sums(
                x, scratch.weights, self.index, scratch.sums[-1], 0, classes, 0, features, self.path
            )

    def advance(
        self,
        thread: int,
        train: bool,
        adam: kernels.AdamStep,
        scratch: Scratch,
        x_old: np.ndarray,
        x: np.ndarray,
        counts: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        phases.phase(
            train,
            self.gates,
            adam,
            x_old,
            scratch.weights,
            self.index,
            scratch.sums[thread],
            scratch.totals,
            x,
            counts,
            first,
            last,
            self.path,
        )

    def count(self, x: np.ndarray, counts: np.ndarray, first: int, last: int) -> None:
        kernels.count_ones(
            self.table, self.wires, self.best, x, self.n_gates, self.per_class, counts, first, last
        )

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
        phases.pool_gradients(
            self.table,
            self.wires,
            self.best,
            self.n_gates,
            self.per_class,
            x,
            scratch.weights,
            scratch.sums[-1],
            pool,
            h,
            first,
            last,
            self.path,
        )

    def right(self, x: np.ndarray, counts: np.ndarray, labels: np.ndarray) -> int:
        return phases.right_answers(self.gates, x, counts, labels)

    def soft_accuracy(self, tiles: Tiles) -> float:
        return relaxed_accuracy(self.layer(), self.n_classes, self.data, self.y_valid, tiles)

    def layer(self) -> LogicLayer:
        """The best epoch's layer."""
        rows = self.best.shape[0] * LANES
        table = self.kept["table"].transpose(0, 2, 1).reshape(rows, 4)[: self.n_gates]
        wires, scores = self.kept_wiring()
        return LogicLayer(np.ascontiguousarray(table), None, wires[0], wires[1], scores[0], scores[1])

    def model(self) -> LogicNetwork:
        return LogicNetwork(
            (self.layer(),),
            self.source.encoder,
            self.n_classes,
            self.best_tau,
            labels=tuple(self.labels),
            meta={"method": "logic", "forward": self.config.forward},
        )
