"""What training of a Langevin machine hands back."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.families.langevin import LangevinMachine
from thermo.training.loop import Trained


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
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedMachine(Trained[LangevinMachine, EpochRecord]):
    """score : of one noisy trajectory a decision at the evaluation step; mean_heat : in kT, same runs
    heat_penalty : lambda at the end of training, per kT
    """

    mean_heat: float
    heat_penalty: float
