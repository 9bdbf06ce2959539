"""What trainers of logic-gate networks have in common: an epoch, its validation and the best so far."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from compiler.families.logic import LogicNetwork
from compiler.families.tables import TableNetwork
from thermo.data import Dataset
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.encoder import bit_source
from thermo.training.logic.images import Epoch, TrainingImages
from thermo.training.logic.patches import Bank
from thermo.training.logic.result import LogicEpoch
from thermo.training.logic.targets import Targets
from thermo.training.tiles import Tiles

FEW_VALID = 100  # rows of a validation split whose epochs are hardly told apart


class LogicTrainer(ABC):
    """State of one training: parameters, the best ones so far, and counters.

    A checkpoint holds `arrays()`, the NUMBERS and the history.
    """

    NUMBERS = ("epoch", "step", "spread", "seconds", "score", "best_epoch", "best_tau")
    RECORD, ERROR = LogicEpoch, TrainingError

    spread: float

    def __init__(
        self,
        dataset: Dataset,
        config: LogicConfig,
        bank: Bank | None = None,
        teacher: np.ndarray | None = None,
    ) -> None:
        """bank : shared tables, see bit_source; teacher : see Targets."""
        self.targets = Targets(dataset, config, teacher)
        self.config, self.labels = config, dataset.labels
        self.source = bit_source(dataset, config, bank)
        self.data = TrainingImages(dataset, config, self.source)
        self.y_valid = dataset.y_valid
        self.few = dataset.y_valid.size < FEW_VALID or dataset.x_valid is dataset.x_train
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[LogicEpoch] = []
        self.score, self.best_epoch = -1.0, -1
        self.best_tau = 0.0

    @property
    @abstractmethod
    def tau(self) -> float:
        """What class sums are divided by now."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Every array of the state, to be saved, or filled in place."""

    @abstractmethod
    def one_pass(self, tiles: Tiles) -> tuple[float, float]:
        """One pass over the training samples; mean loss and accuracy as seen in training."""

    @abstractmethod
    def accuracy(self, tiles: Tiles) -> float:
        """Of the hard network on the validation split."""

    @abstractmethod
    def soft_accuracy(self, tiles: Tiles) -> float | None:
        """Validation accuracy of the best network's relaxation; None: not measured."""

    @abstractmethod
    def keep(self) -> None:
        """Take note of the present parameters."""

    @abstractmethod
    def model(self) -> LogicNetwork | TableNetwork:
        """The best network."""

    def targets_of(self, data: Epoch, part: slice, real: Any = np.float64) -> np.ndarray:
        """(n, n_classes) targets of these samples; a changed picture has those of its original."""
        return self.targets.of(data.rows[part] % self.data.labels.size, data.labels[part], real)

    def run_epoch(self, tiles: Tiles) -> LogicEpoch:
        config = self.config
        loss, seen = self.one_pass(tiles)
        self.epoch += 1
        if not math.isfinite(loss):
            raise TrainingError(
                f"training: the loss of epoch {self.epoch} is {loss}; lower learning_rate "
                f"({config.learning_rate:g}) or raise tau"
            )
        accuracy = None
        late = self.epoch > 0.9 * config.epochs or self.epoch == config.epochs
        if late or self.epoch % config.evaluate_every == 0:
            accuracy = self.accuracy(tiles)
            self.keep_if_best(accuracy)
        return LogicEpoch(self.epoch, loss, seen, accuracy, self.tau)

    def keep_if_best(self, accuracy: float) -> None:
        """Take note of the present network where it is better than the best so far.

        Of few validation rows, and of rows that are trained on, many epochs score the same, the first of them
        hardly trained: the last is kept.
        """
        if accuracy > self.score or (self.few and accuracy == self.score):
            self.score, self.best_epoch, self.best_tau = accuracy, self.epoch, self.tau
            self.keep()

    def note(self) -> str:
        last: Any = next((r for r in reversed(self.history) if r.valid_accuracy is not None), None)
        validation = "" if last is None else f", validation {100 * last.valid_accuracy:.2f} %"
        return f"loss {self.history[-1].loss:.3f}{validation}"
