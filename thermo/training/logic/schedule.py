"""Learning rate of a step: a cosine over the epochs, or one that falls where validation stands still."""

from __future__ import annotations

from collections.abc import Iterable

from thermo.training.logic.config import LogicConfig
from thermo.training.logic.result import LogicEpoch
from thermo.training.optimise import cosine_rate

FALL = 0.3
"""What the rate is multiplied by each time."""


def rate_at(config: LogicConfig, step: int, total: int, history: Iterable[LogicEpoch]) -> float:
    """The rate of a step of `total`, after the epochs of the history, which are all that a resumed one needs.

    By validation: learning_rate FALL^n, n as `falls`, no less than final_rate times learning_rate.
    """
    if config.schedule == "cosine":
        return cosine_rate(
            config.learning_rate, step, total, warmup=config.warmup_steps, final=config.final_rate
        )
    fell = falls((epoch.valid_accuracy for epoch in history), config.patience)
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    return config.learning_rate * max(FALL**fell, config.final_rate) * warm


def falls(scores: Iterable[float | None], patience: int) -> int:
    """How many times `patience` scores in a row were no better than the best before; None: not scored."""
    best, since, found = -1.0, 0, 0
    for score in scores:
        if score is None:
            continue
        if score > best:
            best, since = score, 0
            continue
        since += 1
        if since == patience:
            found, since = found + 1, 0
    return found
