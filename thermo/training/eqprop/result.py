"""What training by equilibrium propagation hands back."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.families.hopfield import HopfieldNetwork
from thermo.training.eqprop.device import Drawn
from thermo.training.eqprop.layers import Acting
from thermo.training.loop import Trained


@dataclass(frozen=True, slots=True)
class EqpropEpoch:
    """One line of the history: cost and accuracy of free phases in training, sweeps used and what
    was left (largest change of a unit in the last sweep, mean over tiles) in free and nudged
    phases, accuracy on the validation split, angle between forward and transposed backward weights.
    """

    epoch: int
    cost: float
    train_accuracy: float
    valid_accuracy: float
    sweeps_free: float
    sweeps_nudged: float
    residual_free: float
    residual_nudged: float
    angle: float
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedHopfield(Trained[HopfieldNetwork, EqpropEpoch]):
    """model : as programmed; acting : what it does on the device it was trained on (the same
    couplings where there is none); drawn : that device or None
    """

    acting: Acting
    drawn: Drawn | None
