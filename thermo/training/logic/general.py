"""Training of networks of two-input gates, of any number of layers, in every mode of LogicConfig."""

from __future__ import annotations

import numpy as np

from compiler.families.logic import LogicNetwork
from thermo.data import Dataset
from thermo.kernels.logic.batch import pack_lanes
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_network import GeneralNetwork, Snapshot
from thermo.training.logic.general_values import Rates
from thermo.training.logic.images import Epoch
from thermo.training.logic.patches import Bank
from thermo.training.logic.schedule import rate_at
from thermo.training.logic.trainer import LogicTrainer
from thermo.training.tiles import Tiles

_REFRESH = 13  # tag of a generator


class GeneralTrainer(LogicTrainer):
    """The network in training and the best one so far."""

    def __init__(
        self,
        dataset: Dataset,
        config: LogicConfig,
        bank: Bank | None = None,
        teacher: np.ndarray | None = None,
    ) -> None:
        if config.refresh_pool:
            raise TrainingError(
                "training: refresh_pool must be 0 but for straight-through training of tables with learnable "
                f"wiring, got {config.refresh_pool}; candidates are refreshed at random elsewhere"
            )
        if config.keep < 1:
            raise TrainingError(
                "training: keep must be 1 but for straight-through training of tables with learnable wiring, "
                f"got {config.keep:g}; elsewhere no kinds of local bits are closed"
            )
        super().__init__(dataset, config, bank, teacher)
        self.batch = min(config.batch, dataset.y_train.size)
        self.steps = -(-dataset.y_train.size // self.batch)
        self.network = GeneralNetwork(config, self.source.n_bits, dataset.n_classes, self.batch)
        self.bytes = np.zeros((self.source.n_bits, self.network.lanes), np.uint8)
        self.words = np.zeros((self.source.n_bits, self.network.lanes // 64), np.uint64)
        self.best_tau = self.network.tau
        self.best = self.network.snapshot()

    # --- what a checkpoint holds -----------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        found = {}
        for number, layer in enumerate(self.network.layers):
            for name in layer.STATE:
                found[f"{number}.{name}"] = getattr(layer, name)
            for name, array in zip(("logits", "scores", "wires"), self.best[number], strict=True):
                found[f"{number}.best_{name}"] = array
        return found

    def restored(self) -> None:
        """To be called when arrays were filled from a checkpoint."""
        for layer in self.network.layers:
            layer.rewired()

    @property
    def spread(self) -> float:  # type: ignore[override]
        """Running standard deviation of the class sums."""
        return self.network.spread

    @spread.setter
    def spread(self, value: float) -> None:
        self.network.spread = value

    @property
    def tau(self) -> float:
        return self.network.tau

    # --- one epoch -------------------------------------------------------------------------------

    def one_pass(self, tiles: Tiles) -> tuple[float, float]:
        config = self.config
        self.refresh()
        data = self.data.epoch(self.epoch, tiles)
        total = self.steps * config.epochs
        loss, right, n = 0.0, 0, data.labels.size
        for lo in range(0, n, self.batch):
            part = slice(lo, min(n, lo + self.batch))
            self.encoded(data, part, tiles)
            rate = rate_at(config, self.step, total, self.history)
            rates = Rates(
                self.step + 1,
                rate,
                rate * config.rate_wire,
                config.decay,
                config.beta1,
                config.beta2,
                config.epsilon,
            )
            power = 1.0 + (config.reste_power - 1.0) * self.step / total
            targets = self.targets_of(data, part, np.float32)
            more, hits = self._descend(data.labels[part], targets, rates, power, tiles)
            loss, right = loss + more, right + hits
            self.step += 1
        return loss / n, right / n

    def _descend(
        self, labels: np.ndarray, targets: np.ndarray, rates: Rates, power: float, tiles: Tiles
    ) -> tuple[float, int]:
        """One step on the encoded batch: sum of losses and number right."""
        return self.network.step(self.words, labels, targets, self.step, tiles, power=power, rates=rates)

    def encoded(self, data: Epoch, part: slice, tiles: Tiles) -> np.ndarray:
        """Bits of these samples, (n_inputs, lanes / 64) uint64; overwritten by the next call."""
        cuts = np.linspace(0, self.source.n_bits, tiles.threads + 1).astype(int)
        tiles.map(lambda t: self.data.fill(data, part, self.bytes, t, tiles.threads), tiles.threads)

        def pack(t: int) -> None:
            lo, hi = cuts[t], cuts[t + 1]
            pack_lanes(self.bytes[lo:hi], self.words[lo:hi])

        tiles.map(pack, tiles.threads)
        return self.words

    def refresh(self) -> None:
        """Replace the worst candidates of every wire by random new ones (see LogicConfig)."""
        config = self.config
        if not config.refresh or not 1 <= self.epoch < config.refresh_until * config.epochs:
            return
        rng = np.random.default_rng([config.seed, _REFRESH, self.epoch])
        for layer in self.network.layers:
            worst = np.argpartition(layer.scores, config.refresh, axis=2)[..., : config.refresh]
            new = rng.integers(0, layer.n_below, worst.shape, dtype=np.int32)
            np.put_along_axis(layer.wires, worst, new, axis=2)
            level = layer.scores.max(axis=2, keepdims=True) - np.float32(config.refresh_gap)
            values = (layer.scores, level), (layer.m_scores, 0), (layer.v_scores, 0)
            for array, value in values:
                np.put_along_axis(array, worst, np.broadcast_to(value, worst.shape), axis=2)
            layer.rewired()

    # --- what came out ---------------------------------------------------------------------------

    def accuracy(self, tiles: Tiles, *, relaxed: bool = False) -> float:
        """Of the hard, or the relaxed, network on the validation split."""
        n, right, every = self.y_valid.size, 0, self.data.valid_epoch()
        for lo in range(0, n, self.batch):
            part = slice(lo, min(n, lo + self.batch))
            self.encoded(every, part, tiles)
            sums = self.network.class_sums(self.words, tiles, relaxed=relaxed)[:, : part.stop - lo]
            right += int((np.argmax(sums, axis=0) == self.y_valid[part]).sum())
        return right / n

    def keep(self) -> None:
        for kept, layer in zip(self.best, self.network.layers, strict=True):
            for target, source in zip(kept, (layer.logits, layer.scores, layer.wires), strict=True):
                target[:] = source

    def soft_accuracy(self, tiles: Tiles) -> float:
        now = self.network.snapshot()
        self.put(self.best)
        try:
            return self.accuracy(tiles, relaxed=True)
        finally:
            self.put(now)

    def put(self, snapshot: Snapshot) -> None:
        """Make these the present parameters."""
        for layer, parts in zip(self.network.layers, snapshot, strict=True):
            for name, array in zip(("logits", "scores", "wires"), parts, strict=True):
                getattr(layer, name)[:] = array
            layer.rewired()

    def model(self) -> LogicNetwork:
        return self.network.model(
            self.source.encoder,
            self.best_tau,
            self.best,
            labels=tuple(self.labels),
            meta={"method": "logic", "forward": self.config.forward},
        )
