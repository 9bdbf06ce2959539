"""A rule of training without nudges: one update, and what it asks of the hardware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermo.training.eqprop.machine import Machine


@dataclass(frozen=True, slots=True)
class Unnudged:
    """One estimator of a gradient from costs; the table of them is thermo.training.eqprop.estimators.

    batch : one update from these rows of the data, (batch,), under these maps; figures as
        thermo.training.eqprop.nudged.nudged_batch returns
    relaxations : of each image in one update, by the number of directions; writes : of all couplings
    local : couplings learn from the states of their own two ends, which are read once an image,
        else from costs alone
    """

    name: str
    batch: Callable[[Machine, np.ndarray, np.ndarray], np.ndarray]
    relaxations: Callable[[int], int]
    writes: Callable[[int], int]
    local: bool = False
