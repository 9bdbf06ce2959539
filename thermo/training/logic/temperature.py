"""What class sums of gates are divided by."""

from __future__ import annotations

import math

from thermo.training.logic.config import LogicConfig

TAU_MEMORY = 0.99  # of the running standard deviation of the class sums
LEAST_SPREAD = 1e-3  # so that a network whose sums are all equal has a temperature


def divisor(config: LogicConfig, gates: int, spread: float) -> float:
    """What sums of `gates` gates are divided by, see LogicConfig.tau.

    spread : running standard deviation of the sums, 0 before the first step
    """
    if config.tau == "width":
        return math.sqrt(gates / (4.0 * config.tau_target))
    if config.tau == "adaptive":
        # before the first step: as if the gates were fair coins
        return (spread or 0.5 * math.sqrt(gates)) / (4.0 * config.tau_target)
    return float(config.tau)


def follow(spread: float, now: float) -> float:
    """The running standard deviation with that of one more batch."""
    now = max(now, LEAST_SPREAD)
    return now if spread == 0 else TAU_MEMORY * spread + (1 - TAU_MEMORY) * now
