"""What can go wrong in a training."""

from compiler.errors import ThermocError


class TrainingError(ThermocError):
    """A training setting, start or checkpoint does not fit."""


class TrainingDivergedError(TrainingError):
    """A trajectory ran away during training; the message names the step size that would hold."""
