"""Settings that every training by epochs has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from compiler.errors import ThermocError
from thermo.training.errors import TrainingError
from thermo.training.rules import Rules


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """epochs : passes over the training split; batch : rows of one update, fewer where there are
    fewer; seed : of everything that is drawn
    """

    epochs: int = 30
    batch: int = 128
    seed: int = 0

    ERROR: ClassVar[type[ThermocError]] = TrainingError
    SEED_BITS: ClassVar[int] = 64

    def __post_init__(self) -> None:
        rules = Rules(self, self.ERROR)
        rules.whole("epochs", "batch")
        rules.seed(self.SEED_BITS)
        self.check(rules)

    def check(self, rules: Rules) -> None:
        """Raise ERROR for a field of this kind's own that breaks a rule."""
