"""What logic-gate training hands back."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.families.logic import LogicNetwork
from compiler.families.tables import TableNetwork
from thermo.training.loop import Trained


@dataclass(frozen=True, slots=True)
class LogicEpoch:
    """One line of the training history.

    loss, train_accuracy : means over the epoch's batches, as seen in training (augmented); the loss is the
        cross entropy of the labels, also where targets are smoothed ones or a teacher's
    valid_accuracy : of the hard network, None if this epoch was not evaluated
    tau : divisor of the class sums at the epoch's end; seconds : wall time of the epoch
    """

    epoch: int
    loss: float
    train_accuracy: float
    valid_accuracy: float | None
    tau: float
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedLogic(Trained[LogicNetwork | TableNetwork, LogicEpoch]):
    """score : accuracy of the hard network, of the chosen epoch
    soft_accuracy : of the relaxed network (expectations over gates and wires) on the same split, None
        for tables and residual wiring, whose relaxation is not run; gap : soft_accuracy - score
    """

    soft_accuracy: float | None

    @property
    def gap(self) -> float | None:
        return None if self.soft_accuracy is None else self.soft_accuracy - self.score
