"""Straight-through training of one layer on bits: what gates and tables have in common.

Step t of a thread updates its gates with the derivatives of batch t - 1, counts their outputs on batch t
and encodes its share of batch t + 1; between steps one thread makes the loss. Counts are whole numbers and
every gate belongs to one thread, so that results do not depend on threads.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.kernels.logic import one_layer as kernels
from thermo.kernels.logic.dots import CHUNK, GROUP, aligned, path_code
from thermo.training.errors import TrainingError
from thermo.training.logic.candidates import refresh
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_wiring import balanced_wires, initial_logits, initial_scores
from thermo.training.logic.pruning import prune
from thermo.training.logic.temperature import divisor, follow
from thermo.training.logic.trainer import LogicTrainer
from thermo.training.optimise import cosine_rate
from thermo.training.tiles import Tiles

LANES = kernels.LANES
SCALE = 127.0
"""A derivative of 1 by a class sum as int8."""
_INIT, _DITHER = 20, 22
"""Tags of generators."""
_PARAMETERS = ("table", "scores", "wires", "best")
_MOMENTS = ("table_m", "table_v", "scores_m", "scores_v")


def is_one_layer(config: LogicConfig) -> bool:
    """Whether a trainer of one layer takes these settings: FastTrainer, or TableTrainer for tables."""
    return (
        len(config.layers) == 1
        and config.forward == "straight-through"
        and config.parametrisation == "table"
        and config.estimator == "identity"
        and config.wiring == "learnable"
        and config.dropout == 0
        and config.init_peak == 0
    )


class OneLayerTrainer(LogicTrainer):
    """Parameters in blocks of gates, moments of Adam, what is best so far.

    scores : (blocks, inputs, k_padded, LANES) float32; wires : (blocks, inputs, LANES, k_padded) int32
    best : (blocks, inputs, LANES) int32, the chosen ones
    open : (n_bits,) uint8, the bits that may be candidates
    table : float32 logits as the kernels of the trainer lay them out
    """

    table: np.ndarray

    def __init__(self, dataset: Dataset, config: LogicConfig, path: str | None = None) -> None:
        if config.layers[-1] % dataset.n_classes:
            raise TrainingError(
                f"training: the last of layers must be a multiple of the {dataset.n_classes} "
                f"classes, got {config.layers[-1]}"
            )
        super().__init__(dataset, config)
        self.n_classes, self.n_gates, self.inputs = dataset.n_classes, config.layers[0], config.inputs
        self.per_class = self.n_gates // self.n_classes
        self.k = self.source.n_bits
        if config.k != "all":
            self.k = min(int(config.k), self.k)
        self.path = path_code(path)
        self.steps = -(-dataset.y_train.size // config.batch)
        self.spread = 0.0
        self._draw()
        self.best_tau = self.tau
        self.open = np.ones(self.source.n_bits, np.uint8)
        self.kept = {name: getattr(self, name).copy() for name in _PARAMETERS}

    @property
    def tau(self) -> float:
        return divisor(self.config, self.per_class, self.spread)

    def _draw(self) -> None:
        config, gates, n, k = self.config, self.n_gates, self.source.n_bits, self.k
        inputs, blocks, padded = self.inputs, -(-gates // LANES), -(-k // GROUP) * GROUP
        rng = np.random.default_rng([config.seed, _INIT])
        self.scores = aligned((blocks, inputs, padded, LANES), np.float32)
        self.wires = aligned((blocks, inputs, LANES, padded), np.int32)
        self.best = aligned((blocks, inputs, LANES), np.int32)
        self.scores_m, self.scores_v = (aligned(self.scores.shape, np.float32) for _ in range(2))
        every = np.broadcast_to(np.arange(n, dtype=np.int32), (inputs, gates, n))
        wires = every if k == n else balanced_wires(n, gates, k, rng, inputs)
        self.table = self.laid_out(initial_logits(config, gates, rng))
        self.table_m, self.table_v = (aligned(self.table.shape, np.float32) for _ in range(2))
        self.scores[:, :, :k] = blocked(initial_scores(config, n, gates, k, rng)).transpose(0, 1, 3, 2)
        self.wires[..., :k] = blocked(wires)
        kernels.choose(self.scores, k, self.best, 0, blocks)

    # --- what gates and tables do in their own ways -----------------------------------------------

    @abstractmethod
    def laid_out(self, logits: np.ndarray) -> np.ndarray:
        """(gates, entries) float32 as `table`, aligned."""

    @abstractmethod
    def scratch(self, threads: int, pitch: int) -> Any:
        """What `prepare`, `advance` and `ask` hand on: its `weights` are (n_classes, pitch) int8."""

    @abstractmethod
    def prepare(self, scratch: Any, x: np.ndarray | None, rng: np.random.Generator) -> None:
        """What follows from new weights; x : bits of the batch where `ask` is to come."""

    @abstractmethod
    def advance(
        self,
        thread: int,
        train: bool,
        adam: kernels.AdamStep,
        scratch: Any,
        x_old: np.ndarray,
        x: np.ndarray,
        counts: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        """One thread's part between two losses: update these blocks by the last batch, count them on x."""

    @abstractmethod
    def count(self, x: np.ndarray, counts: np.ndarray, first: int, last: int) -> None:
        """Add what the hard gates of these blocks give to the class counts."""

    @abstractmethod
    def ask(
        self, thread: int, scratch: Any, x: np.ndarray, pool: np.ndarray, h: np.ndarray, first: int, last: int
    ) -> None:
        """Add to h the derivatives by the nets of the pool, see `pool_gradients`."""

    @abstractmethod
    def right(self, x: np.ndarray, counts: np.ndarray, labels: np.ndarray) -> int:
        """How many of the samples of x, one a label, the hard network decides right."""

    # --- what a checkpoint holds -----------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        found = {name: getattr(self, name) for name in (*_PARAMETERS, *_MOMENTS, "open")}
        return found | {f"kept_{name}": array for name, array in self.kept.items()}

    # --- one epoch -------------------------------------------------------------------------------

    def one_pass(self, tiles: Tiles) -> tuple[float, float]:
        config, threads, f32 = self.config, tiles.threads, np.float32
        data = self.data.epoch(self.epoch, tiles)
        prune(self)
        refresh(self, data, tiles)
        n, n_bits = data.labels.size, self.source.n_bits
        pitch = -(-min(config.batch, n) // CHUNK) * CHUNK
        x = [aligned((n_bits, pitch), np.uint8) for _ in range(3)]
        scratch = self.scratch(threads, pitch)
        counts = np.zeros((threads, self.n_classes, pitch), np.int32)
        seen = np.zeros(4)
        blocks = self.shares(threads)
        parts = [slice(s, min(s + config.batch, n)) for s in range(0, n, config.batch)]
        rng = np.random.default_rng([config.seed, _DITHER, self.epoch])
        self.data.fill(data, parts[0], x[0])
        unit, rates, fix2 = f32(0), (f32(0), f32(0)), f32(1)
        for t in range(len(parts) + 1):
            here, following = min(t, len(parts) - 1), t + 1 < len(parts)
            buffers = x[(t - 1) % 3], x[here % 3], x[(t + 1) % 3]
            adam = kernels.AdamStep(
                unit,
                *rates,
                f32(config.beta1),
                f32(config.beta2),
                fix2,
                f32(config.epsilon),
                f32(config.decay) * rates[0],
            )

            def work(
                i: int,
                t: int = t,
                buffers: tuple = buffers,
                adam: kernels.AdamStep = adam,
                following: bool = following,
            ) -> None:
                old, now, coming = buffers
                self.advance(i, t > 0, adam, scratch, old, now, counts[i], blocks[i], blocks[i + 1])
                if following:
                    self.data.fill(data, parts[t + 1], coming, i, threads)

            tiles.map(work, threads)
            if t == len(parts):
                break
            labels = data.labels[parts[t]]
            before = seen[2:].copy()
            tau = self.tau
            self.derive(counts, labels, rng, scratch.weights, seen)
            self.prepare(scratch, None, rng)
            unit = f32(1.0 / (SCALE * labels.size * tau))
            self._follow(seen[2:] - before, labels.size * self.n_classes)
            rate = cosine_rate(
                config.learning_rate,
                self.step,
                self.steps * config.epochs,
                warmup=config.warmup_steps,
                final=config.final_rate,
            )
            self.step += 1
            rate /= 1.0 - config.beta1**self.step
            rates = f32(rate), f32(rate * config.rate_wire)
            fix2 = f32(1.0 / (1.0 - config.beta2**self.step))
        return float(seen[0]) / n, float(seen[1]) / n

    def shares(self, threads: int) -> np.ndarray:
        """Blocks at which the threads' shares begin, and the end of the last."""
        return np.linspace(0, self.best.shape[0], threads + 1).astype(int)

    def derive(
        self,
        counts: np.ndarray,
        labels: np.ndarray,
        rng: np.random.Generator,
        weights: np.ndarray,
        seen: np.ndarray,
    ) -> None:
        """Derivatives of the loss, rounded at random so that their mean is right."""
        weights[:] = 0
        kernels.loss_and_weights(
            counts.sum(axis=0, dtype=np.int32),
            labels,
            self.tau,
            self.config.smoothing,
            SCALE,
            rng.random((self.n_classes, labels.size)),
            weights,
            seen,
        )

    def _follow(self, moments: np.ndarray, n: int) -> None:
        """Take sum and sum of squares of a batch's class sums into the running spread."""
        if self.config.tau != "adaptive":
            return
        mean, square = moments / n
        self.spread = follow(self.spread, math.sqrt(max(square - mean * mean, 0.0)))

    # --- what came out ---------------------------------------------------------------------------

    def accuracy(self, tiles: Tiles) -> float:
        n, threads = self.y_valid.size, tiles.threads
        cuts = np.linspace(0, n, threads + 1).astype(int)
        every = self.data.valid_epoch()

        def count(i: int) -> int:
            x = np.zeros((self.source.n_bits, 4 * CHUNK), np.uint8)
            counts = np.zeros((self.n_classes, 4 * CHUNK), np.int32)
            right = 0
            for start in range(cuts[i], cuts[i + 1], 4 * CHUNK):
                part = slice(start, min(start + 4 * CHUNK, cuts[i + 1]))
                self.data.fill(every, part, x)
                right += self.right(x, counts, self.y_valid[part])
            return right

        return float(sum(tiles.map(count, threads))) / n

    def keep(self) -> None:
        for name, array in self.kept.items():
            array[:] = getattr(self, name)

    def kept_wiring(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the best epoch: wires int32 and scores float32, (inputs, gates, k) each."""
        inputs, k, rows = self.inputs, self.k, self.best.shape[0] * LANES
        scores = self.kept["scores"][:, :, :k].transpose(1, 0, 3, 2).reshape(inputs, rows, k)
        wires = self.kept["wires"][..., :k].transpose(1, 0, 2, 3).reshape(inputs, rows, k)
        return np.ascontiguousarray(wires[:, : self.n_gates]), np.ascontiguousarray(scores[:, : self.n_gates])


def blocked(array: np.ndarray) -> np.ndarray:
    """(sides, gates, k) -> (blocks, sides, LANES, k), zeros for the gates that fill the last."""
    sides, gates, k = array.shape
    blocks = -(-gates // LANES)
    filled = np.zeros((sides, blocks * LANES, k), array.dtype)
    filled[:, :gates] = array
    return filled.reshape(sides, blocks, LANES, k).transpose(1, 0, 2, 3)
