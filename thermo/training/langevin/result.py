"""What training hands back, and the errors it raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.errors import ThermocError
from compiler.families.machine import LangevinMachine


class TrainingError(ThermocError):
    """A training setting, start or checkpoint does not fit."""


class TrainingDivergedError(TrainingError):
    """A trajectory ran away during training; the message names the step size that would hold."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of the training history.

    loss : mean training loss without the heat term; heat : mean heat per run in training, kT
    valid_accuracy, valid_heat : on the validation split at the evaluation step, None if this epoch
        was not evaluated; for regression the accuracy is minus the root-mean-square error
    heat_penalty : lambda at the epoch's end, per kT; dt : training step
    refined : batches that were run again at a finer step because a trajectory ran away
    """

    epoch: int
    loss: float
    heat: float
    train_accuracy: float
    valid_accuracy: float | None
    valid_heat: float | None
    heat_penalty: float
    dt: float
    refined: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """A trained machine, chosen on the validation split, and how it came about.

    valid_accuracy : of one noisy trajectory a decision at the evaluation step (regression: minus
        the root-mean-square error); mean_heat : in kT, same runs; best_epoch : the chosen one
    heat_penalty : lambda at the end of training, per kT
    """

    machine: LangevinMachine
    history: tuple[EpochRecord, ...]
    valid_accuracy: float
    mean_heat: float
    best_epoch: int
    heat_penalty: float
    seconds: float
    config: Any
