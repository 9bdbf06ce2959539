"""What trainers by equilibrium propagation have in common: an epoch, its checks and the best so far."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from thermo.data import Dataset
from thermo.gradients.errors import EqpropError, UnsettledError
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.optimise import cosine_rate
from thermo.training.regimes import AWARE, device_of_batch, reads_anew
from thermo.training.tiles import Tiles

INIT, ORDER, WARP, SIGN, HOMEOSTASIS, READ = range(6)
"""Tags of generators, [seed, tag, epoch or step]; SIGN: thermo.training.eqprop.estimators."""


class EqpropTrainer(ABC):
    """Settings, counters and the best epoch; `tiles` run the work of the present one."""

    NUMBERS = ("score", "best_epoch", "step", "epoch", "seconds")
    RECORD, ERROR = EqpropEpoch, EqpropError

    def __init__(self, dataset: Dataset, config: EqpropConfig) -> None:
        if dataset.n_classes < 2:
            raise EqpropError(
                f"training: data set {dataset.name} has values, not classes; equilibrium "
                "propagation here trains classifiers"
            )
        self.config, self.data = config, dataset
        self.n = dataset.x_train.shape[0]
        self.batch = min(config.batch, self.n)
        self.n_batches = self.n // self.batch
        self.score, self.best_epoch = -1.0, -1
        self.step = self.epoch = 0
        self.seconds = 0.0
        self.history: list[EqpropEpoch] = []
        self.tiles: Any = None
        self.drawn: Any = None

    @abstractmethod
    def draw(self, device: EqpropDevice) -> Any:
        """What this device makes of the network's couplings."""

    def drawn_for_batch(self) -> Any:
        """The device of this batch: `drawn`, another one, or the same one read anew."""
        config, drawn = self.config, self.drawn
        if drawn is None or config.device is None:
            return drawn
        law = config.device.imperfections
        if config.regime == AWARE:
            return self.draw(replace(config.device, seed=device_of_batch(config.seed, self.step)))
        if reads_anew(law):
            again = replace(law, read=law.read + 1 + self.step)
            return replace(drawn, device=replace(config.device, imperfections=again))
        return drawn

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""

    @abstractmethod
    def run_batch(self, rows: np.ndarray, warps: np.ndarray) -> Any:
        """One update from these rows of the data, (batch,), under these maps; figures of it."""

    @abstractmethod
    def mean(self, figures: list[Any]) -> np.ndarray:
        """(6,) cost, share right, sweeps and residual of free phases, of nudged ones, of all batches."""

    @abstractmethod
    def predictions(self, split: str) -> np.ndarray:
        """Decisions of the machine as it is now, at rest."""

    @abstractmethod
    def keep(self) -> None:
        """Take note of the present parameters as the best."""

    @abstractmethod
    def angle(self) -> float:
        """Degrees between forward and transposed backward weights."""

    @abstractmethod
    def model(self) -> Any:
        """The programmed network of the best epoch."""

    def rate(self) -> float:
        """Share of every learning rate at this step."""
        config, n = self.config, self.n_batches
        restarts = [e * n for e in config.restarts if e < config.epochs]
        done = [0, *(e for e in restarts if e <= self.step)]
        first, last = done[-1], [*restarts, config.epochs * n][len(done) - 1]
        return cosine_rate(
            0.5 ** (len(done) - 1),
            self.step - first,
            last - first,
            warmup=round(config.warmup_epochs * n),
            final=config.final_rate,
        )

    def run_epoch(self, tiles: Tiles) -> EqpropEpoch:
        config, self.tiles = self.config, tiles
        order = np.random.default_rng([config.seed, ORDER, self.epoch]).permutation(self.n)
        rng = np.random.default_rng([config.seed, WARP, self.epoch])
        figures = []
        for rows in order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch):
            figures.append(self.run_batch(rows, config.augmentation.warps(self.batch, rng)))
        cost, right, sweeps, left, sweeps_n, left_n = (float(f) for f in self.mean(figures))
        self.check(cost, left, left_n)
        self.epoch += 1
        accuracy = float(np.mean(self.predictions("valid") == self.data.y_valid))
        if accuracy >= self.score:
            self.score, self.best_epoch = accuracy, self.epoch
            self.keep()
        return EqpropEpoch(self.epoch, cost, right, accuracy, sweeps, sweeps_n, left, left_n, self.angle())

    def check(self, cost: float, left: float, left_n: float) -> None:
        """UnsettledError where the phases of the epoch are not at rest; noisy ones never are, and those of
        sweeps up and down need not be.
        """
        config, epoch = self.config, self.epoch + 1
        phases = (("sweeps_free", 0.0, left), ("sweeps_nudged", config.beta, left_n))
        for name, beta, value in () if config.state_noise or config.schedule == "up-down" else phases:
            if not value <= config.residual_limit:
                raise UnsettledError(
                    f"training, epoch {epoch}: phases at |beta| = {beta:g} still move by "
                    f"{value:.2g} a sweep after {getattr(config, name)}, limit "
                    f"{config.residual_limit:g}: raise {name}, or lower rates, init_gain"
                    + (" or beta" if beta else "")
                )
        if not math.isfinite(cost):
            raise UnsettledError(f"training, epoch {epoch}: cost is {cost}; lower rates")

    def note(self) -> str:
        last = self.history[-1]
        return (
            f"validation {100 * last.valid_accuracy:.2f} %, {last.sweeps_free:.0f}+"
            f"{last.sweeps_nudged:.0f} sweeps, residual {last.residual_free:.1e}"
        )
