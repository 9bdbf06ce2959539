"""Straight-through training of layers of tables of 2 to 6 inputs on bits; two-input gates are tables, too.

See thermo/kernels/logic/tables.py for the gradient. Between two losses threads train the layers from the last
to the first by batch t - 1, then run batch t through them and encode their share of batch t + 1; between
steps one thread makes the loss. Counts are whole numbers and every table belongs to one thread, so that
results do not depend on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from compiler.families.blocks import nets_below
from compiler.families.logic import LogicLayer, LogicNetwork
from compiler.families.tables import TableLayer, TableNetwork
from thermo.data import Dataset
from thermo.kernels.logic.above import Given, Handed
from thermo.kernels.logic.dots import CHUNK, aligned, fill_bits, path_code
from thermo.kernels.logic.loss import loss_and_weights
from thermo.kernels.logic.tables import right_answers
from thermo.kernels.logic.updates import AdamStep
from thermo.training.errors import TrainingError
from thermo.training.logic.candidates import refresh
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.flow import Flow, lay
from thermo.training.logic.general_wiring import tree_wires
from thermo.training.logic.images import Epoch
from thermo.training.logic.layer_state import LayerState
from thermo.training.logic.patches import Bank
from thermo.training.logic.pruning import prune
from thermo.training.logic.relaxed import relaxed_accuracy
from thermo.training.logic.schedule import rate_at
from thermo.training.logic.temperature import divisor, follow
from thermo.training.logic.trainer import LogicTrainer
from thermo.training.tiles import Tiles

SCALE = 127.0
"""A derivative of 1 by a class sum as int8."""
READ = 4096
"""Samples read at a time where addresses are counted."""
_INIT, _DITHER = 20, 22
"""Tags of generators."""


def trains_tables(config: LogicConfig) -> bool:
    """Whether TableTrainer takes these settings."""
    return (
        config.forward == "straight-through"
        and config.parametrisation == "table"
        and config.estimator == "identity"
        and config.wiring != "fixed"
        and config.dropout == 0
        and config.init_peak == 0
    )


class TableTrainer(LogicTrainer):
    """open : (n_bits,) uint8, the bits that may be candidates of the first layer
    prices : gates of the kinds of local bits and shared tables that were asked for so far
    """

    def __init__(
        self,
        dataset: Dataset,
        config: LogicConfig,
        path: str | None = None,
        bank: Bank | None = None,
        teacher: np.ndarray | None = None,
    ) -> None:
        self.n_classes = dataset.n_classes
        if config.layers[-1] % self.n_classes:
            raise TrainingError(
                f"training: the last of layers must be a multiple of the {self.n_classes} "
                f"classes, got {config.layers[-1]}"
            )
        super().__init__(dataset, config, bank, teacher)
        self.per_class = config.layers[-1] // self.n_classes
        self.path = path_code(path)
        self.steps = -(-dataset.y_train.size // config.batch)
        self.spread = 0.0
        rng = np.random.default_rng([config.seed, _INIT])
        below = nets_below(self.source.n_bits, config.layers, config.wiring == "residual")
        counted = (*[0] * (len(below) - 1), self.per_class)
        tree = config.wiring == "tree"
        wired = [tree_wires(n, config.inputs) if tree and i else None for i, n in enumerate(config.layers)]
        self.layers = [
            LayerState(config, *sizes, rng, wires)
            for sizes, wires in zip(zip(below, config.layers, counted, strict=True), wired, strict=True)
        ]
        self.best_tau = self.tau
        self.open = np.ones(self.source.n_bits, np.uint8)
        self.prices: dict[int, int] = {}

    @property
    def tau(self) -> float:
        return divisor(self.config, self.per_class, self.spread)

    @property
    def fixed(self) -> int:
        """Layers, the lowest, that learn no more, see LogicConfig.freeze."""
        return sum(span <= self.epoch for span in self.config.spans[:-1])

    # --- what a checkpoint holds -----------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        found = {"open": self.open}
        for number, layer in enumerate(self.layers):
            found |= {f"{number}.{name}": array for name, array in layer.arrays().items()}
        return found

    def restored(self) -> None:
        """To be called when arrays were filled from a checkpoint."""
        for layer in self.layers:
            layer.choose()

    # --- one epoch -------------------------------------------------------------------------------

    def one_pass(self, tiles: Tiles) -> tuple[float, float]:
        config, threads = self.config, tiles.threads
        data = self.data.epoch(self.epoch, tiles)
        prune(self)
        refresh(self, data, tiles)
        n = data.labels.size
        pitch = -(-min(config.batch, n) // CHUNK) * CHUNK
        flow = Flow(self.layers, self.n_classes, pitch, threads, self.path, self.fixed)
        batches = [flow.batch(self.source.n_bits) for _ in range(3)]
        seen = np.zeros(4)
        parts = [slice(s, min(s + config.batch, n)) for s in range(0, n, config.batch)]
        rng = np.random.default_rng([config.seed, _DITHER, self.epoch])
        for part, batch in zip(parts[:2], batches, strict=False):
            self.data.fill(data, part, batch.x)
            lay(batch, tiles)
        tiles.map(lambda i: flow.up(0, i, batches[0]), threads)
        for t, part in enumerate(parts):
            for number in range(1, len(self.layers)):
                tiles.map(lambda i, number=number, t=t: flow.up(number, i, batches[t % 3]), threads)  # type: ignore[misc]
            size, before, tau = part.stop - part.start, seen[2:].copy(), self.tau
            self.derive(flow, data, part, rng, seen)
            flow.turn(batches[t % 3], rng, tiles)
            if 1 <= t < len(parts) - 1:
                lay(batches[(t + 1) % 3], tiles)
            self._follow(seen[2:] - before, size * self.n_classes)
            steps = self._steps(1.0 / (SCALE * size * tau))

            def go_on(i: int, t: int = t) -> None:
                if t + 1 < len(parts):
                    flow.up(0, i, batches[(t + 1) % 3])
                if t + 2 < len(parts):
                    self.data.fill(data, parts[t + 2], batches[(t + 2) % 3].x, i, threads)

            def train(
                number: int,
                i: int,
                given: Given,
                handed: Handed,
                steps: list[AdamStep] = steps,
                go_on: Callable[[int], None] = go_on,
            ) -> None:
                flow.train(number, i, steps[number], given, handed)
                if number == 0:
                    go_on(i)

            flow.descend(train, tiles)
            if flow.fixed:  # what a fixed layer put out was read until now
                tiles.map(go_on, threads)
        return float(seen[0]) / n, float(seen[1]) / n

    def derive(
        self, flow: Flow, data: Epoch, part: slice, rng: np.random.Generator, seen: np.ndarray
    ) -> None:
        """Derivatives of the loss of these samples into flow.weights, rounded at random so that their mean
        is right; `seen` as `totals` of loss_and_weights.
        """
        labels = data.labels[part]
        flow.weights[:] = 0
        loss_and_weights(
            flow.counts.sum(axis=0, dtype=np.int32),
            labels,
            self.targets_of(data, part),
            self.tau,
            SCALE,
            rng.random((self.n_classes, labels.size)),
            flow.weights,
            seen,
        )

    def _steps(self, unit: float) -> list[AdamStep]:
        """The next step of Adam of each layer; unit : what a derivative of 1 stands for."""
        config = self.config
        rates = [rate_at(config, self.step, self.steps * span, self.history) for span in config.spans]
        self.step += 1
        return [self._step(unit, rate) for rate in rates]

    def _step(self, unit: float, rate: float) -> AdamStep:
        config, f32 = self.config, np.float32
        rate /= 1.0 - config.beta1**self.step
        return AdamStep(
            f32(unit),
            f32(rate),
            f32(rate * config.rate_wire),
            f32(config.beta1),
            f32(config.beta2),
            f32(1.0 / (1.0 - config.beta2**self.step)),
            f32(config.epsilon),
            f32(config.decay) * f32(rate),
        )

    def _follow(self, moments: np.ndarray, n: int) -> None:
        """Take sum and sum of squares of a batch's class sums into the running spread."""
        if self.config.tau != "adaptive":
            return
        mean, square = moments / n
        self.spread = follow(self.spread, math.sqrt(max(square - mean * mean, 0.0)))

    # --- what came out ---------------------------------------------------------------------------

    def accuracy(self, tiles: Tiles) -> float:
        n, threads, size = self.y_valid.size, tiles.threads, 4 * CHUNK
        cuts = np.linspace(0, n, threads + 1).astype(int)
        every = self.data.valid_epoch()

        def count(i: int) -> int:
            flow = Flow(self.layers, self.n_classes, size, 1, self.path)
            batch, right = flow.batch(self.source.n_bits), 0
            for start in range(cuts[i], cuts[i + 1], size):
                part = slice(start, min(start + size, cuts[i + 1]))
                self.data.fill(every, part, batch.x)
                fill_bits(batch.x, batch.bits, 0, batch.x.shape[0])
                for number in range(len(self.layers)):
                    flow.up(number, 0, batch)
                right += right_answers(flow.counts[0], self.y_valid[part])
            return right

        return float(sum(tiles.map(count, threads))) / n

    def keep(self) -> None:
        for layer in self.layers:
            layer.keep()

    def soft_accuracy(self, tiles: Tiles) -> float | None:
        """Of gates that read the layer below alone; of tables it is not measured: 2^inputs products a table
        and sample.
        """
        if self.config.inputs > 2 or self.config.wiring == "residual":
            return None
        model = self.model()
        assert isinstance(model, LogicNetwork)
        return relaxed_accuracy(model, self.data, self.y_valid, tiles)

    def model(self) -> LogicNetwork | TableNetwork:
        """Gates where tables have two inputs, else tables and how many training samples, as they are,
        address each entry."""
        kept = [layer.kept_parameters() for layer in self.layers]
        ends = self.source.encoder, self.n_classes, self.best_tau
        labels = tuple(self.labels)
        meta: dict[str, object] = {"method": "logic", "forward": self.config.forward}
        skips = self.config.wiring == "residual"
        if self.config.inputs == 2:
            gates = (LogicLayer(table, None, w[1], w[0], s[1], s[0]) for table, w, s in kept)
            return LogicNetwork(tuple(gates), *ends, labels=labels, meta=meta, skips=skips)
        layers = self._addressed([TableLayer(*parameters) for parameters in kept])
        meta["inputs"] = self.config.inputs
        return TableNetwork(layers, *ends, labels=labels, meta=meta, skips=skips)

    def _addressed(self, layers: list[TableLayer]) -> tuple[TableLayer, ...]:
        """The layers with their counts."""
        found = [np.zeros(layer.table.shape, np.int32) for layer in layers]
        x = aligned((self.source.n_bits, READ), np.uint8)
        every = self.data.plain_epoch()
        for start in range(0, every.labels.size, READ):
            part = slice(start, min(start + READ, every.labels.size))
            self.data.fill(every, part, x)
            below = bits = x[:, : part.stop - start]
            for layer, counts in zip(layers, found, strict=True):
                nets, hard = layer.chosen(), layer.hard()
                out = np.empty((layer.n_tables, below.shape[1]), np.uint8)
                for t in range(layer.n_tables):
                    address = below[nets[0, t]].copy()
                    for j in range(1, layer.inputs):
                        address |= below[nets[j, t]] << j
                    counts[t] += np.bincount(address, minlength=1 << layer.inputs)
                    out[t] = hard[t, address]
                below = np.concatenate([out, bits]) if self.config.wiring == "residual" else out
        return tuple(layer.with_addressed(n) for layer, n in zip(layers, found, strict=True))
