"""One layer of tables in training: parameters, moments of Adam, what is best so far."""

from __future__ import annotations

import numpy as np

from thermo.kernels.logic.dots import GROUP, aligned, row_bytes
from thermo.kernels.logic.lookups import operands_of, size_of
from thermo.kernels.logic.tables import Tables, Work
from thermo.kernels.logic.together import room
from thermo.kernels.logic.updates import LANES
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_wiring import balanced_wires, initial_logits, initial_scores

_PARAMETERS = ("table", "scores", "wires", "best")
_MOMENTS = ("table_m", "table_v", "scores_m", "scores_v")


class LayerState:
    """n_tables tables on n_below nets, held as thermo.kernels.logic.tables.Tables says.

    per_class : tables that one class counts, 0 but in the last layer
    wired : (inputs, n_tables, 1) int32, the nets that tables read; None: they are learnt
    """

    def __init__(
        self,
        config: LogicConfig,
        n_below: int,
        n_tables: int,
        per_class: int,
        rng: np.random.Generator,
        wired: np.ndarray | None = None,
    ) -> None:
        self.n_below, self.n_tables, self.per_class, self.inputs = n_below, n_tables, per_class, config.inputs
        k = n_below if config.k == "all" else min(int(config.k), n_below)
        self.k = k = k if wired is None else 1
        inputs, blocks, padded = self.inputs, -(-n_tables // LANES), -(-k // GROUP) * GROUP
        self.blocks, self.operands = blocks, operands_of(inputs)
        self.scores = aligned((blocks, inputs, padded, LANES), np.float32)
        self.wires = aligned((blocks, inputs, LANES, padded), np.int32)
        self.best = aligned((blocks, inputs, LANES), np.int32)
        self.nets = aligned((blocks, LANES, self.operands), np.int32)
        self.table = aligned((blocks * LANES, 1 << inputs), np.float32)
        self.scores_m, self.scores_v = (aligned(self.scores.shape, np.float32) for _ in range(2))
        self.table_m, self.table_v = (aligned(self.table.shape, np.float32) for _ in range(2))
        if wired is None and k == n_below:
            wired = np.broadcast_to(np.arange(n_below, dtype=np.int32), (inputs, n_tables, n_below))
        elif wired is None:
            wired = balanced_wires(n_below, n_tables, k, rng, inputs)
        self.wires[..., :k] = _blocked(wired)
        self.table[:n_tables] = initial_logits(config, n_tables, rng)
        self.scores[:, :, :k] = _blocked(initial_scores(config, n_below, n_tables, k, rng)).transpose(
            0, 1, 3, 2
        )
        self.choose()
        self.kept = {name: getattr(self, name).copy() for name in _PARAMETERS}

    def choose(self) -> None:
        """Take the candidates of the largest scores, the first on a tie: after scores or wires were set."""
        self.best[:] = np.argmax(self.scores[:, :, : self.k], axis=2)
        chosen = np.take_along_axis(self.wires, self.best[..., None], axis=3)[..., 0].transpose(0, 2, 1)
        self.nets[:, :, : self.inputs], self.nets[:, :, self.inputs :] = chosen, chosen[..., :1]

    @property
    def tables(self) -> Tables:
        return Tables(
            self.table,
            self.table_m,
            self.table_v,
            self.scores,
            self.scores_m,
            self.scores_v,
            self.wires,
            self.best,
            self.nets,
            self.k,
            self.n_tables,
            self.per_class,
            self.operands,
        )

    def work(self, pitch: int, packs: bool) -> Work:
        """Scratch of one thread; packs : whether it puts samples together."""
        held = size_of(self.operands)
        return Work(
            aligned((self.operands, held), np.int8),
            aligned((self.operands, pitch), np.int8),
            aligned((8 * row_bytes(pitch),), np.uint8),
            np.empty(held, np.int32),
            aligned((pitch,), np.int32),
            aligned((LANES, pitch), np.int8),
            np.zeros(LANES, np.int32),
            aligned((room(pitch) if packs else 0,), np.uint8),
            aligned((self.n_below * row_bytes(pitch) if packs else 0,), np.uint8),
            aligned((pitch,), np.int32),
            np.zeros(2, np.int64),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds."""
        found = {name: getattr(self, name) for name in (*_PARAMETERS, *_MOMENTS)}
        return found | {f"kept_{name}": array for name, array in self.kept.items()}

    def keep(self) -> None:
        for name, array in self.kept.items():
            array[:] = getattr(self, name)

    def kept_parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the best epoch: logits (tables, entries), wires int32 and scores (inputs, tables, k)."""
        inputs, k, n, rows = self.inputs, self.k, self.n_tables, self.blocks * LANES
        scores = self.kept["scores"][:, :, :k].transpose(1, 0, 3, 2).reshape(inputs, rows, k)
        wires = self.kept["wires"][..., :k].transpose(1, 0, 2, 3).reshape(inputs, rows, k)
        table = self.kept["table"][:n].copy()
        return table, np.ascontiguousarray(wires[:, :n]), np.ascontiguousarray(scores[:, :n])


def _blocked(array: np.ndarray) -> np.ndarray:
    """(inputs, tables, k) -> (blocks, inputs, LANES, k), zeros for the tables that fill the last."""
    inputs, tables, k = array.shape
    blocks = -(-tables // LANES)
    filled = np.zeros((inputs, blocks * LANES, k), array.dtype)
    filled[:, :tables] = array
    return filled.reshape(inputs, blocks, LANES, k).transpose(1, 0, 2, 3)
